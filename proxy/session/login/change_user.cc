// COM_CHANGE_USER, on the leader's existing connection: the client's connection id stays what it is.
//
// What a failure does to the session is the leader's make. MySQL answers the ERR and closes. MariaDB goes on
// as the old user in the old schema, with everything else of the session as after COM_RESET_CONNECTION but the
// character sets, which stay; after three failures it refuses every further change (1047).

#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/conversation/conversation.h"
#include "proxy/session/login/login.h"

namespace crossfade::proxy {

using protocol::LoginAsServer;

namespace {

constexpr std::uint32_t kFailedChangesMax = 3;

// "SET character_set_client=..., ..." from the three values, in the order of the question.
constexpr const char* kAskCharsets =
    "SELECT @@character_set_client,@@character_set_results,@@collation_connection LIMIT 1";
std::string set_charsets(const std::vector<std::optional<std::string>>& row) {
  const auto value = [](const std::optional<std::string>& name) { return name ? "'" + *name + "'" : "NULL"; };
  return "SET character_set_client=" + value(row[0]) + ",character_set_results=" + value(row[1]) +
         ",collation_connection=" + value(row[2]);
}

protocol::Err unknown_command() {
  return {.code = protocol::kErrUnknownCommand, .sqlstate = "08S01", .message = "Unknown command"};
}

}  // namespace

Task<Answer> Login::change_user(Command command) {
  s_.client.own(command);
  if (s_.leader.is_mariadb() && failed_changes_ >= kFailedChangesMax) {
    co_return co_await refuse_change(protocol::encode_err(unknown_command()), By::proxy);
  }
  auto action = machine_->on_change_user(command.payload);
  if (!action.ok()) co_return Packet{.payload = protocol::encode_err(unknown_command()), .then = Next::close};
  s_.client.expect_sequence(1);
  deadline_ = s_.site.in(s_.site.shared.config.limits.login_timeout);
  ClientProof proof = co_await authenticate(*std::move(action));
  if (proof.kind == ClientProof::Kind::gone) co_return Gone();
  // Whoever changes to itself gives its place up for the new one.
  Identity& client = s_.identity;
  UserSlot slot;
  const bool same_user = proof.user && proof.user->connections == client.account.user->connections;
  if (same_user) slot = std::move(client.slot);
  std::optional<protocol::Err> no;
  if (proof.kind == ClientProof::Kind::rejected) {
    no = protocol::Err{.code = proof.reject.code, .sqlstate = proof.reject.sqlstate, .message = proof.reject.message};
  } else {
    no = barred(proof, slot);
    if (no) conclude(proof, LoginAsServer::Verdict::wrong);
  }
  if (no) {
    if (same_user) client.slot = std::move(slot);
    s_.site.counters.logins_failed.add();
    limited_log().info(LogKind::change_user, "session={} connection={} host={} change_user=refused code={}", s_.site.id,
                       client.connection_id, client.host, no->code);
    co_return co_await refuse_change(protocol::encode_err(*no), By::proxy);
  }
  co_return co_await become(proof, std::move(slot));
}

// The leader is to say whether it takes the new user; the old one's account comes back where it does not.
Task<Answer> Login::become(const ClientProof& proof, UserSlot slot) {
  Identity& client = s_.identity;
  Account account_before = client.account;
  std::string schema_before = s_.state.known.schema();
  take_account(proof);
  std::optional<Refusal> refused;
  LinkOptions options = s_.leader.options(s_.state.known.schema());
  const absl::Status changed =
      co_await s_.leader.link().change_user(std::move(options), s_.site.in(kRollbackMax), &refused);
  if (!changed.ok()) {
    s_.site.counters.logins_failed.add();
    limited_log().warn(LogKind::change_user, "session={} connection={} host={} change_user=failed why=\"{}\"",
                       s_.site.id, client.connection_id, client.host,
                       refused ? "the backend says " + err_code(refused->err) : std::string(changed.message()));
    if (proof.user->connections == account_before.user->connections) client.slot = std::move(slot);
    if (!refused) co_return lost(s_, changed);
    protocol::Buffer answer = refusal_for_client(proof, changed, refused);
    conclude(proof, LoginAsServer::Verdict::wrong);
    client.account = std::move(account_before);
    s_.state.known.set_schema(std::move(schema_before));
    co_return co_await refuse_change(std::move(answer), By::leader);
  }
  if (proof.kind == ClientProof::Kind::in_vain) {
    // The leader's connection has become somebody's who is not there.
    conclude(proof, LoginAsServer::Verdict::wrong);
    co_return Packet{.payload = protocol::encode_err(access_denied()), .then = Next::close};
  }
  client.slot = std::move(slot);
  conclude(proof, LoginAsServer::Verdict::right);
  s_.forget_session();
  const absl::Status tracking = co_await s_.commits.begin_tracking(s_.leader.link());
  if (!tracking.ok()) co_return lost(s_, tracking);
  co_return welcome(s_.leader.link().login_ok());
}

// By the leader: it has done to its session what it does then.
Task<Answer> Login::refuse_change(protocol::Buffer answer, By whom) {
  if (!s_.leader.is_mariadb()) co_return Packet{.payload = std::move(answer), .then = Next::close};
  ++failed_changes_;
  if (whom == By::proxy) {
    const absl::Status reset = co_await reset_leader();
    if (!reset.ok()) co_return lost(s_, reset);
  }
  s_.forget_session();
  s_.leader.hold().note_unfollowed();  // the old character sets, which no login brings back
  auto probed = co_await s_.leader.link().run("DO 0", s_.site.in(kRollbackMax));
  if (!probed.ok() || probed->failed()) co_return lost(s_, probed.status());
  s_.state.transaction.note_status(probed->last().ok.status);
  co_return Packet{.payload = std::move(answer)};
}

// As MariaDB does to a session whose change it has refused itself.
Task<absl::Status> Login::reset_leader() {
  BackendLink& leading = s_.leader.link();
  const TimePoint deadline = s_.site.in(kRollbackMax);
  auto charsets = co_await leading.query_row(kAskCharsets, 3, deadline);
  if (!charsets.ok()) co_return charsets.status();
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_simple(protocol::CommandByte::reset_connection));
  const absl::Status sent = co_await leading.send(wire, deadline);
  if (!sent.ok()) co_return sent;
  auto reset = co_await leading.capture(protocol::ResponseKind::ok_or_err, deadline);
  if (!reset.ok()) co_return reset.status();
  auto restored = co_await leading.query(set_charsets(*charsets), deadline);
  if (reset->failed() || !restored.ok()) co_return absl::InternalError("the session cannot be reset");
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
