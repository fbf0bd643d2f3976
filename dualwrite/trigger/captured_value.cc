#include "dualwrite/trigger/captured_value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "dualwrite/column_layout.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::size_t kGroupDigits = 9;
constexpr std::array<std::size_t, 10> kGroupBytes = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

absl::Status malformed_text(const char* what) {
  return absl::InvalidArgumentError(std::string("its text is no ") + what + " of this column");
}

void put_little(Buffer& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void put_big(Buffer& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i > 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
}

// All of `text`; leading zeros (ZEROFILL) are welcome.
template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::uint64_t all_ones(std::size_t bits) {
  return bits >= 64 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << bits) - 1;
}

absl::Status put_integer(Buffer& out, const StoredForm& form, std::string_view text) {
  const std::size_t bits = form.size * 8u;
  if (form.is_unsigned) {
    const auto value = number_of<std::uint64_t>(text);
    if (!value || *value > all_ones(bits)) return malformed_text("integer");
    put_little(out, *value, form.size);
    return absl::OkStatus();
  }
  const auto value = number_of<std::int64_t>(text);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() >> (64 - bits);
  if (!value || *value > most || *value < -most - 1) return malformed_text("integer");
  put_little(out, static_cast<std::uint64_t>(*value), form.size);
  return absl::OkStatus();
}

bool all_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

void put_digits(Buffer& out, std::string_view digits) {
  if (digits.empty()) return;
  put_big(out, *number_of<std::uint32_t>(digits), kGroupBytes[digits.size()]);
}

