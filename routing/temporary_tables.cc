#include "routing/temporary_tables.h"

namespace crossfade::routing {

TemporaryTables::Key TemporaryTables::key(const TableName& name, std::string_view schema) const {
  Key out{name.schema.empty() ? std::string(schema) : name.schema, name.table};
  if (names_ == Names::folded) {
    for (std::string* part : {&out.first, &out.second}) {
      for (char& c : *part) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
    }
  }
  return out;
}

}  // namespace crossfade::routing
