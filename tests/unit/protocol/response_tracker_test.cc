#include "protocol/response_tracker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "tests/support/server_packets.h"
#include "tests/unit/protocol/recorded_responses.h"

namespace crossfade::protocol {
namespace {

constexpr Capabilities kPlainAnswer = kProtocol41;
constexpr Capabilities kDeprecated = kProtocol41 | kDeprecateEof;

std::string describe(const ResultEnd& end) {
  return "kind " + std::to_string(static_cast<int>(end.kind)) + " columns " + std::to_string(end.columns) + " rows " +
         std::to_string(end.rows) + " affected " + std::to_string(end.ok.affected_rows) + " id " +
         std::to_string(end.ok.last_insert_id) + " status " + std::to_string(end.ok.status) + " warnings " +
         std::to_string(end.ok.warnings) + " info '" + end.ok.info + "' state '" + end.ok.session_state + "' error " +
         std::to_string(end.err.code) + " " + end.err.sqlstate + " " + end.err.message;
}

struct Outcome {
  std::vector<std::string> results;  // one text per result
  std::size_t consumed = 0;
  bool done = false;
  absl::Status status;
};

// Feeds `wire` cut at the given places: a piece ends where `piece_end` says.
template <typename PieceEnd>
Outcome track(Bytes wire, ResponseKind kind, Capabilities capabilities, PieceEnd piece_end) {
  ResponseTracker tracker;
  tracker.start(kind, capabilities);
  Outcome outcome;
  std::size_t at = 0;
  while (at < wire.size() && !tracker.done() && !tracker.asks_for_file()) {
    const std::size_t end = std::min(wire.size(), piece_end(at));
    const auto used = tracker.feed(wire.subspan(at, end - at));
    if (!used.ok()) {
      outcome.status = used.status();
      break;
    }
    at += *used;
    if (tracker.result_ended()) {
      outcome.results.push_back(describe(tracker.end()) + " sequence " + std::to_string(tracker.last_sequence()));
      if (tracker.end().more_results()) {
        tracker.next_result();
      }
    } else {
      EXPECT_EQ(at, end) << "the tracker left bytes of an unfinished result";
    }
  }
  outcome.consumed = at;
  outcome.done = tracker.done() || tracker.asks_for_file();
  return outcome;
}

Outcome track_whole(Bytes wire, ResponseKind kind, Capabilities capabilities) {
  return track(wire, kind, capabilities, [&](std::size_t) { return wire.size(); });
}

// Every cut gives the same, and what follows the response is never touched.
Outcome expect_same_at_every_split(const Buffer& response, ResponseKind kind, Capabilities capabilities) {
  Buffer wire = response;
  put_bytes(wire, from_hex("0700000100000002000000"));
  const Outcome whole = track_whole(wire, kind, capabilities);
  EXPECT_TRUE(whole.status.ok()) << whole.status;
  EXPECT_TRUE(whole.done);
  EXPECT_EQ(whole.consumed, response.size());
  const auto expect_same = [&](const Outcome& outcome, const std::string& how) {
    EXPECT_TRUE(outcome.done) << how;
    EXPECT_EQ(outcome.consumed, whole.consumed) << how;
    EXPECT_EQ(outcome.results, whole.results) << how;
  };
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
    expect_same(track(wire, kind, capabilities, [&](std::size_t at) { return at + piece; }),
                "pieces of " + std::to_string(piece));
  }
  for (std::size_t cut = 1; cut < response.size(); ++cut) {
    expect_same(track(wire, kind, capabilities, [&](std::size_t at) { return at < cut ? cut : wire.size(); }),
                "cut at " + std::to_string(cut));
  }
  return whole;
}

// Builds a response packet by packet.
class Exchange {
 public:
  Exchange& add(Bytes payload) {
    append_message(wire_, payload, sequence_);
    return *this;
  }
  Exchange& add_hex(std::string_view hex) { return add(from_hex(hex)); }
  Exchange& columns(std::uint8_t count) {
    add(Bytes(&count, 1));
    return definitions(count);
  }
  Exchange& definitions(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      add(encode_column({.name = "c"}));
    }
    return *this;
  }
  Exchange& eof(std::uint16_t status = kStatusAutocommit, std::uint16_t warnings = 0) {
    return add(encode_eof({.warnings = warnings, .status = status}));
  }
  Exchange& ok_eof(std::uint16_t status = kStatusAutocommit) {
    return add(encode_ok({.status = status}, kDeprecated, 0xfe));
  }
  const Buffer& wire() const { return wire_; }

