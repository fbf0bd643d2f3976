#include "protocol/session_track.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/packet.h"
#include "protocol/response_tracker.h"
#include "protocol/session_track_filter.h"

namespace crossfade::protocol {
namespace {

constexpr Capabilities kServer = kProtocol41 | kSessionTrack | kDeprecateEof;

Buffer item(std::uint8_t type, const Buffer& content) {
  Buffer out;
  put_u8(out, type);
  put_lenenc(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}
Buffer variable(std::string_view name, std::string_view value) {
  Buffer content;
  put_lenenc_text(content, name);
  put_lenenc_text(content, value);
  return item(0, content);
}
Buffer schema(std::string_view name) {
  Buffer content;
  put_lenenc_text(content, name);
  return item(1, content);
}
Buffer state_change() {
  Buffer content;
  put_lenenc_text(content, "1");
  return item(2, content);
}
Buffer gtids(std::string_view text) {
  Buffer content;
  put_u8(content, 0);
  put_lenenc_text(content, text);
  return item(3, content);
}
Buffer joined(const std::vector<Buffer>& parts) {
  Buffer out;
  for (const Buffer& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

OwnTracking mysql() {
  OwnTracking own;
  own.gtid = OwnTracking::Gtid::item;
  own.state_change_item = OwnTracking::ClientSees::removed;
  return own;
}
OwnTracking mariadb() {
  OwnTracking own = mysql();
  own.gtid = OwnTracking::Gtid::variable;
  return own;
}

TEST(SessionTrack, OnMySqlTheGtidItemIsReadAndRemoved) {
  const Buffer block = joined({schema("shop"), gtids("aa-bb:7"), state_change(), variable("autocommit", "ON")});
  const auto track = read_session_track(block, mysql());
  ASSERT_TRUE(track.ok());
  EXPECT_EQ(track->gtid, "aa-bb:7");
  EXPECT_TRUE(track->state_changed);
  EXPECT_EQ(track->others, joined({schema("shop"), variable("autocommit", "ON")}));
}

TEST(SessionTrack, OfSeveralGtidsTheLastIsTheOneToWaitFor) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"aa-bb:20-21", "aa-bb:21"},
                                                                 {"aa-bb:1-3:7", "aa-bb:7"},
                                                                 {"aa-bb:tag:4-5", "aa-bb:tag:5"},
                                                                 {"aa-bb:7", "aa-bb:7"}};
  for (const auto& [told, last] : cases) {
    const auto track = read_session_track(gtids(told), mysql());
    ASSERT_TRUE(track.ok()) << told;
    EXPECT_EQ(track->gtid, last);
  }
  EXPECT_FALSE(read_session_track(gtids("aa:1,bb:2"), mysql()).ok());
}

TEST(SessionTrack, OnMariaDbTheVariableLastGtidIsReadAndRemovedAloneOrAmongOthers) {
  Buffer two;
  put_lenenc_text(two, "last_gtid");
  put_lenenc_text(two, "0-1-54");
  put_lenenc_text(two, "time_zone");
  put_lenenc_text(two, "UTC");
  for (const Buffer& block : {joined({variable("time_zone", "UTC"), variable("last_gtid", "0-1-54")}), item(0, two)}) {
    const auto track = read_session_track(block, mariadb());
    ASSERT_TRUE(track.ok());
    EXPECT_EQ(track->gtid, "0-1-54");
    EXPECT_FALSE(track->state_changed);
    EXPECT_EQ(track->others, variable("time_zone", "UTC"));
  }
}

TEST(SessionTrack, WhatTheClientHasAskedForStays) {
  OwnTracking own = mysql();
  own.gtid_item = own.state_change_item = OwnTracking::ClientSees::left;
  const Buffer block = joined({gtids("aa:7"), state_change()});
  const auto track = read_session_track(block, own);
  ASSERT_TRUE(track.ok());
  EXPECT_EQ(track->gtid, "aa:7");
  EXPECT_EQ(track->others, block);
}

TEST(SessionTrack, ACutBlockIsAnError) {
  const Buffer block = joined({gtids("aa-bb:7"), variable("last_gtid", "0-1-54")});
  for (std::size_t size = 1; size < block.size(); ++size) {
    const bool between = size == gtids("aa-bb:7").size();
    EXPECT_EQ(read_session_track(Bytes(block).first(size), mysql()).ok(), between) << size;
  }
  Buffer content;
  put_lenenc_text(content, "last_gtid");
  EXPECT_FALSE(read_session_track(item(0, content), mariadb()).ok());
}

// A response of several results, with and without what only the proxy asked for.
class Response {
 public:
  explicit Response(Capabilities capabilities) : capabilities_(capabilities) {}
  void ok(Buffer told, Buffer left, std::uint16_t more, std::uint8_t header = 0x00) {
    Ok ok;
    ok.affected_rows = 300;
    ok.info = header == 0x00 ? "Rows matched: 1" : "";
    ok.status = static_cast<std::uint16_t>(kStatusAutocommit | more);
    put(server_, ok, std::move(told), header);
    put(client_, ok, std::move(left), header);
  }
  void rows(std::size_t count, std::size_t bytes) {
    message(Buffer{1});
    message(encode_column({.name = "a"}));
    if ((capabilities_ & kDeprecateEof) == 0) message(encode_eof({}));
    Buffer row;
    put_lenenc_text(row, std::string(bytes, 'x'));
    for (std::size_t i = 0; i < count; ++i) message(row);
  }
  void eof(std::uint16_t more) { message(encode_eof({.status = static_cast<std::uint16_t>(2 | more)})); }
  void err() { message(encode_err({.code = 1062, .sqlstate = "23000", .message = "no"})); }
  const Buffer& server() const { return server_.wire; }
  const Buffer& client() const { return client_.wire; }

