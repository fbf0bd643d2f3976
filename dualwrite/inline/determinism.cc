#include "dualwrite/inline/determinism.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "dualwrite/inline/key_value.h"
#include "dualwrite/inline/value_check.h"
#include "dualwrite/inline/where_check.h"
#include "protocol/ascii.h"

namespace crossfade::dualwrite {
namespace {

using routing::Fact;
using routing::StatementKind;
using routing::Value;
using routing::ValueKind;

struct Reason {
  std::string_view because;
  std::string_view advice;
};

struct FactReason {
  Fact fact;
  Reason reason;
};

constexpr std::string_view kUseValue = "put the value itself into the statement";
constexpr std::string_view kUnicode = "utf8mb4";
constexpr std::string_view kByKey = "select the keys first and write by them";

constexpr std::array<FactReason, 16> kFactReasons = {{
    {Fact::unparseable, {"its text could not be read", "check its quotes and comments"}},
    {Fact::multi_statement, {"it is one of several in a packet", "send them one by one"}},
    {Fact::executable_comment, {"an executable comment means something else on each server", "take it out"}},
    {Fact::subquery, {"it reads other rows in a subquery", "read them first and write the values"}},
    {Fact::unrepeatable, {"a function in it gives another value each time", kUseValue}},
    {Fact::unknown_function, {"it calls a function that is not built in", kUseValue}},
    {Fact::user_variable, {"it uses a user variable", kUseValue}},
    {Fact::assigns_user_variable, {"it assigns a user variable", kUseValue}},
    {Fact::last_insert_id, {"it uses LAST_INSERT_ID()", kUseValue}},
    {Fact::sets_last_insert_id, {"it sets LAST_INSERT_ID()", kUseValue}},
    {Fact::row_count, {"it uses ROW_COUNT()", kUseValue}},
    {Fact::found_rows, {"it uses FOUND_ROWS()", kUseValue}},
    {Fact::warnings, {"it uses the warnings of the statement before", kUseValue}},
    {Fact::user_lock, {"it takes or asks for a named lock", "do that in a statement of its own"}},
    {Fact::session_status, {"it reads what only this session knows", kUseValue}},
    {Fact::server_dependent,
     {"a division, pattern or function in it may give another value on the other server", kUseValue}},
}};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string_view verb(StatementKind kind) {
  if (kind == StatementKind::insert) return "INSERT";
  if (kind == StatementKind::replace) return "REPLACE";
  if (kind == StatementKind::update) return "UPDATE";
  return kind == StatementKind::delete_ ? "DELETE" : "statement";
}

// DEFAULT(column) somewhere in an expression.
bool mentions_default(const Value& value) {
  constexpr std::string_view kWord = "default";
  return value.kind == ValueKind::expression &&
         std::search(value.text.begin(), value.text.end(), kWord.begin(), kWord.end(), [](char have, char want) {
           return (have >= 'A' && have <= 'Z' ? static_cast<char>(have - 'A' + 'a') : have) == want;
         }) != value.text.end();
}

// Goes through the reasons one after the other; the first that holds is the verdict's.
class Judge {
 public:
  Judge(const routing::StatementFacts& facts, const routing::WriteShape& shape, const TableSchema* schema,
        const WriterSession& session, const std::vector<protocol::Parameter>* parameters)
      : facts_(facts.facts), shape_(shape), schema_(schema), session_(session), parameters_(parameters) {
    // IGNORE makes warnings of errors, whatever the sql_mode.
    session_.text.strict = session_.text.strict && !shape.ignore;
    for (std::size_t i = 0; i < shape.columns.size(); ++i) place_of_.emplace(shape.columns[i], i);
  }

  ShipVerdict run() {
    bool good = check_text();
    if (good && schema_ == nullptr) return ShipVerdict{};
    good = good && check_table() && (is_insert() ? check_insert() : check_rows());
    if (!good) {
      ShipVerdict refused;
      refused.refusal = std::move(verdict_.refusal);
      return refused;
    }
    verdict_.shippable = true;
    verdict_.freeze_time = verdict_.freeze_time || facts_.has(Fact::time_dependent);
    verdict_.seed_rand = facts_.has(Fact::random);
    return std::move(verdict_);
  }

 private:
  bool is_insert() const { return shape_.kind == StatementKind::insert || shape_.kind == StatementKind::replace; }

  bool refuse(std::string_view because, std::string_view advice) {
    verdict_.refusal = "crossfade: this " + std::string(verb(shape_.kind));
    if (!shape_.table.table.empty()) verdict_.refusal += " of table '" + shape_.table.table + "'";
    verdict_.refusal += " cannot be duplicated exactly yet: " + std::string(because) + "; " + std::string(advice);
    return false;
  }