// Nine digits in four bytes, counted from the point; the first bit is the sign, inverted, and of negative numbers all
// other bits are inverted.
absl::Status put_decimal(Buffer& out, const StoredForm& form, std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  std::string whole(text.substr(0, point));
  const std::string_view part = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const std::size_t whole_digits = form.precision - form.scale;
  if ((whole.empty() && part.empty()) || !all_digits(whole) || !all_digits(part) || part.size() != form.scale) {
    return malformed_text("DECIMAL");
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.size() > whole_digits) return malformed_text("DECIMAL");
  whole.insert(0, whole_digits - whole.size(), '0');
  const std::size_t begin = out.size();
  const std::size_t head = whole_digits % kGroupDigits;
  put_digits(out, std::string_view(whole).substr(0, head));
  for (std::size_t at = head; at < whole_digits; at += kGroupDigits) {
    put_digits(out, std::string_view(whole).substr(at, kGroupDigits));
  }
  for (std::size_t at = 0; at < part.size(); at += kGroupDigits) put_digits(out, part.substr(at, kGroupDigits));
  if (negative) {
    for (std::size_t i = begin; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(~out[i]);
  }
  if (out.size() > begin) out[begin] = static_cast<std::uint8_t>(out[begin] ^ 0x80);
  return absl::OkStatus();
}

absl::Status put_floating(Buffer& out, const StoredForm& form, std::string_view text) {
  const auto value = number_of<double>(text);
  if (!value || !std::isfinite(*value)) return malformed_text("number");
  if (form.kind == StoredKind::double_) {
    put_little(out, std::bit_cast<std::uint64_t>(*value), 8);
    return absl::OkStatus();
  }
  if (std::abs(*value) > static_cast<double>(std::numeric_limits<float>::max())) return malformed_text("FLOAT");
  const auto narrow = static_cast<float>(*value);
  if (static_cast<double>(narrow) != *value) return malformed_text("FLOAT");
  put_little(out, std::bit_cast<std::uint32_t>(narrow), 4);
  return absl::OkStatus();
}

absl::Status put_bit(Buffer& out, const StoredForm& form, std::string_view text) {
  const auto value = number_of<std::uint64_t>(text);
  if (!value || *value > all_ones(form.size)) return malformed_text("BIT");
  put_big(out, *value, (form.size + 7) / 8);
  return absl::OkStatus();
}

absl::Status put_member(Buffer& out, const CapturedColumn& captured, std::string_view text) {
  const bool is_enum = captured.form.kind == StoredKind::enum_;
  const auto value = number_of<std::uint64_t>(text);
  if (!value || *value > (is_enum ? captured.members : all_ones(captured.members)))
    return malformed_text("ENUM or SET");
  put_little(out, *value, captured.form.size);
  return absl::OkStatus();
}

absl::Status put_year(Buffer& out, std::string_view text) {
  const auto value = number_of<std::uint32_t>(text);
  if (!value || (*value != 0 && (*value <= 1900 || *value > 2155))) return malformed_text("YEAR");
  out.push_back(static_cast<std::uint8_t>(*value == 0 ? 0 : *value - 1900));
  return absl::OkStatus();
}

// Takes exactly `width` digits, then `end` (none if it is 0); the value at most `most`.
std::optional<std::uint32_t> take_part(std::string_view& text, std::size_t width, char end, std::uint32_t most) {
  if (text.size() < width + (end == 0 ? 0 : 1) || !all_digits(text.substr(0, width))) return std::nullopt;
  const auto value = number_of<std::uint32_t>(text.substr(0, width));
  if (!value || *value > most || (end != 0 && text[width] != end)) return std::nullopt;
  text.remove_prefix(width + (end == 0 ? 0 : 1));
  return value;
}

// ".120" into 12 hundredths, ten-thousandths or millionths, as many as `digits` need; nothing of 0 digits.
std::optional<std::uint64_t> take_fraction(std::string_view text, std::uint32_t digits) {
  if (digits == 0) return text.empty() ? std::optional<std::uint64_t>(0) : std::nullopt;
  if (text.size() != digits + 1 || text[0] != '.' || !all_digits(text.substr(1))) return std::nullopt;
  auto value = number_of<std::uint64_t>(text.substr(1));
  if (value && digits % 2 != 0) *value *= 10;
  return value;
}
std::size_t fraction_bytes(const StoredForm& form) { return (form.fraction + 1) / 2; }

// Year, month and day in bits 9, 5 and 0.
std::optional<std::uint32_t> take_date(std::string_view& text, char end) {
  const auto year = take_part(text, 4, '-', 9999);
  const auto month = year ? take_part(text, 2, '-', 12) : std::nullopt;
  const auto day = month ? take_part(text, 2, end, 31) : std::nullopt;
  return day ? std::optional(*year << 9 | *month << 5 | *day) : std::nullopt;
}
// Hour, minute and second in bits 12, 6 and 0.
std::optional<std::uint32_t> take_clock(std::string_view& text, std::size_t hour_digits, std::uint32_t hours_max) {
  const auto hour = take_part(text, hour_digits, ':', hours_max);
  const auto minute = hour ? take_part(text, 2, ':', 59) : std::nullopt;
  const auto second = minute ? take_part(text, 2, 0, 59) : std::nullopt;
  return second ? std::optional(*hour << 12 | *minute << 6 | *second) : std::nullopt;
}

absl::Status put_date(Buffer& out, std::string_view text) {
  const auto date = take_date(text, 0);
  if (!date || !text.empty()) return malformed_text("DATE");
  put_little(out, *date, 3);
  return absl::OkStatus();
}

// Offset by the sign bit; a negative time is the two's complement of the whole.
absl::Status put_time(Buffer& out, const StoredForm& form, std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto clock = take_clock(text, text.find(':') == 3 ? 3 : 2, 838);
  const auto fraction = clock ? take_fraction(text, form.fraction) : std::nullopt;
  if (!fraction) return malformed_text("TIME");
  const std::size_t bytes = fraction_bytes(form);
  const std::uint64_t absolute = std::uint64_t{*clock} << (8 * bytes) | *fraction;
  const std::uint64_t zero = std::uint64_t{1} << (8 * bytes + 23);
  put_big(out, negative ? zero - absolute : zero + absolute, 3 + bytes);
  return absl::OkStatus();
}

absl::Status put_datetime(Buffer& out, const StoredForm& form, std::string_view text) {
  const auto date = take_date(text, ' ');
  const auto clock = date ? take_clock(text, 2, 23) : std::nullopt;
  const auto fraction = clock ? take_fraction(text, form.fraction) : std::nullopt;
  if (!fraction) return malformed_text("DATETIME");
  const std::uint64_t months = (*date >> 9) * 13 + (*date >> 5 & 15);
  put_big(out, std::uint64_t{1} << 39 | months << 22 | std::uint64_t{*date & 31} << 17 | *clock, 5);
  put_big(out, *fraction, fraction_bytes(form));
  return absl::OkStatus();
}

// "1700000000.123": a zero date comes as 0, with or without a fraction.
absl::Status put_timestamp(Buffer& out, const StoredForm& form, std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto seconds = number_of<std::uint32_t>(text.substr(0, point));
  const auto fraction =
      point == text.size() ? std::optional<std::uint64_t>(0) : take_fraction(text.substr(point), form.fraction);
  if (!seconds || !fraction || (point == text.size() && form.fraction != 0 && *seconds != 0)) {
    return malformed_text("TIMESTAMP");
  }
  put_big(out, *seconds, 4);
  put_big(out, *fraction, fraction_bytes(form));
  return absl::OkStatus();
}

std::size_t prefix_bytes(const LogColumn& column, const StoredForm& form) {
  switch (form.kind) {
    case StoredKind::text:
    case StoredKind::blob:
    case StoredKind::json:
    case StoredKind::geometry:
    case StoredKind::vector:
      return form.size;
    default:
      return (form.type == LogType::string ? string_bytes_max(column) : column.metadata) > 255 ? 2 : 1;
  }
}

// The most bytes of the value itself.
std::uint64_t bytes_max(const StoredForm& form) {
  switch (form.kind) {
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::opaque:
      return form.size;
    default:
      return all_ones(8 * form.size);
  }
}

absl::Status put_bytes_of(Buffer& out, const LogColumn& column, const StoredForm& form, std::string_view text) {
  if (text.size() > bytes_max(form)) return malformed_text("value");
  if (form.kind == StoredKind::opaque && text.size() != form.size) return malformed_text("value");
  const bool padded = form.kind == StoredKind::binary || form.kind == StoredKind::opaque;
  if (padded) text = text.substr(0, text.find_last_not_of('\0') + 1);
  put_little(out, text.size(), prefix_bytes(column, form));
  protocol::put_text(out, text);
  return absl::OkStatus();
}

}  // namespace

