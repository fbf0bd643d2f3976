// Bytes as responses of several statements: no crash, no byte more or less, and the same whatever the chunks.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "protocol/response_joiner.h"

using crossfade::protocol::Buffer;
using crossfade::protocol::ResponseJoiner;

namespace {

bool feed(ResponseJoiner& joiner, std::span<std::uint8_t> bytes, std::size_t step) {
  while (!bytes.empty()) {
    const std::span<std::uint8_t> piece = bytes.first(std::min(step, bytes.size()));
    if (!joiner.feed(piece).ok()) return false;
    bytes = bytes.subspan(piece.size());
  }
  return true;
}

}  // namespace

// The first byte: the dialect, and the size of the chunks of the second run.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto capabilities = (data[0] & 1) != 0 ? crossfade::protocol::kDeprecateEof : 0;
  const std::size_t step = 1 + (data[0] >> 1);
  Buffer whole(data + 1, data + size);
  Buffer pieces = whole;
  ResponseJoiner one;
  ResponseJoiner two;
  for (ResponseJoiner* joiner : {&one, &two}) {
    joiner->begin(capabilities);
    joiner->next_response(ResponseJoiner::Follows::another);
  }
  const bool good = feed(one, whole, whole.size());
  if (feed(two, pieces, step) != good) std::abort();
  if (good && (whole != pieces || one.done() != two.done())) std::abort();
  return 0;
}
