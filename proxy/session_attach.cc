// The leader's connection, lost while nothing ran on it: another one in the same state, or the end of the session.

#include <array>
#include <chrono>
#include <cstdlib>

#include "proxy/log_limit.h"
#include "proxy/lost_leader.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;

namespace {

constexpr auto kSetMax = std::chrono::seconds(5);
constexpr auto kBetweenAttempts = std::chrono::milliseconds(50);  // while the server restarts

absl::Status gone(const std::string& why) {
  return absl::UnavailableError("the server has closed the connection" + (why.empty() ? "" : ", which held " + why));
}

bool same_server(const protocol::Greeting& before, const protocol::Greeting& now) {
  return before.server_version == now.server_version && before.capabilities == now.capabilities;
}

}  // namespace

// What a server says before it closes an idle connection (MySQL's 4031 after wait_timeout) lies unread. `open`: nothing
// does, and it has not closed either: what came was a matter of TLS alone.
Session::Closing Session::take_last_words() {
  BackendLink& closed = *link(leader());
  protocol::Buffer bytes = std::exchange(closed.early(), {});
  std::array<std::uint8_t, 1024> buffer;
  Closing closing = Closing::broken;
  for (;;) {
    const Stream::Io got = closed.stream().try_read(buffer);
    if (got.kind == Stream::Io::Kind::would_block && bytes.empty()) return Closing::open;
    if (got.kind == Stream::Io::Kind::closed) closing = Closing::in_good_order;
    if (got.kind != Stream::Io::Kind::ok || got.bytes == 0) break;
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got.bytes));
    if (bytes.size() > buffer.size()) break;
  }
  if (bytes.size() <= protocol::kHeaderBytes) return closing;
  const auto header = protocol::decode_header(bytes);
  const protocol::Bytes payload = protocol::Bytes(bytes).subspan(protocol::kHeaderBytes);
  if (payload.size() < header.payload_bytes || payload[0] != 0xff) return closing;
  hold_.last_words.assign(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(header.payload_bytes));
  return closing;
}

// Neither make tells an idle connection that it was killed. `fresh` is logged in, with the session's variables.
Task<absl::StatusOr<bool>> Session::leader_was_killed(BackendLink& fresh, Closing closing) {
  if (closing != Closing::in_good_order) co_return false;
  auto told =
      co_await fresh.query("SELECT @@wait_timeout;SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_kill','Uptime')",
                           worker_.reactor.now() + kSetMax);
  if (absl::IsFailedPrecondition(told.status())) co_return false;  // it does not say
  if (!told.ok()) co_return told.status();
  if (absl::Status shape = protocol::expect_shape(*told, {1, 2}); !shape.ok()) co_return shape;
  const BackendLink& lost = *link(leader());
  // What TLS itself sends can stir an idle connection, too.
  const TimePoint now = Clock::now();
  const TimePoint ended = lost.stream().is_tls() ? now : lost.stream().stirred_at();
  LeaderLoss loss;
  loss.in_good_order = true;
  loss.lost_id = lost.greeting().connection_id;
  loss.new_id = fresh.greeting().connection_id;
  loss.age_seconds = std::chrono::duration<double>(now - lost.logged_in_at()).count();
  loss.idle_seconds = std::chrono::duration<double>(ended - lost.quiet_since()).count();
  const auto number = [](const protocol::Cell& cell) { return std::strtoull(cell.value_or("0").c_str(), nullptr, 10); };
  for (const std::vector<protocol::Cell>& row : told->front().rows) loss.wait_timeout_seconds = number(row[0]);
  for (const std::vector<protocol::Cell>& row : told->back().rows) {
    (row[0] == "Uptime" ? loss.uptime_seconds : loss.kills) = number(row[1]);
  }
  co_return was_killed(loss);
}