  // The rows that come back are the rows that went in, and as many: with IGNORE or REPLACE they might not be.
  bool may_return() const {
    return session_.knows_returning && shape_.returning_columns_at && shape_.kind == StatementKind::insert &&
           !shape_.ignore;
  }

  // What needs no knowledge of the table.
  bool check_text() {
    if (shape_.several_tables) return refuse("it names several tables", kByKey);
    if (!shape_.understood) {
      return refuse("it holds " + (shape_.why.empty() ? std::string("something unknown") : shape_.why),
                    "write it in a simpler form");
    }
    if (names_are_unclear()) {
      return refuse("it has names that are not ASCII, in another character set than the proxy knows them in",
                    "connect with utf8mb4");
    }
    if (shape_.on_duplicate_key) {
      return refuse("ON DUPLICATE KEY UPDATE may choose another row", "use an UPDATE by primary key, or REPLACE");
    }
    if (shape_.from_select) return refuse("its rows come from a query", "read them first and write the values");
    if (shape_.returning && !may_return()) {
      return refuse("RETURNING is known of a plain INSERT and of columns only",
                    "read the rows in a statement of its own");
    }
    verdict_.returning_at = shape_.returning_columns_at;
    for (const FactReason& one : kFactReasons) {
      if (facts_.has(one.fact)) return refuse(one.reason.because, one.reason.advice);
    }
    return !shape_.subquery || refuse("it reads other rows in a subquery", "read them first and write the values");
  }

  // The table's own names are in UTF-8.
  bool names_are_unclear() const {
    const std::string_view client = session_.text.client;
    if (client == "utf8mb4" || client == "utf8mb3" || client == "utf8") return false;
    return !protocol::is_ascii(shape_.table.schema) || !protocol::is_ascii(shape_.table.table) ||
           !std::all_of(shape_.columns.begin(), shape_.columns.end(), protocol::is_ascii) ||
           !std::all_of(shape_.conditions.begin(), shape_.conditions.end(),
                        [](const routing::Condition& one) { return protocol::is_ascii(one.column); });
  }

  routing::MultiByte multi_byte() const { return routing::multi_byte(session_.text.client); }

  bool check_table() {
    const bool update = shape_.kind == StatementKind::update;
    const bool replace = shape_.kind == StatementKind::replace;
    const bool deletes = shape_.kind == StatementKind::delete_ || replace;
    if (!schema_->base_table) return refuse("it writes through a view", "write the table itself");
    if (!schema_->innodb) return refuse("the table is not InnoDB", "convert it to InnoDB first");
    if ((is_insert() && schema_->insert_trigger) || ((update || replace) && schema_->update_trigger) ||
        (deletes && schema_->delete_trigger)) {
      return refuse("a trigger of the table writes too", "drop the trigger for the migration");
    }
    if ((deletes && schema_->cascades_on_delete) || (replace && schema_->cascades_on_update) ||
        (update && cascades())) {
      return refuse("a foreign key of another table cascades", "change the rows of both tables yourself");
    }
    return true;
  }

  bool cascades() const {
    if (!schema_->cascades_on_update) return false;
    const std::vector<std::string>& columns = schema_->cascading_columns;
    return columns.empty() || std::any_of(columns.begin(), columns.end(), [this](const std::string& column) {
             return contains(shape_.columns, column);
           });
  }

  const protocol::Parameter* parameter(const Value& value) const {
    return parameters_ != nullptr && value.placeholder < parameters_->size() ? &(*parameters_)[value.placeholder]
                                                                             : nullptr;
  }

  // --- UPDATE and DELETE: which rows, by their primary key ---

  bool fits(const Value& value, ColumnClass column) {
    if (value.kind != ValueKind::placeholder) return fits_key(value, column);
    if (parameters_ == nullptr) return true;
    const protocol::Parameter* bound = parameter(value);
    return bound != nullptr && fits_key(*bound, column);
  }

  enum class Fixed : std::uint8_t { no, unfit, several, one };

  Fixed fixed_by(const std::string& column) {
    const Column* known = schema_->find(column);
    Fixed best = Fixed::no;
    for (const routing::Condition& condition : shape_.conditions) {
      if (condition.column != column || known == nullptr) continue;
      const bool fit = std::all_of(condition.values.begin(), condition.values.end(),
                                   [this, known](const Value& value) { return fits(value, known->type); });
      best = std::max(best, !fit ? Fixed::unfit : condition.values.size() == 1 ? Fixed::one : Fixed::several);
    }
    return best;
  }

