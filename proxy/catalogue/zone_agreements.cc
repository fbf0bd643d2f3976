#include "proxy/catalogue/zone_agreements.h"

#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {
namespace {

constexpr std::uint16_t kUnknownZone = 1298;

Task<absl::StatusOr<dualwrite::SqlRows>> rows_of(BackendLink& link, std::string sql, TimePoint deadline) {
  auto results = co_await link.query(std::move(sql), deadline);
  if (!results.ok()) co_return results.status();
  co_return std::move(results->front().rows);
}

// NotFound: that server does not know the zone.
Task<absl::StatusOr<dualwrite::ZoneRules>> rules_on(ControlLinks& links, config::Backend which, std::string zone) {
  const TimePoint deadline = links.reactor().now() + kAnswerMax;
  auto link = co_await links.take(which, deadline);  // and not to be kept: its zone is changed
  if (!link.ok()) co_return link.status();
  auto set = co_await (*link)->run("SET SESSION time_zone='" + zone + "'", deadline);
  if (!set.ok()) co_return set.status();
  if (set->failed() && set->last().err.code == kUnknownZone) co_return absl::NotFoundError(zone);
  if (set->failed()) co_return absl::InternalError(err_code(set->last().err));
  dualwrite::ZoneRules rules;
  auto first_rows = co_await rows_of(**link, dualwrite::first_offset_query(), deadline);
  if (!first_rows.ok()) co_return first_rows.status();
  auto first = dualwrite::first_offset_from(*first_rows);
  if (!first.ok()) co_return first.status();
  rules.first_offset = *first;
  // To the hour, the minute, the second.
  for (const std::int64_t step : {3600, 60, 1}) {
    std::string sql = step == 3600 ? dualwrite::changes_query() : dualwrite::refine_query(rules.changes, step);
    auto rows = co_await rows_of(**link, std::move(sql), deadline);
    if (!rows.ok()) co_return rows.status();
    auto changes = dualwrite::changes_from(*rows);
    if (!changes.ok()) co_return changes.status();
    if (step != 3600 && changes->size() != rules.changes.size()) {
      co_return absl::InternalError("a time zone changes more than once in an hour");
    }
    rules.changes = *std::move(changes);
  }
  co_return rules;
}

std::string unknown_there(config::Backend which, const std::string& zone) {
  return "'" + std::string(config::name(which)) + "' does not know the time zone " + zone +
         "; load the time zone tables there (mariadb-tzinfo-to-sql, mysql_tzinfo_to_sql)";
}

constexpr auto kRetry = std::chrono::seconds(2);  // where a refusal stands

}  // namespace

ZoneAgreements::ZoneAgreements(ControlLinks& links)
    : links_(links),
      cache_({.refresh_after = std::chrono::minutes(9),
              .fresh_for = std::chrono::minutes(10),
              .usable_for = std::chrono::hours(24 * 365),
              .patience = kAnswerMax,
              .failure_for = kRetry,
              .entries_max = 1000},
             [this](const Key& key, Cache::Land land) {
               links_.reactor().post([this, key, land = std::move(land)] {
                 queue_.emplace_back(key, land);
                 if (!std::exchange(asking_, true)) links_.reactor().spawn(ask_in_turn());
               });
             }) {}

std::optional<ZoneVerdict> ZoneAgreements::known(config::Backend leader, const std::string& zone) {
  return cache_.known(Key(leader, zone));
}

Task<void> ZoneAgreements::ask_in_turn() {
  while (!queue_.empty()) {
    auto [key, land] = std::move(queue_.front());
    queue_.pop_front();
    Cache::Landed landed = co_await ask(key.first, key.second);
    const std::string why = landed.value.ok() ? landed.value->refusal : std::string(landed.value.status().message());
    if (!why.empty()) {
      limited_log().warn(LogKind::time_zone, "time_zone={} agreed=no why=\"{}\"", key.second, why);
    }
    land(std::move(landed));
  }
  asking_ = false;
}

Task<ZoneAgreements::Cache::Landed> ZoneAgreements::ask(config::Backend leader, std::string zone) {
  Cache::Landed landed{.value = ZoneVerdict(), .fresh_for = std::nullopt};
  auto here = co_await rules_on(links_, leader, zone);
  if (!here.ok()) {
    landed.value = absl::UnavailableError("the leader cannot be asked about the time zone " + zone + "; try again");
    co_return landed;
  }
  if (std::optional<std::string> offset = here->fixed_offset()) {
    landed.value->offset = std::move(offset);
    co_return landed;
  }
  const config::Backend follower = config::other(leader);
  auto there = co_await rules_on(links_, follower, zone);
  if (absl::IsNotFound(there.status())) {
    landed.value->refusal = unknown_there(follower, zone);
  } else if (!there.ok()) {
    landed.value = absl::UnavailableError("'" + std::string(config::name(follower)) +
                                          "' cannot be asked now whether it means the same by the time zone " + zone +
                                          "; try again");
  } else if (!(*here == *there)) {
    landed.value->refusal = "the two servers do not mean the same by the time zone " + zone +
                            (zone == "SYSTEM" ? "; set time_zone to a name or an offset"
                                              : "; load the same time zone tables on both and restart them");
  }
  if (landed.value.ok() && !landed.value->refusal.empty()) landed.fresh_for = kRetry;
  co_return landed;
}

}  // namespace crossfade::proxy
