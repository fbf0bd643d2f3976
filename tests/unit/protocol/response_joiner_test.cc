#include "protocol/response_joiner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/packet.h"
#include "protocol/wire.h"

namespace crossfade::protocol {
namespace {

using Follows = ResponseJoiner::Follows;

Buffer packet(std::uint8_t sequence, const Buffer& payload) {
  Buffer out;
  append_message(out, payload, sequence);
  return out;
}

Buffer ok_payload(std::uint8_t head, std::uint64_t affected, std::uint64_t insert_id, std::uint16_t status) {
  Buffer out;
  put_u8(out, head);
  put_lenenc(out, affected);
  put_lenenc(out, insert_id);
  put_u16(out, status);
  put_u16(out, 0);
  return out;
}

Buffer eof_payload(std::uint16_t status) {
  Buffer out;
  put_u8(out, 0xfe);
  put_u16(out, 0x0808);  // warnings that look like flags
  put_u16(out, status);
  return out;
}

Buffer err_payload() {
  Buffer out;
  put_u8(out, 0xff);
  put_u16(out, 1064);
  put_text(out, "#42000near ''");
  return out;
}

void append(Buffer& out, const Buffer& more) { out.insert(out.end(), more.begin(), more.end()); }

// A result of one column: count, definition, [EOF], rows, terminator; numbered from `sequence`.
Buffer rows(const std::vector<Buffer>& cells, std::uint16_t status, Capabilities capabilities, std::uint8_t sequence) {
  Buffer out;
  append(out, packet(sequence++, Buffer{1}));
  append(out, packet(sequence++, Buffer{3, 'd', 'e', 'f'}));
  if ((capabilities & kDeprecateEof) == 0) append(out, packet(sequence++, eof_payload(status)));
  for (const Buffer& cell : cells) append(out, packet(sequence++, cell));
  append(out, packet(sequence++,
                     (capabilities & kDeprecateEof) != 0 ? ok_payload(0xfe, 0, 0, status) : eof_payload(status)));
  return out;
}

std::string fed(std::vector<Buffer> responses, Capabilities capabilities, std::size_t step) {
  ResponseJoiner joiner;
  joiner.begin(capabilities);
  std::string out;
  for (std::size_t i = 0; i < responses.size(); ++i) {
    joiner.next_response(i + 1 < responses.size() ? Follows::another : Follows::nothing);
    std::span<std::uint8_t> left(responses[i]);
    while (!left.empty()) {
      const std::span<std::uint8_t> piece = left.first(std::min(step, left.size()));
      EXPECT_TRUE(joiner.feed(piece).ok());
      out.append(piece.begin(), piece.end());
      left = left.subspan(piece.size());
    }
    EXPECT_TRUE(joiner.done());
  }
  joiner.end();
  return out;
}

std::string text(const std::vector<Buffer>& parts) {
  std::string out;
  for (const Buffer& part : parts) out.append(part.begin(), part.end());
  return out;
}

TEST(ResponseJoiner, NumbersPacketsThroughAndSaysThatMoreFollowsWhateverTheChunks) {
  for (const Capabilities capabilities : {Capabilities{0}, kDeprecateEof}) {
    const std::uint8_t eof = (capabilities & kDeprecateEof) != 0 ? 0 : 1;
    // Cells that look like terminators: an empty string (0x00), NULL (0xfb).
    const std::vector<Buffer> cells = {Buffer{0}, Buffer{0xfb}, Buffer{1, 0xfe}};
    const std::vector<Buffer> in = {packet(1, ok_payload(0, 1, 300, 0x0002)), rows(cells, 0x0003, capabilities, 1),
                                    packet(1, ok_payload(0, 70000, 1ull << 40, 0x4002)),
                                    rows({}, 0x0002, capabilities, 1)};
    const std::vector<Buffer> out = {
        packet(1, ok_payload(0, 1, 300, 0x000a)), rows(cells, 0x000b, capabilities, 2),
        packet(static_cast<std::uint8_t>(8 + eof), ok_payload(0, 70000, 1ull << 40, 0x400a)),
        rows({}, 0x0002, capabilities, static_cast<std::uint8_t>(9 + eof))};
    for (std::size_t step = 1; step <= text(in).size(); ++step) {
      EXPECT_EQ(fed(in, capabilities, step), text(out)) << "in steps of " << step;
    }
  }
}

TEST(ResponseJoiner, AllResultsOfOneStatementAreFollowedByTheNextStatement) {
  // As of a CALL: a result set, its status saying that more comes, and an OK.
  Buffer call = rows({Buffer{1, '1'}}, 0x000a, kDeprecateEof, 1);
  append(call, packet(5, ok_payload(0, 0, 0, 0x0002)));
  Buffer joined = rows({Buffer{1, '1'}}, 0x000a, kDeprecateEof, 1);
  append(joined, packet(5, ok_payload(0, 0, 0, 0x000a)));
  const std::string expected = text({joined, packet(6, ok_payload(0, 0, 0, 0x0002))});
  for (const std::size_t step : {1u, 2u, 3u, 7u, 1000u}) {
    EXPECT_EQ(fed({call, packet(1, ok_payload(0, 0, 0, 0x0002))}, kDeprecateEof, step), expected);
  }
  // The last statement's own flags stay as they are.
  EXPECT_EQ(fed({call}, kDeprecateEof, 3), text({call}));
}

TEST(ResponseJoiner, AnErrorCarriesNoFlagsAndIsSeen) {
  ResponseJoiner joiner;
  joiner.begin(kDeprecateEof);
  joiner.next_response(Follows::another);
  Buffer err = packet(1, err_payload());
  const Buffer before = err;
  ASSERT_TRUE(joiner.feed(err).ok());
  EXPECT_EQ(err, before);
  EXPECT_TRUE(joiner.done());
  EXPECT_EQ(joiner.last_end().kind, ResultEnd::Kind::err);
}

TEST(ResponseJoiner, SequenceNumbersWrapAndMessagesPast16MiBAreNumberedInAllTheirPackets) {
  Buffer big(kPayloadBytesMax + 10, 0xaa);
  big[0] = 0xfd;  // a long string's length prefix
  Buffer wide = rows({big}, 0x0002, kDeprecateEof, 1);
  ResponseJoiner joiner;
  joiner.begin(kDeprecateEof, 254);
  joiner.next_response(Follows::another);
  ASSERT_TRUE(joiner.feed(wide).ok());
  EXPECT_TRUE(joiner.done());
  EXPECT_EQ(joiner.next_sequence(), 3);  // 254 255 0 1 2: count, column, two of the row, end
  EXPECT_EQ(wide[wide.size() - 8], 2);
  EXPECT_EQ(wide[wide.size() - 4], 0x0a);
}

TEST(ResponseJoiner, WhatIsNotAskedForIsAnError) {
  ResponseJoiner joiner;
  joiner.begin(kDeprecateEof);
  joiner.next_response(Follows::nothing);
  Buffer ok = packet(1, ok_payload(0, 0, 0, 2));
  Buffer again = ok;
  ASSERT_TRUE(joiner.feed(ok).ok());
  EXPECT_FALSE(joiner.feed(again).ok());
}

TEST(ResponseJoiner, AClientThatSendsAFileInBetweenIsCountedOn) {
  ResponseJoiner joiner;
  joiner.begin(kDeprecateEof);
  joiner.next_response(Follows::another);
  Buffer request = packet(1, Buffer{0xfb, 'f'});
  ASSERT_TRUE(joiner.feed(request).ok());
  EXPECT_EQ(joiner.last_end().kind, ResultEnd::Kind::local_infile);
  EXPECT_FALSE(joiner.done());
  joiner.set_next_sequence(4);
  Buffer ok = packet(4, ok_payload(0, 2, 0, 0x0002));
  ASSERT_TRUE(joiner.feed(ok).ok());
  EXPECT_EQ(ok, packet(4, ok_payload(0, 2, 0, 0x000a)));
}

}  // namespace
}  // namespace crossfade::protocol