  bool check_rows() {
    if (schema_->primary_key.empty()) return refuse("the table has no primary key", "give it one");
    Fixed worst = Fixed::one;
    for (const std::string& column : schema_->primary_key) worst = std::min(worst, fixed_by(column));
    if (worst == Fixed::no) return refuse("its WHERE does not fix the whole primary key", kByKey);
    if (worst == Fixed::unfit) {
      return refuse("the primary key is compared with a value of another type", "compare it with a value of its type");
    }
    if (!check_conditions()) return false;
    const bool update = shape_.kind == StatementKind::update;
    if (worst == Fixed::several && !check_several(update)) return false;
    if (facts_.has(Fact::random) && (!update || shape_.other_conditions || shape_.order_by || shape_.limit)) {
      return refuse("RAND() may be drawn a different number of times", kUseValue);
    }
    return !update || check_assignments();
  }

  // Hex and bit literals are numbers for one server and texts for the other; so are odd dates.
  bool check_conditions() {
    for (const routing::Condition& condition : shape_.conditions) {
      const Column* column = schema_->find(condition.column);
      if (column == nullptr) continue;
      for (const Value& value : condition.values) {
        const protocol::Parameter* bound = value.kind == ValueKind::placeholder ? parameter(value) : nullptr;
        if (!(bound != nullptr ? comparison_problem(*bound, *column) : comparison_problem(value, *column)).empty()) {
          return refuse("its WHERE compares column '" + column->name + "' with a value of another type",
                        "compare it with a value of its type");
        }
        if (!check_compared(*column, value)) return false;
      }
    }
    std::string_view why = conversion_problem(shape_.where, session_.text, kUnicode);
    for (const std::uint16_t index : shape_.where_placeholders) {
      if (parameters_ == nullptr || index >= parameters_->size() || !why.empty()) break;
      why = compared_problem((*parameters_)[index], session_.text);
    }
    if (why.empty()) why = where_problem(shape_, *schema_, multi_byte(), parameters_);
    return why.empty() || refuse("in its WHERE " + std::string(why), kByKey);
  }

  bool check_compared(const Column& column, const Value& value) {
    const protocol::Parameter* bound = value.kind == ValueKind::placeholder ? parameter(value) : nullptr;
    const std::string_view why =
        bound != nullptr ? text_problem(*bound, column, session_.text) : text_problem(value, column, session_.text);
    return why.empty() || refuse("in its WHERE, for column '" + column.name + "', " + std::string(why), kByKey);
  }

  bool check_several(bool update) {
    if (shape_.limit) return refuse("LIMIT chooses among its rows", "name only the rows that are meant");
    if (facts_.has(Fact::random)) return refuse("RAND() depends on the order of its rows", "write row by row");
    if (update && shape_.ignore) return refuse("IGNORE depends on the order of its rows", "write row by row");
    if (update && assigns_key()) return refuse("it moves several primary keys", "write row by row");
    return true;
  }

  bool assigns_key() const {
    return std::any_of(schema_->primary_key.begin(), schema_->primary_key.end(),
                       [this](const std::string& column) { return contains(shape_.columns, column); });
  }

  bool check_assignments() {
    for (const Column& column : schema_->columns) verdict_.freeze_time = verdict_.freeze_time || column.on_update_now;
    for (std::size_t i = 0; i < shape_.columns.size() && i < shape_.assigned.size(); ++i) {
      const Column* column = schema_->find(shape_.columns[i]);
      if (column != nullptr && !check_value(*column, &shape_.assigned[i])) return false;
    }
    return true;
  }

  // --- INSERT and REPLACE ---

  // The value that a row gives to a column; null: it gives none.
  const Value* value_of(const std::vector<Value>& row, std::size_t column) const {
    if (row.empty()) return nullptr;
    if (shape_.columns.empty()) return column < row.size() ? &row[column] : nullptr;
    const auto found = place_of_.find(schema_->columns[column].name);
    return found != place_of_.end() && found->second < row.size() ? &row[found->second] : nullptr;
  }

  bool check_insert() {
    for (const std::vector<Value>& row : shape_.rows) {
      if (shape_.columns.empty() && !row.empty() && row.size() != schema_->columns.size()) {
        return refuse("its values do not match the table's columns", "name the columns");
      }
    }
    for (std::size_t i = 0; i < schema_->columns.size(); ++i) {
      const Column& column = schema_->columns[i];
      if (column.auto_increment && !check_ids(i)) return false;
      for (const std::vector<Value>& row : shape_.rows) {
        if (!check_value(column, value_of(row, i))) return false;
      }
    }
    return true;
  }

