// A local file's packets: how they are cut must not change the file. The first byte is the size of the pieces.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "protocol/file_packets.h"

using namespace crossfade::protocol;

namespace {

std::string read(Bytes wire, std::size_t piece) {
  FilePackets packets(2);
  std::string out;
  std::size_t used = 0;
  while (used < wire.size() && !packets.ended()) {
    Bytes input = wire.subspan(used, std::min(piece, wire.size() - used));
    const std::size_t given = input.size();
    while (!input.empty() && !packets.ended()) {
      const auto got = packets.feed(input);
      if (!got.ok()) return out + " failed";
      out += as_text(*got);
    }
    used += given - input.size();
  }
  return out + (packets.ended() ? " ended " + std::to_string(used) : " cut");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes wire(data + 1, size - 1);
  if (read(wire, wire.size() + 1) != read(wire, data[0] % 16 + std::size_t{1})) std::abort();
  return 0;
}
