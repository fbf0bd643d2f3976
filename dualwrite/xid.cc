#include "dualwrite/xid.h"

#include <algorithm>
#include <charconv>

namespace crossfade::dualwrite {
namespace {

constexpr std::size_t kPartBytesMax = 64;

void skip_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// X'hex'
std::optional<std::string> take_hex(std::string_view& text) {
  skip_spaces(text);
  if (text.size() < 3 || (text[0] | 0x20) != 'x' || text[1] != '\'') return std::nullopt;
  const std::size_t end = text.find('\'', 2);
  if (end == std::string_view::npos || end % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 2; i < end; i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  text.remove_prefix(end + 1);
  return bytes;
}

bool take_comma(std::string_view& text) {
  skip_spaces(text);
  if (!text.starts_with(',')) return false;
  text.remove_prefix(1);
  skip_spaces(text);
  return true;
}

std::optional<Xid> read_parts(protocol::Reader& reader, std::int32_t format, std::uint32_t global,
                              std::uint32_t branch) {
  if (global > kPartBytesMax || branch > kPartBytesMax) return std::nullopt;
  Xid xid{.format = format};
  xid.global = protocol::as_text(reader.take(global));
  xid.branch = protocol::as_text(reader.take(branch));
  if (reader.failed()) return std::nullopt;
  return xid;
}

std::string hex_text(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "X'";
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 0x0f];
  }
  return text + "'";
}

}  // namespace

std::optional<Xid> parse_xid(std::string_view text, std::string_view* rest) {
  Xid xid;
  std::optional<std::string> global = take_hex(text);
  if (!global || !take_comma(text)) return std::nullopt;
  std::optional<std::string> branch = take_hex(text);
  if (!branch || !take_comma(text)) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), xid.format);
  if (error != std::errc()) return std::nullopt;
  xid.global = *std::move(global);
  xid.branch = *std::move(branch);
  if (rest != nullptr) *rest = text.substr(static_cast<std::size_t>(stop - text.data()));
  return xid;
}

std::optional<Xid> read_prepared_xid(protocol::Reader& reader) {
  const auto format = static_cast<std::int32_t>(reader.u32());
  const std::uint32_t global = reader.u32();
  const std::uint32_t branch = reader.u32();
  return read_parts(reader, format, global, branch);
}

std::optional<Xid> read_gtid_xid(protocol::Reader& reader) {
  const auto format = static_cast<std::int32_t>(reader.u32());
  const std::uint8_t global = reader.u8();
  const std::uint8_t branch = reader.u8();
  return read_parts(reader, format, global, branch);
}

std::string xid_text(const Xid& xid) {
  return hex_text(xid.global) + "," + hex_text(xid.branch) + "," + std::to_string(xid.format);
}

}  // namespace crossfade::dualwrite
