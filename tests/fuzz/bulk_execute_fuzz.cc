// COM_STMT_BULK_EXECUTE. The first byte of the input is the number of parameters.
#include <cstdlib>

#include "protocol/bulk_execute.h"

using namespace crossfade::protocol;

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || data[0] == 0) {
    return 0;
  }
  const std::uint16_t parameters = data[0];
  std::vector<ParameterType> types(parameters / 2, ParameterType{.type = 3, .flags = 0});
  const auto bulk = decode_bulk_execute(Bytes(data + 1, size - 1), parameters, types);
  if (!bulk.ok()) {
    return 0;
  }
  require(bulk->types.size() == parameters && types == bulk->types);
  std::vector<ParameterType> none;
  const Buffer encoded = encode_bulk_execute(*bulk);
  const auto again = decode_bulk_execute(encoded, parameters, none);
  require(again.ok() && again->statement_id == bulk->statement_id && again->types == bulk->types &&
          again->rows.size() == bulk->rows.size());
  return 0;
}
