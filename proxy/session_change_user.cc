// COM_CHANGE_USER, on the leader's existing connection: the client's connection id stays what it is.
//
// What a failure does to the session is the leader's make. MySQL answers the ERR and closes. MariaDB goes on
// as the old user in the old schema, with everything else of the session as after COM_RESET_CONNECTION but the
// character sets, which stay; after three failures it refuses every further change (1047).

#include "protocol/error_codes.h"
#include "proxy/log_limit.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::LoginAsServer;

namespace {

constexpr auto kChangeMax = std::chrono::minutes(10);  // a long transaction may have to be rolled back
constexpr std::uint32_t kFailedChangesMax = 3;

// "SET character_set_client=..., ..." from the three values, in the order of the question.
constexpr const char* kAskCharsets =
    "SELECT @@character_set_client,@@character_set_results,@@collation_connection LIMIT 1";
std::string set_charsets(const std::vector<std::optional<std::string>>& row) {
  const auto value = [](const std::optional<std::string>& name) { return name ? "'" + *name + "'" : "NULL"; };
  return "SET character_set_client=" + value(row[0]) + ",character_set_results=" + value(row[1]) +
         ",collation_connection=" + value(row[2]);
}

}  // namespace

Task<Session::Next> Session::on_change_user(Command command) {
  own(command);
  LoginAsServer& machine = *login_.machine;
  const bool mariadb = link(leader())->is_mariadb();
  if (mariadb && login_.failed_changes >= kFailedChangesMax) {
    protocol::Err err;
    err.code = protocol::kErrUnknownCommand;
    err.sqlstate = "08S01";
    err.message = "Unknown command";
    co_return co_await refuse_change_user(protocol::encode_err(err), std::nullopt);
  }
  auto action = machine.on_change_user(command.payload);
  if (!action.ok()) {
    co_await reply_err(protocol::kErrUnknownCommand, "08S01", "Unknown command");
    co_return Next::close;
  }
  reader_.expect_sequence(1);
  login_.deadline = worker_.reactor.now() + shared_.config.limits.login_timeout;
  LoginAsServer::Action first = *std::move(action);
  ClientProof proof = co_await authenticate(machine, std::move(first));
  if (proof.kind == ClientProof::Kind::gone) co_return Next::close;
  std::optional<protocol::Err> err;
  // Whoever changes to itself gives its place up for the new one.
  const bool same_user = proof.user && proof.user->connections == user_->connections;
  UserSlot slot;
  if (same_user) slot = std::move(user_slot_);
  if (proof.kind == ClientProof::Kind::rejected) {
    err.emplace();
    err->code = proof.reject.code;
    err->sqlstate = proof.reject.sqlstate;
    err->message = proof.reject.message;
  } else {
    err = barred(proof, slot);
    if (err) conclude(proof, LoginAsServer::Verdict::wrong);
  }
  if (err) {
    if (same_user) user_slot_ = std::move(slot);
    counters_.logins_failed.add();
    limited_log().info(LogKind::change_user, "session={} connection={} host={} change_user=refused code={}", id_,
                       connection_id_, host_, err->code);
    co_return co_await refuse_change_user(protocol::encode_err(*err), std::nullopt);
  }

  const std::string old_name = user_name_;
  const std::string old_schema = known_.schema();
  const std::shared_ptr<const KnownUser> old_user = user_;
  const auto old_collation = collation_;
  const auto old_attributes = attributes_;
  take_identity(proof);
  std::optional<Refusal> refused;
  LinkOptions options = session_link_options(leader(), known_.schema());
  const absl::Status changed =
      co_await link(leader())->change_user(std::move(options), worker_.reactor.now() + kChangeMax, &refused);
  if (!changed.ok()) {
    counters_.logins_failed.add();
    limited_log().warn(LogKind::change_user, "session={} connection={} host={} change_user=failed why=\"{}\"", id_,
                       connection_id_, host_,
                       refused ? "the backend says " + err_code(refused->err) : std::string(changed.message()));
    if (same_user) user_slot_ = std::move(slot);
    if (!refused) co_return co_await reply_lost(changed, leader());
    protocol::Buffer answer = refusal_for_client(proof, changed, refused);
    conclude(proof, LoginAsServer::Verdict::wrong);
    user_name_ = old_name;
    known_.set_schema(old_schema);
    user_ = old_user;
    collation_ = old_collation;
    attributes_ = old_attributes;
    co_return co_await refuse_change_user(std::move(answer), std::move(refused));
  }
  if (proof.kind == ClientProof::Kind::in_vain) {
    // The leader's connection has become somebody's who is not there.
    (void)nobody_may_enter(&refused);
    conclude(proof, LoginAsServer::Verdict::wrong);
    co_await reply(std::move(refused->payload));
    co_return Next::close;
  }
  user_slot_ = std::move(slot);
  conclude(proof, LoginAsServer::Verdict::right);
  reset_session_state();
  const absl::Status tracking = co_await begin_tracking(*link(leader()));
  if (!tracking.ok()) co_return co_await reply_lost(tracking, leader());
  protocol::Ok ok = link(leader())->login_ok();
  co_return co_await welcome(std::move(ok));
}

// `by_leader`: the leader itself has refused, and has done to its session what it does then.
Task<Session::Next> Session::refuse_change_user(protocol::Buffer answer, std::optional<Refusal> by_leader) {
  BackendLink& leading = *link(leader());
  if (!leading.is_mariadb()) {
    co_await reply(std::move(answer));
    co_return Next::close;
  }
  ++login_.failed_changes;
  const TimePoint deadline = worker_.reactor.now() + kChangeMax;
  if (!by_leader) {
    auto charsets = co_await leading.query_row(kAskCharsets, 3, deadline);
    if (!charsets.ok()) co_return co_await reply_lost(charsets.status(), leader());
    protocol::Buffer wire;
    protocol::append_command(wire, protocol::encode_simple(protocol::CommandByte::reset_connection));
    const absl::Status sent = co_await leading.send(wire, deadline);
    if (!sent.ok()) co_return co_await reply_lost(sent, leader());
    auto reset = co_await leading.capture(protocol::ResponseKind::ok_or_err, deadline);
    if (!reset.ok()) co_return co_await reply_lost(reset.status(), leader());
    auto restored = co_await leading.query(set_charsets(*charsets), deadline);
    if (reset->failed() || !restored.ok()) {
      co_return co_await reply_lost(absl::InternalError("the session cannot be reset"), leader());
    }
  }
  reset_session_state();
  hold_.note_unfollowed();  // the old character sets, which no login brings back
  auto probed = co_await leading.run("DO 0", deadline);
  if (!probed.ok() || probed->failed()) co_return co_await reply_lost(probed.status(), leader());
  transaction_.note_status(probed->last().ok.status);
  co_return co_await reply(std::move(answer));
}

}  // namespace crossfade::proxy
