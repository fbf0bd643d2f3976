#include "proxy/inline/outbox_grant.h"

#include "dualwrite/inline/outbox.h"

namespace crossfade::proxy {

Task<absl::Status> grant_outbox(BackendLink& control, std::string schema, std::string user, TimePoint deadline) {
  auto hosts = co_await control.query_rows("SELECT Host FROM mysql.user WHERE User=CONVERT(0x" +
                                               dualwrite::hex(protocol::as_bytes(user)) + " USING utf8mb4)",
                                           1, deadline);
  if (!hosts.ok()) co_return hosts.status();
  if (hosts->empty()) co_return absl::NotFoundError("no such account on the leader");
  absl::Status first = absl::OkStatus();
  for (const auto& row : *hosts) {
    auto granted = co_await control.query(dualwrite::grant_statement(schema, user, row[0].value_or("%")), deadline);
    if (!granted.ok() && first.ok()) first = granted.status();
  }
  co_return first;
}

}  // namespace crossfade::proxy
