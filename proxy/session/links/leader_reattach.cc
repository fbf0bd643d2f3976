// The leader's connection, lost while nothing ran on it: another one in the same state, or the end of the session.

#include <array>
#include <chrono>
#include <cstdlib>

#include "proxy/counts/log_limit.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/links/leader_session.h"
#include "proxy/session/links/lost_leader.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;

namespace {

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
LeaderSession::Closing LeaderSession::read_last_words() {
  protocol::Buffer bytes = std::exchange(link_->early(), {});
  std::array<std::uint8_t, 1024> buffer;
  Closing closing = Closing::broken;
  for (;;) {
    const Stream::Io got = link_->stream().try_read(buffer);
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
  last_words_.assign(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(header.payload_bytes));
  return closing;
}

protocol::Buffer LeaderSession::take_last_words() {
  if (last_words_.empty()) {
    if (const std::optional<protocol::Err>& parting = link_->parting()) {
      last_words_ = protocol::encode_err(*parting);
    } else {
      read_last_words();
    }
  }
  return std::exchange(last_words_, {});
}

// Neither make tells an idle connection that it was killed. `fresh` is logged in, with the session's variables.
Task<absl::StatusOr<bool>> LeaderSession::was_killed_before(BackendLink& fresh, Closing closing) {
  if (closing != Closing::in_good_order) co_return false;
  auto told = co_await fresh.query(
      "SELECT @@wait_timeout;SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_kill','Uptime')", site_.in(kStateMax));
  if (absl::IsFailedPrecondition(told.status())) co_return false;  // it does not say
  if (!told.ok()) co_return told.status();
  if (absl::Status shape = protocol::expect_shape(*told, {1, 2}); !shape.ok()) co_return shape;
  // What TLS itself sends can stir an idle connection, too.
  const TimePoint now = Clock::now();
  const TimePoint ended = link_->stream().is_tls() ? now : link_->stream().stirred_at();
  LeaderLoss loss;
  loss.in_good_order = true;
  loss.lost_id = link_->greeting().connection_id;
  loss.new_id = fresh.greeting().connection_id;
  loss.age_seconds = std::chrono::duration<double>(now - link_->logged_in_at()).count();
  loss.idle_seconds = std::chrono::duration<double>(ended - link_->since().quiet).count();
  const auto number = [](const protocol::Cell& cell) { return std::strtoull(cell.value_or("0").c_str(), nullptr, 10); };
  for (const std::vector<protocol::Cell>& row : told->front().rows) loss.wait_timeout_seconds = number(row[0]);
  for (const std::vector<protocol::Cell>& row : told->back().rows) {
    (row[0] == "Uptime" ? loss.uptime_seconds : loss.kills) = number(row[1]);
  }
  co_return was_killed(loss);
}

std::string LeaderSession::why_irreplaceable(const StatementFacts* facts) const {
  if (state_.transaction.open()) return "an open transaction";
  if (std::string held = hold_.irreplaceable(); !held.empty()) return held;
  if (client_.account.collation > 0xff) return "a collation that only a change of user can name";
  if (facts != nullptr && state_.diagnostics.kept() == nullptr &&
      (facts->facts.has(Fact::row_count) || facts->facts.has(Fact::found_rows) || facts->facts.has(Fact::warnings))) {
    return "the diagnostics that are asked for";
  }
  return state_.prepared.why_bound(state_.known.version());
}

Task<absl::Status> LeaderSession::reattach(const StatementFacts* facts) {
  if (killed_ || link_->parting() || site_.shared.kills.concerns(client_.connection_id)) co_return gone("");
  const Closing closing = read_last_words();
  if (closing == Closing::open) co_return absl::OkStatus();
  if (!last_words_.empty()) co_return gone("");
  const std::string why = why_irreplaceable(facts);
  if (!why.empty()) co_return gone(why);
  auto opened = co_await open_again();
  if (!opened.ok()) co_return opened.status();
  std::unique_ptr<BackendLink> fresh = *std::move(opened);
  if (!same_server(link_->greeting(), fresh->greeting())) {
    co_return absl::UnavailableError("the server has closed the connection, and is another version now");
  }
  const absl::Status restored = co_await restore(*fresh);
  if (!restored.ok()) co_return restored;
  const absl::Status tracking = co_await commits_.begin_tracking(*fresh);
  if (!tracking.ok()) co_return tracking;
  auto killed = co_await was_killed_before(*fresh, closing);
  if (!killed.ok()) co_return killed.status();
  if (*killed) co_return absl::UnavailableError("the server has closed the connection, as it does by a KILL");
  limited_log().info(LogKind::leader_reattached, "session={} connection={} leader=reattached connection_there={}",
                     site_.id, client_.connection_id, fresh->greeting().connection_id);
  link_ = std::move(fresh);
  site_.counters.leader_reattached.add();
  state_.prepared.forget_ids_of(site_.leader());
  co_return absl::OkStatus();
}

// A server that refuses has said what there is to say; one that is not there may be restarting.
Task<absl::StatusOr<std::unique_ptr<BackendLink>>> LeaderSession::open_again() {
  const TimePoint deadline = site_.in(site_.shared.config.backend(site_.leader()).connect_timeout);
  for (;;) {
    std::optional<Refusal> refused;
    LinkOptions where = options(state_.known.schema());
    auto opened = co_await open_client_link(site_, std::move(where), &refused);
    if (opened.ok() || refused || site_.reactor.now() >= deadline) co_return opened;
    co_await site_.reactor.sleep_for(kBetweenAttempts);
  }
}

// The session's state on a connection that has just logged in; checked where it is known by value.
Task<absl::Status> LeaderSession::restore(BackendLink& fresh) {
  const absl::Status set = co_await set_again(fresh);
  KnownState& known = state_.known;
  if (!set.ok() || known.context() == nullptr) co_return set;
  auto results = co_await fresh.query(context_query(make(), known.deciding()), site_.in(kStateMax));
  if (!results.ok()) co_return results.status();
  auto now = context_from(results->front(), make(), known.deciding());
  if (!now.ok()) co_return now.status();
  if (now->zone == known.context()->zone) now->statement.time_zone = known.context()->statement.time_zone;
  known.take_packet_bytes_max(now->packet_bytes_max);
  now->reads_pinned = known.context()->reads_pinned;  // it may say more than the server's answer
  if (!(*now == *known.context())) co_return gone("values that are no longer the server's defaults");
  co_return absl::OkStatus();
}

Task<absl::Status> LeaderSession::set_again(BackendLink& fresh) {
  const bool autocommit = state_.transaction.autocommit();
  std::uint16_t status = fresh.login_ok().status;
  std::vector<std::string> statements = hold_.sets();
  for (std::size_t i = 0; i <= statements.size(); ++i) {
    if (i == statements.size()) {
      if (((status & protocol::kStatusAutocommit) != 0) == autocommit) break;
      statements.push_back(autocommit ? "SET autocommit=1" : "SET autocommit=0");
    }
    auto ran = co_await fresh.run(statements[i], site_.in(kStateMax));
    if (!ran.ok()) co_return ran.status();
    if (ran->failed()) co_return gone("a state that is refused now: " + err_code(ran->last().err));
    status = ran->last().ok.status;
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
