#include "migrate/truncation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "dualwrite/sql_text.h"
#include "dualwrite/stored_form.h"
#include "protocol/wire.h"

namespace crossfade::migrate {
namespace {

using dualwrite::DefinedColumn;

// Lowest and highest of the integer types, signed and unsigned.
struct Range {
  std::string_view type, low, high, high_unsigned;
};
constexpr std::array kRanges = {
    Range{"tinyint", "-128", "127", "255"},
    Range{"smallint", "-32768", "32767", "65535"},
    Range{"mediumint", "-8388608", "8388607", "16777215"},
    Range{"int", "-2147483648", "2147483647", "4294967295"},
    Range{"bigint", "-9223372036854775808", "9223372036854775807", "18446744073709551615"},
};

const Range* range_of(const DefinedColumn& column) {
  const auto found = std::find_if(kRanges.begin(), kRanges.end(),
                                  [&column](const Range& each) { return each.type == column.data_type; });
  return found == kRanges.end() ? nullptr : &*found;
}

bool is_large_text(const DefinedColumn& column) { return column.data_type.ends_with("text"); }
bool is_bytes(const DefinedColumn& column) {
  return column.data_type.ends_with("blob") || column.data_type.ends_with("binary");
}
bool is_moment(const DefinedColumn& column) {
  return column.data_type == "datetime" || column.data_type == "timestamp" || column.data_type == "time";
}

class Question {
 public:
  Question(const DefinedColumn& leader, const DefinedColumn& follower)
      : leader_(leader), follower_(follower), column_(dualwrite::quote_name(leader.name)) {}

  std::optional<Truncation> ask(const std::string& code) const {
    if (code == "not_null") return Truncation{column_ + " IS NULL", "", ""};
    if (code == "charset_narrower") return charset();
    if (code == "members_differ") return members();
    if (code == "type_fraction") return fraction();
    if (code == "type_scale") return scale();
    if (code == "type_signedness" && range_of(leader_) == nullptr) return Truncation{column_ + "<0", "", ""};
    if (range_of(leader_) != nullptr && range_of(follower_) != nullptr) return integer();
    if (leader_.data_type == "decimal" && follower_.data_type == "decimal") return decimal();
    if (leader_.data_type == "bit" && follower_.data_type == "bit") return bits();
    if (!leader_.charset.empty() && !follower_.charset.empty() && !leader_.json) return text();
    if (is_bytes(leader_) && is_bytes(follower_) && follower_.data_type != "binary") return bytes();
    return std::nullopt;
  }

 private:
  std::string as_bytes() const { return "CAST(CONVERT(" + column_ + " USING utf8mb4) AS BINARY)"; }
  std::string digits() const { return "CHAR_LENGTH(CAST(ABS(" + column_ + ") AS CHAR))"; }

  Truncation integer() const {
    const Range& to = *range_of(follower_);
    const std::string low = follower_.is_unsigned ? "0" : std::string(to.low);
    const std::string high(follower_.is_unsigned ? to.high_unsigned : to.high);
    return {"(" + column_ + "<" + low + " OR " + column_ + ">" + high + ")", digits(), "digits"};
  }

  Truncation decimal() const {
    const std::uint32_t whole = follower_.precision.value_or(0) - follower_.scale.value_or(0);
    const std::string limit = "1" + std::string(whole, '0');
    return {"ABS(" + column_ + ")>=" + limit, "CHAR_LENGTH(CAST(TRUNCATE(ABS(" + column_ + "),0) AS CHAR))", "digits"};
  }

  std::optional<Truncation> scale() const {
    if (!follower_.scale) return std::nullopt;
    return Truncation{column_ + "<>ROUND(" + column_ + "," + std::to_string(*follower_.scale) + ")", "", ""};
  }

  Truncation bits() const {
    const std::string shifted = "(" + column_ + ">>" + std::to_string(follower_.precision.value_or(0)) + ")";
    return {shifted + "<>0", "CHAR_LENGTH(BIN(" + column_ + "))", "digits"};
  }

  std::optional<Truncation> fraction() const {
    if (!is_moment(leader_)) return std::nullopt;
    std::string unit = "1";
    for (std::uint32_t digit = follower_.fraction.value_or(0); digit < 6; ++digit) unit += "0";
    return Truncation{"MICROSECOND(" + column_ + ")%" + unit + "<>0", "", ""};
  }

  // What becomes a question mark, or anything else, on its way there and back.
  Truncation charset() const {
    const std::string there =
        "CAST(CONVERT(CONVERT(" + column_ + " USING " + follower_.charset + ") USING utf8mb4) AS BINARY)";
    return {as_bytes() + "<>" + there, "CHAR_LENGTH(" + column_ + ")", "characters"};
  }

  std::optional<Truncation> text() const {
    const std::string limit = std::to_string(follower_.length.value_or(0));
    if (is_large_text(follower_)) {
      const std::string length = "LENGTH(CONVERT(" + column_ + " USING " + follower_.charset + "))";
      return Truncation{length + ">" + limit, length, "bytes"};
    }
    const std::string length = "CHAR_LENGTH(" + column_ + ")";
    std::string condition = length + ">" + limit;
    // CHAR cuts the spaces at the end off.
    if (follower_.data_type == "char" && leader_.data_type != "char")
      condition = "(" + condition + " OR " + column_ + " LIKE '% ')";
    return Truncation{condition, length, "characters"};
  }

  Truncation bytes() const {
    const std::string length = "LENGTH(" + column_ + ")";
    return {length + ">" + std::to_string(follower_.length.value_or(0)), length, "bytes"};
  }

  std::optional<Truncation> members() const {
    const std::vector<std::string> here = dualwrite::members_of(leader_.column_type);
    const std::vector<std::string> there = dualwrite::members_of(follower_.column_type);
    std::string condition;
    for (const std::string& member : here) {
      if (member.empty() || std::find(there.begin(), there.end(), member) != there.end()) continue;
      // As bytes: collations of a column and of a literal do not mix on MySQL.
      const std::string word = "0x" + dualwrite::hex(protocol::as_bytes(member));
      condition +=
          (condition.empty() ? "" : " OR ") +
          (leader_.data_type == "set" ? "FIND_IN_SET(" + word + "," + as_bytes() + ")>0" : as_bytes() + "=" + word);
    }
    if (condition.empty()) return std::nullopt;
    return Truncation{"(" + condition + ")", "", ""};
  }

  const DefinedColumn& leader_;
  const DefinedColumn& follower_;
  std::string column_;
};

}  // namespace

std::optional<Truncation> truncation(const DefinedColumn& leader, const DefinedColumn& follower,
                                     const std::string& code) {
  return Question(leader, follower).ask(code);
}

}  // namespace crossfade::migrate
