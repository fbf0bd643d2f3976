// Whatever comes first on a connection, in any number of pieces.
#include <cstdlib>

#include "protocol/proxy_protocol.h"

using crossfade::protocol::Bytes;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade::protocol;
  Bytes whole(data, size);
  const auto header = decode_proxy_header(whole);
  if (!header.ok()) return 0;
  if (!header->has_value()) {
    // It cannot ask for more for ever.
    if (size > kProxyHeaderBytesMax || whole.size() != size) std::abort();
    return 0;
  }
  const std::size_t used = size - whole.size();
  for (std::size_t part = 0; part < used; ++part) {
    Bytes piece(data, part);
    const auto early = decode_proxy_header(piece);
    if (!early.ok() || early->has_value()) std::abort();
  }
  // What was read is written and read back.
  const Buffer written = encode_proxy_header(**header);
  Bytes again(written);
  const auto back = decode_proxy_header(again);
  if (!back.ok() || !back->has_value() || !again.empty()) std::abort();
  const bool address = (*header)->kind == ProxyHeader::Kind::proxied && (*header)->host != "localhost";
  if (address && ((*back)->host != (*header)->host || (*back)->port != (*header)->port)) std::abort();
  return 0;
}
