#include "proxy/migrate/table_look.h"

#include <utility>

#include "dualwrite/sql_text.h"
#include "proxy/feed/row_stream.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using migrate::LookQuery;
using migrate::Side;
using protocol::Cell;

namespace {

constexpr auto kLookTimeMax = std::chrono::hours(24);
constexpr auto kAnswerLook = std::chrono::milliseconds(200);
constexpr auto kKillPause = std::chrono::seconds(1);
constexpr int kPlaceTries = 30;
constexpr auto kPlacePause = std::chrono::milliseconds(300);
constexpr const char* kSnapshot = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

}  // namespace

Task<absl::StatusOr<LookFindings>> TableLook::ask(std::vector<LookQuery> queries) {
  for (const Side side : {Side::leader, Side::follower}) {
    auto prepared = co_await link(side).query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", soon());
    if (!prepared.ok()) co_return prepared.status();
  }
  LookFindings out;
  if (queries.empty()) co_return out;
  const absl::Status placed = co_await take_place();
  if (!placed.ok()) co_return placed;
  for (LookQuery& each : queries) {
    auto query = std::make_shared<const LookQuery>(std::move(each));
    const absl::Status answered = co_await ask_both(query);
    if (!answered.ok()) co_return answered;
    if (query->kind != migrate::Difference::Kind::orphans) out.rows = leader_.answer.rows;
    for (migrate::Difference& found : migrate::compare_answers(*query, leader_.answer, follower_.answer)) {
      out.found.push_back(std::move(found));
    }
  }
  co_return out;
}

Task<absl::Status> TableLook::take_place() {
  absl::Status status = absl::AbortedError("");
  for (int tries = 0; tries < kPlaceTries && absl::IsAborted(status); ++tries) {
    if (tries > 0) co_await setting_.reactor.sleep_for(kPlacePause);
    const absl::Status why = setting_.why_not();
    if (!why.ok()) co_return why;
    status = co_await try_place();
  }
  if (absl::IsAborted(status)) {
    co_return absl::FailedPreconditionError("no place to look at both sides: " + std::string(status.message()));
  }
  co_return status;
}

// Aborted: another time may do. Both snapshots are open else.
Task<absl::Status> TableLook::try_place() {
  auto gate = co_await setting_.open_link(Side::leader);
  if (!gate.ok()) co_return gate.status();
  const absl::Status locked = co_await lock_table(**gate);
  if (!locked.ok()) co_return locked;
  auto opened = co_await setting_.leader.query(kSnapshot, soon());
  if (!opened.ok()) co_return opened.status();
  const std::uint64_t token = setting_.new_token();
  const std::shared_ptr<Chunk> chunk = setting_.meetings.expect(token, setting_.table, MarkerMeetings::Applier::stays);
  const absl::Status met = co_await meet_at(chunk, **gate);
  const bool stayed = setting_.meetings.end(chunk);
  if (!met.ok()) co_return met;
  if (!stayed) co_return absl::AbortedError("the applier has not waited long enough");
  co_return absl::OkStatus();
}

// Whoever writes the table waits behind the lock's own waiting: it is a short one.
Task<absl::Status> TableLook::lock_table(BackendLink& gate) {
  auto prepared = co_await gate.query("SET SESSION lock_wait_timeout=1", soon());
  if (!prepared.ok()) co_return prepared.status();
  const std::string sql = "LOCK TABLES " + dualwrite::quote_name(setting_.table) + " READ";
  auto locked = co_await gate.query(sql, soon());
  if (locked.ok()) co_return absl::OkStatus();
  const std::string why(locked.status().message());
  if (why.find("1205 (") != std::string::npos) {
    co_return absl::AbortedError("transactions of the leader that have written the table stay open");
  }
  if (why.starts_with("1044 ") || why.starts_with("1142 ")) {
    co_return absl::FailedPreconditionError("the control account may not lock it: GRANT LOCK TABLES ON " +
                                            dualwrite::quote_name(setting_.table.schema) + ".* on the leader");
  }
  co_return about_definitions(locked.status());
}

Task<absl::Status> TableLook::meet_at(std::shared_ptr<Chunk> chunk, BackendLink& gate) {
  const absl::Status marked = co_await setting_.marker.finish(chunk->token);
  auto unlocked = co_await gate.query("UNLOCK TABLES", soon());
  if (!marked.ok()) co_return marked;
  if (!unlocked.ok()) co_return unlocked.status();
  gate.send_quit();
  const absl::Status met = co_await setting_.meetings.wait(chunk, setting_.why_not);
  if (!met.ok()) co_return met;
  auto opened = co_await setting_.follower.query(kSnapshot, soon());
  co_return opened.status();
}

Task<absl::Status> TableLook::ask_both(std::shared_ptr<const LookQuery> query) {
  for (const Side side : {Side::leader, Side::follower}) {
    asked(side) = {.answer = {}, .status = {}, .busy = true};
    setting_.reactor.spawn(ask_side(side, query));
  }
  absl::Status why;
  TimePoint kill_at{};
  while (leader_.busy || follower_.busy) {
    if (why.ok()) why = setting_.why_not();
    if (why.ok() && !leader_.status.ok()) why = leader_.status;
    if (why.ok() && !follower_.status.ok()) why = follower_.status;
    if (!why.ok() && Clock::now() >= kill_at) {
      for (const Side side : {Side::leader, Side::follower}) co_await stop_asking(side);
      kill_at = Clock::now() + kKillPause;
    }
    co_await answered_.wait(Clock::now() + kAnswerLook);
  }
  if (!why.ok()) co_return why;
  co_return leader_.status.ok() ? follower_.status : leader_.status;
}

Task<void> TableLook::ask_side(Side side, std::shared_ptr<const LookQuery> query) {
  Asked& here = asked(side);
  std::string sql = side == Side::leader ? query->leader : query->follower;
  absl::Status read;
  if (!sql.empty()) {
    const migrate::ShowRows show = setting_.show;
    TakeRow take = [query, show, &here](const std::vector<Cell>& row) {
      return migrate::see_answer(*query, show, row, &here.answer);
    };
    read = co_await read_stream(link(side), std::move(sql), std::move(take), Clock::now() + kLookTimeMax);
  }
  here.status = about_definitions(read);
  here.busy = false;
  answered_.notify();
}

// The server's own work ends, too.
Task<void> TableLook::stop_asking(Side side) {
  if (!asked(side).busy) co_return;
  auto killer = co_await setting_.open_link(side);
  if (!killer.ok() || !asked(side).busy) co_return;
  const std::string sql = "KILL QUERY " + std::to_string(link(side).greeting().connection_id);
  auto killed = co_await (*killer)->query(sql, soon());
  if (killed.ok()) (*killer)->send_quit();
}

}  // namespace crossfade::proxy
