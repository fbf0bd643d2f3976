#include "proxy/zone_agreements.h"

#include <spdlog/spdlog.h>

#include "protocol/error_codes.h"
#include "proxy/worker.h"

namespace crossfade::proxy {
namespace {

constexpr auto kAnswerMax = std::chrono::seconds(30);
constexpr std::uint16_t kUnknownZone = 1298;

Task<absl::StatusOr<dualwrite::SqlRows>> rows_of(BackendLink& link, std::string sql, TimePoint deadline) {
  auto results = co_await link.query(std::move(sql), deadline);
  if (!results.ok()) co_return results.status();
  co_return std::move(results->front().rows);
}

// NotFound: that server does not know the zone.
Task<absl::StatusOr<dualwrite::ZoneRules>> rules_on(Worker& worker, config::Backend which, std::string zone) {
  LinkOptions options = worker.shared.link_options(which, worker.shared.control[static_cast<std::size_t>(which)]);
  auto link = co_await BackendLink::open(worker.reactor, std::move(options), worker.counters,
                                         worker.reactor.now() + worker.shared.config.backend(which).connect_timeout);
  if (!link.ok()) co_return link.status();
  const TimePoint deadline = worker.reactor.now() + kAnswerMax;
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
  (*link)->send_quit();
  co_return rules;
}

std::string unknown_there(config::Backend which, const std::string& zone) {
  return "'" + std::string(config::name(which)) + "' does not know the time zone " + zone +
         "; load the time zone tables there (mariadb-tzinfo-to-sql, mysql_tzinfo_to_sql)";
}

}  // namespace

ZoneAgreements::Turn ZoneAgreements::take_turn(const std::string& zone, TimePoint now, std::optional<Slot>* before) {
  const std::lock_guard lock(mutex_);
  const auto found = slots_.find(zone);
  if (found != slots_.end()) *before = found->second;
  if (*before && now < (*before)->until) return Turn::known;
  return asking_.insert(zone).second ? Turn::ask : Turn::wait;
}

Task<ZoneVerdict> ZoneAgreements::judge(Worker& worker, config::Backend leader, std::string zone) {
  for (;;) {
    std::optional<Slot> before;
    const Turn turn = take_turn(zone, worker.reactor.now(), &before);
    if (turn == Turn::known) co_return before->verdict;
    if (turn == Turn::wait) {  // the other's answer has its deadlines
      co_await worker.reactor.sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    const Slot now = co_await ask(worker, leader, zone, before);
    const std::lock_guard lock(mutex_);
    asking_.erase(zone);
    if (slots_.size() >= kZonesMax) slots_.clear();
    slots_[zone] = now;
    co_return now.verdict;
  }
}

Task<void> ZoneAgreements::ask_in_background(Worker& worker, config::Backend leader, std::string zone) {
  co_await judge(worker, leader, std::move(zone));
}

std::optional<ZoneVerdict> ZoneAgreements::known(Worker& worker, config::Backend leader, const std::string& zone) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = slots_.find(zone);
    if (found != slots_.end() && worker.reactor.now() < found->second.until) return found->second.verdict;
    if (asking_.contains(zone)) return std::nullopt;
  }
  worker.reactor.spawn(ask_in_background(worker, leader, zone));
  return std::nullopt;
}

Task<ZoneAgreements::Slot> ZoneAgreements::ask(Worker& worker, config::Backend leader, std::string zone,
                                               std::optional<Slot> before) {
  Slot now;
  now.until = worker.reactor.now() + kFresh;
  bool asked = true;
  auto here = co_await rules_on(worker, leader, zone);
  if (!here.ok()) {
    asked = false;
    now.verdict.refusal = "the leader cannot be asked about the time zone " + zone + "; try again";
  } else if (const std::optional<std::string> offset = here->fixed_offset()) {
    now.verdict.offset = offset;
  } else {
    auto there = co_await rules_on(worker, config::other(leader), zone);
    if (absl::IsNotFound(there.status())) {
      now.until = worker.reactor.now() + kRetry;
      now.verdict.refusal = unknown_there(config::other(leader), zone);
    } else if (!there.ok()) {
      asked = false;
      now.verdict.refusal = "'" + std::string(config::name(config::other(leader))) +
                            "' cannot be asked now whether it means the same by the time zone " + zone + "; try again";
    } else if (!(*here == *there)) {
      now.until = worker.reactor.now() + kRetry;
      now.verdict.refusal = "the two servers do not mean the same by the time zone " + zone +
                            (zone == "SYSTEM" ? "; set time_zone to a name or an offset"
                                              : "; load the same time zone tables on both and restart them");
    }
  }
  if (!asked) {
    now.until = worker.reactor.now() + kRetry;
    if (before && before->verdict.refusal.empty()) now.verdict = before->verdict;
  }
  if (!now.verdict.refusal.empty()) spdlog::warn("time_zone={} agreed=no why=\"{}\"", zone, now.verdict.refusal);
  co_return now;
}

}  // namespace crossfade::proxy
