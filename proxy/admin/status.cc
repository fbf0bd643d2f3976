#include "proxy/admin/status.h"

#include "proxy/counts/log.h"
#include "proxy/counts/log_limit.h"
#include "proxy/shadow_run/shadow_pool.h"

namespace crossfade::proxy {

namespace {

// `caught_up` is about what was committed before the question.
FeedStatus settled_status(const StatusSources& sources) {
  constexpr auto kSettleMax = std::chrono::milliseconds(200);
  const bool settled = sources.shared.feed.settle(kSettleMax);
  FeedStatus status = sources.shared.feed.status();
  status.caught_up = status.caught_up && settled;
  return status;
}

}  // namespace

nlohmann::json flags_json(const config::Flags& flags) {
  const auto by = [](const config::BucketBy& bucket) -> std::string {
    switch (bucket.key) {
      case config::BucketBy::Key::session:
        return "session";
      case config::BucketBy::Key::user:
        return "user";
      case config::BucketBy::Key::schema:
        return "schema";
      case config::BucketBy::Key::client_host:
        return "client_host";
      case config::BucketBy::Key::hint:
        return "hint:" + bucket.hint;
    }
    return "";
  };
  return {{"version", flags.version},
          {"dual_write",
           {{"enabled", flags.dual_write.enabled},
            {"ack", flags.dual_write.ack == config::Ack::both ? "both" : "leader"},
            {"on_divergence", flags.dual_write.on_divergence == config::OnDivergence::hold ? "hold" : "overwrite"}}},
          {"shadow_read", {{"percent", flags.shadow_read.percent.text()}}},
          {"read_from_new", {{"percent", flags.read_from_new.percent.text()}, {"by", by(flags.read_from_new.by)}}},
          {"rules", flags.rules.size()},
          {"freeze_writes", flags.freeze_writes},
          {"kill_switch", flags.kill_switch}};
}

bool is_ready(const StatusSources& sources) {
  const FeedStatus feed = sources.shared.feed.status();
  return !sources.shared.draining.load() && feed.kind != FeedKind::undecided && feed.leader_up && feed.follower_tried;
}

Metrics::Gauges gauges(const StatusSources& sources) {
  const FeedStatus feed = settled_status(sources);
  const auto flags = sources.flags_in_force();
  Metrics::Gauges out;
  out.lag_entries = feed.lag_entries;
  out.lag_bytes = feed.lag_bytes;
  out.lag_oldest_seconds = feed.lag_oldest_seconds;
  out.caught_up = feed.caught_up;
  out.backend_up = {feed.leader_up, feed.follower_up};
  if (sources.shared.leader != config::Backend::old_db) std::swap(out.backend_up[0], out.backend_up[1]);
  out.flags_version = flags->version;
  out.flags_last_reload_ok = sources.flags.last_reload_ok();
  out.read_from_new_percent = flags->read_from_new.percent.ppm() / 10000.0;
  out.shadow_read_percent = flags->shadow_read.percent.ppm() / 10000.0;
  out.shadow_queue = sources.shared.shadow.queued();
  out.parked_entries = feed.parked.size();
  out.log_retention_seconds = feed.retention.seconds;
  out.log_waiting_seconds = feed.retention.waiting_seconds;
  out.ledger_open = feed.ledger_open;
  const Backfill::Gauges copy = sources.backfill.gauges();
  out.backfill_rows = copy.rows;
  out.backfill_bytes = copy.bytes;
  out.backfill_tables_left = copy.tables_left;
  out.backfill_tables_failed = copy.tables_failed;
  out.backfill_running = copy.running;
  out.backfill_throttled = copy.throttled;
  const Verify::Gauges comparison = sources.verify.gauges();
  out.verify_rows = comparison.rows;
  out.verify_differences = comparison.differences;
  out.verify_tables_left = comparison.tables_left;
  out.verify_tables_failed = comparison.tables_failed;
  out.verify_running = comparison.running;
  out.verify_throttled = comparison.throttled;
  const Repair::Gauges repair = sources.repair.gauges();
  out.repair_rows = repair.rows;
  out.repair_automatic = repair.started_by_itself;
  out.repair_running = repair.running;
  out.log_dropped = log_lines_dropped();
  for (std::size_t i = 0; i < kLogKinds; ++i) out.log_suppressed[i] = limited_log().suppressed(static_cast<LogKind>(i));
  return out;
}

// The rows that differ are for who asks for them.
static nlohmann::json without_rows(nlohmann::json verify) {
  verify.erase("differences");
  return verify;
}

static nlohmann::json backend_json(const StatusSources& sources, const FeedStatus& feed, config::Backend which) {
  const bool leads = which == sources.shared.leader;
  const std::string& error = leads ? feed.leader_error : feed.follower_error;
  nlohmann::json json = {{"state", (leads ? feed.leader_up : feed.follower_up) ? "up" : "down"},
                         {"address", sources.config.backend(which).address.text()},
                         {"server_version", leads ? feed.leader_version : feed.follower_version},
                         {"connections", sources.shared.metrics.sum([which](const Counters& c) {
                            return c.backend_connections_open[static_cast<std::size_t>(which)].get();
                          })}};
  if (!error.empty()) json["error"] = error;
  return json;
}

nlohmann::json status_json(const StatusSources& sources) {
  const FeedStatus feed = settled_status(sources);
  const Metrics& metrics = sources.shared.metrics;
  const auto sum = [&](auto member) { return metrics.sum([member](const Counters& c) { return (c.*member).get(); }); };
  const auto flags = sources.flags_in_force();
  nlohmann::json parked = nlohmann::json::array();
  for (const auto& entry : feed.parked) {
    parked.push_back({{"entry", entry.key}, {"tables", entry.table}, {"error", entry.error}});
  }
  nlohmann::json retention = nullptr;
  if (feed.retention.known) {
    retention = {{"seconds", feed.retention.seconds},
                 {"oldest_file", feed.retention.oldest_file},
                 {"needed_by", feed.retention.by},
                 {"needed_from", feed.retention.needed},
                 {"waiting_seconds", feed.retention.waiting_seconds}};
  }
  nlohmann::json findings = nlohmann::json::array();
  nlohmann::json captured = nlohmann::json::object();
  for (const FeedStatus::Captured& each : feed.captured) captured[each.table] = each.number;
  for (const auto& finding : feed.findings) {
    findings.push_back({{"severity", finding.severity}, {"object", finding.object}, {"text", finding.text}});
  }
  nlohmann::json flag_values = flags_json(*flags);
  flag_values["last_reload_ok"] = sources.flags.last_reload_ok();
  if (!sources.flags.last_error().empty()) flag_values["last_error"] = sources.flags.last_error();
  return {
      {"version", CROSSFADE_VERSION},
      {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - sources.started).count()},
      {"ready", is_ready(sources)},
      {"draining", sources.shared.draining.load()},
      {"leader", config::name(sources.shared.leader)},
      {"switch", sources.leader_switch()},
      {"caught_up", feed.caught_up},
      {"lag", {{"entries", feed.lag_entries}, {"bytes", feed.lag_bytes}, {"oldest_seconds", feed.lag_oldest_seconds}}},
      {"feed",
       {{"kind", name(feed.kind)},
        {"why", feed.why},
        {"change", feed.change},
        {"readable", feed.readable},
        {"position", feed.position},
        {"leader_position", feed.leader_position},
        {"retention", retention},
        {"captured", captured},
        {"set_up", feed.undecided.progress()},
        {"changes", {{"rows_max", feed.changes.rows_max}, {"consistent_at", feed.changes.consistent_at}}},
        {"findings", findings}}},
      {"applier",
       {{"state", feed.state},
        {"last_error", feed.last_error},
        {"applied_entries", feed.applied_entries},
        {"divergences", feed.divergences},
        {"ledger_open", feed.ledger_open},
        {"parked", parked}}},
      {"backfill", sources.backfill.status()},
      {"verify", without_rows(sources.verify.status())},
      {"repair", sources.repair.status()},
      {"flags", flag_values},
      {"clients",
       {{"open", sum(&Counters::clients_open)},
        {"accepted", sum(&Counters::clients_accepted)},
        {"refused", sum(&Counters::clients_refused)},
        {"pinned_to_leader", sources.shared.pinned_sessions.total()},
        {"pinned_reasons", sources.shared.pinned_sessions.by_reason()}}},
      {"backends",
       {{"old", backend_json(sources, feed, config::Backend::old_db)},
        {"new", backend_json(sources, feed, config::Backend::new_db)}}},
      {"shadow",
       {{"queue", sources.shared.shadow.queued()},
        {"connections",
         {{"old", sources.shared.shadow.connections(config::Backend::old_db)},
          {"new", sources.shared.shadow.connections(config::Backend::new_db)}}},
        {"plaintext_samples", sources.config.shadow.plaintext_samples}}},
      {"counters",
       {{"statements", sum(&Counters::statements)},
        {"reads_old", sum(&Counters::reads_old)},
        {"reads_new", sum(&Counters::reads_new)},
        {"writes", sum(&Counters::writes)},
        {"transactions", sum(&Counters::transactions)},
        {"refused_statements", sum(&Counters::refused_statements)},
        {"logins_failed", sum(&Counters::logins_failed)},
        {"ack_timeouts", sum(&Counters::ack_timeouts)},
        {"leader_reattached", sum(&Counters::leader_reattached)}}}};
}

}  // namespace crossfade::proxy
