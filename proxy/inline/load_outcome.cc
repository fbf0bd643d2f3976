#include "proxy/inline/load_outcome.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "protocol/error_codes.h"
#include "protocol/packet.h"
#include "proxy/inline/write_answers.h"

namespace crossfade::proxy {
namespace {

// A row that is skipped as a duplicate, or for want of the row that it refers to.
bool is_skip(std::string_view code) { return code == "1062" || code == "1586" || code == "1452" || code == "1216"; }

// "... at row 3": rows are counted in each statement of ours; the file's line says more.
std::string with_line(std::string_view message, const dualwrite::LoadStatement& statement) {
  constexpr std::string_view kAtRow = " at row ";
  const std::size_t at = message.rfind(kAtRow);
  if (at == std::string_view::npos) return std::string(message);
  std::size_t row = 0;
  const std::string_view digits = message.substr(at + kAtRow.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), row);
  if (row == 0 || row > statement.lines.size()) return std::string(message);
  return "line " + std::to_string(statement.lines[row - 1]) + ": " + std::string(message.substr(0, at));
}

}  // namespace

std::string LoadOutcome::add(const dualwrite::LoadStatement& statement, const protocol::Ok& ok,
                             const protocol::Buffer& shown) {
  rows_ += statement.lines.size();
  affected_ += ok.affected_rows;
  warnings_ += ok.warnings;
  if (first_insert_id_ == 0) first_insert_id_ = ok.last_insert_id;
  std::vector<protocol::Buffer> packets;
  for (std::size_t at = 0; at + protocol::kHeaderBytes <= shown.size();) {
    const auto header = protocol::decode_header(protocol::Bytes(shown).subspan(at));
    const protocol::Bytes payload = protocol::Bytes(shown).subspan(at + protocol::kHeaderBytes, header.payload_bytes);
    packets.emplace_back(payload.begin(), payload.end());
    at += protocol::kHeaderBytes + header.payload_bytes;
  }
  // The number of columns, three of them and, in the older dialect, an EOF come before the rows.
  const std::size_t head = (capabilities_ & protocol::kDeprecateEof) != 0 ? 4 : 5;
  const std::size_t seen = packets.size() > head ? packets.size() - head - 1 : 0;
  for (std::size_t i = head; i < head + seen; ++i) {
    protocol::Reader reader(packets[i]);
    reader.lenenc_text();
    const std::string_view code = reader.lenenc_text();
    const std::string_view message = reader.lenenc_text();
    if (!is_skip(code)) return with_line(message, statement) + " (" + std::string(code) + ")";
    if (shown_.size() < warnings_max_) shown_.push_back(packets[i]);
  }
  if (seen < ok.warnings) return "the server had more to say than can be looked at";
  if (head_.empty() && packets.size() > head) {
    head_.assign(packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(head));
    terminator_ = packets.back();
  }
  return {};
}

protocol::Ok LoadOutcome::ok(std::uint16_t status) const {
  const bool replaced = duplicates_ == Duplicates::replaced;
  const std::uint64_t deleted = replaced && affected_ > rows_ ? affected_ - rows_ : 0;
  const std::uint64_t skipped = !replaced && rows_ > affected_ ? rows_ - affected_ : 0;
  protocol::Ok ok;
  ok.affected_rows = affected_;
  ok.status = status;
  ok.warnings = static_cast<std::uint16_t>(std::min<std::uint64_t>(warnings_, 0xffff));
  ok.info = "Records: " + std::to_string(rows_) + "  Deleted: " + std::to_string(deleted) +
            "  Skipped: " + std::to_string(skipped) + "  Warnings: " + std::to_string(warnings_);
  return ok;
}

protocol::Buffer LoadOutcome::show_warnings() const {
  protocol::Buffer out;
  if (head_.empty()) return out;
  std::uint8_t sequence = 1;
  for (const protocol::Buffer& packet : head_) protocol::append_message(out, packet, sequence);
  for (const protocol::Buffer& packet : shown_) protocol::append_message(out, packet, sequence);
  protocol::append_message(out, terminator_, sequence);
  return standalone(out, capabilities_);
}

}  // namespace crossfade::proxy
