#include "dualwrite/inline/bound_temporal.h"

#include <algorithm>

#include "protocol/response.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;

constexpr std::string_view kOutOfRange = "a field of its date or time is out of range";

bool is_time_of_day(std::uint64_t minutes, std::uint64_t seconds, std::uint64_t microseconds) {
  return minutes <= 59 && seconds <= 59 && microseconds <= 999999;
}

// Nothing, or sign, days (4 bytes), hours, minutes, seconds and, if there are any, 4 bytes of microseconds.
std::string_view time_problem(protocol::Bytes value) {
  if (value.empty()) return {};
  protocol::Reader reader(value);
  reader.u8();
  const std::uint64_t days = reader.u32();
  const std::uint64_t hours = days * 24 + reader.u8();
  const std::uint64_t minutes = reader.u8();
  const std::uint64_t seconds = reader.u8();
  const std::uint32_t microseconds = value.size() > 8 ? reader.u32() : 0;
  if (reader.failed() || !is_time_of_day(minutes, seconds, microseconds)) return kOutOfRange;
  constexpr std::uint64_t kLastHour = 838;
  if (hours > kLastHour) return "MySQL's TIME ends at 838:59:59";
  // MySQL goes by the hours alone; in a text it takes 838:59:58.9.
  return hours == kLastHour && microseconds > 0 ? "MySQL takes no bound TIME of 838 hours with a fraction"
                                                : std::string_view();
}

// Nothing; year (2 bytes), month, day; hours, minutes, seconds; 4 bytes of microseconds.
std::string_view date_problem(protocol::Bytes value) {
  if (value.empty()) return {};
  protocol::Reader reader(value);
  const std::uint64_t year = reader.u16();
  const std::uint64_t month = reader.u8();
  const std::uint64_t day = reader.u8();
  const bool timed = value.size() > 4;
  const std::uint64_t hours = timed ? reader.u8() : 0;
  const std::uint64_t minutes = timed ? reader.u8() : 0;
  const std::uint64_t seconds = timed ? reader.u8() : 0;
  const std::uint32_t microseconds = value.size() > 7 ? reader.u32() : 0;
  const bool good = year <= 9999 && month <= 12 && day <= 31 && hours <= 23;
  return !reader.failed() && good && is_time_of_day(minutes, seconds, microseconds) ? std::string_view() : kOutOfRange;
}

}  // namespace

std::string_view bound_temporal_problem(const protocol::Parameter& parameter) {
  if (parameter.is_null) return {};
  switch (static_cast<ColumnType>(parameter.type.type)) {
    case ColumnType::time:
      return time_problem(parameter.value);
    case ColumnType::date:
    case ColumnType::datetime:
    case ColumnType::timestamp:
      return date_problem(parameter.value);
    default:
      return {};
  }
}

bool has_microseconds(const protocol::Parameter& datetime) {
  constexpr std::size_t kBefore = 7;
  return datetime.value.size() > kBefore && std::any_of(datetime.value.begin() + kBefore, datetime.value.end(),
                                                        [](std::uint8_t byte) { return byte != 0; });
}

}  // namespace crossfade::dualwrite
