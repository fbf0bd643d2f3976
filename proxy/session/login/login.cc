#include "proxy/session/login/login.h"

#include "proxy/counts/log_limit.h"
#include "proxy/session/conversation/conversation.h"
#include "proxy/shadow_run/shadow_pool.h"
#include "routing/refusal.h"

namespace crossfade::proxy {

using protocol::LoginAsServer;

namespace {

// The one that the leader's make names. Connector/J reads a caching_sha2_password login wrongly under MariaDB's version
// ("5.5.5-10.11.."), which it takes for a server of before there was one.
std::string_view greeted_plugin(const protocol::Greeting& leading, const UserDirectory& users) {
  const bool native = protocol::is_mariadb(leading) && !users.learns();
  return native ? protocol::kNativePassword : protocol::kCachingSha2Password;
}

}  // namespace

Login::Login(Conversation& s, std::shared_ptr<const Entrance> entrance)
    : s_(s), entrance_(std::move(entrance)), greeted_(s.site.worker) {}

Task<bool> Login::log_in() {
  Identity& client = s_.identity;
  deadline_ = s_.site.in(s_.site.shared.config.limits.login_timeout);
  client.peer.host = client.host;
  client.peer.port = s_.client.stream().peer_port();
  client.peer.kind = protocol::ProxyHeader::Kind::proxied;
  if (entrance_->expects_proxy_header(client.host)) {
    const bool known = co_await read_proxy_header();
    if (!known) co_return false;
  }
  const bool reached = co_await reach_leader();
  if (!reached) co_return false;
  make_machine();
  deadline_ = s_.site.in(s_.site.shared.config.limits.login_timeout);
  const absl::Status greeted = co_await s_.client.send(machine_->greeting());
  if (!greeted.ok()) co_return false;
  s_.client.expect_sequence(1);
  LoginAsServer::Action first = LoginAsServer::Wait();
  ClientProof proof = co_await authenticate(std::move(first));
  co_return co_await enter(std::move(proof));
}

// What a load balancer says of its client; false: nothing that can be trusted came.
Task<bool> Login::read_proxy_header() {
  std::array<std::uint8_t, 512> buffer;
  std::string why = "the client left or said nothing in time";
  for (;;) {
    const bool more = co_await s_.client.receive(buffer, deadline_);
    if (!more) break;
    protocol::Buffer& pending = s_.client.pending();
    protocol::Bytes input(pending);
    auto header = protocol::decode_proxy_header(input);
    if (!header.ok()) {
      why = std::string(header.status().message());
      break;
    }
    if (!header->has_value()) continue;
    pending.erase(pending.begin(), pending.end() - static_cast<std::ptrdiff_t>(input.size()));
    if ((*header)->kind == protocol::ProxyHeader::Kind::proxied) {
      s_.identity.peer = **header;
      s_.identity.host = s_.identity.peer.host;
    }
    co_return true;
  }
  s_.site.counters.proxy_headers_bad.add();
  limited_log().info(LogKind::proxy_header_bad, "session={} host={} proxy_header=bad why=\"{}\"", s_.site.id,
                     s_.identity.host, why);
  co_return false;
}

// Its connection is greeted. False: the client has been told why not.
Task<bool> Login::reach_leader() {
  const config::Backend leader = s_.site.leader();
  FeedSwitch& feed = s_.site.shared.feed;
  std::optional<Refusal> refused;
  const absl::Status reached = co_await greeted_.open(leader, s_.identity.peer, &refused);
  protocol::Err err = routing::refusal(routing::Reason::leader_unreachable, std::string(reached.message()));
  // Moments after a start: a client that came in now would have its first write refused.
  const bool undecided = reached.ok() && s_.commits.duplicates() && feed.kind() == FeedKind::undecided;
  if (undecided) {
    const FeedStatus status = feed.status();
    std::string why = status.leader_error.empty() ? status.undecided.text(s_.site.reactor.now()) : status.leader_error;
    if (why.empty()) why = "it has not been asked yet";
    err = routing::refusal(routing::Reason::feed_undecided, why);
  }
  s_.client.answer_from(0);
  if (reached.ok() && !undecided) co_return true;
  limited_log().warn(LogKind::login_unreachable, "session={} host={} login=unreachable why=\"{}\"", s_.site.id,
                     s_.identity.host, err.message);
  protocol::Buffer answer =
      refused ? std::move(refused->payload) : protocol::encode_err_before_greeting(err.code, err.message);
  static_cast<void>(co_await s_.client.send(std::move(answer)));
  co_return false;
}

protocol::Capabilities Login::offered_to_client() const {
  protocol::Capabilities offered = protocol::kSupported & (greeted_.greeting().capabilities | protocol::kConnectWithDb);
  const BackendTraits follower = s_.site.shared.traits.get(s_.site.follower());
  if (follower.known) {
    // The last two are between the client and the leader alone.
    offered &= follower.capabilities | protocol::kLongPassword | protocol::kLocalFiles | protocol::kBulkOperations;
  }
  if (entrance_->tls) offered |= protocol::kTls;
  return offered | entrance_->compression;  // it ends here, whatever the backends do
}

void Login::make_machine() {
  const protocol::Greeting& leading = greeted_.greeting();
  Shared& shared = s_.site.shared;
  s_.identity.connection_id = leading.connection_id;
  shared.traits.set(s_.site.leader(), leading);
  const protocol::Nonce nonce = draw_nonce(s_.site.worker.random);
  const protocol::Nonce decoy = draw_nonce(s_.site.worker.random);
  machine_ = std::make_unique<LoginAsServer>(
      LoginAsServer::Options{.server_version = leading.server_version,
                             .connection_id = leading.connection_id,
                             .status = leading.status,
                             .nonce = nonce,
                             .decoy = decoy,
                             .capabilities = offered_to_client(),
                             .collation = leading.collation,
                             .auth_plugin = greeted_plugin(leading, shared.users),
                             .tls_required = entrance_->tls_required,
                             .secure_transport = entrance_->is_unix,
                             .client_host = s_.identity.host,
                             .rsa = [&shared] { return shared.login_key.get(); },
                             .full_after_mismatch = shared.users.learns() || shared.users.needs_full_authentication(),
                             .learns = shared.users.learns()});
}

// The client is who it says, or the leader is to judge: the leader's connection becomes its own.
Task<bool> Login::enter(ClientProof proof) {
  if (proof.kind == ClientProof::Kind::gone) co_return false;
  std::optional<protocol::Err> no;
  if (proof.kind == ClientProof::Kind::rejected) {
    no = protocol::Err{.code = proof.reject.code, .sqlstate = proof.reject.sqlstate, .message = proof.reject.message};
  } else {
    no = barred(proof, s_.identity.slot);
  }
  if (no) {
    s_.site.counters.logins_failed.add();
    limited_log().info(LogKind::login_refused, "session={} connection={} host={} login=refused code={}", s_.site.id,
                       s_.identity.connection_id, s_.identity.host, no->code);
    static_cast<void>(co_await s_.client.send(protocol::encode_err(*no)));
    co_return false;
  }
  s_.identity.capabilities = machine_->capabilities();
  s_.identity.multi_statements = (s_.identity.capabilities & protocol::kMultiStatements) != 0;
  take_account(proof);
  std::optional<Refusal> refused;
  auto entered = co_await log_leader_in(&refused);
  if (entered.ok() && proof.kind == ClientProof::Kind::in_vain) {
    const protocol::Err denied = access_denied();  // of an account that takes any password: as if it had been refused
    refused = Refusal{.err = denied, .payload = protocol::encode_err(denied)};
    entered = absl::PermissionDeniedError("the password is wrong");
  }
  if (!entered.ok()) {
    s_.site.counters.logins_failed.add();
    limited_log().warn(
        LogKind::login_failed, "session={} connection={} host={} login=failed why=\"{}\"", s_.site.id,
        s_.identity.connection_id, s_.identity.host,
        refused ? "the backend says " + err_code(refused->err) : std::string(entered.status().message()));
    protocol::Buffer answer = refusal_for_client(proof, entered.status(), std::move(refused));
    conclude(proof, LoginAsServer::Verdict::wrong);
    static_cast<void>(co_await s_.client.send(std::move(answer)));
    co_return false;
  }
  conclude(proof, LoginAsServer::Verdict::right);
  s_.leader.attach(*std::move(entered));
  const absl::Status tracking = co_await s_.commits.begin_tracking(s_.leader.link());
  Answer answer = proxy::refused(routing::Reason::leader_unreachable, std::string(tracking.message()));
  if (tracking.ok()) answer = welcome(s_.leader.link().login_ok());
  const Next next = co_await deliver(s_, std::move(answer));
  if (!tracking.ok() || next == Next::close) co_return false;
  const protocol::Compression compression = machine_->compression();
  if (compression.algorithm != protocol::CompressionAlgorithm::none) {
    const protocol::Buffer early = std::exchange(s_.client.pending(), {});
    s_.client.stream().start_compression(protocol::CompressedStream::Role::server, compression, early);
  }
  co_return true;
}

// As in GreetedLink::open; servers keep one connection more than they give to clients, and say so only here.
Task<absl::StatusOr<std::unique_ptr<BackendLink>>> Login::log_leader_in(std::optional<Refusal>* refused) {
  const config::Backend leader = s_.site.leader();
  std::unique_ptr<BackendLink> leading = greeted_.take();
  const TimePoint deadline = s_.site.in(s_.site.shared.config.backend(leader).connect_timeout);
  LinkOptions options = s_.leader.options(s_.state.known.schema());
  absl::Status entered = co_await leading->log_in(std::move(options), deadline, refused);
  for (int attempt = 1; *refused && is_want_of_connections((*refused)->err); ++attempt) {
    const bool made_room = s_.site.shared.make_room(leader) || attempt > 1;
    if (!made_room || attempt == kAttemptsForRoom) break;
    co_await s_.site.reactor.sleep_for(kWaitForRoom);
    refused->reset();
    LinkOptions again_options = s_.leader.options(s_.state.known.schema());
    auto again = co_await open_client_link(s_.site, std::move(again_options), refused);
    entered = again.status();
    if (again.ok()) leading = *std::move(again);
  }
  if (!entered.ok()) co_return entered;
  co_return leading;
}

// Who the session is from now on.
void Login::take_account(const ClientProof& proof) {
  const protocol::LoginRequest& request = machine_->request();
  s_.identity.account = {
      .name = request.user, .user = proof.user, .collation = request.collation, .attributes = request.attributes};
  s_.state.known.set_schema(request.schema);
}

// The leader's OK to a login is the client's.
protocol::Ok Login::welcome(protocol::Ok ok) {
  const BackendLink& leading = s_.leader.link();
  ok.session_state.clear();
  ok.status &= static_cast<std::uint16_t>(~protocol::kStatusSessionStateChanged);
  s_.state.transaction.note_status(ok.status);
  s_.state.known.begin(lexer_mode("", "", s_.leader.make(), version_number(leading.greeting().server_version)));
  return ok;
}

}  // namespace crossfade::proxy
