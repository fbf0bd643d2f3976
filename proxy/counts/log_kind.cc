#include "proxy/counts/log_kind.h"

namespace crossfade::proxy {

std::string_view name(LogKind kind) {
  switch (kind) {
    case LogKind::login_refused:
      return "login_refused";
    case LogKind::login_failed:
      return "login_failed";
    case LogKind::login_unreachable:
      return "login_unreachable";
    case LogKind::proxy_header_bad:
      return "proxy_header_bad";
    case LogKind::tls_failed:
      return "tls_failed";
    case LogKind::unused_connection:
      return "unused_connection";
    case LogKind::change_user:
      return "change_user";
    case LogKind::connection_lost:
      return "connection_lost";
    case LogKind::leader_reattached:
      return "leader_reattached";
    case LogKind::kill_failed:
      return "kill_failed";
    case LogKind::time_zone:
      return "time_zone";
    case LogKind::applier_state:
      return "applier_state";
    case LogKind::applier_error:
      return "applier_error";
    case LogKind::retention:
      return "retention";
    case LogKind::parked:
      return "parked";
    case LogKind::divergence:
      return "divergence";
    case LogKind::report_save:
      return "report_save";
    case LogKind::shadow_difference:
      return "shadow_difference";
    case LogKind::admin:
      return "admin";
  }
  return "";
}

}  // namespace crossfade::proxy
