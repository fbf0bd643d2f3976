// --fix-schema: what is missing on `new` is planned, and run there where that is asked for.
#pragma once

#include <functional>

#include "migrate/schema_plan.h"
#include "migrate/table_selection.h"
#include "proxy/migrate/preflight.h"
#include "proxy/migrate/server_pair.h"

namespace crossfade::proxy {

// A statement that fails is noted in the plan, and the others are run all the same. A Status: a server could not be
// asked, or was lost; what was run stays, and the next call goes on from there.
Task<absl::StatusOr<migrate::SchemaPlan>> fix_schema(VerbContext context, PreflightOrder order,
                                                     migrate::TableSelection selection,
                                                     const std::function<void(const std::string&)>& progress);

}  // namespace crossfade::proxy
