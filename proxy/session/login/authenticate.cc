// Who the client is: the machine's actions carried out, and what the leader's word on it means.

#include <array>

#include "protocol/error_codes.h"
#include "proxy/counts/log_limit.h"
#include "proxy/session/conversation/conversation.h"
#include "proxy/session/login/login.h"
#include "routing/refusal.h"

namespace crossfade::proxy {

using protocol::LoginAsServer;

namespace {

constexpr std::size_t kUserNameMax = 32;  // MySQL's; MariaDB takes longer ones

// As whom the leader is asked. It, too, may take another time for an account that it has.
std::shared_ptr<const KnownUser> candidate_of(const std::string& user, const LoginAsServer::Judge& judge) {
  std::string name = judge.in_vain ? "crossfade-" + user : user;
  if (judge.in_vain) name.resize(std::min(name.size(), kUserNameMax));
  return UserDirectory::candidate(name, judge.password);
}

}  // namespace

// Drives the machine from `action` to the end: who the client is, as far as can be known without the leader.
Task<ClientProof> Login::authenticate(LoginAsServer::Action action) {
  ClientProof proof;
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    if (auto* send = std::get_if<LoginAsServer::Send>(&action)) {
      const absl::Status sent = co_await s_.client.send(std::move(send->payload));
      if (!sent.ok()) co_return proof;
      s_.client.expect_sequence(s_.client.reply_sequence());
    } else if (std::holds_alternative<LoginAsServer::StartTls>(action)) {
      const bool secured = co_await start_tls();
      if (!secured) co_return proof;
    } else if (std::holds_alternative<LoginAsServer::LookUpUser>(action)) {
      auto next = look_up_user(proof);
      if (!next.ok()) break;
      action = *std::move(next);
      continue;
    } else if (auto* judge = std::get_if<LoginAsServer::Judge>(&action)) {
      proof.kind = judge->in_vain ? ClientProof::Kind::in_vain : ClientProof::Kind::to_judge;
      proof.user = candidate_of(machine_->request().user, *judge);
      co_return proof;
    } else if (auto* no = std::get_if<LoginAsServer::Reject>(&action)) {
      proof.kind = ClientProof::Kind::rejected;
      proof.reject = std::move(*no);
      co_return proof;
    } else if (auto* yes = std::get_if<LoginAsServer::Accept>(&action)) {
      absl::Status sent = absl::OkStatus();
      if (!yes->before_ok.empty()) sent = co_await s_.client.send(std::move(yes->before_ok));
      if (sent.ok()) proof.kind = ClientProof::Kind::proven;
      co_return proof;
    }
    if (machine_->needs_key()) co_await s_.site.shared.login_key.make(s_.site.reactor);
    auto message = co_await s_.client.next_message(buffer, deadline_);
    if (!message.ok()) {
      Answer answer = broken_input(message.status());
      co_await deliver(s_, std::move(answer));
      co_return proof;
    }
    if (!message->has_value()) co_return proof;
    auto next = machine_->on_message((*message)->payload);
    if (!next.ok()) break;
    action = *std::move(next);
    s_.client.expect_sequence(s_.client.reply_sequence());
  }
  Answer answer = error(protocol::kErrHandshake, "08S01", "Bad handshake");
  co_await deliver(s_, std::move(answer));
  co_return proof;
}

Task<bool> Login::start_tls() {
  protocol::Buffer early = std::exchange(s_.client.pending(), {});
  const absl::Status secured = co_await s_.client.stream().start_tls(entrance_->tls, "", std::move(early), deadline_);
  if (!secured.ok()) {
    limited_log().info(LogKind::tls_failed, "session={} host={} tls=failed why=\"{}\"", s_.site.id, s_.identity.host,
                       std::string(secured.message()));
  }
  co_return secured.ok();
}

absl::StatusOr<LoginAsServer::Action> Login::look_up_user(ClientProof& proof) {
  const UserDirectory& users = s_.site.shared.users;
  proof.user = users.find(machine_->request().user, s_.site.reactor.now());
  protocol::Secret secret;
  if (proof.user) secret = proof.user->secret;
  // A password that is not known here travels in the clear, so it is asked for on secure connections only.
  secret.learnable = users.learns() && machine_->secure() && (!proof.user || proof.user->learned);
  return machine_->set_secret(&secret);
}

protocol::Err Login::access_denied() const {
  const LoginAsServer::Reject denied = machine_->access_denied();
  return {.code = denied.code, .sqlstate = denied.sqlstate, .message = denied.message};
}

// What else keeps a client out that has proved who it is; nullopt: nothing.
std::optional<protocol::Err> Login::barred(const ClientProof& proof, UserSlot& slot) const {
  if (proof.user->certificate_required && !s_.client.stream().has_peer_certificate()) return access_denied();
  if (slot.take(*proof.user)) return std::nullopt;
  protocol::Err err;
  err.code = protocol::kErrTooManyUserConnections;
  err.sqlstate = "42000";
  err.message = "User " + machine_->request().user + " already has more than 'max_user_connections' active connections";
  return err;
}

// The leader's word on a login: what the client hears of it. A client whose password is its own hears of a
// wrong one with its own address in the text. Where the proxy logs in under another name, that the leader refuses
// it is the operator's matter, and the name is not for the client.
protocol::Buffer Login::refusal_for_client(const ClientProof& proof, const absl::Status& status,
                                           std::optional<Refusal> refused) {
  const config::Backend leader = s_.site.leader();
  const std::string& name = machine_->request().user;
  const bool denied = refused && (refused->err.code == protocol::kErrAccessDenied ||
                                  refused->err.code == protocol::kErrAccessDeniedNoPassword);
  if (denied && proof.user->learned) {
    s_.site.shared.users.forget(name, proof.user.get());
    return protocol::encode_err(access_denied());
  }
  const bool own_name = proof.user->backend[static_cast<std::size_t>(leader)].user == name;
  if (refused && (!denied || own_name)) return std::move(refused->payload);
  const std::string why = denied ? "backend '" + std::string(config::name(leader)) +
                                       "' refuses the account that is configured for this user"
                                 : std::string(status.message());
  return protocol::encode_err(routing::refusal(routing::Reason::leader_unreachable, why));
}

// The leader has judged: the machine learns of it, and a password that was right is kept.
void Login::conclude(const ClientProof& proof, LoginAsServer::Verdict verdict) {
  if (proof.kind != ClientProof::Kind::to_judge && proof.kind != ClientProof::Kind::in_vain) return;
  (void)machine_->on_verdict(verdict);  // what the client hears is the leader's word
  if (verdict == LoginAsServer::Verdict::right && proof.kind == ClientProof::Kind::to_judge) {
    s_.site.shared.users.keep(machine_->request().user, proof.user, s_.site.reactor.now());
  }
}

}  // namespace crossfade::proxy
