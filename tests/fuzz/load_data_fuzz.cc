// LOAD DATA: the first line of the input is the statement, the rest the file. How the file is cut must
// not change its rows; and what is made of them is within its limits.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "dualwrite/inline/load_reader.h"
#include "dualwrite/inline/load_statements.h"
#include "routing/load_data.h"

using namespace crossfade;

namespace {

constexpr std::size_t kColumns = 2;

std::string rows_of(const routing::LoadData& load, std::string_view file, std::size_t piece) {
  dualwrite::LoadReader reader(load.format, kColumns, 1 << 20);
  dualwrite::TableSchema schema;
  schema.columns = {{.name = "a", .type = dualwrite::ColumnClass::text},
                    {.name = "b", .type = dualwrite::ColumnClass::integer}};
  routing::LoadData into;
  into.table.table = "t";
  const auto target = dualwrite::load_target(into, schema, dualwrite::FileCharset::utf8mb4);
  dualwrite::LoadStatements::Limits limits;
  limits.packet_bytes_max = 4096;
  limits.statement_bytes = 256;
  limits.bytes_max = 1 << 20;
  dualwrite::LoadStatements statements(target, dualwrite::FileCharset::utf8mb4,
                                       dualwrite::LoadStatements::ClientText::utf8mb4, false, limits);
  std::string out;
  const auto take = [&] {
    for (;;) {
      const auto row = reader.next();
      if (!row.ok() || !row->has_value()) return;
      out += std::to_string((**row)->line) + ((**row)->too_many ? "+" : ":");
      for (const auto& field : (**row)->fields) out += (field.null ? "-" : "=") + field.text + "\x01";
      out += statements.add(***row).ok() ? "\n" : "!\n";
    }
  };
  for (std::size_t at = 0; at < file.size(); at += piece) {
    reader.feed(protocol::as_bytes(file.substr(at, piece)));
    take();
  }
  reader.finish();
  take();
  statements.finish();
  for (const auto& statement : statements.take()) {
    if (statement.sql.size() > limits.packet_bytes_max || statement.lines.empty()) std::abort();
    out += statement.sql;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = protocol::as_text({data, size});
  const std::size_t cut = std::min(input.find('\n'), input.size());
  const routing::LoadData load = routing::parse_load_data(input.substr(0, cut), {});
  if (!load.understood || cut == input.size()) return 0;
  const std::string_view file = input.substr(cut + 1);
  const std::string whole = rows_of(load, file, std::max<std::size_t>(file.size(), 1));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    if (rows_of(load, file, piece) != whole) std::abort();
  }
  return 0;
}
