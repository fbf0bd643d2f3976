#include "log_text.h"

#include <bit>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "dualwrite/column_layout.h"
#include "dualwrite/json_log.h"
#include "dualwrite/log_decoder.h"

namespace crossfade::dualwrite {
namespace {

template <typename... Values>
std::string format(const char* how, Values... values) {
  char text[400];
  std::snprintf(text, sizeof text, how, values...);
  return text;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte > 0x7e || c == '\\' || c == '\'' ? format("\\x%02x", byte) : std::string(1, c);
  }
  if (out.size() > 80) return out.substr(0, 60) + format("..' (%zu bytes)", text.size());
  return out + "'";
}

std::string hex_of(Bytes bytes) {
  std::string out = "0x";
  for (std::size_t i = 0; i < bytes.size() && i < 40; ++i) out += format("%02x", bytes[i]);
  return bytes.size() > 40 ? out + format(".. (%zu bytes)", bytes.size()) : out;
}

std::uint64_t little_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}
std::uint64_t big_endian(Bytes bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

std::string integer_text(const LogColumn& column, Bytes bytes) {
  const std::uint64_t value = little_endian(bytes);
  if (column.is_unsigned) return std::to_string(value);
  const int shift = static_cast<int>(64 - 8 * bytes.size());
  return std::to_string(static_cast<std::int64_t>(value << shift) >> shift);
}

// Microseconds are in as many bytes as they need.
std::string fraction_text(Bytes bytes, unsigned digits) {
  if (digits == 0) return "";
  std::uint64_t micros = big_endian(bytes);
  for (std::size_t i = bytes.size(); i < 3; ++i) micros *= 100;
  return ("." + format("%06u", static_cast<unsigned>(micros))).substr(0, digits + 1);
}

std::string datetime2_text(const LogColumn& column, Bytes bytes) {
  const std::uint64_t packed = big_endian(bytes.first(5)) - 0x8000000000;
  const auto part = [&](int at, int bits) { return static_cast<unsigned>(packed >> at & ((1u << bits) - 1)); };
  return format("%04u-%02u-%02u %02u:%02u:%02u", part(22, 18) / 13, part(22, 18) % 13, part(17, 5), part(12, 5),
                part(6, 6), part(0, 6)) +
         fraction_text(bytes.subspan(5), column.metadata);
}

// Three bytes and the fraction as one number, half of its range above zero.
std::string time2_text(const LogColumn& column, Bytes bytes) {
  const int fraction_bits = static_cast<int>(8 * (bytes.size() - 3));
  const auto signed_value = static_cast<std::int64_t>(big_endian(bytes)) - (std::int64_t{0x800000} << fraction_bits);
  const auto value = static_cast<std::uint64_t>(signed_value < 0 ? -signed_value : signed_value);
  const auto whole = static_cast<unsigned>(value >> fraction_bits);
  std::uint64_t micros = value & ((std::uint64_t{1} << fraction_bits) - 1);
  for (std::size_t i = bytes.size() - 3; i < 3; ++i) micros *= 100;
  std::string text = format("%s%02u:%02u:%02u", signed_value < 0 ? "-" : "", whole >> 12, whole >> 6 & 63, whole & 63);
  if (column.metadata > 0)
    text += ("." + format("%06u", static_cast<unsigned>(micros))).substr(0, column.metadata + 1u);
  return text;
}

std::string decimal_of(const LogColumn& column, Bytes bytes) {
  // As an opaque value of JSON, which has the same digits behind precision and scale.
  protocol::Buffer json{0x0f, 246, static_cast<std::uint8_t>(bytes.size() + 2),
                        static_cast<std::uint8_t>(column.metadata & 0xff),
                        static_cast<std::uint8_t>(column.metadata >> 8)};
  protocol::put_bytes(json, bytes);
  return json_text(json).value_or("malformed");
}

std::string blob_text(const LogColumn& column, std::size_t prefix, Bytes bytes) {
  const Bytes content = bytes.subspan(prefix);
  return column.collation == 63 ? hex_of(content) : in_quotes(protocol::as_text(content));
}

std::string members_text(const LogColumn& column, std::uint64_t value) {
  std::string text = std::to_string(value);
  if (column.members.empty()) return text;
  const auto name = [&](std::size_t i) { return i < column.members.size() ? in_quotes(column.members[i]) : "?"; };
  if (real_type(column) == LogType::enum_) return text + (value == 0 ? "=''" : "=" + name(value - 1));
  for (std::size_t i = 0; i < 64; ++i) {
    if ((value >> i & 1) != 0) text += "=" + name(i);
  }
  return text;
}

}  // namespace

