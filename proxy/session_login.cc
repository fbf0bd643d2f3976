// From the accepted connection to the first command. The client is greeted with what the leader says in
// this very connection's greeting, so that version, connection id and status are the leader's own.

#include "proxy/session_login.h"

#include "protocol/error_codes.h"
#include "proxy/log_limit.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::LoginAsServer;

protocol::Nonce draw_nonce(std::mt19937_64& random) {
  protocol::Nonce nonce;
  std::uniform_int_distribution<int> byte(1, 127);  // as the servers: printable for old clients, never zero or '$'
  for (auto& value : nonce) {
    do {
      value = static_cast<std::uint8_t>(byte(random));
    } while (value == '$');
  }
  return nonce;
}

namespace {

constexpr std::size_t kUserNameMax = 32;  // MySQL's; MariaDB takes longer ones

constexpr int kAttemptsForRoom = 50;  // half a second in all: a busy machine closes connections late
constexpr auto kWaitForRoom = std::chrono::milliseconds(10);

// The one that the leader's make names. Connector/J reads a caching_sha2_password login wrongly under MariaDB's version
// ("5.5.5-10.11.."), which it takes for a server of before there was one.
std::string_view greeted_plugin(const protocol::Greeting& leading, const UserDirectory& users) {
  const bool native = protocol::is_mariadb(leading) && !users.learns();
  return native ? protocol::kNativePassword : protocol::kCachingSha2Password;
}

Task<void> leave_in_good_order(std::unique_ptr<BackendLink> link, LinkOptions control, TimePoint deadline) {
  const absl::Status status = co_await link->log_in(std::move(control), deadline);
  if (status.ok()) {
    link->send_quit();
  } else {
    limited_log().warn(LogKind::unused_connection, "unused_connection=broken why=\"{}\"",
                       std::string(status.message()));
  }
}

}  // namespace

GreetedLink::~GreetedLink() {
  if (!link_) return;
  const config::Backend which = link_->which();
  LinkOptions control = worker_.shared.link_options(which, worker_.shared.control[static_cast<std::size_t>(which)]);
  worker_.reactor.spawn(
      leave_in_good_order(std::move(link_), std::move(control),
                          worker_.reactor.now() + worker_.shared.config.backend(which).connect_timeout));
}

Task<absl::Status> GreetedLink::open(config::Backend which, protocol::ProxyHeader client,
                                     std::optional<Refusal>* refused) {
  const TimePoint deadline = worker_.reactor.now() + worker_.shared.config.backend(which).connect_timeout;
  for (int attempt = 1;; ++attempt) {
    LinkOptions where = worker_.shared.link_options(which, {});
    if (where.proxy_header) where.proxy_header = client;
    auto link = co_await BackendLink::greet(worker_.reactor, std::move(where), worker_.counters, deadline, refused);
    if (link.ok()) {
      link_ = *std::move(link);
      co_return absl::OkStatus();
    }
    // A server may be full of connections for which no client waits: then there is room in a moment.
    const bool full = *refused && is_want_of_connections((*refused)->err);
    const bool made_room = full && (worker_.shared.make_room(which) || attempt > 1);
    if (!made_room || attempt == kAttemptsForRoom) co_return link.status();
    refused->reset();
    co_await worker_.reactor.sleep_for(kWaitForRoom);
  }
}