absl::Status put_captured_value(Buffer& out, const LogColumn& column, const CapturedColumn& captured,
                                std::string_view text) {
  const StoredForm& form = captured.form;
  switch (form.kind) {
    case StoredKind::integer:
      return put_integer(out, form, text);
    case StoredKind::decimal:
      return put_decimal(out, form, text);
    case StoredKind::float_:
    case StoredKind::double_:
      return put_floating(out, form, text);
    case StoredKind::bit:
      return put_bit(out, form, text);
    case StoredKind::year:
      return put_year(out, text);
    case StoredKind::date:
      return put_date(out, text);
    case StoredKind::time:
      return put_time(out, form, text);
    case StoredKind::datetime:
      return put_datetime(out, form, text);
    case StoredKind::timestamp:
      return put_timestamp(out, form, text);
    case StoredKind::enum_:
    case StoredKind::set:
      return put_member(out, captured, text);
    case StoredKind::char_:
    case StoredKind::varchar:
    case StoredKind::text:
    case StoredKind::binary:
    case StoredKind::varbinary:
    case StoredKind::blob:
    case StoredKind::json:
    case StoredKind::geometry:
    case StoredKind::vector:
    case StoredKind::opaque:
      break;
  }
  return put_bytes_of(out, column, form, text);
}

}  // namespace crossfade::dualwrite
