#include "proxy/session.h"

#include "proxy/feed/captured_ddl.h"

#include "protocol/error_codes.h"
#include "proxy/log_limit.h"

namespace crossfade::proxy {

using protocol::CommandByte;
using protocol::LoginAsServer;
using protocol::ResponseKind;

namespace {

constexpr std::size_t kLoginMessageMax = 64 * 1024;
// A client may sit idle as long as a server lets it (wait_timeout's default).
constexpr auto kIdleMax = std::chrono::hours(8);
constexpr auto kAskMax = std::chrono::seconds(30);
constexpr auto kResetMax = std::chrono::minutes(10);  // a long transaction may have to be rolled back

}  // namespace

Session::Session(Worker& worker, std::unique_ptr<Stream> client, std::uint32_t id,
                 std::shared_ptr<const Entrance> entrance)
    : worker_(worker),
      shared_(worker.shared),
      counters_(worker.counters),
      client_(std::move(client)),
      output_(*client_, counters_),
      id_(id),
      host_(client_->peer_host()),
      reader_(kLoginMessageMax),
      login_(worker, std::move(entrance)),
      known_(shared_.pinned_sessions),
      transaction_(worker.flags),
      diagnostics_(shared_.leader),
      prepared_(shared_.config.limits.prepared_statements_max) {
  worker_.sessions.insert(this);
  counters_.clients_open.add();
  shared_.clients.fetch_add(1, std::memory_order_relaxed);
}

Session::~Session() {
  for (auto& link : links_) {
    if (link) link->send_quit();
  }
  worker_.sessions.erase(this);
  counters_.clients_open.sub();
  shared_.clients.fetch_sub(1, std::memory_order_relaxed);
}

void Session::begin_drain() {
  draining_ = true;
  if (idle_ && !transaction_.open()) end_now();
}

Task<void> Session::run() {
  if (co_await log_in()) {
    reader_ = protocol::MessageReader(shared_.config.limits.packet_bytes_max);
    if (client_->is_compressed()) reader_.ignore_sequence();
    for (;;) {
      if (draining_ && !transaction_.open()) break;
      auto command = co_await next_command();
      if (!command.ok()) {
        co_await on_broken_input(command.status());
        break;
      }
      if (!command->has_value()) break;
      reply_sequence_ = static_cast<std::uint8_t>((*command)->last_sequence + 1);
      if (co_await dispatch(**command) == Next::close || killed_) break;
      BackendLink& leading = *link(leader());
      if (leading.parting() && co_await leading.has_left(worker_.reactor.now() + kAskMax)) break;
    }
  }
  delete this;
}

// nullopt: the client has left, or the session is ending.
Task<absl::StatusOr<std::optional<Session::Command>>> Session::next_command() {
  if (owned_payload_.capacity() > 64 * 1024) owned_payload_ = {};
  if (owned_wire_.capacity() > 64 * 1024) owned_wire_ = {};
  reader_.expect_sequence(0);
  protocol::Bytes input;
  protocol::Buffer carried = std::exchange(pending_input_, {});
  if (!carried.empty()) {
    // Kept alive in owned_wire_: a command found in it is a view.
    owned_wire_ = std::move(carried);
    input = owned_wire_;
  }
  for (;;) {
    if (!input.empty()) {
      auto message = reader_.feed(input);
      if (!message.ok()) co_return message.status();
      if (message->has_value()) {
        if (!input.empty()) pending_input_.assign(input.begin(), input.end());
        co_return Command{
            .payload = (*message)->payload, .wire = (*message)->wire, .last_sequence = (*message)->last_sequence};
      }
    }
    idle_ = !reader_.pending();
    auto got = co_await client_->receive(worker_.scratch, worker_.reactor.now() + kIdleMax);
    idle_ = false;
    if (!got.ok() || ending_) co_return std::nullopt;
    counters_.bytes_from_clients.add(*got);
    input = protocol::Bytes(worker_.scratch.data(), *got);
  }
}

void Session::own(Command& command) {
  if (command.payload.data() != owned_payload_.data()) {
    owned_payload_.assign(command.payload.begin(), command.payload.end());
    command.payload = owned_payload_;
  }
  protocol::Buffer framed;
  protocol::append_command(framed, command.payload);
  owned_wire_ = std::move(framed);
  command.wire = owned_wire_;
}

Task<Session::Next> Session::on_broken_input(absl::Status status) {
  // The servers name the matter and close.
  if (absl::IsResourceExhausted(status)) {
    co_return co_await reply_err(protocol::kErrPacketTooLarge, "08S01",
                                 "Got a packet bigger than 'max_allowed_packet' bytes");
  }
  co_return co_await reply_err(protocol::kErrPacketsOutOfOrder, "08S01", "Got packets out of order");
}

Task<Session::Next> Session::dispatch(Command command) {
  if (command.payload.empty()) co_return co_await reply_err(protocol::kErrUnknownCommand, "08S01", "Unknown command");
  if (is_cut_short(command)) co_return co_await on_cut_short(command);
  const std::uint8_t byte = command.payload[0];
  switch (static_cast<CommandByte>(byte)) {
    case CommandByte::quit:
      co_return Next::close;
    case CommandByte::query:
      co_return co_await on_query(command);
    case CommandByte::stmt_prepare:
      co_return co_await on_prepare(command);
    case CommandByte::stmt_execute:
      co_return co_await on_execute(command);
    case CommandByte::stmt_bulk_execute:
      co_return co_await on_bulk(command);
    case CommandByte::stmt_send_long_data:
      co_return co_await on_long_data(command);
    case CommandByte::stmt_close:
      co_return co_await on_close(command);
    case CommandByte::stmt_reset:
      co_return co_await on_reset_statement(command);
    case CommandByte::stmt_fetch:
      co_return co_await on_fetch(command);
    case CommandByte::init_db:
      co_return co_await on_init_db(command);
    case CommandByte::reset_connection:
      co_return co_await on_reset_connection();
    case CommandByte::change_user:
      co_return co_await on_change_user(command);
    case CommandByte::set_option:
      co_return co_await on_set_option(command);
    default:
      co_return co_await on_other_command(command);
  }
}

Task<Session::Next> Session::on_init_db(Command command) {
  own(command);
  protocol::ResultEnd end;
  const Next next = co_await relay_command(command, ResponseKind::ok_or_err, &end);
  if (end.kind == protocol::ResultEnd::Kind::ok) {
    known_.use_schema(std::string(protocol::as_text(command.payload.subspan(1))));
  }
  co_return next;
}

void Session::reset_session_state() {
  known_.reset();
  commits_.end_tracking();
  hold_.clear();
  diagnostics_.forget();
  prepared_.clear();
  // The other side's session is opened anew, in the new state, when it is next needed.
  auto& follower = link(config::other(leader()));
  if (follower) follower->send_quit();
  follower.reset();
}

Task<Session::Next> Session::on_reset_connection() {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_simple(CommandByte::reset_connection));
  auto& leading = link(leader());
  if (!leading->alive()) {  // all that it held was to go
    reset_session_state();
    transaction_.note_status(leading->login_ok().status);
  }
  auto ready = co_await leader_link(nullptr);
  if (!ready.ok()) co_return co_await reply_lost(ready.status(), leader());
  absl::Status sent = co_await leading->send(wire, worker_.reactor.now() + kResetMax);
  if (!sent.ok()) co_return co_await reply_lost(sent, leader());
  auto captured = co_await leading->capture(ResponseKind::ok_or_err, worker_.reactor.now() + kResetMax);
  if (!captured.ok()) co_return co_await reply_lost(captured.status(), leader());
  if (captured->failed()) co_return co_await reply_captured(std::move(captured->wire));
  reset_session_state();
  protocol::Ok ok = captured->last().ok;
  transaction_.note_status(ok.status);
  const absl::Status tracking = co_await begin_tracking(*leading);
  if (!tracking.ok()) co_return co_await reply_lost(tracking, leader());
  if ((capabilities_ & protocol::kSessionTrack) == 0) {
    ok.session_state.clear();
    ok.status &= static_cast<std::uint16_t>(~protocol::kStatusSessionStateChanged);
  }
  co_return co_await reply_ok(std::move(ok));
}

