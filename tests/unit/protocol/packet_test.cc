#include "protocol/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace crossfade::protocol {
namespace {

constexpr std::size_t kLimit = std::size_t{64} << 20;

Buffer message(std::string_view text, std::uint8_t sequence) {
  Buffer out;
  append_message(out, as_bytes(text), sequence);
  return out;
}

struct Seen {
  Buffer payload;
  std::uint8_t first_sequence = 0;
  std::uint8_t last_sequence = 0;
  bool operator==(const Seen&) const = default;
};

// Feeds the stream in pieces of `piece` bytes.
std::vector<Seen> read_in_pieces(const Buffer& stream, std::size_t piece) {
  MessageReader reader(kLimit);
  std::vector<Seen> seen;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    Bytes input = Bytes(stream).subspan(at, std::min(piece, stream.size() - at));
    while (true) {
      absl::StatusOr<std::optional<Message>> message = reader.feed(input);
      if (!message.ok()) {
        ADD_FAILURE() << message.status();
        return seen;
      }
      if (!*message) break;
      const Bytes payload = (*message)->payload;
      seen.push_back({Buffer(payload.begin(), payload.end()), (*message)->first_sequence, (*message)->last_sequence});
    }
    EXPECT_TRUE(input.empty());
  }
  EXPECT_FALSE(reader.pending());
  return seen;
}

TEST(AppendMessage, WritesLengthAndSequenceBeforeThePayload) {
  std::uint8_t sequence = 3;
  Buffer out = {0xee};
  append_message(out, as_bytes("abc"), sequence);
  EXPECT_EQ(out, (Buffer{0xee, 3, 0, 0, 3, 'a', 'b', 'c'}));
  EXPECT_EQ(sequence, 4);
  append_message(out, {}, sequence);
  EXPECT_EQ(Bytes(out).subspan(8).size(), 4u);
  EXPECT_EQ(sequence, 5);
}

TEST(AppendMessage, SplitsAtSixteenMebibytesAndEndsAFullPacketWithAnEmptyOne) {
  const Buffer payload(kPayloadBytesMax + 2, 'x');
  for (const std::size_t size : {kPayloadBytesMax - 1, kPayloadBytesMax, kPayloadBytesMax + 2}) {
    Buffer out;
    std::uint8_t sequence = 255;
    append_message(out, Bytes(payload).first(size), sequence);
    const std::size_t packets = size < kPayloadBytesMax ? 1 : 2;
    EXPECT_EQ(out.size(), size + packets * kHeaderBytes);
    EXPECT_EQ(sequence, static_cast<std::uint8_t>(255 + packets));
    EXPECT_EQ(decode_header(out).payload_bytes, std::min(size, kPayloadBytesMax));
    if (packets == 2) {
      const PacketHeader second = decode_header(Bytes(out).subspan(kHeaderBytes + kPayloadBytesMax));
      EXPECT_EQ(second.payload_bytes, size - kPayloadBytesMax);
      EXPECT_EQ(second.sequence, 0);
    }
  }
}

TEST(AppendCommand, StartsAtSequenceZero) {
  Buffer out;
  append_command(out, as_bytes("\x0e"));
  EXPECT_EQ(out, (Buffer{1, 0, 0, 0, 0x0e}));
}

TEST(MessageReader, ReturnsAWholeMessageAsAViewOfTheInput) {
  Buffer stream = message("first", 0);
  const Buffer second = message("second", 1);
  put_bytes(stream, second);
  Bytes input = stream;
  MessageReader reader(kLimit);
  const auto first = reader.feed(input);
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ((*first)->payload.data(), stream.data() + kHeaderBytes);
  EXPECT_EQ(as_text((*first)->payload), "first");
  EXPECT_EQ((*first)->wire.data(), stream.data());
  EXPECT_EQ((*first)->wire.size(), kHeaderBytes + 5);
  EXPECT_EQ(input.size(), second.size());
  const auto next = reader.feed(input);
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_EQ(as_text((*next)->payload), "second");
  EXPECT_EQ((*next)->first_sequence, 1);
  EXPECT_EQ(reader.next_sequence(), 2);
  EXPECT_TRUE(input.empty());
  EXPECT_EQ(reader.buffered_bytes(), 0u);
}

