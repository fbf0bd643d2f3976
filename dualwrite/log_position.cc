#include "dualwrite/log_position.h"

#include <algorithm>

namespace crossfade::dualwrite {
namespace {

// The digits behind the last dot, without leading zeros: a number of any length.
std::string_view number_of(std::string_view file) {
  std::string_view digits = file.substr(file.rfind('.') + 1);  // npos + 1 is 0: the whole name
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return {};
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

}  // namespace

std::string LogPosition::text() const { return file + ":" + std::to_string(offset); }

std::strong_ordering operator<=>(const LogPosition& left, const LogPosition& right) {
  if (const auto known = left.known() <=> right.known(); known != 0) return known;
  if (left.file != right.file) {
    const std::string_view left_number = number_of(left.file);
    const std::string_view right_number = number_of(right.file);
    if (const auto length = left_number.size() <=> right_number.size(); length != 0) return length;
    if (const auto digits = left_number <=> right_number; digits != 0) return digits;
  }
  if (const auto offset = left.offset <=> right.offset; offset != 0) return offset;
  return left.file <=> right.file;
}

}  // namespace crossfade::dualwrite
