// Rows of `changes`: a verdict, and what is taken is taken apart again by its own description, whole.
#include <cstdlib>
#include <string>

#include "dualwrite/log_decoder.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/trigger/captured_row.h"
#include "dualwrite/trigger/id_ranges.h"

namespace {

using namespace crossfade;
using namespace crossfade::dualwrite;

void require(bool condition) {
  if (!condition) std::abort();
}

// Every kind of column, the first of them the primary key.
Capture every_type() {
  TableDefinition table;
  table.name = {.schema = "app", .table = "t"};
  table.engine = "InnoDB";
  const auto add = [&](const char* type, const char* charset = "") {
    DefinedColumn column;
    column.name = "c" + std::to_string(table.columns.size());
    column.column_type = type;
    column.data_type = column.column_type.substr(0, column.column_type.find_first_of("( "));
    column.is_unsigned = column.column_type.find("unsigned") != std::string::npos;
    column.charset = charset;
    if (*charset != 0) column.collation = column.charset + "_bin";
    column.length = 9;
    column.precision = 13;
    column.scale = 4;
    column.fraction = 3;
    table.columns.push_back(column);
  };
  for (const char* type :
       {"int", "bigint unsigned", "decimal(13,4)", "float", "double", "bit(13)", "year", "date", "time(3)",
        "datetime(3)", "timestamp(3)", "binary(9)", "varbinary(9)", "uuid", "tinyblob", "blob", "point"}) {
    add(type);
  }
  for (const char* type : {"enum('a','b')", "set('a','b')", "char(9)", "varchar(9)", "tinytext", "longtext"})
    add(type, "utf8mb4");
  table.columns[0].nullable = false;
  table.keys.emplace_back().name = "PRIMARY";
  table.keys[0].unique = true;
  table.keys[0].parts.emplace_back().column = "c0";
  auto capture = plan_capture({.leader = table, .number = 7});
  require(capture.ok());
  return *std::move(capture);
}

// Cells as the input says them: a byte of length (255: NULL), then so many bytes.
std::vector<protocol::Cell> cells_of(protocol::Bytes bytes, std::size_t pairs) {
  protocol::Reader reader(bytes);
  std::vector<protocol::Cell> row = {"1", "7", "U", "1", "1", "1", std::nullopt, std::nullopt};
  const std::uint8_t op = reader.u8();
  row[2] = std::string(1, "IUDRPS"[op % 6]);
  if (op % 6 >= 4) row[1] = "0";
  row.resize(8 + 2 * pairs);
  // The two packed images may be long.
  for (std::size_t at : {std::size_t{6}, std::size_t{7}}) {
    const std::uint16_t length = reader.u16();
    if (length == 0xffff) continue;
    row[at] = std::string(protocol::as_text(reader.take(std::min<std::size_t>(length, reader.remaining()))));
  }
  for (std::size_t at = 8; at < row.size() && !reader.at_end(); ++at) {
    const std::uint8_t length = reader.u8();
    if (length == 255) continue;
    row[at] = std::string(protocol::as_text(reader.take(std::min<std::size_t>(length, reader.remaining()))));
  }
  return row;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Capture capture = every_type();
  const protocol::Bytes bytes(data, size);
  if (const auto ranges = IdRanges::parse(protocol::as_text(bytes)); ranges.ok()) {
    require(ranges->text() == protocol::as_text(bytes));
  }
  const std::vector<protocol::Cell> row = cells_of(bytes, capture.pairs);
  const auto head = change_head(row);
  require(head.ok());
  if (head->table == 0) {
    (void)captured_statement(*head, row);
    return 0;
  }
  const auto taken = captured_row(*head, row, capture);
  if (!taken.ok()) return 0;
  const auto rows = count_rows(taken->change);
  require(rows.ok() && *rows == 1);
  protocol::Bytes images = taken->change.images;
  const auto image = take_row(*capture.table, &images);
  require(image.ok() && key_condition(capture, *image).ok());
  return 0;
}
