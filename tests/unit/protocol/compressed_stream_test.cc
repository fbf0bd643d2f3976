#include "protocol/compressed_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossfade::protocol {
namespace {

using Role = CompressedStream::Role;

constexpr Compression kZlib = {.algorithm = CompressionAlgorithm::zlib};
constexpr Compression kZstd = {.algorithm = CompressionAlgorithm::zstd};

Buffer from_hex(std::string_view text) {
  Buffer out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

Buffer repeated(std::string_view text, std::size_t times) {
  Buffer out;
  for (std::size_t i = 0; i < times; ++i) put_text(out, text);
  return out;
}

// What does not get smaller.
Buffer noise(std::size_t bytes) {
  Buffer out;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < bytes; ++i) {
    state = state * 1664525 + 1013904223;
    out.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return out;
}

Buffer command(std::string_view body) {
  Buffer out;
  append_command(out, as_bytes(body));
  return out;
}

// Everything that `stream` gives for `wire`, arriving in pieces.
absl::StatusOr<Buffer> read_all(CompressedStream& stream, Bytes wire, std::size_t piece) {
  Codec codec;
  Buffer out;
  std::uint8_t into[1000];
  for (;;) {
    const auto count = stream.read(codec, into);
    if (!count.ok()) return count.status();
    put_bytes(out, Bytes(into, *count));
    if (*count > 0) continue;
    if (wire.empty()) return out;
    const Bytes part = wire.first(std::min(piece, wire.size()));
    wire = wire.subspan(part.size());
    stream.put(part);
  }
}

Buffer written(CompressedStream& stream, Bytes plain) {
  Codec codec;
  Buffer out;
  stream.write(codec, plain, out);
  return out;
}

struct Frame {
  std::size_t payload_bytes;
  std::uint8_t sequence;
  std::size_t plain_bytes;
  bool operator==(const Frame&) const = default;
};
std::vector<Frame> frames_of(Bytes wire) {
  std::vector<Frame> frames;
  Reader reader(wire);
  while (!reader.at_end()) {
    Frame frame{};
    frame.payload_bytes = reader.u24();
    frame.sequence = reader.u8();
    frame.plain_bytes = reader.u24();
    reader.skip(frame.payload_bytes);
    frames.push_back(frame);
  }
  EXPECT_FALSE(reader.failed());
  return frames;
}

// Manual page "Compressed Packet": select "012345678901234567890123456789012345".
const std::string_view kManualFrame =
    "22000000320000789cd3636060602e4ecd494d2e51503230343236313533b7b0c4cd52020"
    "00cd10a6c";
Buffer manual_command() { return command("\3select \"012345678901234567890123456789012345\""); }

TEST(CompressedStream, WritesAndReadsTheManualsFrame) {
  CompressedStream client(Role::client, kZlib);
  EXPECT_EQ(written(client, manual_command()), from_hex(kManualFrame));
  CompressedStream server(Role::server, kZlib);
  EXPECT_EQ(read_all(server, from_hex(kManualFrame), 1000).value(), manual_command());
}

TEST(CompressedStream, ReadsWhatZstdsOwnProgramWrote) {
  const Buffer wire = from_hex(
      "27000000320000"
      "28b52ffd2032f50000c02e0000000373656c6563742022303132333435363738392201006b9726");
  CompressedStream server(Role::server, kZstd);
  EXPECT_EQ(read_all(server, wire, 1000).value(), manual_command());
}

TEST(CompressedStream, ShortPiecesTravelAsTheyAre) {
  CompressedStream client(Role::client, kZlib);
  const Buffer ping = command("\x0e");
  EXPECT_EQ(written(client, ping), from_hex("05000000000000"
                                            "010000000e"));
  CompressedStream other(Role::client, kZlib);
  const Buffer short_one = command(std::string(45, 'a'));  // 49 bytes with the header
  EXPECT_EQ(frames_of(written(other, short_one)), (std::vector<Frame>{{49, 0, 0}}));
  const Buffer long_one = command(std::string(46, 'a'));
  const auto frames = frames_of(written(other, long_one));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].plain_bytes, 50u);
  EXPECT_LT(frames[0].payload_bytes, 50u);
}

TEST(CompressedStream, WhatDoesNotGetSmallerTravelsAsItIs) {
  for (const Compression& how : {kZlib, kZstd}) {
    CompressedStream server(Role::server, how);
    const Buffer plain = noise(1000);
    EXPECT_EQ(frames_of(written(server, command(as_text(plain)))), (std::vector<Frame>{{1004, 0, 0}}));
  }
}

