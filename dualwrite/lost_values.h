// Whether rows have lost something when the definition of their table was changed.
#pragma once

#include <string>

#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

// On a server of this make. Empty: `now` holds every value that `before` could hold. Otherwise what it does not: a
// column that is gone, or is narrower. `now` is nullptr where the table is gone.
std::string lost_values(const TableDefinition& before, const TableDefinition* now, bool mariadb);

// Is anything of it different, but for the estimates of rows and bytes?
bool is_changed(const TableDefinition& before, const TableDefinition& now);

}  // namespace crossfade::dualwrite
