#include "dualwrite/gtid_events.h"

#include <bit>
#include <string_view>

namespace crossfade::dualwrite {

using protocol::Bytes;
using protocol::Reader;

namespace {

constexpr std::size_t kUuidBytes = 16;

std::string uuid_text(Bytes uuid) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4];
    text += kDigits[uuid[i] & 0x0f];
  }
  return text;
}

// As many ones as there are further bytes in the lowest bits of the first, a zero, and the number, lowest bits first.
std::uint64_t read_variable(Reader& reader) {
  const std::uint8_t first = reader.u8();
  const int more = std::countr_one(first);
  if (more >= 8) return reader.u64();
  std::uint64_t value = more == 7 ? 0 : static_cast<std::uint64_t>(first >> (more + 1));
  for (int i = 0; i < more; ++i) value |= static_cast<std::uint64_t>(reader.u8()) << (7 - more + 8 * i);
  return value;
}
// The sign is the lowest bit.
std::int64_t read_variable_signed(Reader& reader) {
  const std::uint64_t coded = read_variable(reader);
  return static_cast<std::int64_t>(coded >> 1 ^ (0 - (coded & 1)));
}

absl::Status cut_off_gtid() { return absl::InvalidArgumentError("cut off or malformed"); }

}  // namespace

absl::StatusOr<GtidEvent> decode_mariadb_gtid(const FramedEvent& event) {
  constexpr std::uint8_t kStandalone = 0x01;
  constexpr std::uint8_t kCommitId = 0x02;
  constexpr std::uint8_t kPreparedXa = 0x40;
  constexpr std::uint8_t kCompletedXa = 0x80;
  constexpr std::uint8_t kAlterBegins = 0x02;
  constexpr std::uint8_t kAlterRolledBack = 0x08;
  Reader reader(event.body);
  const std::uint64_t number = reader.u64();
  const std::uint32_t domain = reader.u32();
  const std::uint8_t flags = reader.u8();
  if ((flags & kCommitId) != 0) reader.skip(8);
  GtidEvent found;
  found.gtid = std::to_string(domain) + "-" + std::to_string(event.header.server_id) + "-" + std::to_string(number);
  found.follows = (flags & kStandalone) != 0 ? GtidEvent::Follows::statement : GtidEvent::Follows::rows;
  if ((flags & (kPreparedXa | kCompletedXa)) != 0) {
    found.xid = read_gtid_xid(reader);
    if (!found.xid) return cut_off_gtid();
    found.follows = (flags & kPreparedXa) != 0 ? GtidEvent::Follows::prepared : GtidEvent::Follows::completed;
  }
  if (reader.failed()) return cut_off_gtid();
  // binlog_alter_two_phase: the statement is logged when it begins, and again when it has come to its end.
  if ((reader.peek() & (kAlterBegins | kAlterRolledBack)) != 0) found.follows = GtidEvent::Follows::announcement;
  return found;
}

absl::StatusOr<GtidEvent> decode_mysql_gtid(const FramedEvent& event) {
  Reader reader(event.body);
  reader.skip(1);
  const Bytes uuid = reader.take(kUuidBytes);
  const std::uint64_t number = reader.u64();
  if (reader.failed()) return cut_off_gtid();
  if (event.header.type == static_cast<std::uint8_t>(EventType::anonymous_gtid)) return GtidEvent{};
  return GtidEvent{.gtid = uuid_text(uuid) + ":" + std::to_string(number)};
}

absl::StatusOr<GtidEvent> decode_tagged_gtid(const FramedEvent& event) {
  constexpr std::uint64_t kFormat = 1;
  constexpr std::size_t kTagBytesMax = 32;
  Reader reader(event.body);
  const std::uint64_t format = read_variable(reader);
  read_variable(reader);  // bytes of it all
  read_variable(reader);  // the last field that must be understood
  if (format != kFormat) return absl::UnimplementedError("format " + std::to_string(format) + " is not known");
  if (read_variable(reader) != 0) return cut_off_gtid();
  read_variable(reader);  // flags
  if (read_variable(reader) != 1) return cut_off_gtid();
  protocol::Buffer uuid;
  for (std::size_t i = 0; i < kUuidBytes; ++i) uuid.push_back(static_cast<std::uint8_t>(read_variable(reader)));
  if (read_variable(reader) != 2) return cut_off_gtid();
  const std::int64_t number = read_variable_signed(reader);
  if (read_variable(reader) != 3) return cut_off_gtid();
  const std::uint64_t tag_bytes = read_variable(reader);
  if (tag_bytes > kTagBytesMax) return cut_off_gtid();
  const std::string_view tag = protocol::as_text(reader.take(static_cast<std::size_t>(tag_bytes)));
  if (reader.failed()) return cut_off_gtid();
  std::string gtid = uuid_text(uuid);
  if (!tag.empty()) gtid += ":" + std::string(tag);
  return GtidEvent{.gtid = gtid + ":" + std::to_string(number)};
}

}  // namespace crossfade::dualwrite
