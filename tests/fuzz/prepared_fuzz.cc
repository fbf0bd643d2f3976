// COM_STMT_PREPARE's answer and COM_STMT_EXECUTE. The first byte of the input is the number of
// parameters, the second says which of the first eight were sent as long data.
#include <cstdlib>

#include "protocol/prepared.h"
#include "tests/support/server_packets.h"

using namespace crossfade::protocol;

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

bool equal(const Parameter& a, const Parameter& b) {
  return a.type == b.type && a.is_null == b.is_null && a.value == b.value;
}

void check_execute(Bytes payload, std::uint16_t parameters, std::uint8_t long_data_bits) {
  std::map<std::uint16_t, Buffer> long_data;
  for (std::uint16_t i = 0; i < 8; ++i) {
    if ((long_data_bits >> i & 1) != 0) {
      long_data[i] = Buffer(i, 'x');
    }
  }
  std::vector<ParameterType> types(parameters / 2, ParameterType{.type = 3, .flags = 0});
  const auto execute = decode_execute(payload, parameters, types, long_data);
  if (!execute.ok()) {
    return;
  }
  const Buffer encoded = encode_execute(*execute);
  std::vector<ParameterType> none;
  const auto again = decode_execute(encoded, parameters, none, {});
  require(again.ok() && again->parameters.size() == execute->parameters.size() &&
          again->statement_id == execute->statement_id && again->cursor_flags == execute->cursor_flags);
  for (std::size_t i = 0; i < again->parameters.size(); ++i) {
    require(equal(again->parameters[i], execute->parameters[i]));
  }
  require(statement_id_of(encoded) == execute->statement_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const Bytes payload(data + 2, size - 2);
  check_execute(payload, data[0], data[1]);
  if (const auto ok = decode_prepare_ok(payload); ok.ok()) {
    const auto again = decode_prepare_ok(crossfade::support::encode_prepare_ok(*ok));
    require(again.ok() && again->statement_id == ok->statement_id && again->columns == ok->columns &&
            again->parameters == ok->parameters && again->warnings == ok->warnings);
  }
  return 0;
}
