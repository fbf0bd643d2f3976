// What is known of a session without asking anybody.
#pragma once

#include "proxy/session/state/diagnostics.h"
#include "proxy/session/state/known_state.h"
#include "proxy/session/state/prepared_statements.h"
#include "proxy/session/state/site.h"
#include "proxy/session/state/transaction.h"

namespace crossfade::proxy {

struct SessionState {
  explicit SessionState(const Site& site)
      : transaction(site.worker.flags),
        known(site.shared.pinned_sessions),
        prepared(site.shared.config.limits.prepared_statements_max),
        diagnostics(site.leader()) {}

  Transaction transaction;
  KnownState known;
  PreparedStatements prepared;
  Diagnostics diagnostics;
};

}  // namespace crossfade::proxy
