#include "dualwrite/inline/key_value.h"

#include "dualwrite/inline/bound_double.h"
#include "dualwrite/inline/value_check.h"
#include "protocol/response.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;
using routing::ValueKind;

bool text_fits(std::string_view text, ColumnClass column) {
  switch (column) {
    case ColumnClass::text:
    case ColumnClass::binary:
    case ColumnClass::enum_set:
      return true;
    case ColumnClass::temporal:
    case ColumnClass::date:
    case ColumnClass::time:
      return is_plain_temporal(text);
    case ColumnClass::integer:
    case ColumnClass::decimal:
      return is_canonical_integer(text);
    case ColumnClass::floating:
    case ColumnClass::json:
    case ColumnClass::bit:
    case ColumnClass::year:
    case ColumnClass::other:
      return false;
  }
  return false;
}

bool is_number_class(ColumnClass column) { return column == ColumnClass::integer || column == ColumnClass::decimal; }

IdSource of_integer(std::string_view digits, bool no_auto_value_on_zero) {
  const bool zero = digits.find_first_not_of("-0") == std::string_view::npos;
  return zero && !no_auto_value_on_zero ? IdSource::server : IdSource::client;
}

}  // namespace

bool is_canonical_integer(std::string_view text) {
  if (!text.empty() && text.front() == '-') {
    text.remove_prefix(1);
    if (text == "0") return false;
  }
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  return text.size() == 1 || text.front() != '0';
}

bool fits_key(const routing::Value& value, ColumnClass column) {
  switch (value.kind) {
    case ValueKind::null:
      return true;
    case ValueKind::integer:
      return is_number_class(column);
    case ValueKind::decimal:
      return column == ColumnClass::decimal && value.text.find_first_of("eE") == std::string::npos;
    case ValueKind::true_false:
      return column == ColumnClass::integer;
    case ValueKind::text:
      return text_fits(value.text, column);
    case ValueKind::binary:
      return column == ColumnClass::binary;
    case ValueKind::default_:
    case ValueKind::placeholder:
    case ValueKind::expression:
      return false;
  }
  return false;
}

bool fits_key(const protocol::Parameter& parameter, ColumnClass column) {
  if (parameter.is_null) return true;
  switch (static_cast<ColumnType>(parameter.type.type)) {
    case ColumnType::tiny:
    case ColumnType::short_:
    case ColumnType::int24:
    case ColumnType::long_:
    case ColumnType::longlong:
      return is_number_class(column);
    case ColumnType::decimal:
    case ColumnType::newdecimal:
      return column == ColumnClass::decimal ||
             (column == ColumnClass::integer && is_canonical_integer(protocol::as_text(parameter.value)));
    case ColumnType::varchar:
    case ColumnType::var_string:
    case ColumnType::string:
    case ColumnType::enum_:
    case ColumnType::set:
      return text_fits(protocol::as_text(parameter.value), column);
    case ColumnType::tiny_blob:
    case ColumnType::medium_blob:
    case ColumnType::long_blob:
    case ColumnType::blob:
      return column == ColumnClass::binary;
    case ColumnType::date:
    case ColumnType::time:
    case ColumnType::datetime:
    case ColumnType::timestamp:
      return column == ColumnClass::temporal || column == ColumnClass::date || column == ColumnClass::time;
    case ColumnType::double_:  // some clients bind every number so
      return is_number_class(column) && whole_number(parameter).has_value();
    default:  // what a client may send is not ours to list
      return false;
  }
}

IdSource id_source(const routing::Value& value, bool no_auto_value_on_zero) {
  switch (value.kind) {
    case ValueKind::null:
    case ValueKind::default_:
      return IdSource::server;
    case ValueKind::integer:
      return of_integer(value.text, no_auto_value_on_zero);
    case ValueKind::text:
      return is_canonical_integer(value.text) ? of_integer(value.text, no_auto_value_on_zero) : IdSource::unclear;
    case ValueKind::true_false:
      return of_integer(value.text.front() == 't' || value.text.front() == 'T' ? "1" : "0", no_auto_value_on_zero);
    case ValueKind::decimal:
    case ValueKind::binary:
    case ValueKind::placeholder:
    case ValueKind::expression:
      return IdSource::unclear;
  }
  return IdSource::unclear;
}

IdSource id_source(const protocol::Parameter& parameter, bool no_auto_value_on_zero) {
  if (parameter.is_null || static_cast<ColumnType>(parameter.type.type) == ColumnType::null) return IdSource::server;
  std::optional<std::string> text = protocol::parameter_text(parameter);
  if (const std::optional<std::int64_t> whole = whole_number(parameter)) text = std::to_string(*whole);
  if (!text || !is_canonical_integer(*text)) return IdSource::unclear;
  return of_integer(*text, no_auto_value_on_zero);
}

}  // namespace crossfade::dualwrite