 private:
  Buffer wire_;
  std::uint8_t sequence_ = 1;
};

ResultEnd end_of(const Buffer& wire, ResponseKind kind, Capabilities capabilities) {
  ResponseTracker tracker;
  tracker.start(kind, capabilities);
  const auto used = tracker.feed(wire);
  EXPECT_TRUE(used.ok()) << used.status();
  EXPECT_TRUE(tracker.result_ended());
  return tracker.end();
}

void expect_violation(const Buffer& wire, ResponseKind kind, Capabilities capabilities) {
  EXPECT_FALSE(track_whole(wire, kind, capabilities).status.ok());
  EXPECT_FALSE(track(wire, kind, capabilities, [](std::size_t at) { return at + 1; }).status.ok());
}

TEST(ResponseTracker, EndsEveryRecordedResponseAtItsLastByteHoweverItIsCut) {
  for (const RecordedResponse& recorded : kRecordedResponses) {
    SCOPED_TRACE(recorded.name);
    expect_same_at_every_split(from_hex(recorded.hex), recorded.kind, recorded.capabilities);
  }
}

TEST(ResponseTracker, ReadsTheSameOfARecordedResponseInBothDialects) {
  std::size_t pairs = 0;
  for (const RecordedResponse& plain : kRecordedResponses) {
    for (const RecordedResponse& deprecated : kRecordedResponses) {
      if (deprecated.name != std::string(plain.name) + ", deprecated EOF" || plain.kind != deprecated.kind ||
          plain.kind == ResponseKind::text) {
        continue;
      }
      SCOPED_TRACE(plain.name);
      const Buffer first = from_hex(plain.hex);
      const Buffer second = from_hex(deprecated.hex);
      const ResultEnd a = end_of(first, plain.kind, plain.capabilities);
      ResultEnd b = end_of(second, deprecated.kind, deprecated.capabilities);
      EXPECT_EQ(a.err.message.empty(), b.err.message.empty());
      b.err.message = a.err.message;  // some name the number of a statement
      EXPECT_EQ(describe(a), describe(b));
      ++pairs;
    }
  }
  EXPECT_GT(pairs, 40u);
}

TEST(ResponseTracker, CountsColumnsAndRowsAndKeepsTheTerminator) {
  const ResultEnd end = end_of(Exchange().columns(2).eof().add_hex("0131fb").add_hex("fb0132").eof(0x22, 5).wire(),
                               ResponseKind::query, kPlainAnswer);
  EXPECT_EQ(end.kind, ResultEnd::Kind::rows);
  EXPECT_EQ(end.columns, 2u);
  EXPECT_EQ(end.rows, 2u);
  EXPECT_EQ(end.ok.status, 0x22);
  EXPECT_EQ(end.ok.warnings, 5);
}

TEST(ResponseTracker, GoesThroughSeveralResultsUntilOneIsTheLast) {
  Exchange exchange;
  exchange.columns(1).eof().add_hex("0131").eof(kStatusMoreResults);
  exchange.add(encode_ok({.affected_rows = 3, .status = kStatusMoreResults}, kPlainAnswer));
  exchange.columns(1).eof().eof();
  const Outcome outcome = expect_same_at_every_split(exchange.wire(), ResponseKind::query, kPlainAnswer);
  ASSERT_EQ(outcome.results.size(), 3u);
  EXPECT_NE(outcome.results[1].find("affected 3"), std::string::npos);
}

