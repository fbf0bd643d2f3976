// The look itself: everything that is asked of both servers, put together as a report.
#pragma once

#include <functional>

#include "migrate/preflight_report.h"
#include "migrate/table_selection.h"
#include "proxy/migrate/preflight.h"
#include "proxy/migrate/server_pair.h"

namespace crossfade::proxy {

// `progress`: called with a line of text whenever something is begun; outlives the task.
Task<absl::StatusOr<migrate::PreflightReport>> run_preflight(VerbContext context, PreflightOrder order,
                                                             migrate::TableSelection selection,
                                                             const std::function<void(const std::string&)>& progress);

}  // namespace crossfade::proxy
