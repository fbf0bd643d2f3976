#include "protocol/session_track.h"

namespace crossfade::protocol {
namespace {

enum class Item : std::uint8_t { system_variables = 0, schema = 1, state_change = 2, gtids = 3 };

constexpr std::string_view kLastGtid = "last_gtid";

void put_item(Buffer& out, std::uint8_t type, Bytes content) {
  put_u8(out, type);
  put_lenenc(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
}

// (name(lenenc string) value(lenenc string))...: without last_gtid, whose value goes to `gtid`.
absl::StatusOr<Buffer> without_last_gtid(Bytes content, std::string* gtid) {
  Buffer kept;
  for (Reader reader(content); !reader.at_end();) {
    const std::string_view name = reader.lenenc_text();
    const std::string_view value = reader.lenenc_text();
    if (reader.failed()) return absl::InvalidArgumentError("malformed system variables in a session state");
    if (name == kLastGtid) {
      *gtid = value;
      continue;
    }
    put_lenenc_text(kept, name);
    put_lenenc_text(kept, value);
  }
  return kept;
}

// The last one of "uuid:7", "uuid:tag:5-7" or "uuid:1-3:7": several statements of a packet are told together. Empty:
// those of several servers or tags, of which none is the last.
std::string last_of(std::string_view set) {
  const std::size_t colon = set.rfind(':');
  if (set.find(',') != std::string_view::npos || colon == std::string_view::npos) return "";
  std::string_view source = set.substr(0, colon);
  const std::string_view interval = set.substr(colon + 1);
  // Further intervals stand before it.
  for (std::size_t at = source.rfind(':'); at != std::string_view::npos; at = source.rfind(':')) {
    if (source.substr(at + 1).find_first_not_of("0123456789-") != std::string_view::npos) break;
    source = source.substr(0, at);
  }
  const std::size_t dash = interval.find('-');
  const std::string_view number = dash == std::string_view::npos ? interval : interval.substr(dash + 1);
  return std::string(source) + ":" + std::string(number);
}

}  // namespace

// (type(1) content(lenenc string))...   GTIDs: 0x00 text(lenenc string)   state change: '1'(lenenc string)
absl::StatusOr<SessionTrack> read_session_track(Bytes block, const OwnTracking& own) {
  using ClientSees = OwnTracking::ClientSees;
  SessionTrack out;
  for (Reader reader(block); !reader.at_end();) {
    const std::uint8_t type = reader.u8();
    const Bytes content = reader.lenenc_bytes();
    if (reader.failed()) return absl::InvalidArgumentError("malformed session state in an OK packet");
    if (type == static_cast<std::uint8_t>(Item::gtids) && own.gtid == OwnTracking::Gtid::item) {
      Reader gtids(content);
      gtids.skip(1);
      out.gtid = last_of(gtids.lenenc_text());
      if (gtids.failed() || out.gtid.empty()) return absl::InvalidArgumentError("malformed GTIDs in a session state");
      if (own.gtid_item == ClientSees::removed) continue;
    } else if (type == static_cast<std::uint8_t>(Item::state_change)) {
      out.state_changed = true;
      if (own.state_change_item == ClientSees::removed) continue;
    } else if (type == static_cast<std::uint8_t>(Item::system_variables) && own.gtid == OwnTracking::Gtid::variable) {
      const auto kept = without_last_gtid(content, &out.gtid);
      if (!kept.ok()) return kept.status();
      if (own.gtid_item == ClientSees::removed) {
        if (!kept->empty()) put_item(out.others, type, *kept);
        continue;
      }
    }
    put_item(out.others, type, content);
  }
  return out;
}

}  // namespace crossfade::protocol