TEST(ResponseTracker, StopsAfterAResultAndTakesNothingUntilTheNextIsAsked) {
  const Buffer wire = Exchange().columns(1).eof().eof(kStatusMoreResults).add(encode_ok({}, kPlainAnswer)).wire();
  ResponseTracker tracker;
  tracker.start(ResponseKind::query, kPlainAnswer);
  const auto used = tracker.feed(wire);
  ASSERT_TRUE(used.ok());
  EXPECT_LT(*used, wire.size());
  EXPECT_TRUE(tracker.result_ended());
  EXPECT_FALSE(tracker.done());
  const auto nothing = tracker.feed(Bytes(wire).subspan(*used));
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(*nothing, 0u);
  tracker.next_result();
  EXPECT_FALSE(tracker.result_ended());
  const auto rest = tracker.feed(Bytes(wire).subspan(*used));
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(*used + *rest, wire.size());
  EXPECT_TRUE(tracker.done());
}

TEST(ResponseTracker, EndsWithAnErrorInTheMiddleOfTheRows) {
  Exchange exchange;
  exchange.columns(1).eof().add_hex("0131").add(encode_err({.code = 1317, .sqlstate = "70100", .message = "killed"}));
  expect_same_at_every_split(exchange.wire(), ResponseKind::query, kPlainAnswer);
  const ResultEnd end = end_of(exchange.wire(), ResponseKind::query, kPlainAnswer);
  EXPECT_EQ(end.kind, ResultEnd::Kind::err);
  EXPECT_EQ(end.err.code, 1317);
  EXPECT_EQ(end.rows, 1u);
  EXPECT_FALSE(end.more_results());
}

TEST(ResponseTracker, EndsWithAnErrorInPlaceOfAColumnOrOfTheirEof) {
  const Buffer err = encode_err({.code = 1317, .sqlstate = "70100", .message = "killed"});
  EXPECT_EQ(end_of(Exchange().add_hex("02").definitions(1).add(err).wire(), ResponseKind::query, kPlainAnswer).err.code,
            1317);
  EXPECT_EQ(end_of(Exchange().columns(1).add(err).wire(), ResponseKind::query, kPlainAnswer).err.code, 1317);
}

TEST(ResponseTracker, EndsAfterTheColumnsWhenAnExecutionOpenedACursor) {
  const auto cursor = static_cast<std::uint16_t>(kStatusCursorExists | kStatusAutocommit);
  const Outcome plain =
      expect_same_at_every_split(Exchange().columns(2).eof(cursor).wire(), ResponseKind::execute, kPlainAnswer);
  const Outcome deprecated =
      expect_same_at_every_split(Exchange().columns(2).ok_eof(cursor).wire(), ResponseKind::execute, kDeprecated);
  EXPECT_EQ(plain.results, deprecated.results);
}

TEST(ResponseTracker, TakesACursorStatusWithMoreResultsForThatOfACursorInsideTheProcedure) {
  const auto inside = static_cast<std::uint16_t>(kStatusCursorExists | kStatusMoreResults);
  const Buffer row = from_hex("000001000000");
  const Buffer wire = Exchange().columns(1).eof(inside).add(row).eof(inside).add(encode_ok({}, kPlainAnswer)).wire();
  const Outcome outcome = expect_same_at_every_split(wire, ResponseKind::execute, kPlainAnswer);
  EXPECT_EQ(outcome.results.size(), 2u);
}

TEST(ResponseTracker, DoesNotTakeACursorStatusAsTheEndOfAQuery) {
  const Buffer wire = Exchange().columns(1).eof(kStatusCursorExists).add_hex("0131").eof().wire();
  EXPECT_EQ(end_of(wire, ResponseKind::query, kPlainAnswer).rows, 1u);
}

TEST(ResponseTracker, StopsAtARequestForALocalFile) {
  Exchange exchange;
  exchange.add_hex("fb2f746d702f78");
  expect_same_at_every_split(exchange.wire(), ResponseKind::query, kPlainAnswer);
  EXPECT_EQ(end_of(exchange.wire(), ResponseKind::query, kPlainAnswer).kind, ResultEnd::Kind::local_infile);
}

