// The outcome of one shadow comparison.
#pragma once

#include <cstdint>
#include <string_view>

namespace crossfade::shadow {

enum class Verdict : std::uint8_t {
  match,
  order_only,   // same rows in another order, which no ORDER BY forbids
  precision,    // equal up to digits that one of the two does not show
  metadata,     // rows equal, column names or count of metadata differ
  transient,    // differed, and was equal when run again
  row_missing,  // the candidate lacks rows
  row_extra,    // the candidate has rows too many
  value,        // same rows by position or key, other cells; or rows both missing and extra
  order,        // same rows in another order, though ORDER BY leaves but one
  error_one_side,
  error_differs,
  too_large,  // recording was cut: not compared
  timeout,
  skipped,  // with a reason, see SkipReason
};
inline constexpr std::size_t kVerdicts = 14;
std::string_view name(Verdict verdict);
// True for verdicts that say the two sides differ for good: value, order, row_missing, row_extra,
// error_one_side, error_differs. order_only, precision and metadata are notes, not differences.
bool is_difference(Verdict verdict);
// True when the answers were really compared.
bool is_compared(Verdict verdict);

enum class SkipReason : std::uint8_t {
  queue_full,
  bytes_full,
  follower_behind,
  candidate_unreachable,
  session_state,
  shutdown,
  backed_off,     // its digest keeps differing and is compared less often
  no_connection,  // the server has none to spare, or will not give this account one more
  switched_off,   // by the kill switch, when it waited already
  unconfirmed,    // it differed, and could not be looked at again
};
inline constexpr std::size_t kSkipReasons = 10;
std::string_view name(SkipReason reason);

}  // namespace crossfade::shadow
