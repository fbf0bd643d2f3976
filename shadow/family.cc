#include "shadow/family.h"

namespace crossfade::shadow {

using protocol::ColumnType;

Family family_of(ColumnType type) {
  switch (type) {
    case ColumnType::null:
      return Family::nothing;
    case ColumnType::tiny:
    case ColumnType::short_:
    case ColumnType::long_:
    case ColumnType::longlong:
    case ColumnType::int24:
    case ColumnType::year:
      return Family::integer;
    case ColumnType::decimal:
    case ColumnType::newdecimal:
      return Family::decimal;
    case ColumnType::float_:
      return Family::float_;
    case ColumnType::double_:
      return Family::double_;
    case ColumnType::timestamp:
    case ColumnType::date:
    case ColumnType::time:
    case ColumnType::datetime:
      return Family::temporal;
    case ColumnType::json:
      return Family::json;
    case ColumnType::varchar:
    case ColumnType::bit:
    case ColumnType::enum_:
    case ColumnType::set:
    case ColumnType::tiny_blob:
    case ColumnType::medium_blob:
    case ColumnType::long_blob:
    case ColumnType::blob:
    case ColumnType::var_string:
    case ColumnType::string:
    case ColumnType::geometry:
      return Family::bytes;
  }
  return Family::bytes;
}

}  // namespace crossfade::shadow
