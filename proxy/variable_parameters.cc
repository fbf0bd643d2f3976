#include "proxy/variable_parameters.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "protocol/ascii.h"

namespace crossfade::proxy {

using protocol::is_ascii;
namespace {

using protocol::ColumnType;

protocol::Buffer little_endian(std::uint64_t value) {
  protocol::Buffer out(8);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}

protocol::ParameterType type_of(ColumnType type, bool is_unsigned) {
  protocol::ParameterType out;
  out.type = static_cast<std::uint8_t>(type);
  out.flags = is_unsigned ? 0x80 : 0;
  return out;
}

}  // namespace

std::string parameters_query(const std::vector<std::string>& values) {
  std::string sql = "SELECT ";
  for (const std::string& value : values) {
    if (sql.size() > 7) sql += ',';
    sql += value + ",CHARSET(" + value + ")";
  }
  return sql + " LIMIT 1";  // whatever sql_select_limit is
}

absl::StatusOr<std::vector<protocol::Parameter>> parameters_from(const protocol::ResultSet& result,
                                                                 const std::string& client_charset,
                                                                 const std::string& results_charset) {
  std::vector<protocol::Parameter> out;
  if (result.rows.size() != 1) return absl::InternalError("unexpected answer to the query for variables");
  const auto& row = result.rows.front();
  for (std::size_t i = 0; i + 1 < row.size(); i += 2) {
    protocol::Parameter parameter;
    const protocol::ColumnDefinition& column = result.columns[i];
    const bool is_unsigned = (column.flags & protocol::kColumnUnsigned) != 0;
    if (!row[i]) {
      parameter.type = type_of(ColumnType::null, false);
      parameter.is_null = true;
      out.push_back(std::move(parameter));
      continue;
    }
    const std::string& text = *row[i];
    switch (column.type) {
      case ColumnType::tiny:
      case ColumnType::short_:
      case ColumnType::long_:
      case ColumnType::int24:
      case ColumnType::longlong:
        parameter.type = type_of(ColumnType::longlong, is_unsigned);
        parameter.value =
            little_endian(is_unsigned ? std::strtoull(text.c_str(), nullptr, 10)
                                      : static_cast<std::uint64_t>(std::strtoll(text.c_str(), nullptr, 10)));
        break;
      case ColumnType::double_: {
        // The servers write the shortest text that reads back as the same number.
        const double number = std::strtod(text.c_str(), nullptr);
        std::uint64_t bits = 0;
        std::memcpy(&bits, &number, sizeof bits);
        parameter.type = type_of(ColumnType::double_, false);
        parameter.value = little_endian(bits);
        break;
      }
      case ColumnType::decimal:
      case ColumnType::newdecimal:
        parameter.type = type_of(ColumnType::newdecimal, false);
        parameter.value.assign(text.begin(), text.end());
        break;
      case ColumnType::varchar:
      case ColumnType::var_string:
      case ColumnType::string:
      case ColumnType::tiny_blob:
      case ColumnType::medium_blob:
      case ColumnType::long_blob:
      case ColumnType::blob: {
        const std::string charset = row[i + 1].value_or("");
        const bool binary = charset == "binary";
        const bool carried = client_charset == results_charset &&
                             (charset == client_charset || client_charset == "utf8mb4" || charset == "ascii");
        if (!binary && !carried && !is_ascii(text)) {
          return absl::InvalidArgumentError(
              "a value of EXECUTE ... USING is in another character set than the session's; SET NAMES utf8mb4");
        }
        parameter.type = type_of(binary ? ColumnType::blob : ColumnType::var_string, false);
        parameter.value.assign(text.begin(), text.end());
        break;
      }
      default:
        return absl::InvalidArgumentError(
            "a value of EXECUTE ... USING is neither a number nor a string; assign it to a user variable as one first");
    }
    out.push_back(std::move(parameter));
  }
  return out;
}

}  // namespace crossfade::proxy
