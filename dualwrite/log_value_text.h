// Numbers and times of the row log as SQL writes them, every digit kept (manual: "MySQL Internals: Date and Time Data
// Type Representation", "Binary Log Event"; decimals as decimal2bin() packs them).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {

// Little-endian, `bytes` up to 8.
std::uint64_t unsigned_of(Bytes bytes);
std::int64_t signed_of(Bytes bytes);
std::string integer_text(Bytes bytes, bool is_unsigned);
// "-12.340"; errors: digits that are none.
absl::StatusOr<std::string> decimal_text(Bytes bytes, std::uint32_t precision, std::uint32_t scale);
// The exact value as a double's literal: "1.5e0", "-1e-45" with 17 digits. Errors (OutOfRange): no finite number.
absl::StatusOr<std::string> double_text(double value);
double float_of(Bytes bytes);
double double_of(Bytes bytes);
// BIT: big-endian.
std::uint64_t bit_of(Bytes bytes);
std::string date_text(Bytes bytes);
std::string time_text(Bytes bytes, std::uint32_t fraction);
std::string datetime_text(Bytes bytes, std::uint32_t fraction);
// In UTC; zero is '0000-00-00 00:00:00'. Errors (OutOfRange): past 2038, which not every server has.
absl::StatusOr<std::string> timestamp_text(Bytes bytes, std::uint32_t fraction);

}  // namespace crossfade::dualwrite