TEST(MessageReader, ACutMessageHasNoWireView) {
  const Buffer stream = message("hello", 0);
  MessageReader reader(kLimit);
  Bytes head = Bytes(stream).first(6);
  EXPECT_EQ(reader.feed(head)->has_value(), false);
  EXPECT_TRUE(reader.pending());
  Bytes tail = Bytes(stream).subspan(6);
  const auto whole = reader.feed(tail);
  ASSERT_TRUE(whole.ok() && whole->has_value());
  EXPECT_EQ(as_text((*whole)->payload), "hello");
  EXPECT_TRUE((*whole)->wire.empty());
  EXPECT_FALSE(reader.pending());
}

TEST(MessageReader, GivesTheSameMessagesHoweverTheStreamIsCut) {
  Buffer stream;
  std::uint8_t sequence = 0;
  for (const std::string_view text : {"a", "", "some longer text", "", "last"}) {
    append_message(stream, as_bytes(text), sequence);
  }
  const std::vector<Seen> whole = read_in_pieces(stream, stream.size());
  ASSERT_EQ(whole.size(), 5u);
  EXPECT_EQ(whole[2].payload.size(), 16u);
  EXPECT_EQ(whole[4].first_sequence, 4);
  for (const std::size_t piece : {1, 2, 3, 7}) EXPECT_EQ(read_in_pieces(stream, piece), whole) << piece;
}

TEST(MessageReader, JoinsPacketsOfSixteenMebibytes) {
  Buffer payload(2 * kPayloadBytesMax + 3, 'x');
  payload[kPayloadBytesMax] = 'y';
  payload.back() = 'z';
  for (const std::size_t size : {kPayloadBytesMax, payload.size()}) {
    Buffer stream;
    std::uint8_t sequence = 0;
    append_message(stream, Bytes(payload).first(size), sequence);
    append_message(stream, as_bytes("after"), sequence);
    for (const std::size_t piece : {stream.size(), std::size_t{65521}}) {
      const std::vector<Seen> seen = read_in_pieces(stream, piece);
      ASSERT_EQ(seen.size(), 2u);
      EXPECT_EQ(seen[0].payload, Buffer(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size)));
      EXPECT_EQ(seen[0].first_sequence, 0);
      EXPECT_EQ(seen[0].last_sequence, size == kPayloadBytesMax ? 1 : 2);
      EXPECT_EQ(as_text(seen[1].payload), "after");
    }
  }
}

TEST(MessageReader, RejectsAWrongSequenceNumberAndStaysDead) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}}) {
    const Buffer stream = message("x", 1);
    MessageReader reader(kLimit);
    Bytes input = stream;
    absl::Status status;
    while (status.ok() && !input.empty()) {
      Bytes part = input.first(std::min(piece, input.size()));
      const std::size_t before = part.size();
      status = reader.feed(part).status();
      input = input.subspan(before - part.size());
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    const Buffer good = message("x", 0);
    Bytes more = good;
    EXPECT_FALSE(reader.feed(more).ok());
  }
}

