// The kinds of lines that are limited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace crossfade::proxy {

// Every kind of line that a client, a backend or a broken row can cause as often as it likes.
enum class LogKind : std::uint8_t {
  login_refused,
  login_failed,
  login_unreachable,
  proxy_header_bad,
  tls_failed,
  unused_connection,
  change_user,
  connection_lost,
  leader_reattached,
  kill_failed,
  time_zone,
  applier_state,
  applier_error,
  retention,
  parked,
  divergence,
  report_save,
  shadow_difference,
  admin,
};
inline constexpr std::size_t kLogKinds = static_cast<std::size_t>(LogKind::admin) + 1;
std::string_view name(LogKind kind);

}  // namespace crossfade::proxy
