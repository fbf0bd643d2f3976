#include "dualwrite/log_place.h"

#include <utility>

namespace crossfade::dualwrite {
namespace {

// More than any event has, and less than what would be a step back.
constexpr std::uint32_t kGapMax = 1u << 31;

std::uint32_t gap(std::uint64_t from, std::uint32_t low_bits) { return low_bits - static_cast<std::uint32_t>(from); }

}  // namespace

bool LogPlace::artificial(const EventHeader& header) const {
  if ((header.flags & kEventArtificial) != 0) return true;
  if (header.next_position != 0) return false;
  const bool format_description = header.type == static_cast<std::uint8_t>(EventType::format_description);
  return format_description || end_ < kGapMax || gap(end_ + header.size, 0) != 0;
}

absl::Status LogPlace::pass(const EventHeader& header) {
  const std::uint64_t earliest = end_ + header.size;
  const std::uint32_t left_out = gap(earliest, header.next_position);
  if (left_out >= kGapMax) {
    return absl::DataLossError("it ends at " + std::to_string(header.next_position) + ", before " +
                               std::to_string(earliest));
  }
  end_ = earliest + left_out;
  start_ = end_ - header.size;
  return absl::OkStatus();
}

void LogPlace::reach(std::uint32_t low_bits) {
  const std::uint32_t ahead = gap(end_, low_bits);
  if (ahead < kGapMax) start_ = end_ = end_ + ahead;
}

void LogPlace::jump(std::string file, std::uint64_t offset) {
  if (file != file_) file_time_ = 0;
  file_ = std::move(file);
  start_ = end_ = offset;
}

}  // namespace crossfade::dualwrite