 private:
  struct Side {
    Buffer wire;
    std::uint8_t sequence = 1;
  };
  void message(const Buffer& payload) {
    append_message(server_.wire, payload, server_.sequence);
    append_message(client_.wire, payload, client_.sequence);
  }
  void put(Side& side, Ok ok, Buffer state, std::uint8_t header) const {
    if (!state.empty()) ok.status |= kStatusSessionStateChanged;
    ok.session_state = as_text(state);
    append_message(side.wire, encode_ok(ok, capabilities_, header), side.sequence);
  }
  Capabilities capabilities_;
  Side server_, client_;
};

struct Passed {
  Buffer out;
  ToldBySession told;
};

// In pieces of `size` bytes, the first one of `first`.
Passed pass(const Buffer& wire, const SessionTrackFilter::Options& options, std::size_t first, std::size_t size) {
  Passed passed;
  SessionTrackFilter filter;
  filter.begin(options);
  ResponseTracker tracker;
  tracker.start(ResponseKind::query, options.server);
  for (std::size_t at = 0; at < wire.size();) {
    const std::size_t end = std::min(wire.size(), at + (at == 0 ? first : size));
    Buffer piece(wire.begin() + static_cast<std::ptrdiff_t>(at), wire.begin() + static_cast<std::ptrdiff_t>(end));
    filter.begin_piece(piece);
    Bytes input = piece;
    while (!input.empty()) {
      const auto used = tracker.feed(input);
      EXPECT_TRUE(used.ok()) << used.status();
      if (!used.ok()) return passed;
      input = input.subspan(*used);
      if (tracker.result_ended()) filter.on_result_end(piece.size() - input.size(), tracker);
      if (tracker.done()) break;
      if (tracker.result_ended()) tracker.next_result();
    }
    EXPECT_TRUE(input.empty());
    const auto ready = filter.end_piece(piece.size(), tracker);
    passed.out.insert(passed.out.end(), ready.begin(), ready.end());
    at = end;
  }
  EXPECT_TRUE(tracker.done());
  passed.told = filter.told();
  return passed;
}

void expect_everywhere(const Response& response, const SessionTrackFilter::Options& options, std::string_view gtid) {
  const Buffer& wire = response.server();
  for (std::size_t first = 1; first <= wire.size(); ++first) {
    const Passed passed = pass(wire, options, first, wire.size());
    EXPECT_EQ(passed.out, response.client()) << "cut at " << first;
    EXPECT_EQ(passed.told.gtid, gtid) << "cut at " << first;
    EXPECT_FALSE(passed.told.unclear);
  }
  for (const std::size_t size : {1u, 2u, 3u, 5u, 7u, 11u}) {
    const Passed passed = pass(wire, options, size, size);
    EXPECT_EQ(passed.out, response.client()) << "pieces of " << size;
    EXPECT_EQ(passed.told.gtid, gtid) << "pieces of " << size;
  }
}

TEST(SessionTrackFilter, AClientThatDidNotAskGetsAnOkWithoutAnyStateWhereverTheBytesAreCut) {
  Response one(kServer);
  one.ok(joined({schema("shop"), gtids("aa-bb:7")}), {}, 0);
  expect_everywhere(one, {.server = kServer, .own = mysql()}, "aa-bb:7");
  Response plain(kServer);
  plain.ok({}, {}, 0);
  expect_everywhere(plain, {.server = kServer, .own = mysql()}, "");
}

TEST(SessionTrackFilter, AClientThatAskedLosesTheProxysOwnItemsOnly) {
  Response some(kServer);
  some.ok(joined({variable("last_gtid", "0-1-5"), schema("shop")}), schema("shop"), 0);
  expect_everywhere(some, {.server = kServer, .client = SessionTrackFilter::Client::asked, .own = mariadb()}, "0-1-5");
  Response all(kServer);
  all.ok(joined({variable("last_gtid", "0-1-5"), state_change()}), {}, 0);
  expect_everywhere(all, {.server = kServer, .client = SessionTrackFilter::Client::asked, .own = mariadb()}, "0-1-5");
}

TEST(SessionTrackFilter, EveryResultOfAResponseIsGoneThroughAndTheLastGtidCounts) {
  Response several(kServer);
  several.ok(gtids("aa:1"), {}, kStatusMoreResults);
  several.rows(3, 40);
  several.ok(gtids("aa:2"), {}, kStatusMoreResults, 0xfe);
  several.ok({}, {}, 0);
  expect_everywhere(several, {.server = kServer, .own = mysql()}, "aa:2");
  Response failing(kServer);
  failing.ok(gtids("aa:1"), {}, kStatusMoreResults);
  failing.err();
  expect_everywhere(failing, {.server = kServer, .own = mysql()}, "aa:1");
}

TEST(SessionTrackFilter, RowsThatEndWithAnEofPassAsTheyAre) {
  constexpr Capabilities kOld = kServer & ~kDeprecateEof;
  Response rows(kOld);
  rows.rows(2, 10);
  rows.eof(kStatusMoreResults);
  rows.ok(gtids("aa:9"), {}, 0);
  expect_everywhere(rows, {.server = kOld, .own = mysql()}, "aa:9");
}

TEST(SessionTrackFilter, MariaDbsFlagInAnEofIsTakenOutToo) {
  constexpr Capabilities kOld = kServer & ~kDeprecateEof;
  const auto answer = [](std::uint16_t status) {
    Response rows(kOld);
    rows.rows(1, 10);
    rows.eof(status);
    return rows.server();
  };
  const Buffer wire = answer(kStatusSessionStateChanged);
  for (std::size_t first = 1; first <= wire.size(); ++first) {
    const Passed passed = pass(wire, {.server = kOld, .own = mariadb()}, first, wire.size());
    EXPECT_EQ(passed.out, answer(0)) << first;
    EXPECT_FALSE(passed.told.unclear);
  }
}

TEST(SessionTrackFilter, ARowOfSixteenMebibytesInFrontChangesNothing) {
  Response large(kServer);
  large.rows(1, kPayloadBytesMax + 10);
  large.ok(gtids("aa:9"), {}, 0, 0xfe);
  const Passed passed = pass(large.server(), {.server = kServer, .own = mysql()}, 16384, 16384);
  EXPECT_TRUE(passed.out == large.client());
  EXPECT_EQ(passed.told.gtid, "aa:9");
}

TEST(SessionTrackFilter, AStateThatCannotBeReadIsUnclearAndLeftOutAllTheSame) {
  Response odd(kServer);
  odd.ok(Buffer{0x03, 0x7f}, {}, 0);
  const Passed passed = pass(odd.server(), {.server = kServer, .own = mysql()}, 1000, 1000);
  EXPECT_EQ(passed.out, odd.client());
  EXPECT_TRUE(passed.told.unclear);
}

}  // namespace
}  // namespace crossfade::protocol
