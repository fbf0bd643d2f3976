#include "proxy/session/state/diagnostics.h"

namespace crossfade::proxy {

using protocol::ResultEnd;

void Diagnostics::keep_over(std::optional<KeptDiagnostics> before, const ResultEnd& end, Make make) {
  const bool good = end.kind == ResultEnd::Kind::ok || end.kind == ResultEnd::Kind::rows;
  if (!before || before->show_warnings.empty() || !good || end.ok.warnings > 0 || make != Make::mariadb) return;
  kept_ = std::move(before);
  set_row_count(end.kind == ResultEnd::Kind::rows ? -1 : static_cast<std::int64_t>(end.ok.affected_rows));
}

void Diagnostics::keep_over_command(Diagnostics before, const ResultEnd& end) {
  if (end.kind == ResultEnd::Kind::none || end.kind == ResultEnd::Kind::err || end.ok.warnings > 0) return;
  *this = std::move(before);
  if (end.kind != ResultEnd::Kind::text) set_row_count(end.kind == ResultEnd::Kind::ok ? 0 : -1);
}

}  // namespace crossfade::proxy