TEST(ResponseTracker, GoesOnAfterTheFileWithItsResultAndTheNext) {
  ResponseTracker tracker;
  tracker.start(ResponseKind::query, kPlainAnswer);
  const Buffer request = Exchange().add_hex("fb2f746d702f78").wire();
  ASSERT_TRUE(tracker.feed(request).ok());
  EXPECT_TRUE(tracker.asks_for_file());
  EXPECT_FALSE(tracker.done());
  EXPECT_EQ(tracker.last_sequence(), 1);
  tracker.next_result();
  EXPECT_FALSE(tracker.asks_for_file());
  const Ok loaded{.affected_rows = 2, .status = kStatusMoreResults};
  ASSERT_TRUE(tracker.feed(Exchange().add(encode_ok(loaded, kPlainAnswer)).wire()).ok());
  ASSERT_TRUE(tracker.result_ended());
  EXPECT_EQ(tracker.end().ok.affected_rows, 2u);
  EXPECT_FALSE(tracker.done());
  tracker.next_result();
  ASSERT_TRUE(tracker.feed(Exchange().columns(1).eof().add_hex("0131").eof().wire()).ok());
  EXPECT_TRUE(tracker.done());
}

TEST(ResponseTracker, CountsRowsThatStartWithNullOrZero) {
  const Buffer wire = Exchange().columns(1).eof().add_hex("fb").add_hex("00").add_hex("fb").eof().wire();
  EXPECT_EQ(end_of(wire, ResponseKind::query, kPlainAnswer).rows, 3u);
}

TEST(ResponseTracker, TellsARowThatStartsLikeAnEofFromOneByItsSize) {
  const Buffer wire = Exchange().columns(1).eof().add_hex("fe0102030405060708").eof().wire();
  EXPECT_EQ(end_of(wire, ResponseKind::query, kPlainAnswer).rows, 1u);
  expect_same_at_every_split(wire, ResponseKind::query, kPlainAnswer);
}

TEST(ResponseTracker, TakesALongTerminatorWhenEofIsDeprecated) {
  const Ok ok{.status = kStatusSessionStateChanged, .warnings = 2, .info = "hello", .session_state = "abcdef"};
  const Buffer wire = Exchange().columns(1).add_hex("0131").add(encode_ok(ok, kDeprecateEofAndTrack, 0xfe)).wire();
  const ResultEnd end = end_of(wire, ResponseKind::query, kDeprecateEofAndTrack);
  EXPECT_EQ(end.rows, 1u);
  EXPECT_EQ(end.ok.warnings, 2);
  EXPECT_EQ(end.ok.session_state, "abcdef");
}

TEST(ResponseTracker, JoinsThePacketsOfARowOfSeventeenMebibytesInBothDialects) {
  Buffer row = {0xfe};  // as the prefix of a string of eight length bytes
  support::put_u64(row, 17u << 20);
  row.resize(row.size() + (17u << 20), 0xff);
  for (const bool deprecated : {false, true}) {
    Exchange exchange;
    exchange.columns(1);
    if (deprecated) {
      exchange.add(row).add(row).add_hex("0131").ok_eof();
    } else {
      exchange.eof().add(row).add(row).add_hex("0131").eof();
    }
    const Capabilities capabilities = deprecated ? kDeprecated : kPlainAnswer;
    for (const std::size_t piece : {std::size_t{4096}, std::size_t{1} << 24, std::size_t{1} << 30}) {
      const Outcome outcome =
          track(exchange.wire(), ResponseKind::query, capabilities, [&](std::size_t at) { return at + piece; });
      ASSERT_EQ(outcome.results.size(), 1u) << outcome.status;
      EXPECT_NE(outcome.results[0].find("rows 3"), std::string::npos) << outcome.results[0];
      EXPECT_EQ(outcome.consumed, exchange.wire().size());
    }
  }
}

TEST(ResponseTracker, TakesAnEmptyPacketAsTheEndOfARowThatFillsOneExactly) {
  Buffer row = {0xfd, 0xfb, 0xff, 0xff};
  row.resize(kPayloadBytesMax, 'x');
  Exchange exchange;
  exchange.columns(1).add(row).add_hex("0131").ok_eof();
  EXPECT_EQ(end_of(exchange.wire(), ResponseKind::query, kDeprecated).rows, 2u);
  const Outcome outcome =
      track(exchange.wire(), ResponseKind::query, kDeprecated, [](std::size_t at) { return at + kPayloadBytesMax; });
  EXPECT_EQ(outcome.consumed, exchange.wire().size());
  EXPECT_NE(outcome.results.at(0).find("rows 2"), std::string::npos);
}

