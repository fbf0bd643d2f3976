// Input: two column types, then a value. Whatever it is, its canonical text is stable, does not
// depend on the order of the columns, and is no new value to the number and precision rules.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "shadow/canonical.h"
#include "shadow/digits.h"

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade;
  if (size < 2) {
    return 0;
  }
  protocol::ColumnDefinition mine;
  protocol::ColumnDefinition theirs;
  mine.type = static_cast<protocol::ColumnType>(data[0]);
  theirs.type = static_cast<protocol::ColumnType>(data[1]);
  const std::string value(reinterpret_cast<const char*>(data) + 2, size - 2);

  const std::string once = shadow::canonical_value(value, mine, theirs);
  require(once == shadow::canonical_value(value, theirs, mine));
  require(once == shadow::canonical_value(once, mine, theirs));

  const auto number = shadow::canonical_number(value);
  require(!number || shadow::canonical_number(*number) == number);
  const auto json = shadow::canonical_json(value);
  require(!json || shadow::canonical_json(*json) == json);

  const std::size_t half = value.size() / 2;
  const std::string left = value.substr(0, half);
  const std::string right = value.substr(half);
  require(shadow::equal_up_to_precision(left, right) == shadow::equal_up_to_precision(right, left));
  mine.decimals = static_cast<std::uint8_t>(data[0] >> 3);
  theirs.decimals = static_cast<std::uint8_t>(data[1] >> 3);
  const std::string one = shadow::canonical_value(left, mine, theirs);
  const std::string other = shadow::canonical_value(right, theirs, mine);
  require(shadow::differ_in_digits_only(one, mine, other, theirs) ==
          shadow::differ_in_digits_only(other, theirs, one, mine));
  return 0;
}
