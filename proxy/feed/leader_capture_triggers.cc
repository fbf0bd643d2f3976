// Triggers on the leader: made, made anew, and removed.

#include <algorithm>
#include <optional>

#include "dualwrite/log_control.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "dualwrite/trigger/kept_changes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/leader_capture.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::CaptureRecord;
using dualwrite::CaptureState;
using dualwrite::TableRef;

namespace {

// And is to stay so.
Task<absl::StatusOr<bool>> is_fed_by_the_log(BackendLink& leader, std::string schema) {
  auto asked = co_await leader.query(dualwrite::select_anchor_with_change(schema), Clock::now() + kCaptureMax);
  if (!asked.ok()) co_return asked.status();
  const auto anchor = dualwrite::anchor_from(asked->front());
  if (!anchor.ok()) co_return anchor.status();
  co_return anchor->has_value() && !(*anchor)->change && !dualwrite::is_changes_place((*anchor)->at);
}

}  // namespace

Task<absl::Status> LeaderCapture::drop_triggers(BackendLink& leader, TableRef table, std::set<std::string> names) {
  for (const std::string& name : names) {
    const absl::Status dropped = co_await run(
        leader, "DROP TRIGGER IF EXISTS " + dualwrite::quote_name(table.schema) + "." + dualwrite::quote_name(name),
        table);
    if (!dropped.ok()) co_return dropped;
  }
  co_return absl::OkStatus();
}

// A number, three triggers, and then it is live. A table that cannot be captured is noted as such.
Task<absl::Status> LeaderCapture::make(BackendLink& leader, CaptureRecord record) {
  const TableRef name = record.definition.name;
  auto asked = co_await ask_catalogue(leader, dualwrite::after_triggers_query(name), patient_until());
  if (!asked.ok()) co_return asked.status();
  const auto after = protocol::only_rows(*std::move(asked), 2);
  if (!after.ok()) co_return after.status();
  auto first = dualwrite::first_triggers(*after);
  if (!first.ok()) co_return first.status();
  dualwrite::CaptureRequest request{.leader = record.definition,
                                    .mariadb = leader.is_mariadb(),
                                    .number = 0,
                                    .control_schema = schema_,
                                    .first = *std::move(first),
                                    .referenced = record.referenced};
  const auto judged = dualwrite::plan_capture(request);
  if (!judged.ok()) {
    uncaptured_[name] = std::string(judged.status().message());
    co_return absl::OkStatus();
  }
  if (judged->pairs > pairs_) {
    const absl::Status widened = co_await run(leader, dualwrite::widen_changes(schema_, pairs_, judged->pairs), name);
    if (!widened.ok()) co_return widened;
    pairs_ = judged->pairs;
  }
  auto inserted = co_await leader.run(dualwrite::insert_captured(schema_, record), Clock::now() + kCaptureMax);
  if (!inserted.ok()) co_return inserted.status();
  if (inserted->failed()) co_return absl::UnavailableError("captured: " + err_text(inserted->last().err));
  record.number = static_cast<std::uint32_t>(inserted->last().ok.last_insert_id);
  request.number = record.number;
  auto plan = dualwrite::plan_capture(request);
  if (!plan.ok()) co_return plan.status();
  const absl::Status made =
      co_await make_triggers(leader, std::make_shared<const dualwrite::Capture>(*std::move(plan)));
  if (!made.ok()) co_return made;
  auto kept = co_await leader.query(dualwrite::update_captured(schema_, record.number, CaptureState::live),
                                    Clock::now() + kCaptureMax);
  if (kept.ok())
    kept = co_await leader.query(dualwrite::retire_captured(schema_, name, record.number), Clock::now() + kCaptureMax);
  if (!kept.ok()) co_return kept.status();
  for (auto& [number, other] : records_) {
    if (other.definition.name == name) other.state = CaptureState::retired;
  }
  limited_log().info(LogKind::applier_state, "feed=trigger table={}.{} captured={}", name.schema, name.table,
                     record.number);
  record.state = CaptureState::live;
  note(std::move(record), leader.is_mariadb());
  uncaptured_.erase(name);
  co_return absl::OkStatus();
}

