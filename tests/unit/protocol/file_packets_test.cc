#include "protocol/file_packets.h"

#include <string>

#include "gtest/gtest.h"

namespace crossfade::protocol {
namespace {

// What a client sends: `pieces`, each a packet of its own, numbered from `sequence`.
Buffer packets(const std::vector<std::string>& pieces, std::uint8_t sequence) {
  Buffer wire;
  for (const std::string& piece : pieces) append_message(wire, as_bytes(piece), sequence);
  append_message(wire, {}, sequence);
  return wire;
}

struct Outcome {
  std::string file;
  bool ended = false;
  bool failed = false;
  std::size_t left = 0;
  std::uint8_t next_sequence = 0;
};

Outcome read(const Buffer& wire, std::uint8_t sequence, std::size_t chunk) {
  FilePackets reader(sequence);
  Outcome out;
  Bytes rest(wire);
  while (!rest.empty() && !reader.ended() && !out.failed) {
    Bytes input = rest.first(std::min(chunk, rest.size()));
    const std::size_t given = input.size();
    while (!input.empty() && !reader.ended() && !out.failed) {
      const auto piece = reader.feed(input);
      out.failed = !piece.ok();
      if (piece.ok()) out.file += as_text(*piece);
    }
    rest = rest.subspan(given - input.size());
  }
  out.ended = reader.ended();
  out.left = rest.size();
  out.next_sequence = reader.next_sequence();
  return out;
}

TEST(FilePackets, GiveTheFileInPiecesOfAnySize) {
  Buffer wire = packets({"one\n", "two", "\nthree\n"}, 2);
  wire.push_back(0x2a);  // of what comes after the file
  for (std::size_t chunk = 1; chunk <= wire.size(); ++chunk) {
    const Outcome out = read(wire, 2, chunk);
    EXPECT_EQ(out.file, "one\ntwo\nthree\n") << chunk;
    EXPECT_TRUE(out.ended) << chunk;
    EXPECT_EQ(out.left, 1u) << chunk;
    EXPECT_EQ(out.next_sequence, 6) << chunk;
  }
}

TEST(FilePackets, AnEmptyPacketAtOnceIsAnEmptyFile) {
  const Outcome out = read(packets({}, 2), 2, 100);
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.file, "");
  EXPECT_EQ(out.next_sequence, 3);
}

TEST(FilePackets, AreNotEndedByTheEmptyContinuationOfAFullPacket) {
  const std::string full(kPayloadBytesMax, 'x');
  const Outcome out = read(packets({full, "tail"}, 254), 254, 1 << 20);
  EXPECT_EQ(out.file.size(), kPayloadBytesMax + 4);
  EXPECT_TRUE(out.ended);
  EXPECT_EQ(out.next_sequence, 2);  // 254, 255 (the continuation), 0, 1
}

TEST(FilePackets, OutOfOrderAreAFailure) {
  EXPECT_TRUE(read(packets({"a"}, 3), 2, 100).failed);
  Buffer again = packets({"a"}, 2);
  again[again.size() - 1] = 2;  // the end carries the first packet's number
  EXPECT_TRUE(read(again, 2, 100).failed);
}

TEST(FilePackets, CutShortAreNotEnded) {
  Buffer wire = packets({"abc"}, 2);
  wire.pop_back();
  const Outcome out = read(wire, 2, 3);
  EXPECT_FALSE(out.ended);
  EXPECT_FALSE(out.failed);
  EXPECT_EQ(out.file, "abc");
}

}  // namespace
}  // namespace crossfade::protocol