  // All ids by the server, or all by the client.
  bool check_ids(std::size_t column) {
    bool server = false;
    bool client = false;
    for (const std::vector<Value>& row : shape_.rows) {
      const Value* value = value_of(row, column);
      if (value != nullptr && value->kind == ValueKind::placeholder && parameters_ == nullptr) continue;
      const IdSource source = value == nullptr ? IdSource::server : source_of(*value);
      if (source == IdSource::unclear) {
        return refuse("its AUTO_INCREMENT value is an expression", "give an integer, or leave the column out");
      }
      (source == IdSource::server ? server : client) = true;
    }
    if (server && client) {
      return refuse("some of its rows give an AUTO_INCREMENT value and some do not", "insert them apart");
    }
    verdict_.generates_id = server;
    verdict_.sets_last_insert_id = server;
    return true;
  }

  IdSource source_of(const Value& value) const {
    if (value.kind != ValueKind::placeholder) return id_source(value, session_.no_auto_value_on_zero);
    const protocol::Parameter* bound = parameter(value);
    return bound == nullptr ? IdSource::unclear : id_source(*bound, session_.no_auto_value_on_zero);
  }

  // --- one value for one column; null: the column is left to its default ---
  bool check_value(const Column& column, const Value* value) {
    if (column.generated) return true;
    const bool is_default = value == nullptr || value->kind == ValueKind::default_;
    if (is_default && column.default_expression) {
      return refuse("a column takes its default from an expression", "give the column a value");
    }
    if (is_default && column.default_now) verdict_.freeze_time = true;
    if (value == nullptr) return true;
    if (!check_type(column, *value)) return false;
    return !mentions_default(*value) || check_defaults();
  }

  bool refuse_value(const Column& column, std::string_view because) {
    return because.empty() ||
           refuse("for column '" + column.name + "' " + std::string(because), "give a plain value of its type");
  }

  bool check_type(const Column& column, const Value& value) {
    if (value.kind == ValueKind::expression) {
      return refuse_value(column, expression_problem(value, column, *schema_, multi_byte())) &&
             check_characters(column, value) && check_operands(column, value);
    }
    if (value.kind != ValueKind::placeholder) {
      return refuse_value(column, literal_problem(value, column)) && check_characters(column, value);
    }
    if (parameters_ == nullptr) return true;
    const protocol::Parameter* bound = parameter(value);
    if (bound == nullptr) return refuse_value(column, "a parameter is missing");
    return refuse_value(column, parameter_problem(*bound, column)) && check_characters(column, *bound);
  }

  template <typename ValueOrParameter>
  bool check_characters(const Column& column, const ValueOrParameter& given) {
    const std::string_view why = text_problem(given, column, session_.text);
    return why.empty() || refuse("for column '" + column.name + "' " + std::string(why),
                                 "send it in a character set that the column's includes, such as utf8mb4");
  }

  // The placeholders inside an expression.
  bool check_operands(const Column& column, const Value& value) {
    const std::size_t count = placeholders_in(value, multi_byte());
    if (count == 0) return true;
    if (parameters_ == nullptr) return true;
    if (value.placeholder + count > parameters_->size()) return refuse_value(column, "a parameter is missing");
    for (std::size_t i = value.placeholder; i < value.placeholder + count; ++i) {
      const protocol::Parameter& operand = (*parameters_)[i];
      if (!refuse_value(column, operand_problem(operand, column)) || !check_characters(column, operand)) return false;
    }
    return true;
  }

  bool check_defaults() {
    if (std::exchange(defaults_checked_, true)) return true;  // else the first time has refused
    for (const Column& column : schema_->columns) {
      if (column.default_expression) {
        return refuse("it may use a default that is an expression", "give the column a value");
      }
      verdict_.freeze_time = verdict_.freeze_time || column.default_now;
    }
    return true;
  }

  const routing::Facts facts_;
  const routing::WriteShape& shape_;
  const TableSchema* schema_;
  WriterSession session_;
  const std::vector<protocol::Parameter>* parameters_;
  std::map<std::string_view, std::size_t> place_of_;  // where a column stands among those that are named
  bool defaults_checked_ = false;
  ShipVerdict verdict_;
};

}  // namespace

ShipVerdict ship_verdict(const routing::StatementFacts& facts, const routing::WriteShape& shape,
                         const TableSchema* schema, const WriterSession& session,
                         const std::vector<protocol::Parameter>* parameters) {
  return Judge(facts, shape, schema, session, parameters).run();
}

}  // namespace crossfade::dualwrite
