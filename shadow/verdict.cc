#include "shadow/verdict.h"

namespace crossfade::shadow {

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::match:
      return "match";
    case Verdict::order_only:
      return "order_only";
    case Verdict::precision:
      return "precision";
    case Verdict::metadata:
      return "metadata";
    case Verdict::transient:
      return "transient";
    case Verdict::row_missing:
      return "row_missing";
    case Verdict::row_extra:
      return "row_extra";
    case Verdict::value:
      return "value";
    case Verdict::order:
      return "order";
    case Verdict::error_one_side:
      return "error_one_side";
    case Verdict::error_differs:
      return "error_differs";
    case Verdict::too_large:
      return "too_large";
    case Verdict::timeout:
      return "timeout";
    case Verdict::skipped:
      return "skipped";
  }
  return "unknown";
}

bool is_difference(Verdict verdict) {
  switch (verdict) {
    case Verdict::row_missing:
    case Verdict::row_extra:
    case Verdict::value:
    case Verdict::order:
    case Verdict::error_one_side:
    case Verdict::error_differs:
      return true;
    case Verdict::match:
    case Verdict::order_only:
    case Verdict::precision:
    case Verdict::metadata:
    case Verdict::transient:
    case Verdict::too_large:
    case Verdict::timeout:
    case Verdict::skipped:
      return false;
  }
  return false;
}

bool is_compared(Verdict verdict) {
  return verdict != Verdict::too_large && verdict != Verdict::timeout && verdict != Verdict::skipped;
}

std::string_view name(SkipReason reason) {
  switch (reason) {
    case SkipReason::queue_full:
      return "queue_full";
    case SkipReason::bytes_full:
      return "bytes_full";
    case SkipReason::follower_behind:
      return "follower_behind";
    case SkipReason::candidate_unreachable:
      return "candidate_unreachable";
    case SkipReason::session_state:
      return "session_state";
    case SkipReason::shutdown:
      return "shutdown";
    case SkipReason::backed_off:
      return "backed_off";
    case SkipReason::no_connection:
      return "no_connection";
    case SkipReason::switched_off:
      return "switched_off";
    case SkipReason::unconfirmed:
      return "unconfirmed";
  }
  return "unknown";
}

}  // namespace crossfade::shadow
