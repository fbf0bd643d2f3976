#include "migrate/create_text.h"

#include <array>

#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/ddl.h"
#include "dualwrite/sql_text.h"

namespace crossfade::migrate {
namespace {

using Kind = CreateText::Kind;

constexpr std::size_t kNone = 99;
// Columns of SHOW CREATE's answer.
struct Shape {
  Kind kind;
  std::string_view word;
  std::size_t text, sql_mode, client, connection;
};
constexpr std::array kShapes = {
    Shape{Kind::partitions, "TABLE", 1, kNone, kNone, kNone},
    Shape{Kind::sequence, "SEQUENCE", 1, kNone, kNone, kNone},
    Shape{Kind::procedure, "PROCEDURE", 2, 1, 3, 4},
    Shape{Kind::function, "FUNCTION", 2, 1, 3, 4},
    Shape{Kind::view, "VIEW", 1, kNone, 2, 3},
    Shape{Kind::trigger, "TRIGGER", 2, 1, 3, 4},
    Shape{Kind::event, "EVENT", 3, 1, 4, 5},
};

const Shape& shape_of(Kind kind) {
  for (const Shape& each : kShapes) {
    if (each.kind == kind) return each;
  }
  return kShapes.front();
}

// The clause stands last, in MySQL within an executable comment. Names and comments before it are quoted.
std::string partition_clause(const std::string& create) {
  char quote = 0;
  for (std::size_t at = 0; at < create.size(); ++at) {
    const char c = create[at];
    if (quote != 0) {
      if (c == '\\' && quote == '\'') ++at;
      if (c == quote) quote = 0;
    } else if (c == '`' || c == '\'') {
      quote = c;
    } else if (create.compare(at, 12, "PARTITION BY") == 0) {
      std::string out = create.substr(at);
      const std::size_t end = out.rfind("*/");
      return end != std::string::npos && end + 2 == out.size() ? out.substr(0, end) : out;
    }
  }
  return "";
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::partitions:
      return "partitions";
    case Kind::sequence:
      return "sequence";
    case Kind::procedure:
      return "procedure";
    case Kind::function:
      return "function";
    case Kind::view:
      return "view";
    case Kind::trigger:
      return "trigger";
    case Kind::event:
      return "event";
  }
  return "";
}

std::string show_create(const CreateTextWanted& wanted) {
  return "SHOW CREATE " + std::string(shape_of(wanted.kind).word) + " " + dualwrite::quote_name(wanted.name);
}

CreateText create_text_from(const CreateTextWanted& wanted, const protocol::ResultSet& answer, bool mariadb) {
  const Shape& shape = shape_of(wanted.kind);
  const std::vector<protocol::Cell> row = answer.rows.empty() ? std::vector<protocol::Cell>() : answer.rows.front();
  const auto cell = [&row](std::size_t at) { return at < row.size() ? row[at].value_or("") : std::string(); };
  CreateText out{.kind = wanted.kind, .name = wanted.name};
  out.statement.schema = wanted.name.schema;
  out.statement.sql = cell(shape.text);
  if (out.statement.sql.empty()) {
    out.unreadable = "the control account may not see its text on old";
    return out;
  }
  if (wanted.kind == Kind::partitions) {
    const std::string clause = partition_clause(out.statement.sql);
    out.statement.sql = clause.empty() ? "" : "ALTER TABLE " + dualwrite::quote_name(wanted.name) + " " + clause;
  }
  if (shape.sql_mode != kNone) out.statement.sql_mode = dualwrite::sql_mode_bits(cell(shape.sql_mode), mariadb);
  const std::string client = shape.client == kNone ? "utf8mb4" : cell(shape.client);
  const std::string connection = shape.connection == kNone ? "utf8mb4_general_ci" : cell(shape.connection);
  out.statement.client_collation =
      dualwrite::collation_id(dualwrite::default_collation(client == "utf8mb3" ? "utf8" : client, mariadb), mariadb);
  out.statement.connection_collation = dualwrite::collation_id(connection, mariadb);
  return out;
}

}  // namespace crossfade::migrate