std::string Session::why_not_reattachable(const StatementFacts* facts) const {
  if (transaction_.open()) return "an open transaction";
  if (std::string held = hold_.irreplaceable(); !held.empty()) return held;
  if (collation_ > 0xff) return "a collation that only a change of user can name";
  if (facts != nullptr && diagnostics_.kept() == nullptr &&
      (facts->facts.has(Fact::row_count) || facts->facts.has(Fact::found_rows) || facts->facts.has(Fact::warnings))) {
    return "the diagnostics that are asked for";
  }
  return prepared_.why_bound(known_.version());
}

// Only between statements: what was sent is never sent again.
Task<absl::Status> Session::reattach(const StatementFacts* facts) {
  if (killed_ || link(leader())->parting() || shared_.kills.concerns(connection_id_)) co_return gone("");
  const Closing closing = take_last_words();
  if (closing == Closing::open) co_return absl::OkStatus();
  if (!hold_.last_words.empty()) co_return gone("");
  const std::string why = why_not_reattachable(facts);
  if (!why.empty()) co_return gone(why);
  const protocol::Greeting before = link(leader())->greeting();
  const TimePoint deadline = worker_.reactor.now() + shared_.config.backend(leader()).connect_timeout;
  std::unique_ptr<BackendLink> fresh;
  while (!fresh) {
    std::optional<Refusal> refused;
    auto opened = co_await open_link(leader(), known_.schema(), &refused);
    if (opened.ok()) {
      fresh = *std::move(opened);
    } else if (refused || worker_.reactor.now() >= deadline) {
      co_return opened.status();
    } else {
      co_await worker_.reactor.sleep_for(kBetweenAttempts);
    }
  }
  if (!same_server(before, fresh->greeting())) co_return gone("and is another version now");
  const absl::Status restored = co_await restore(*fresh);
  if (!restored.ok()) co_return restored;
  const absl::Status tracking = co_await begin_tracking(*fresh);
  if (!tracking.ok()) co_return tracking;
  auto killed = co_await leader_was_killed(*fresh, closing);
  if (!killed.ok()) co_return killed.status();
  if (*killed) co_return absl::UnavailableError("the server has closed the connection, as it does by a KILL");
  limited_log().info(LogKind::leader_reattached, "session={} connection={} leader=reattached connection_there={}", id_,
                     connection_id_, fresh->greeting().connection_id);
  link(leader()) = std::move(fresh);
  counters_.leader_reattached.add();
  prepared_.forget_ids_of(leader());
  co_return absl::OkStatus();
}

// The session's state on a connection that has just logged in; checked where it is known by value.
Task<absl::Status> Session::restore(BackendLink& fresh) {
  std::uint16_t status = fresh.login_ok().status;
  std::vector<std::string> statements = hold_.sets();
  for (std::size_t i = 0; i <= statements.size(); ++i) {
    if (i == statements.size()) {
      if (((status & protocol::kStatusAutocommit) != 0) == transaction_.autocommit()) break;
      statements.push_back(transaction_.autocommit() ? "SET autocommit=1" : "SET autocommit=0");
    }
    auto ran = co_await fresh.run(statements[i], worker_.reactor.now() + kSetMax);
    if (!ran.ok()) co_return ran.status();
    if (ran->failed()) co_return gone("a state that is refused now: " + err_code(ran->last().err));
    status = ran->last().ok.status;
  }
  if (known_.context() == nullptr) co_return absl::OkStatus();
  auto results =
      co_await fresh.query(context_query(fresh.is_mariadb(), known_.deciding()), worker_.reactor.now() + kSetMax);
  if (!results.ok()) co_return results.status();
  auto now = context_from(results->front(), fresh.is_mariadb(), known_.deciding());
  if (!now.ok()) co_return now.status();
  if (now->zone == known_.context()->zone) now->statement.time_zone = known_.context()->statement.time_zone;
  known_.take_packet_bytes_max(now->packet_bytes_max);
  now->reads_pinned = known_.context()->reads_pinned;  // it may say more than the server's answer
  if (!(*now == *known_.context())) co_return gone("values that are no longer the server's defaults");
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