TEST(CompressedStream, GivesTheSameBytesHoweverTheyArrive) {
  for (const Compression& how : {kZlib, kZstd}) {
    Buffer plain = command(std::string(10, 'a'));
    put_bytes(plain, command(std::string(300, 'b')));
    put_bytes(plain, command(as_text(noise(200))));
    put_bytes(plain, command(as_text(repeated("0123456789", 60000))));
    CompressedStream client(Role::client, how);
    const Buffer wire = written(client, plain);
    for (const std::size_t piece : {1, 2, 3, 7, 8, 100000000}) {
      CompressedStream server(Role::server, how);
      EXPECT_EQ(read_all(server, wire, piece).value(), plain) << piece;
    }
  }
}

TEST(CompressedStream, WritesTheSamePacketsHoweverTheyAreCut) {
  Buffer plain = command("\3one");
  put_bytes(plain, command("\3two"));
  CompressedStream whole(Role::client, kZlib);
  const Buffer expected = written(whole, plain);
  EXPECT_EQ(frames_of(expected), (std::vector<Frame>{{8, 0, 0}, {8, 0, 0}}));
  for (std::size_t cut = 0; cut <= plain.size(); ++cut) {
    CompressedStream client(Role::client, kZlib);
    Buffer wire = written(client, Bytes(plain).first(cut));
    put_bytes(wire, written(client, Bytes(plain).subspan(cut)));
    CompressedStream server(Role::server, kZlib);
    EXPECT_EQ(read_all(server, wire, 1000).value(), plain) << cut;
    // Never in the midst of a header, and both commands from 0.
    const auto frames = frames_of(wire);
    EXPECT_EQ(frames.front().sequence, 0) << cut;
    EXPECT_GE(frames.front().payload_bytes, kHeaderBytes) << cut;
  }
}

TEST(CompressedStream, AnAnswersFramesAreNumberedOnFromItsCommands) {
  CompressedStream server(Role::server, kZlib);
  CompressedStream client(Role::client, kZlib);
  const Buffer large = command(std::string(600000, 'x'));  // three frames
  ASSERT_EQ(read_all(server, written(client, large), 100).value(), large);
  const Buffer answer = command("ok");
  EXPECT_EQ(frames_of(written(server, answer))[0].sequence, 3);
  EXPECT_EQ(frames_of(written(server, answer))[0].sequence, 4);
  ASSERT_EQ(read_all(server, written(client, command("\x0e")), 100).value(), command("\x0e"));
  EXPECT_EQ(frames_of(written(server, answer))[0].sequence, 1);
}

TEST(CompressedStream, APacketOfAnAnswerLiesInOneFrameHoweverItComes) {
  const Buffer large = command(std::string(kAnswerFramePlainBytesMax - kHeaderBytes, 'x'));
  Buffer plain = command("first");
  put_bytes(plain, large);
  put_bytes(plain, command("last"));
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{16384}, plain.size()}) {
    CompressedStream server(Role::server, kZlib);
    Buffer wire;
    for (std::size_t at = 0; at < plain.size(); at += piece) {
      put_bytes(wire, written(server, Bytes(plain).subspan(at, std::min(piece, plain.size() - at))));
    }
    EXPECT_LE(frames_of(wire).size(), 3u);
    CompressedStream client(Role::client, kZlib);
    EXPECT_EQ(read_all(client, wire, 100000).value(), plain);
    EXPECT_LT(server.buffered_bytes(), large.size());
  }
}

TEST(CompressedStream, ALongerPacketOfAnAnswerIsNotWaitedFor) {
  CompressedStream server(Role::server, kZlib);
  const Buffer large = command(std::string(kAnswerFramePlainBytesMax, 'x'));
  Buffer wire = written(server, Bytes(large).first(1000));
  EXPECT_EQ(frames_of(wire)[0].plain_bytes, 1000u);
  EXPECT_EQ(server.buffered_bytes(), 0u);
  put_bytes(wire, written(server, Bytes(large).subspan(1000)));
  put_bytes(wire, written(server, command("next")));
  CompressedStream client(Role::client, kZlib);
  Buffer both = large;
  put_bytes(both, command("next"));
  EXPECT_EQ(read_all(client, wire, 100000).value(), both);
}

TEST(CompressedStream, BytesOfTwoFramesAreNeverReadAtOnce) {
  CompressedStream client(Role::client, kZlib);
  Buffer wire = written(client, command("\3one"));
  put_bytes(wire, written(client, command("\3two")));
  CompressedStream server(Role::server, kZlib);
  server.put(wire);
  Codec codec;
  std::uint8_t into[100];
  EXPECT_EQ(server.read(codec, into).value(), 8u);
  EXPECT_EQ(frames_of(written(server, command("ok")))[0].sequence, 1);
  EXPECT_EQ(server.read(codec, into).value(), 8u);
  EXPECT_EQ(frames_of(written(server, command("ok")))[0].sequence, 1);
}

