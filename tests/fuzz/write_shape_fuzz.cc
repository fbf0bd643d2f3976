// parse_write takes any text under every mode, and keeps its promises about what it returns.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/write_shape.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade::routing;
  if (size == 0) return 0;
  LexerMode mode;
  mode.ansi_quotes = (data[0] & 1) != 0;
  mode.no_backslash_escapes = (data[0] & 2) != 0;
  mode.mariadb = (data[0] & 4) != 0;
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  const WriteShape shape = parse_write(sql, mode);
  if (shape.understood != shape.why.empty()) std::abort();
  if (!shape.understood) return 0;
  if (shape.table.table.empty() && !shape.several_tables) {
    // A quoted empty name is the only way to have none.
    if (sql.find("``") == std::string_view::npos && sql.find("\"\"") == std::string_view::npos) std::abort();
  }
  if (!shape.assigned.empty() && shape.assigned.size() != shape.columns.size()) std::abort();
  for (const Condition& condition : shape.conditions) {
    if (condition.values.empty()) std::abort();
    for (const Value& value : condition.values) {
      if (value.kind == ValueKind::expression) std::abort();
      if (value.kind == ValueKind::placeholder && value.placeholder >= shape.placeholders) std::abort();
    }
  }
  return 0;
}