Task<absl::StatusOr<std::optional<protocol::Message>>> Session::next_login_message(
    std::array<std::uint8_t, 4096>& buffer) {
  for (;;) {
    if (!pending_input_.empty()) {
      owned_wire_ = std::exchange(pending_input_, {});
      protocol::Bytes input(owned_wire_);
      auto message = reader_.feed(input);
      if (!message.ok()) co_return message.status();
      pending_input_.assign(input.begin(), input.end());
      if (message->has_value()) co_return **message;
    }
    auto got = co_await client_->receive(buffer, login_.deadline);
    if (!got.ok()) co_return std::nullopt;
    pending_input_.insert(pending_input_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

// What a load balancer says of its client; false: nothing that can be trusted came.
Task<bool> Session::read_proxy_header() {
  std::array<std::uint8_t, 512> buffer;
  std::string why = "the client left or said nothing in time";
  for (;;) {
    auto got = co_await client_->receive(buffer, login_.deadline);
    if (!got.ok()) break;
    pending_input_.insert(pending_input_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    protocol::Bytes input(pending_input_);
    auto header = protocol::decode_proxy_header(input);
    if (!header.ok()) {
      why = std::string(header.status().message());
      break;
    }
    if (!header->has_value()) continue;
    pending_input_.erase(pending_input_.begin(), pending_input_.end() - static_cast<std::ptrdiff_t>(input.size()));
    if ((*header)->kind == protocol::ProxyHeader::Kind::proxied) {
      login_.peer = **header;
      host_ = login_.peer.host;
    }
    co_return true;
  }
  counters_.proxy_headers_bad.add();
  limited_log().info(LogKind::proxy_header_bad, "session={} host={} proxy_header=bad why=\"{}\"", id_, host_, why);
  co_return false;
}

bool Session::can_duplicate_yet() const { return shared_.feed.kind() != FeedKind::undecided; }

Task<bool> Session::log_in() {
  login_.deadline = worker_.reactor.now() + shared_.config.limits.login_timeout;
  login_.peer.host = host_;
  login_.peer.port = client_->peer_port();
  login_.peer.kind = protocol::ProxyHeader::Kind::proxied;
  if (login_.entrance->expects_proxy_header(host_)) {
    const bool known = co_await read_proxy_header();
    if (!known) co_return false;
  }
  std::optional<Refusal> refused;
  absl::Status reached = co_await login_.greeted.open(leader(), login_.peer, &refused);
  // Moments after a start: a client that came in now would have its first write refused.
  if (reached.ok() && flags_->dual_write.enabled && !can_duplicate_yet()) {
    const std::string why = shared_.feed.status().leader_error;
    reached = absl::UnavailableError("backend '" + std::string(config::name(leader())) +
                                     "' is not set up for dual writes yet; try again" +
                                     (why.empty() ? "" : " (" + why + ")"));
  }
  reply_sequence_ = 0;
  if (!reached.ok()) {
    limited_log().warn(LogKind::login_unreachable, "session={} host={} login=unreachable why=\"{}\"", id_, host_,
                       std::string(reached.message()));
    if (refused) {
      co_await reply(std::move(refused->payload));
    } else {
      protocol::Buffer answer = protocol::encode_err_before_greeting(protocol::kErrServerShutdown,
                                                                     "crossfade: " + std::string(reached.message()));
      co_await reply(std::move(answer));
    }
    co_return false;
  }
  const protocol::Greeting& leading = login_.greeted.greeting();
  connection_id_ = leading.connection_id;
  shared_.traits.set(leader(), leading);
  const BackendTraits follower = shared_.traits.get(config::other(leader()));
  protocol::Capabilities offered = protocol::kSupported & (leading.capabilities | protocol::kConnectWithDb);
  if (follower.known) {
    // The last two are between the client and the leader alone.
    offered &= follower.capabilities | protocol::kLongPassword | protocol::kLocalFiles | protocol::kBulkOperations;
  }
  if (login_.entrance->tls) offered |= protocol::kTls;
  offered |= login_.entrance->compression;  // it ends here, whatever the backends do

  const protocol::Nonce nonce = draw_nonce(worker_.random);
  const protocol::Nonce decoy = draw_nonce(worker_.random);
  login_.machine = std::make_unique<LoginAsServer>(
      LoginAsServer::Options{.server_version = leading.server_version,
                             .connection_id = leading.connection_id,
                             .status = leading.status,
                             .nonce = nonce,
                             .decoy = decoy,
                             .capabilities = offered,
                             .collation = leading.collation,
                             .auth_plugin = greeted_plugin(leading, shared_.users),
                             .tls_required = login_.entrance->tls_required,
                             .secure_transport = login_.entrance->is_unix,
                             .client_host = host_,
                             .rsa = &shared_.rsa,
                             .full_after_mismatch = shared_.users.learns() || shared_.users.needs_full_authentication(),
                             .learns = shared_.users.learns()});
  login_.deadline = worker_.reactor.now() + shared_.config.limits.login_timeout;
  if (co_await reply(login_.machine->greeting()) == Next::close) co_return false;
  reader_.expect_sequence(1);
  LoginAsServer::Action first = LoginAsServer::Wait{};
  ClientProof proof = co_await authenticate(*login_.machine, std::move(first));
  co_return co_await enter(std::move(proof));
}

// Drives the machine from `action` to the end: who the client is, as far as can be known without the leader.
Task<ClientProof> Session::authenticate(LoginAsServer& machine, LoginAsServer::Action action) {
  ClientProof proof;
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    absl::StatusOr<LoginAsServer::Action> next = LoginAsServer::Action(LoginAsServer::Wait{});
    if (auto* send = std::get_if<LoginAsServer::Send>(&action)) {
      if (co_await reply(std::move(send->payload)) == Next::close) co_return proof;
      reader_.expect_sequence(reply_sequence_);
    } else if (std::holds_alternative<LoginAsServer::StartTls>(action)) {
      protocol::Buffer early = std::exchange(pending_input_, {});
      const absl::Status secured =
          co_await client_->start_tls(login_.entrance->tls, "", std::move(early), login_.deadline);
      if (!secured.ok()) {
        limited_log().info(LogKind::tls_failed, "session={} host={} tls=failed why=\"{}\"", id_, host_,
                           std::string(secured.message()));
        co_return proof;
      }
    } else if (std::holds_alternative<LoginAsServer::LookUpUser>(action)) {
      proof.user = shared_.users.find(machine.request().user, worker_.reactor.now());
      protocol::Secret secret;
      if (proof.user) secret = proof.user->secret;
      // A password that is not known here travels in the clear, so it is asked for on secure connections only.
      secret.learnable = shared_.users.learns() && machine.secure() && (!proof.user || proof.user->learned);
      next = machine.set_secret(&secret);
      if (!next.ok()) break;
      action = *std::move(next);
      continue;
    } else if (auto* judge = std::get_if<LoginAsServer::Judge>(&action)) {
      proof.kind = judge->in_vain ? ClientProof::Kind::in_vain : ClientProof::Kind::to_judge;
      // The leader, too, may take another time for an account that it has.
      std::string name = judge->in_vain ? "crossfade-" + machine.request().user : machine.request().user;
      if (judge->in_vain) name.resize(std::min(name.size(), kUserNameMax));
      proof.user = UserDirectory::candidate(name, judge->password);
      co_return proof;
    } else if (auto* no = std::get_if<LoginAsServer::Reject>(&action)) {
      proof.kind = ClientProof::Kind::rejected;
      proof.reject = std::move(*no);
      co_return proof;
    } else if (auto* yes = std::get_if<LoginAsServer::Accept>(&action)) {
      if (!yes->before_ok.empty() && co_await reply(std::move(yes->before_ok)) == Next::close) co_return proof;
      proof.kind = ClientProof::Kind::proven;
      co_return proof;
    }
    auto message = co_await next_login_message(buffer);
    if (!message.ok()) {
      co_await on_broken_input(message.status());
      co_return proof;
    }
    if (!message->has_value()) co_return proof;
    reply_sequence_ = static_cast<std::uint8_t>((*message)->last_sequence + 1);
    next = machine.on_message((*message)->payload);
    if (!next.ok()) break;
    action = *std::move(next);
    reader_.expect_sequence(reply_sequence_);
  }
  co_await reply_err(protocol::kErrHandshake, "08S01", "Bad handshake");
  co_return proof;
}

// What else keeps a client out that has proved who it is; nullopt: nothing.
std::optional<protocol::Err> Session::barred(const ClientProof& proof, UserSlot& slot) const {
  protocol::Err err;
  if (proof.user->certificate_required && !client_->has_peer_certificate()) {
    const LoginAsServer::Reject denied = login_.machine->access_denied();
    err.code = denied.code;
    err.sqlstate = denied.sqlstate;
    err.message = denied.message;
    return err;
  }
  if (!slot.take(*proof.user)) {
    err.code = protocol::kErrTooManyUserConnections;
    err.sqlstate = "42000";
    err.message =
        "User " + login_.machine->request().user + " already has more than 'max_user_connections' active connections";
    return err;
  }
  return std::nullopt;
}

// The leader's word on a login: what the client hears of it. A client whose password is its own hears of a
// wrong one with its own address in the text. Where the proxy logs in under another name, that the leader refuses
// it is the operator's matter, and the name is not for the client.
protocol::Buffer Session::refusal_for_client(const ClientProof& proof, const absl::Status& status,
                                             std::optional<Refusal> refused) {
  const bool denied = refused && (refused->err.code == protocol::kErrAccessDenied ||
                                  refused->err.code == protocol::kErrAccessDeniedNoPassword);
  if (denied && proof.user->learned) {
    shared_.users.forget(login_.machine->request().user, proof.user.get());
    const LoginAsServer::Reject denial = login_.machine->access_denied();
    return protocol::encode_err({.code = denial.code, .sqlstate = denial.sqlstate, .message = denial.message});
  }
  const bool own_name = proof.user->backend[static_cast<std::size_t>(leader())].user == login_.machine->request().user;
  if (refused && (!denied || own_name)) return std::move(refused->payload);
  const std::string why = denied ? "backend '" + std::string(config::name(leader())) +
                                       "' refuses the account that is configured for this user"
                                 : std::string(status.message());
  return protocol::encode_err(
      {.code = protocol::kErrServerShutdown, .sqlstate = "08S01", .message = "crossfade: " + why});
}

// Of an account that takes any password: as if it had been refused.
absl::Status Session::nobody_may_enter(std::optional<Refusal>* refused) const {
  const LoginAsServer::Reject denial = login_.machine->access_denied();
  protocol::Err err;
  err.code = denial.code;
  err.sqlstate = denial.sqlstate;
  err.message = denial.message;
  refused->emplace();
  (*refused)->payload = protocol::encode_err(err);
  (*refused)->err = std::move(err);
  return absl::PermissionDeniedError("the password is wrong");
}

// The leader has judged: the machine learns of it, and a password that was right is kept.
void Session::conclude(const ClientProof& proof, LoginAsServer::Verdict verdict) {
  if (proof.kind != ClientProof::Kind::to_judge && proof.kind != ClientProof::Kind::in_vain) return;
  (void)login_.machine->on_verdict(verdict);  // what the client hears is the leader's word
  if (verdict == LoginAsServer::Verdict::right && proof.kind == ClientProof::Kind::to_judge) {
    shared_.users.keep(login_.machine->request().user, proof.user, worker_.reactor.now());
  }
}

// The client is who it says, or the leader is to judge: the leader's connection becomes its own.
Task<bool> Session::enter(ClientProof proof) {
  if (proof.kind == ClientProof::Kind::gone) co_return false;
  if (proof.kind == ClientProof::Kind::rejected) {
    counters_.logins_failed.add();
    limited_log().info(LogKind::login_refused, "session={} connection={} host={} login=refused code={}", id_,
                       connection_id_, host_, proof.reject.code);
    co_await reply_err(proof.reject.code, proof.reject.sqlstate, proof.reject.message);
    co_return false;
  }
  if (auto err = barred(proof, user_slot_)) {
    counters_.logins_failed.add();
    limited_log().info(LogKind::login_refused, "session={} connection={} host={} login=refused code={}", id_,
                       connection_id_, host_, err->code);
    co_await reply_err(*std::move(err));
    co_return false;
  }
  capabilities_ = login_.machine->capabilities();
  multi_statements_ = (capabilities_ & protocol::kMultiStatements) != 0;
  take_identity(proof);
  std::optional<Refusal> refused;
  std::unique_ptr<BackendLink> leading = login_.greeted.take();
  LinkOptions options = session_link_options(leader(), schema_);
  const TimePoint deadline = worker_.reactor.now() + shared_.config.backend(leader()).connect_timeout;
  absl::Status entered = co_await leading->log_in(std::move(options), deadline, &refused);
  // As in GreetedLink::open; servers keep one connection more than they give to clients, and say so only here.
  for (int attempt = 1; refused && is_want_of_connections(refused->err); ++attempt) {
    const bool made_room = shared_.make_room(leader()) || attempt > 1;
    if (!made_room || attempt == kAttemptsForRoom) break;
    co_await worker_.reactor.sleep_for(kWaitForRoom);
    refused.reset();
    auto again = co_await open_link(leader(), schema_, &refused);
    entered = again.status();
    if (again.ok()) leading = *std::move(again);
  }
  if (entered.ok() && proof.kind == ClientProof::Kind::in_vain) entered = nobody_may_enter(&refused);
  if (!entered.ok()) {
    counters_.logins_failed.add();
    limited_log().warn(LogKind::login_failed, "session={} connection={} host={} login=failed why=\"{}\"", id_,
                       connection_id_, host_,
                       refused ? "the backend says " + err_code(refused->err) : std::string(entered.message()));
    protocol::Buffer answer = refusal_for_client(proof, entered, std::move(refused));
    conclude(proof, LoginAsServer::Verdict::wrong);
    co_await reply(std::move(answer));
    co_return false;
  }
  conclude(proof, LoginAsServer::Verdict::right);
  const absl::Status tracking = co_await begin_tracking(*leading);
  if (!tracking.ok()) {
    co_await reply_unreachable(tracking);
    co_return false;
  }
  protocol::Ok ok = leading->login_ok();
  link(leader()) = std::move(leading);
  co_return co_await welcome(std::move(ok)) == Next::go_on;
}

// Who the session is from now on.
void Session::take_identity(const ClientProof& proof) {
  const protocol::LoginRequest& request = login_.machine->request();
  user_name_ = request.user;
  user_ = proof.user;
  collation_ = request.collation;
  attributes_ = request.attributes;
  schema_ = request.schema;
}

// The leader's OK to a login is the client's.
Task<Session::Next> Session::welcome(protocol::Ok ok) {
  const BackendLink& leading = *link(leader());
  ok.session_state.clear();
  ok.status &= static_cast<std::uint16_t>(~protocol::kStatusSessionStateChanged);
  autocommit_ = (ok.status & protocol::kStatusAutocommit) != 0;
  lexer_stale_ = true;  // the server's default sql_mode is its own matter
  lexer_mode_ = lexer_mode("", "", leading.is_mariadb(), version_number(leading.greeting().server_version));
  if (co_await reply_ok(std::move(ok)) == Next::close) co_return Next::close;
  const protocol::Compression compression = login_.machine->compression();
  if (compression.algorithm != protocol::CompressionAlgorithm::none && !client_->is_compressed()) {
    const protocol::Buffer early = std::exchange(pending_input_, {});
    client_->start_compression(protocol::CompressedStream::Role::server, compression, early);
  }
  co_return Next::go_on;
}

}  // namespace crossfade::proxy