TEST(CompressedStream, RowsOfALocalFileGoOnPastPacketNumber255) {
  CompressedStream client(Role::client, kZlib);
  Buffer sent = written(client, command("\3LOAD"));
  CompressedStream server(Role::server, kZlib);
  ASSERT_TRUE(read_all(server, sent, 100).ok());
  ASSERT_TRUE(read_all(client,
                       written(server, command("\xfb"
                                               "file")),
                       100)
                  .ok());
  std::uint8_t sequence = 2;
  std::uint8_t frame = 2;
  for (int i = 0; i < 300; ++i) {
    Buffer row;
    append_message(row, as_bytes("row"), sequence);
    const auto frames = frames_of(written(client, row));
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].sequence, frame++) << i;
  }
  ASSERT_TRUE(read_all(client, written(server, command("ok")), 100).ok());
  EXPECT_EQ(frames_of(written(client, command("\x0e")))[0].sequence, 0);
}

TEST(CompressedStream, ACommandAfterPacketNumber255StartsAnewOnceAnAnswerCame) {
  CompressedStream client(Role::client, kZlib);
  std::uint8_t sequence = 255;
  Buffer last;
  append_message(last, {}, sequence);
  written(client, last);
  CompressedStream server(Role::server, kZlib);
  ASSERT_TRUE(read_all(client, written(server, command("ok")), 100).ok());
  EXPECT_EQ(frames_of(written(client, command("\x0e")))[0].sequence, 0);
}

TEST(CompressedStream, AFrameWithAnotherNumberIsRefusedByTheServersSide) {
  Buffer wire = from_hex(kManualFrame);
  wire[3] = 1;
  CompressedStream server(Role::server, kZlib);
  EXPECT_EQ(read_all(server, wire, 1000).status().code(), absl::StatusCode::kInvalidArgument);
  CompressedStream client(Role::client, kZlib);
  EXPECT_TRUE(read_all(client, wire, 1000).ok());
}

TEST(CompressedStream, WhatIsNotWhatItAnnouncesIsRefused) {
  for (const Compression& how : {kZlib, kZstd}) {
    CompressedStream client(Role::client, how);
    const Buffer good = written(client, command(std::string(5000, 'a')));
    for (const std::size_t at : {std::size_t{4}, std::size_t{5}, std::size_t{7}, good.size() - 1}) {
      Buffer bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ 0x41);
      CompressedStream server(Role::server, how);
      const auto read = read_all(server, bad, 100000);
      // zstd has no checksum: a changed byte inside may be another text of the same size.
      if (how.algorithm == CompressionAlgorithm::zlib || at < kFrameHeaderBytes) {
        EXPECT_FALSE(read.ok()) << at;
      }
    }
    Buffer longer = good;
    longer[0] = static_cast<std::uint8_t>(longer[0] + 1);
    longer.push_back(0);
    CompressedStream server(Role::server, how);
    EXPECT_FALSE(read_all(server, longer, 100000).ok());
  }
}

// A bomb: the header limits a frame to 16 MiB, and one that holds more than it announces is refused.
TEST(CompressedStream, TakesFramesUpToSixteenMegabytesAndGivesTheirMemoryBack) {
  constexpr std::size_t kMax = 0xffffff;
  Codec codec;
  const Buffer zeros(kMax, 0);
  Buffer packed;
  ASSERT_TRUE(codec.compress(kZlib, zeros, packed));
  Buffer wire;
  put_u24(wire, static_cast<std::uint32_t>(packed.size()));
  put_u8(wire, 0);
  put_u24(wire, kMax);
  put_bytes(wire, packed);
  CompressedStream server(Role::server, kZlib);
  const auto read = read_all(server, wire, 5000);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->size(), kMax);
  EXPECT_LT(server.buffered_bytes(), 200000u);

  Buffer announces_less = wire;
  announces_less[4] = 0xfe;
  CompressedStream strict(Role::server, kZlib);
  EXPECT_FALSE(read_all(strict, announces_less, 5000).ok());
}

TEST(CompressedStream, AnAnnouncedFrameTakesNoMemoryBeforeItArrives) {
  CompressedStream server(Role::server, kZlib);
  const Buffer header = from_hex("ffffff00ffffff78");
  ASSERT_TRUE(read_all(server, header, 1).ok());
  EXPECT_LT(server.buffered_bytes(), 1000u);
}

TEST(Compression, IsWhatBothSidesAgreedOn) {
  EXPECT_EQ(compression_of(kProtocol41), CompressionAlgorithm::none);
  EXPECT_EQ(compression_of(kCompress), CompressionAlgorithm::zlib);
  EXPECT_EQ(compression_of(kZstdCompression), CompressionAlgorithm::zstd);
  EXPECT_EQ(compression_of(kCompress | kZstdCompression), CompressionAlgorithm::zlib);
}

}  // namespace
}  // namespace crossfade::protocol
