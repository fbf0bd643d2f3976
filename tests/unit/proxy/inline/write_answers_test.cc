#include "proxy/inline/write_answers.h"

#include <gtest/gtest.h>

#include "protocol/capabilities.h"
#include "protocol/packet.h"

namespace crossfade::proxy {
namespace {

using namespace std::string_literals;

constexpr std::uint16_t kTracked = protocol::kStatusAutocommit | protocol::kStatusSessionStateChanged;

protocol::Ok inside(std::string session_state) {
  protocol::Ok ok;
  ok.affected_rows = 3;
  ok.status = kTracked | protocol::kStatusInTransaction | protocol::kStatusMoreResults;
  ok.session_state = std::move(session_state);
  return unwrapped(std::move(ok));
}

const std::string kSchema = "\x01\x04\x03"s + "app";
const std::string kState = "\x05\x09\x08"s + "T___W___";
const std::string kCharacteristics = "\x04\x13\x12"s + "START TRANSACTION;";

TEST(WriteAnswers, AnUnwrappedOkTellsNothingOfTheTransaction) {
  EXPECT_EQ(inside(kState).status, protocol::kStatusAutocommit);
  EXPECT_EQ(inside(kState).session_state, "");
  EXPECT_EQ(inside(kState + kCharacteristics).session_state, "");
  EXPECT_EQ(inside(kState).affected_rows, 3u);
}

TEST(WriteAnswers, AnUnwrappedOkKeepsWhatElseIsTracked) {
  EXPECT_EQ(inside(kSchema + kState + kSchema + kCharacteristics).session_state, kSchema + kSchema);
  EXPECT_EQ(inside(kSchema + kState).status, kTracked);
  // What cannot be read stays as it is.
  EXPECT_EQ(inside(kSchema + kState + "\x02\x20").session_state, kSchema + kState + "\x02\x20");
}

// One result of one column: `row` and the ending that the dialect has.
protocol::Buffer result_of(protocol::Bytes row, protocol::Capabilities capabilities) {
  constexpr std::uint16_t kInside = protocol::kStatusAutocommit | protocol::kStatusInTransaction;
  const bool deprecate_eof = (capabilities & protocol::kDeprecateEof) != 0;
  protocol::Buffer out;
  std::uint8_t sequence = 7;
  protocol::append_message(out, protocol::Buffer{1}, sequence);
  protocol::append_message(out, protocol::encode_column({.name = "v"}), sequence);
  protocol::Eof eof;
  eof.status = kInside | protocol::kStatusMoreResults;
  if (!deprecate_eof) protocol::append_message(out, protocol::encode_eof(eof), sequence);
  protocol::append_message(out, row, sequence);
  protocol::Ok ok;
  ok.status = eof.status;
  ok.affected_rows = 300;  // takes three bytes
  protocol::append_message(out, deprecate_eof ? protocol::encode_ok(ok, capabilities, 0xfe) : protocol::encode_eof(eof),
                           sequence);
  return out;
}

// The bytes of a row may look like an EOF: at the beginning of its second packet, or at its own.
TEST(WriteAnswers, AResultThatStandsAloneKeepsEachByteOfItsRows) {
  for (const protocol::Capabilities capabilities : {protocol::Capabilities{0}, protocol::kDeprecateEof}) {
    for (const std::size_t bytes : {std::size_t{16'777'220}, std::size_t{16'777'215}, std::size_t{16'777'216}}) {
      const protocol::Buffer row(bytes, 0xfe);
      const protocol::Buffer alone = standalone(result_of(row, capabilities), capabilities);
      protocol::MessageReader reader(std::size_t{64} << 20);
      reader.expect_sequence(1);
      std::vector<protocol::Buffer> messages;
      for (protocol::Bytes input(alone); !input.empty();) {
        const auto message = reader.feed(input);
        ASSERT_TRUE(message.ok() && message->has_value()) << message.status();
        messages.emplace_back((*message)->payload.begin(), (*message)->payload.end());
      }
      const bool deprecate_eof = capabilities != 0;
      ASSERT_EQ(messages.size(), deprecate_eof ? 4u : 5u);
      EXPECT_TRUE(messages[messages.size() - 2] == row) << bytes;
      protocol::ResponseTracker tracker;
      tracker.start(protocol::ResponseKind::query, capabilities);
      ASSERT_TRUE(tracker.feed(alone).ok());
      EXPECT_TRUE(tracker.done());
      EXPECT_EQ(tracker.end().ok.status, protocol::kStatusAutocommit);
      EXPECT_EQ(tracker.end().rows, 1u);
      if (!deprecate_eof) {
        EXPECT_EQ(protocol::decode_eof(messages[2])->status, protocol::kStatusAutocommit);
      }
    }
  }
}

// Of whatever a server says nothing is read past its end.
TEST(WriteAnswers, WhatIsNoResultIsLeftAsItIs) {
  EXPECT_EQ(standalone({}, 0), protocol::Buffer{});
  for (const protocol::Buffer& wire :
       {protocol::Buffer{1, 0, 0}, protocol::Buffer{0, 0, 0, 1}, protocol::Buffer{9, 0, 0, 1, 0xfe},
        protocol::Buffer{1, 0, 0, 1, 0xfe}, protocol::Buffer{1, 0, 0, 1, 0xff},
        protocol::Buffer{5, 0, 0, 1, 0xfe, 0, 0, 0, 0}}) {
    EXPECT_EQ(standalone(wire, 0).size(), wire.size());
  }
}

}  // namespace
}  // namespace crossfade::proxy