TEST(ResponseTracker, DropsTheTailOfAnOkThatIsTooLargeToKeep) {
  Ok ok{
      .affected_rows = 9, .status = kStatusSessionStateChanged, .info = "i", .session_state = std::string(70000, 's')};
  for (const std::size_t bytes : {std::size_t{65000}, std::size_t{70000}}) {
    ok.session_state.resize(bytes);
    const Buffer wire = Exchange().add(encode_ok(ok, kTrack)).wire();
    const ResultEnd end = end_of(wire, ResponseKind::query, kTrack);
    EXPECT_EQ(end.kind, ResultEnd::Kind::ok);
    EXPECT_EQ(end.ok.affected_rows, 9u);
    EXPECT_EQ(end.ok.session_state.size(), bytes == 65000 ? bytes : 0u);
    const Outcome outcome = track(wire, ResponseKind::query, kTrack, [](std::size_t at) { return at + 1000; });
    EXPECT_EQ(outcome.consumed, wire.size());
  }
}

TEST(ResponseTracker, CutsAnErrorMessageThatIsTooLargeToKeep) {
  const Buffer wire = Exchange().add(encode_err({.code = 1, .message = std::string(100000, 'm')})).wire();
  const ResultEnd end = end_of(wire, ResponseKind::ok_or_err, kPlainAnswer);
  EXPECT_EQ(end.err.code, 1);
  EXPECT_EQ(end.err.message.size(), 65536u - 9);
}

TEST(ResponseTracker, TakesAPreparedStatementInEveryShapeAndDialect) {
  for (const std::uint16_t parameters : std::initializer_list<std::uint16_t>{0, 1, 3}) {
    for (const std::uint16_t columns : std::initializer_list<std::uint16_t>{0, 1, 2}) {
      for (const bool deprecated : {false, true}) {
        Exchange exchange;
        exchange.add(support::encode_prepare_ok(
            {.statement_id = 7, .columns = columns, .parameters = parameters, .warnings = 4}));
        exchange.definitions(parameters);
        if (parameters > 0 && !deprecated) {
          exchange.eof();
        }
        exchange.definitions(columns);
        if (columns > 0 && !deprecated) {
          exchange.eof();
        }
        const Capabilities capabilities = deprecated ? kDeprecated : kPlainAnswer;
        expect_same_at_every_split(exchange.wire(), ResponseKind::prepare, capabilities);
        const ResultEnd end = end_of(exchange.wire(), ResponseKind::prepare, capabilities);
        EXPECT_EQ(end.kind, ResultEnd::Kind::prepared);
        EXPECT_EQ(end.columns, columns);
        EXPECT_EQ(end.ok.warnings, 4);
      }
    }
  }
}

TEST(ResponseTracker, CountsTheDefinitionsOfAFieldList) {
  const ResultEnd end = end_of(Exchange().definitions(3).eof().wire(), ResponseKind::field_list, kPlainAnswer);
  EXPECT_EQ(end.kind, ResultEnd::Kind::rows);
  EXPECT_EQ(end.columns, 3u);
  EXPECT_EQ(end_of(Exchange().eof().wire(), ResponseKind::field_list, kPlainAnswer).columns, 0u);
}

TEST(ResponseTracker, TakesOnePacketOfTextEvenWhenItIsEmpty) {
  EXPECT_EQ(end_of(Exchange().add(as_bytes("Uptime: 1")).wire(), ResponseKind::text, kPlainAnswer).kind,
            ResultEnd::Kind::text);
  EXPECT_EQ(end_of(Exchange().add({}).wire(), ResponseKind::text, kPlainAnswer).kind, ResultEnd::Kind::text);
  EXPECT_EQ(end_of(Exchange().add(encode_err({.code = 5})).wire(), ResponseKind::text, kPlainAnswer).err.code, 5);
}