Task<absl::Status> LeaderCapture::make_triggers(BackendLink& leader, CapturePtr plan) {
  for (const std::string& sql : plan->create) {
    const absl::Status made = co_await run(leader, sql, plan->name);
    if (made.ok()) continue;
    for (const std::string& drop : plan->drop) {
      const absl::Status dropped = co_await run(leader, drop, plan->name);
      if (!dropped.ok()) co_return dropped;
    }
    co_return made;
  }
  co_return absl::OkStatus();
}

// The old triggers go and the new ones come while nobody can write; what the old ones have written has a smaller id.
Task<absl::Status> LeaderCapture::capture_anew(BackendLink& session, std::vector<TableRef> tables,
                                               std::shared_ptr<const Found> found) {
  std::size_t made_for = 0;
  for (const TableRef& name : tables) {
    if (on_progress) on_progress({.made = made_for, .all = tables.size(), .next = name});
    ++made_for;
    const auto definition = found->tables.find(name);
    if (definition == found->tables.end()) {
      auto retired = co_await session.query(dualwrite::retire_captured(schema_, name, 0), Clock::now() + kCaptureMax);
      if (!retired.ok()) co_return retired.status();
      continue;
    }
    if (!may_have_triggers(definition->second)) continue;
    const auto old = found->triggers.find(name);
    if (old != found->triggers.end()) {
      std::set<std::string> names = old->second;
      const absl::Status dropped = co_await drop_triggers(session, name, std::move(names));
      if (!dropped.ok()) co_return dropped;
    }
    CaptureRecord record{.definition = definition->second,
                         .referenced = dualwrite::referenced_columns(found->tables, name),
                         .ids = found->ids.of(name)};
    const absl::Status made = co_await make(session, std::move(record));
    if (!made.ok()) co_return made;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> LeaderCapture::remove(BackendLink& leader) {
  const absl::Status locked = co_await lock(leader);
  if (!locked.ok()) co_return locked;
  const absl::Status removed = co_await remove_locked(leader);
  if (!removed.ok()) co_return removed;
  auto done = co_await leader.query("DROP TABLE IF EXISTS " + dualwrite::quote_name(schema_) + ".`anchor`",
                                    Clock::now() + kCaptureMax);
  co_return done.status();
}

// With the lock: whoever changes to this feed says so in the anchor first, and makes triggers under the lock, too.
Task<absl::Status> LeaderCapture::retire(BackendLink& leader) {
  const absl::Status locked = co_await lock(leader);
  if (!locked.ok()) co_return locked;
  auto unused = co_await is_fed_by_the_log(leader, schema_);
  if (!unused.ok()) co_return unused.status();
  if (!*unused) co_return absl::UnavailableError("the triggers are in use");
  const absl::Status removed = co_await remove_locked(leader);
  if (!removed.ok()) co_return removed;
  co_return co_await unlock(leader);
}

Task<absl::Status> LeaderCapture::remove_locked(BackendLink& leader) {
  auto triggers = co_await our_triggers(leader);
  if (!triggers.ok()) co_return triggers.status();
  for (auto& [table, names] : *triggers) {
    const absl::Status dropped = co_await drop_triggers(leader, table, std::move(names));
    if (!dropped.ok()) co_return dropped;
  }
  std::vector<std::string> rest;
  rest.push_back(dualwrite::drop_changes(schema_));
  rest.push_back(dualwrite::drop_every_change(schema_));
  rest.push_back("DROP TABLE IF EXISTS " + dualwrite::quote_name(schema_) + ".`captured`");
  rest.push_back(dualwrite::drop_flushed(schema_));
  rest.push_back(dualwrite::drop_kept(schema_));
  for (std::string& sql : rest) {
    auto done = co_await leader.query(std::move(sql), Clock::now() + kCaptureMax);
    if (!done.ok()) co_return done.status();
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
