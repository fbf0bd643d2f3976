// Rows and recorded responses. The first byte of the input picks the kind, the second the
// capabilities; the third is the number of columns, whose types and flags follow, then the row.
#include <cstdlib>

#include "protocol/rows.h"

using namespace crossfade::protocol;

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) {
    return 0;
  }
  const auto kind = static_cast<ResponseKind>(data[0] % 8);
  const Capabilities capabilities =
      kProtocol41 | ((data[1] & 1) != 0 ? kDeprecateEof : 0u) | ((data[1] & 2) != 0 ? kSessionTrack : 0u);
  const auto results = decode_response(Bytes(data + 2, size - 2), kind, capabilities);
  if (results.ok()) {
    for (const ResultSet& result : *results) {
      require(result.rows.size() == result.end.rows);
    }
  }
  Reader reader(Bytes(data + 2, size - 2));
  std::vector<ColumnDefinition> columns(reader.u8() % 16);
  for (ColumnDefinition& column : columns) {
    column.type = static_cast<ColumnType>(reader.u8());
    column.flags = reader.u8();
    column.decimals = reader.u8();
  }
  const Bytes row = reader.rest();
  if (const auto cells = decode_text_row(row, columns.size()); cells.ok()) {
    require(cells->size() == columns.size());
  }
  if (const auto cells = decode_binary_row(row, columns); cells.ok()) {
    require(cells->size() == columns.size());
  }
  return 0;
}