Task<Session::Next> Session::reply_wire(protocol::Buffer wire) {
  const absl::Status sent = co_await output_.send(std::move(wire), worker_.reactor.now() + kIdleMax);
  co_return sent.ok() ? Next::go_on : Next::close;
}

Task<Session::Next> Session::reply_captured(protocol::Buffer wire) {
  protocol::PacketNumbering(reply_sequence_).apply(wire);
  co_return co_await reply_wire(std::move(wire));
}

Task<Session::Next> Session::reply(protocol::Buffer payload) {
  protocol::Buffer wire;
  protocol::append_message(wire, payload, reply_sequence_);
  co_return co_await reply_wire(std::move(wire));
}

Task<Session::Next> Session::reply_ok(protocol::Ok ok) {
  co_return co_await reply(protocol::encode_ok(ok, capabilities_));
}

AnswerForm Session::answer_form() const {
  const auto& leading = links_[static_cast<std::size_t>(leader())];
  const bool mysql = leading && !leading->is_mariadb();
  return {.make = mysql ? AnswerForm::Make::mysql : AnswerForm::Make::mariadb,
          .capabilities = capabilities_,
          .status = transaction_.status_flags()};
}

Task<Session::Next> Session::reply_err(protocol::Err err) {
  // What is said in our own words did not come from the server, whose diagnostics tell of something else.
  if (err.message.find("crossfade: ") != std::string::npos) diagnostics_.keep(kept_of(err, answer_form()));
  co_return co_await reply(protocol::encode_err(err));
}

Task<Session::Next> Session::reply_err(std::uint16_t code, std::string sqlstate, std::string message) {
  // A named value: GCC 12 destroys an aggregate temporary inside a co_await expression twice.
  protocol::Err err;
  err.code = code;
  err.sqlstate = std::move(sqlstate);
  err.message = std::move(message);
  diagnostics_.keep(kept_of(err, answer_form()));  // the server has not seen it, and SHOW WARNINGS asks for it
  co_return co_await reply(protocol::encode_err(err));
}

Task<Session::Next> Session::reply_lost(absl::Status status, config::Backend which) {
  limited_log().warn(LogKind::connection_lost, "session={} connection={} backend={} lost=\"{}\"", id_, connection_id_,
                     config::name(which), std::string(status.message()));
  if (which == leader() && hold_.last_words.empty()) {
    const std::optional<protocol::Err>& parting = link(leader())->parting();
    if (parting) {
      hold_.last_words = protocol::encode_err(*parting);
    } else {
      take_last_words();
    }
  }
  if (which == leader() && !hold_.last_words.empty()) {
    protocol::Buffer words = std::move(hold_.last_words);
    hold_.last_words.clear();
    co_await reply(std::move(words));
  }
  co_return Next::close;
}

Task<Session::Next> Session::reply_unreachable(absl::Status status) {
  co_return co_await reply_err(protocol::kErrServerShutdown, "08S01", "crossfade: " + std::string(status.message()));
}

}  // namespace crossfade::proxy
