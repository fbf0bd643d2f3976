#include "dualwrite/inline/bound_double.h"

#include <bit>
#include <cmath>

#include "protocol/response.h"

namespace crossfade::dualwrite {

std::optional<std::int64_t> whole_number(const protocol::Parameter& parameter) {
  constexpr double kExactBelow = 9007199254740992.0;
  const auto type = static_cast<protocol::ColumnType>(parameter.type.type);
  if (parameter.is_null || type != protocol::ColumnType::double_ || parameter.value.size() != 8) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 8; i-- > 0;) bits = bits << 8 | parameter.value[i];
  const double value = std::bit_cast<double>(bits);
  if (!(std::fabs(value) < kExactBelow) || std::trunc(value) != value) return std::nullopt;
  if (value == 0 && std::signbit(value)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace crossfade::dualwrite
