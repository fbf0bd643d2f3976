#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {

std::string hex(protocol::Bytes bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(bytes.size() * 2, '0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return out;
}

std::string quote_name(std::string_view name) {
  std::string out = "`";
  for (const char c : name) {
    out += c;
    if (c == '`') out += c;
  }
  return out + "`";
}

std::string quote_name(const TableRef& table) { return quote_name(table.schema) + "." + quote_name(table.table); }

std::string quote_text(std::string_view text) {
  return text.empty() ? std::string("''") : "CONVERT(0x" + hex(protocol::as_bytes(text)) + " USING utf8mb4)";
}

}  // namespace crossfade::dualwrite
