#include "proxy/status.h"

#include "proxy/shadow_pool.h"

namespace crossfade::proxy {

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
  return {
      {"version", flags.version},
      {"dual_write",
       {{"enabled", flags.dual_write.enabled}, {"ack", flags.dual_write.ack == config::Ack::both ? "both" : "leader"}}},
      {"shadow_read", {{"percent", flags.shadow_read.percent.text()}}},
      {"read_from_new", {{"percent", flags.read_from_new.percent.text()}, {"by", by(flags.read_from_new.by)}}},
      {"rules", flags.rules.size()},
      {"freeze_writes", flags.freeze_writes},
      {"kill_switch", flags.kill_switch}};
}

bool is_ready(const StatusSources& sources) {
  const ApplierStatus applier = sources.shared.applier.status();
  return !sources.shared.draining.load() && sources.shared.applier.epoch() != 0 && applier.leader_up &&
         applier.follower_tried;
}

Metrics::Gauges gauges(const StatusSources& sources) {
  const ApplierStatus applier = sources.shared.applier.status();
  const auto flags = sources.flags.current();
  Metrics::Gauges out;
  out.lag_entries = applier.lag_entries;
  out.lag_bytes = applier.lag_bytes;
  out.lag_oldest_seconds = applier.lag_oldest_seconds;
  out.caught_up = applier.caught_up;
  out.backend_up = {applier.leader_up, applier.follower_up};
  out.flags_version = flags->version;
  out.flags_last_reload_ok = sources.flags.last_reload_ok();
  out.read_from_new_percent = flags->read_from_new.percent.ppm() / 10000.0;
  out.shadow_read_percent = flags->shadow_read.percent.ppm() / 10000.0;
  out.shadow_queue = sources.shared.shadow.queued();
  out.parked_entries = applier.parked.size();
  out.ledger_open = applier.ledger_open;
  return out;
}

nlohmann::json status_json(const StatusSources& sources) {
  const ApplierStatus applier = sources.shared.applier.status();
  const Metrics& metrics = sources.shared.metrics;
  const auto sum = [&](auto member) { return metrics.sum([member](const Counters& c) { return (c.*member).get(); }); };
  const auto flags = sources.flags.current();
  nlohmann::json parked = nlohmann::json::array();
  for (const auto& entry : applier.parked) {
    parked.push_back({{"entry", entry.key}, {"tables", entry.table}, {"error", entry.error}});
  }
  const auto backend = [&](config::Backend which, bool up, const std::string& version, const std::string& error) {
    nlohmann::json json = {{"state", up ? "up" : "down"},
                           {"address", sources.config.backend(which).address.text()},
                           {"server_version", version},
                           {"connections", metrics.sum([which](const Counters& c) {
                              return c.backend_connections_open[static_cast<std::size_t>(which)].get();
                            })}};
    if (!error.empty()) json["error"] = error;
    return json;
  };
  nlohmann::json flag_values = flags_json(*flags);
  flag_values["last_reload_ok"] = sources.flags.last_reload_ok();
  if (!sources.flags.last_error().empty()) flag_values["last_error"] = sources.flags.last_error();
  return {{"version", CROSSFADE_VERSION},
          {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - sources.started).count()},
          {"ready", is_ready(sources)},
          {"draining", sources.shared.draining.load()},
          {"leader", config::name(sources.shared.leader)},
          {"caught_up", applier.caught_up},
          {"lag",
           {{"entries", applier.lag_entries},
            {"bytes", applier.lag_bytes},
            {"oldest_seconds", applier.lag_oldest_seconds}}},
          {"applier",
           {{"state", applier.state},
            {"last_error", applier.last_error},
            {"epoch", sources.shared.applier.epoch()},
            {"applied_entries", applier.applied_entries},
            {"divergences", applier.divergences},
            {"ledger_open", applier.ledger_open},
            {"parked", parked}}},
          {"flags", flag_values},
          {"clients",
           {{"open", sum(&Counters::clients_open)},
            {"accepted", sum(&Counters::clients_accepted)},
            {"refused", sum(&Counters::clients_refused)},
            {"pinned_to_leader", sources.shared.pinned_sessions.total()},
            {"pinned_reasons", sources.shared.pinned_sessions.by_reason()}}},
          {"backends",
           {{"old", backend(config::Backend::old_db, applier.leader_up, applier.leader_version, applier.leader_error)},
            {"new",
             backend(config::Backend::new_db, applier.follower_up, applier.follower_version, applier.follower_error)}}},
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
            {"entries_recorded", sum(&Counters::entries_recorded)},
            {"ack_timeouts", sum(&Counters::ack_timeouts)},
            {"unknown_fate", sum(&Counters::unknown_fate)},
            {"lost_transactions", sum(&Counters::lost_transactions)},
            {"leader_reattached", sum(&Counters::leader_reattached)}}}};
}

}  // namespace crossfade::proxy