TEST(MessageReader, RejectsAWrongSequenceNumberInsideAMessage) {
  Buffer stream;
  std::uint8_t sequence = 0;
  append_message(stream, Buffer(kPayloadBytesMax, 'x'), sequence);
  stream.back() = 7;  // the sequence number of the empty packet that ends the message
  MessageReader reader(kLimit);
  Bytes input = stream;
  EXPECT_EQ(reader.feed(input).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(MessageReader, SequenceNumbersWrapAt256) {
  Buffer stream = message("a", 255);
  put_bytes(stream, message("b", 0));
  MessageReader reader(kLimit);
  reader.expect_sequence(255);
  Bytes input = stream;
  EXPECT_EQ(reader.feed(input)->value().last_sequence, 255);
  EXPECT_EQ(reader.feed(input)->value().first_sequence, 0);
}

TEST(MessageReader, ACommandStartsOverAtTheExpectedNumber) {
  MessageReader reader(kLimit);
  const Buffer stream = message("a", 0);
  Bytes input = stream;
  ASSERT_TRUE(reader.feed(input).ok());
  reader.expect_sequence(0);
  input = stream;
  EXPECT_TRUE(reader.feed(input)->has_value());
}

TEST(MessageReader, TakesAMessageAtTheLimitAndRejectsOneBytePastIt) {
  const Buffer at_limit = message("12345678", 0);
  const Buffer past = message("123456789", 0);
  for (const std::size_t first : {std::size_t{4}, std::size_t{6}, past.size()}) {
    MessageReader fits(8);
    Bytes head = Bytes(at_limit).first(std::min(first, at_limit.size()));
    const bool whole = head.size() == at_limit.size();
    EXPECT_EQ(fits.feed(head)->has_value(), whole);
    MessageReader reader(8);
    Bytes input = Bytes(past).first(first);
    EXPECT_EQ(reader.feed(input).status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(reader.buffered_bytes(), 0u);
  }
}

TEST(MessageReader, TheLimitCountsAllPacketsOfAMessageBeforeMemoryIsTaken) {
  MessageReader reader(kPayloadBytesMax + 1);
  Buffer stream;
  std::uint8_t sequence = 0;
  append_message(stream, Buffer(kPayloadBytesMax + 2, 'x'), sequence);
  Bytes input = Bytes(stream).first(stream.size() - 2);  // the second header is there, its payload is not
  EXPECT_EQ(reader.feed(input).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(MessageReader, AnAnnouncementAloneTakesNoMemory) {
  MessageReader reader(kLimit);
  const Buffer header = {0xfe, 0xff, 0xff, 0};
  Bytes input = header;
  ASSERT_TRUE(reader.feed(input).ok());
  EXPECT_TRUE(reader.pending());
  EXPECT_EQ(reader.buffered_bytes(), 0u);
}

TEST(MessageReader, GivesTheMemoryOfALargeMessageBackAndKeepsThatOfASmallOne) {
  for (const std::size_t size : {std::size_t{1000}, std::size_t{100000}}) {
    const Buffer stream = message(std::string(size, 'x'), 0);
    MessageReader reader(kLimit);
    Bytes head = Bytes(stream).first(5);
    ASSERT_TRUE(reader.feed(head).ok());
    Bytes tail = Bytes(stream).subspan(5);
    ASSERT_EQ(reader.feed(tail)->value().payload.size(), size);
    EXPECT_GE(reader.buffered_bytes(), size);
    Bytes nothing;
    EXPECT_FALSE(reader.feed(nothing)->has_value());
    EXPECT_EQ(reader.buffered_bytes() == 0, size > 65536);
    EXPECT_FALSE(reader.pending());
  }
}

TEST(MessageReader, PendingIsTrueFromTheFirstHeaderByteToTheLastPayloadByte) {
  const Buffer stream = message("ab", 0);
  MessageReader reader(kLimit);
  for (std::size_t i = 0; i < stream.size(); ++i) {
    EXPECT_EQ(reader.pending(), i != 0) << i;
    Bytes input = Bytes(stream).subspan(i, 1);
    ASSERT_TRUE(reader.feed(input).ok());
  }
  EXPECT_FALSE(reader.pending());
}

TEST(MessageReader, MayIgnoreWhatNumbersPacketsCarry) {
  MessageReader reader(100);
  reader.ignore_sequence();
  Buffer wire = {1, 0, 0, 7, 'a', 1, 0, 0, 1, 'b'};
  Bytes input(wire);
  auto first = reader.feed(input);
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ(as_text((*first)->payload), "a");
  EXPECT_TRUE((*first)->wire.empty());  // it could not be sent on as it is
  EXPECT_EQ((*first)->last_sequence, 0);
  auto second = reader.feed(input);
  ASSERT_TRUE(second.ok() && second->has_value());
  EXPECT_EQ((*second)->wire.size(), 5u);
  EXPECT_EQ((*second)->last_sequence, 1);
}

TEST(PacketNumbering, NumbersThroughHoweverTheBytesArrive) {
  Buffer expected;
  std::uint8_t sequence = 254;
  append_message(expected, as_bytes("one"), sequence);
  append_message(expected, {}, sequence);
  append_message(expected, as_bytes("three"), sequence);
  Buffer given = expected;
  given[3] = 9;
  given[10] = 9;
  given[14] = 9;
  ASSERT_NE(given, expected);
  for (std::size_t piece = 1; piece <= given.size(); ++piece) {
    Buffer bytes = given;
    PacketNumbering numbering(254);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      numbering.apply(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
    EXPECT_EQ(as_text(bytes), as_text(expected)) << piece;
    EXPECT_EQ(numbering.next(), 1);
  }
}

}  // namespace
}  // namespace crossfade::protocol
