// The syntax of a write, as far as shipping it as a statement needs it: which table, which rows,
// which values. No schema knowledge; dualwrite/determinism joins the two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

enum class ValueKind : std::uint8_t {
  integer,  // 42, -42, +42
  decimal,  // 1.5, 1e3
  text,     // 'x' (any introducer), hex and bit literals are `binary`
  binary,
  null,
  default_,
  true_false,
  placeholder,  // ?
  expression,   // anything else
};
struct Value {
  ValueKind kind = ValueKind::expression;
  std::string text;  // integer: digits with sign; text: content without quotes, escapes undone; else as written
  std::uint16_t placeholder = 0;  // index of the first ? inside (0-based), for `placeholder`
  std::string charset{};          // of a text or bytes with an introducer: its name, lower case; _binary makes `binary`
};

struct Condition {     // column = value, or column IN (values)
  std::string column;  // plain name, lower case, without qualifier
  std::vector<Value> values;
};

struct WriteShape {
  bool understood = false;  // false: `why` says what was not
  std::string why;
  StatementKind kind = StatementKind::unknown;
  TableName table;
  bool ignore = false;
  bool on_duplicate_key = false;
  bool returning = false;
  // INSERT: where RETURNING begins in the text, when columns are all that follows it.
  std::optional<std::size_t> returning_columns_at;
  bool from_select = false;     // INSERT ... SELECT / TABLE / VALUES ROW
  bool several_tables = false;  // multi-table UPDATE or DELETE, joins
  bool limit = false;
  bool order_by = false;
  bool subquery = false;
  std::vector<std::string> columns;  // INSERT: the column list (lower case), empty when none; UPDATE: the columns set
  std::vector<std::vector<Value>> rows;  // INSERT: the values, a row each
  std::vector<Value> assigned;           // UPDATE: the value for each of `columns`
  bool has_where = false;
  // WHERE as a conjunction: the conjuncts of the form column = value / column IN (...). Other
  // conjuncts only narrow and are not listed; with OR at the top level nothing is listed.
  std::vector<Condition> conditions;
  bool other_conditions = false;                    // the WHERE holds something that is not listed
  std::string where;                                // then: the whole of it, as written,
  std::vector<std::uint16_t> where_placeholders{};  // and the indexes of the ? in it
  std::uint16_t placeholders = 0;                   // in the whole statement
};

// More values than this in one statement are not understood.
inline constexpr std::size_t kShapeValuesMax = 1'000'000;

// Not understood, among other things: several statements, executable comments (each server reads them
// otherwise), hints that set variables, PARTITION, row aliases, index hints, WITH.
WriteShape parse_write(std::string_view sql, const LexerMode& mode);

}  // namespace crossfade::routing