std::string value_text(const LogColumn& column, const LogValue& value) {
  if (value.is_null) return "NULL";
  const Bytes bytes = value.bytes;
  switch (real_type(column)) {
    case LogType::tiny:
    case LogType::short_:
    case LogType::int24:
    case LogType::long_:
    case LogType::longlong:
      return integer_text(column, bytes);
    case LogType::year:
      return std::to_string(bytes[0] == 0 ? 0 : 1900 + bytes[0]);
    case LogType::float_:
      return format("%.9g",
                    static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes)))));
    case LogType::double_:
      return format("%.17g", std::bit_cast<double>(little_endian(bytes)));
    case LogType::newdecimal:
      return decimal_of(column, bytes);
    case LogType::bit:
      return "b" + std::to_string(big_endian(bytes));
    case LogType::date: {
      const auto packed = static_cast<unsigned>(little_endian(bytes));
      return format("%04u-%02u-%02u", packed >> 9, packed >> 5 & 15, packed & 31);
    }
    case LogType::timestamp2:
      return format("@%u", static_cast<unsigned>(big_endian(bytes.first(4)))) +
             fraction_text(bytes.subspan(4), column.metadata);
    case LogType::datetime2:
      return datetime2_text(column, bytes);
    case LogType::time2:
      return time2_text(column, bytes);
    case LogType::enum_:
    case LogType::set:
      return members_text(column, little_endian(bytes));
    case LogType::string:
      return blob_text(column, string_bytes_max(column) > 255 ? 2 : 1, bytes);
    case LogType::varchar:
    case LogType::var_string:
      return blob_text(column, column.metadata > 255 ? 2 : 1, bytes);
    case LogType::tiny_blob:
    case LogType::medium_blob:
    case LogType::long_blob:
    case LogType::blob:
      return blob_text(column, column.metadata, bytes);
    case LogType::json:
      return "json " + json_text(bytes.subspan(column.metadata)).value_or("malformed");
    default:
      return hex_of(bytes);
  }
}

namespace {

std::string row_text(const LogTable& table, Bytes* images) {
  const absl::StatusOr<RowImage> row = take_row(table, images);
  if (!row.ok()) {
    *images = {};
    return "cannot be taken apart: " + std::string(row.status().message());
  }
  std::string text = "(";
  for (std::size_t i = 0; i < row->size(); ++i) {
    if (row->size() > 40 && (*row)[i].is_null) continue;
    text += (i == 0 ? "" : ", ") + value_text(table.columns[i], (*row)[i]);
  }
  return text + ")";
}

struct Tell {
  std::string operator()(const TransactionBegin& begin) const {
    return "begin " + begin.gtid + " at " + begin.at.text() + " time " + std::to_string(begin.timestamp) + "\n";
  }
  std::string operator()(const RowsChange& change) const {
    constexpr const char* kKinds[] = {"insert", "update", "delete"};
    const char* kind = kKinds[static_cast<int>(change.kind)];
    const LogTable& table = *change.table;
    const std::string head =
        format("  %s %s.%s flags 0x%x", kind, table.schema.c_str(), table.table.c_str(), change.flags);
    if (!change.complete) return head + " not complete\n";
    std::string text = head + "\n";
    Bytes images = change.images;
    while (!images.empty()) {
      text += "    " + row_text(table, &images);
      if (change.kind == RowsKind::update) text += " -> " + row_text(table, &images);
      text += "\n";
    }
    return text;
  }
  std::string operator()(const LoggedStatement& s) const {
    return "  statement in " + in_quotes(s.schema) + ": " + in_quotes(s.sql) + (s.with_rows ? " with rows" : " alone") +
           format(
               "\n    sql_mode 0x%llx collations %u %u %u database %u utf8mb4 %u foreign keys %s defaults %s error %u "
               "time %u zone %s\n",
               static_cast<unsigned long long>(s.sql_mode), s.client_collation, s.connection_collation,
               s.server_collation, s.database_collation, s.utf8mb4_collation, s.no_foreign_key_checks ? "off" : "on",
               s.explicit_defaults_for_timestamp ? "explicit" : "implicit", s.error, s.timestamp,
               in_quotes(s.time_zone).c_str()) +
           (s.unknown_setting ? format("    setting %u is not known\n", *s.unknown_setting) : "");
  }
  std::string operator()(const TransactionEnd& end) const { return "end, next " + end.next.text() + "\n"; }
  std::string operator()(const LogAdvance& advance) const { return "advance to " + advance.next.text() + "\n"; }
};

}  // namespace

std::string item_text(const LogItem& item) { return std::visit(Tell{}, item); }

std::string table_text(const LogTable& table) {
  std::string text = "  table " + table.schema + "." + table.table + (table.described ? "" : " not described") + "\n";
  for (const LogColumn& column : table.columns) {
    text += format("    %s type %u metadata 0x%x%s%s collation %u%s", in_quotes(column.name).c_str(), column.type,
                   column.metadata, column.nullable ? "" : " not null", column.is_unsigned ? " unsigned" : "",
                   column.collation, column.in_primary_key ? " key" : "");
    for (const std::string& member : column.members) text += " " + in_quotes(member);
    text += "\n";
  }
  return text;
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<protocol::Buffer> golden_events(const std::string& path) {
  const std::string all = file_text(path);
  protocol::Reader reader(protocol::as_bytes(all));
  std::vector<protocol::Buffer> events;
  while (!reader.at_end() && !reader.failed()) {
    const Bytes event = reader.take(reader.u32());
    events.emplace_back(event.begin(), event.end());
  }
  return events;
}

}  // namespace crossfade::dualwrite
