// From the accepted connection to the first command. The client is greeted with what the leader says in
// this very connection's greeting, so that version, connection id and status are the leader's own.

#include "proxy/session_login.h"

#include <spdlog/spdlog.h>

#include "protocol/error_codes.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using protocol::LoginAsServer;

namespace {

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

Task<void> leave_in_good_order(std::unique_ptr<BackendLink> link, LinkOptions control, TimePoint deadline) {
  const absl::Status status = co_await link->log_in(std::move(control), deadline);
  if (status.ok()) {
    link->send_quit();
  } else {
    spdlog::warn("unused_connection=broken why=\"{}\"", std::string(status.message()));
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

Task<absl::Status> GreetedLink::open(config::Backend which, std::optional<Refusal>* refused) {
  LinkOptions where = worker_.shared.link_options(which, {});
  auto link = co_await BackendLink::greet(worker_.reactor, std::move(where), worker_.counters,
                                          worker_.reactor.now() + worker_.shared.config.backend(which).connect_timeout,
                                          refused);
  if (!link.ok()) co_return link.status();
  link_ = *std::move(link);
  co_return absl::OkStatus();
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

Task<bool> Session::log_in() {
  std::optional<Refusal> refused;
  const absl::Status reached = co_await login_.greeted.open(leader(), &refused);
  reply_sequence_ = 0;
  if (!reached.ok()) {
    spdlog::warn("session={} host={} login=unreachable why=\"{}\"", id_, host_, std::string(reached.message()));
    if (refused) {
      co_await reply(std::move(refused->payload));
    } else {
      co_await reply_unreachable(reached);
    }
    co_return false;
  }
  const protocol::Greeting& leading = login_.greeted.greeting();
  connection_id_ = leading.connection_id;
  shared_.traits.set(leader(), leading);
  const BackendTraits follower = shared_.traits.get(config::other(leader()));
  protocol::Capabilities offered = protocol::kSupported & (leading.capabilities | protocol::kConnectWithDb);
  if (follower.known) offered &= follower.capabilities | protocol::kLongPassword | protocol::kLocalFiles;
  if (login_.entrance->tls) offered |= protocol::kTls;

  const protocol::Nonce nonce = draw_nonce(worker_.random);
  const protocol::Nonce decoy = draw_nonce(worker_.random);
  login_.machine = std::make_unique<LoginAsServer>(LoginAsServer::Options{.server_version = leading.server_version,
                                                                          .connection_id = leading.connection_id,
                                                                          .status = leading.status,
                                                                          .nonce = nonce,
                                                                          .decoy = decoy,
                                                                          .capabilities = offered,
                                                                          .collation = leading.collation,
                                                                          .tls_required = login_.entrance->tls_required,
                                                                          .secure_transport = login_.entrance->is_unix,
                                                                          .client_host = host_,
                                                                          .rsa = &shared_.rsa});
  login_.deadline = worker_.reactor.now() + shared_.config.limits.login_timeout;
  if (co_await reply(login_.machine->greeting()) == Next::close) co_return false;
  reader_.expect_sequence(1);
  LoginAsServer::Action first = LoginAsServer::Wait{};
  co_return co_await authenticate(*login_.machine, std::move(first));
}

// Drives the machine from `action` to the end; logs the leader's connection in before the OK.
Task<bool> Session::authenticate(LoginAsServer& machine, LoginAsServer::Action action) {
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    absl::StatusOr<LoginAsServer::Action> next = LoginAsServer::Action(LoginAsServer::Wait{});
    if (auto* send = std::get_if<LoginAsServer::Send>(&action)) {
      if (co_await reply(std::move(send->payload)) == Next::close) co_return false;
      reader_.expect_sequence(reply_sequence_);
    } else if (std::holds_alternative<LoginAsServer::StartTls>(action)) {
      protocol::Buffer early = std::exchange(pending_input_, {});
      const absl::Status secured =
          co_await client_->start_tls(login_.entrance->tls, "", std::move(early), login_.deadline);
      if (!secured.ok()) {
        spdlog::info("session={} host={} tls=failed why=\"{}\"", id_, host_, std::string(secured.message()));
        co_return false;
      }
    } else if (std::holds_alternative<LoginAsServer::LookUpUser>(action)) {
      user_name_ = machine.request().user;
      const auto found = shared_.users.find(user_name_);
      user_ = found == shared_.users.end() ? nullptr : &found->second;
      next = machine.set_secret(user_ != nullptr ? &user_->secret : nullptr);
      if (!next.ok()) break;
      action = *std::move(next);
      continue;
    } else if (auto* no = std::get_if<LoginAsServer::Reject>(&action)) {
      counters_.logins_failed.add();
      spdlog::info("session={} connection={} host={} login=refused code={}", id_, connection_id_, host_, no->code);
      co_await reply_err(no->code, no->sqlstate, no->message);
      co_return false;
    } else if (auto* yes = std::get_if<LoginAsServer::Accept>(&action)) {
      if (!yes->before_ok.empty() && co_await reply(std::move(yes->before_ok)) == Next::close) co_return false;
      co_return co_await enter(machine);
    }
    auto message = co_await next_login_message(buffer);
    if (!message.ok()) {
      co_await on_broken_input(message.status());
      co_return false;
    }
    if (!message->has_value()) co_return false;
    reply_sequence_ = static_cast<std::uint8_t>((*message)->last_sequence + 1);
    next = machine.on_message((*message)->payload);
    if (!next.ok()) break;
    action = *std::move(next);
    reader_.expect_sequence(reply_sequence_);
  }
  co_await reply_err(protocol::kErrHandshake, "08S01", "Bad handshake");
  co_return false;
}

// The client is who it says: the leader's connection becomes its own.
Task<bool> Session::enter(const LoginAsServer& machine) {
  capabilities_ = machine.capabilities();
  multi_statements_ = (capabilities_ & protocol::kMultiStatements) != 0;
  collation_ = machine.request().collation;
  attributes_ = machine.request().attributes;
  schema_ = machine.request().schema;
  std::optional<Refusal> refused;
  std::unique_ptr<BackendLink> leading = login_.greeted.take();
  absl::Status entered = absl::OkStatus();
  if (leading) {
    LinkOptions options = session_link_options(leader(), schema_);
    const TimePoint deadline = worker_.reactor.now() + shared_.config.backend(leader()).connect_timeout;
    entered = co_await leading->log_in(std::move(options), deadline, &refused);
  } else {
    auto opened = co_await open_link(leader(), schema_, &refused);
    entered = opened.status();
    if (opened.ok()) leading = *std::move(opened);
  }
  if (!entered.ok()) {
    spdlog::warn("session={} connection={} host={} login=failed why=\"{}\"", id_, connection_id_, host_,
                 std::string(entered.message()));
    // An unknown schema and the like is the server's to say; that it refuses our credentials is not.
    if (refused && refused->err.code != protocol::kErrAccessDenied) {
      co_await reply(std::move(refused->payload));
    } else {
      co_await reply_unreachable(entered);
    }
    co_return false;
  }
  protocol::Ok ok = leading->login_ok();
  ok.session_state.clear();
  ok.status &= static_cast<std::uint16_t>(~protocol::kStatusSessionStateChanged);
  autocommit_ = (ok.status & protocol::kStatusAutocommit) != 0;
  lexer_stale_ = true;  // the server's default sql_mode is its own matter
  lexer_mode_ = lexer_mode("", leading->is_mariadb(), version_number(leading->greeting().server_version));
  link(leader()) = std::move(leading);
  co_return co_await reply_ok(std::move(ok)) == Next::go_on;
}

}  // namespace crossfade::proxy