TEST(ResponseTracker, TakesAnOkAnEofAndAnErrorAsTheAnswerToSetOption) {
  EXPECT_EQ(end_of(Exchange().eof(2, 1).wire(), ResponseKind::eof_or_err, kPlainAnswer).ok.warnings, 1);
  EXPECT_EQ(end_of(Exchange().ok_eof().wire(), ResponseKind::eof_or_err, kDeprecated).kind, ResultEnd::Kind::ok);
  EXPECT_EQ(end_of(Exchange().add(encode_ok({}, kPlainAnswer)).wire(), ResponseKind::eof_or_err, kPlainAnswer).kind,
            ResultEnd::Kind::ok);
  EXPECT_EQ(end_of(Exchange().add(encode_err({.code = 5})).wire(), ResponseKind::eof_or_err, kPlainAnswer).err.code, 5);
}

TEST(ResponseTracker, KnowsTheLastSequenceNumberEvenPastTheWrapAround) {
  Exchange exchange;
  exchange.columns(1).eof();
  for (int i = 0; i < 300; ++i) {
    exchange.add_hex("0131");
  }
  exchange.eof();
  ResponseTracker tracker;
  tracker.start(ResponseKind::query, kPlainAnswer);
  ASSERT_TRUE(tracker.feed(exchange.wire()).ok());
  EXPECT_EQ(tracker.end().rows, 300u);
  EXPECT_EQ(tracker.last_sequence(), static_cast<std::uint8_t>(304));
  ASSERT_TRUE(tracker.feed({}).ok());
}

TEST(ResponseTracker, IsDoneBeforeItIsStartedAndStartsAfreshAfterACutResponse) {
  ResponseTracker tracker;
  EXPECT_TRUE(tracker.done());
  tracker.start(ResponseKind::query, kPlainAnswer);
  const Buffer wire = Exchange().columns(3).wire();
  ASSERT_TRUE(tracker.feed(Bytes(wire).first(wire.size() - 3)).ok());
  tracker.start(ResponseKind::ok_or_err, kPlainAnswer);
  const Buffer ok = Exchange().add(encode_ok({.affected_rows = 2}, kPlainAnswer)).wire();
  ASSERT_TRUE(tracker.feed(ok).ok());
  EXPECT_TRUE(tracker.done());
  EXPECT_EQ(tracker.end().ok.affected_rows, 2u);
}

TEST(ResponseTracker, FailsOnAFirstPacketThatTheCommandCannotHave) {
  expect_violation(Exchange().add_hex("01").wire(), ResponseKind::ok_or_err, kPlainAnswer);
  expect_violation(Exchange().eof().wire(), ResponseKind::ok_or_err, kPlainAnswer);
  expect_violation(Exchange().add_hex("01").wire(), ResponseKind::eof_or_err, kPlainAnswer);
  expect_violation(Exchange().add_hex("fe00000200").wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().add_hex("0100").wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().add_hex("fc0000").wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().add_hex("00").wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().add_hex("ff").wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().add_hex("0001").wire(), ResponseKind::prepare, kPlainAnswer);
}

TEST(ResponseTracker, FailsWhenSomethingElseStandsWhereAnEofMust) {
  expect_violation(Exchange().columns(1).add_hex("0131").wire(), ResponseKind::query, kPlainAnswer);
  const PrepareOk one_parameter{.parameters = 1};
  expect_violation(Exchange().add(support::encode_prepare_ok(one_parameter)).definitions(2).wire(),
                   ResponseKind::prepare, kPlainAnswer);
}

TEST(ResponseTracker, FailsOnAnEmptyPacketAndOnAMalformedTerminator) {
  expect_violation(Exchange().add({}).wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().columns(1).eof().add({}).wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().columns(1).eof().add_hex("fe00").wire(), ResponseKind::query, kPlainAnswer);
  expect_violation(Exchange().columns(1).add_hex("fe0000000000").wire(), ResponseKind::query, kDeprecated);
  expect_violation(Exchange().columns(1).eof().add_hex("ff01").wire(), ResponseKind::query, kPlainAnswer);
}

}  // namespace
}  // namespace crossfade::protocol
