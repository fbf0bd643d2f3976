#include "proxy/backend/backend_link.h"

#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <variant>

#include "absl/cleanup/cleanup.h"
#include "protocol/command.h"
#include "protocol/error_codes.h"
#include "protocol/login_as_client.h"
#include "protocol/packet.h"

namespace crossfade::proxy {
namespace {

using protocol::LoginAsClient;

constexpr std::size_t kLoginMessageMax = 64 * 1024;

// What a server's administrator may have set for everybody, and must not change what statements of ours do or say.
constexpr std::string_view kOwnSession =
    "SET SESSION autocommit=1,completion_type='NO_CHAIN',sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',"
    "sql_safe_updates=0,sql_select_limit=18446744073709551615,sql_big_selects=1,sql_auto_is_null=0,"
    "sql_quote_show_create=1,foreign_key_checks=1,unique_checks=1,default_storage_engine=InnoDB,"
    "wait_timeout=CAST(GREATEST(@@wait_timeout,600) AS UNSIGNED),"
    "net_read_timeout=CAST(GREATEST(@@net_read_timeout,30) AS UNSIGNED),"
    "net_write_timeout=CAST(GREATEST(@@net_write_timeout,60) AS UNSIGNED)"
    "/*!80000 ,max_execution_time=0,transaction_isolation='REPEATABLE-READ',transaction_read_only=0*/"
    "/*M!100100 ,max_statement_time=0,tx_isolation='REPEATABLE-READ',tx_read_only=0*/"
    "/*M!100300 ,check_constraint_checks=1,idle_transaction_timeout=0,idle_write_transaction_timeout=0,"
    "idle_readonly_transaction_timeout=0*/"
    "/*M!100502 ,sql_if_exists=0*/";

LoginAsClient::Tls tls_wish(config::BackendTls::Mode mode) {
  switch (mode) {
    case config::BackendTls::Mode::disabled:
      return LoginAsClient::Tls::disabled;
    case config::BackendTls::Mode::preferred:
      return LoginAsClient::Tls::preferred;
    case config::BackendTls::Mode::required:
      return LoginAsClient::Tls::required;
  }
  return LoginAsClient::Tls::disabled;
}

protocol::Capabilities compression_wish(config::BackendCompression compression) {
  switch (compression) {
    case config::BackendCompression::none:
      return 0;
    case config::BackendCompression::zlib:
      return protocol::kCompress;
    case config::BackendCompression::zstd:
      return protocol::kZstdCompression;
  }
  return 0;
}

constexpr protocol::Capabilities kAlways =
    protocol::kLongPassword | protocol::kLongFlag | protocol::kConnectWithDb | protocol::kProtocol41 |
    protocol::kTransactions | protocol::kSecureConnection | protocol::kMultiResults | protocol::kPluginAuth |
    protocol::kConnectAttributes | protocol::kPluginAuthLenenc;

}  // namespace

std::string err_code(const protocol::Err& err) { return std::to_string(err.code) + " (" + err.sqlstate + ")"; }

bool may_end_connection(const protocol::Err& err) {
  constexpr std::uint16_t kSessionWasKilled = 3169;
  constexpr std::uint16_t kInactive = 4031;
  switch (err.code) {
    case protocol::kErrPacketTooLarge:
    case protocol::kErrNewAbortingConnection:
    case protocol::kErrConnectionKilled:
    case protocol::kErrQueryInterrupted:  // MySQL says no more of a KILL of the whole connection
    case kSessionWasKilled:
    case kInactive:
      return true;
    default:
      return err.sqlstate == "08S01" && err.code != protocol::kErrUnknownCommand;
  }
}

std::string err_text(const protocol::Err& err) {
  return std::to_string(err.code) + " (" + err.sqlstate + "): " + err.message;
}

BackendLink::BackendLink(LinkOptions options, Counters& counters) : options_(std::move(options)), counters_(counters) {
  counters_.backend_connections_open[static_cast<std::size_t>(options_.which)].add();
}

BackendLink::~BackendLink() { counters_.backend_connections_open[static_cast<std::size_t>(options_.which)].sub(); }

absl::Status BackendLink::failure(const absl::Status& status) const {
  counters_.backend_connect_failures[static_cast<std::size_t>(options_.which)].add();
  return absl::Status(status.code(), "backend '" + std::string(config::name(options_.which)) + "' at " +
                                         options_.address.text() + ": " + std::string(status.message()));
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> BackendLink::open(Reactor& reactor, LinkOptions options,
                                                                     Counters& counters, TimePoint deadline,
                                                                     std::optional<Refusal>* refused) {
  LinkOptions where = options;
  auto link = co_await greet(reactor, std::move(where), counters, deadline, refused);
  if (!link.ok()) co_return link;
  const bool own_session = options.session == LinkOptions::Session::own;
  const absl::Status status = co_await (*link)->log_in(std::move(options), deadline, refused);
  if (!status.ok()) co_return status;
  if (!own_session) co_return link;
  auto set = co_await (*link)->query(std::string(kOwnSession), deadline);
  if (!set.ok()) co_return set.status();
  co_return link;
}

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> BackendLink::greet(Reactor& reactor, LinkOptions options,
                                                                      Counters& counters, TimePoint deadline,
                                                                      std::optional<Refusal>* refused) {
  std::unique_ptr<BackendLink> link(new BackendLink(std::move(options), counters));
  Places::Place place;
  if (link->options_.at_the_door != nullptr) {
    auto taken = co_await link->options_.at_the_door->take(reactor, deadline);
    if (!taken.ok()) co_return link->failure(taken.status());
    place = *std::move(taken);
  }
  auto stream = co_await Stream::connect(reactor, link->options_.address, deadline);
  if (!stream.ok()) co_return link->failure(stream.status());
  link->stream_ = *std::move(stream);
  if (link->options_.proxy_header) {
    const protocol::Buffer header = protocol::encode_proxy_header(*link->options_.proxy_header);
    const absl::Status sent = co_await link->stream_->write_all(header, deadline);
    if (!sent.ok()) co_return link->failure(sent);
  }
  const absl::Status status = co_await link->read_greeting(deadline, refused);
  if (!status.ok()) co_return link->failure(status);
  co_return link;
}

Task<absl::Status> BackendLink::read_greeting(TimePoint deadline, std::optional<Refusal>* refused) {
  protocol::MessageReader reader(kLoginMessageMax);
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    auto got = co_await stream_->read_some(buffer, deadline);
    if (!got.ok()) co_return got.status();
    protocol::Bytes input(buffer.data(), *got);
    auto message = reader.feed(input);
    if (!message.ok()) co_return message.status();
    if (!message->has_value()) continue;
    const protocol::Bytes payload = (*message)->payload;
    if (!payload.empty() && payload[0] == 0xff) {
      auto err = protocol::decode_err(payload);
      if (!err.ok()) co_return err.status();
      const absl::Status status = absl::PermissionDeniedError("refused the connection: " + err_text(*err));
      if (refused != nullptr) refused->emplace(Refusal{*std::move(err), {payload.begin(), payload.end()}});
      co_return status;
    }
    auto greeting = protocol::decode_greeting(payload);
    if (!greeting.ok()) co_return greeting.status();
    if (!input.empty()) co_return absl::InvalidArgumentError("the server said more than its greeting");
    greeting_ = *std::move(greeting);
    greeting_payload_.assign(payload.begin(), payload.end());
    co_return absl::OkStatus();
  }
}

Task<absl::Status> BackendLink::log_in(LinkOptions options, TimePoint deadline, std::optional<Refusal>* refused) {
  options_ = std::move(options);
  LoginAsClient machine(login_options());
  const protocol::Buffer greeting = std::exchange(greeting_payload_, {});
  auto action = machine.on_message(greeting);
  if (!action.ok()) co_return failure(action.status());
  const absl::Status status = co_await converse(machine, *std::move(action), 1, deadline, refused);
  co_return status.ok() ? status : failure(status);
}

Task<absl::Status> BackendLink::change_user(LinkOptions options, TimePoint deadline, std::optional<Refusal>* refused) {
  options_ = std::move(options);
  const auto transport =
      stream_->is_tls() || options_.address.is_unix ? LoginAsClient::Transport::secure : LoginAsClient::Transport::open;
  LoginAsClient machine = LoginAsClient::on_connection(login_options(), greeting_, capabilities_, transport);
  LoginAsClient::Action first = LoginAsClient::Send{machine.change_user()};
  const absl::Status status = co_await converse(machine, std::move(first), 0, deadline, refused);
  co_return status.ok() ? status : failure(status);
}

LoginAsClient::Options BackendLink::login_options() const {
  LoginAsClient::Options login;
  login.user = options_.user;
  login.password = options_.password;
  login.schema = options_.schema;
  login.capabilities = kAlways | (options_.mirrored & protocol::kMirrored) | compression_wish(options_.compression) |
                       (options_.statements == LinkOptions::Statements::multiple ? protocol::kMultiStatements : 0);
  login.collation = options_.collation;
  login.tls = tls_wish(options_.tls_mode);
  login.secure_transport = options_.address.is_unix;
  login.attributes = options_.attributes;
  return login;
}

// Drives `machine` from its action `first`, whose packet has the number `sequence`, to the server's OK.
Task<absl::Status> BackendLink::converse(LoginAsClient& machine, LoginAsClient::Action first, std::uint8_t sequence,
                                         TimePoint deadline, std::optional<Refusal>* refused) {
  protocol::MessageReader reader(kLoginMessageMax);
  if (stream_->is_compressed()) reader.ignore_sequence();
  std::array<std::uint8_t, 4096> buffer;
  absl::StatusOr<LoginAsClient::Action> action = std::move(first);
  protocol::Bytes input;
  for (;;) {
    if (!action.ok()) co_return action.status();
    if (auto* done = std::get_if<LoginAsClient::Done>(&*action)) {
      capabilities_ = machine.capabilities();
      login_ok_ = std::move(done->ok);
      since_.quiet = stream_->reactor().now();
      if (logged_in_at_ == TimePoint()) logged_in_at_ = since_.quiet;
      start_compression();
      co_return absl::OkStatus();
    }
    if (auto* tls = std::get_if<LoginAsClient::StartTls>(&*action)) {
      protocol::Buffer out;
      protocol::append_message(out, tls->payload, sequence);
      const absl::Status sent = co_await stream_->write_all(out, deadline);
      if (!sent.ok()) co_return sent;
      const absl::Status secured =
          co_await stream_->start_tls(options_.tls, options_.address.host, protocol::Buffer(), deadline);
      if (!secured.ok()) co_return secured;
      action = machine.on_tls_ready();
      continue;
    }
    if (auto* send_it = std::get_if<LoginAsClient::Send>(&*action)) {
      protocol::Buffer out;
      protocol::append_message(out, send_it->payload, sequence);
      const absl::Status sent = co_await stream_->write_all(out, deadline);
      if (!sent.ok()) co_return sent;
    }
    reader.expect_sequence(sequence);
    std::optional<protocol::Message> message;
    while (!message) {
      if (input.empty()) {
        auto got = co_await stream_->read_some(buffer, deadline);
        if (!got.ok()) co_return got.status();
        input = protocol::Bytes(buffer.data(), *got);
      }
      auto fed = reader.feed(input);
      if (!fed.ok()) co_return fed.status();
      message = *fed;
    }
    sequence = static_cast<std::uint8_t>(message->last_sequence + 1);
    action = machine.on_message(message->payload);
    if (!action.ok()) co_return action.status();
    if (auto* no = std::get_if<LoginAsClient::Refused>(&*action)) {
      const absl::Status status = absl::PermissionDeniedError("refused '" + options_.user + "': " + err_text(no->err));
      const protocol::Bytes payload = message->payload;
      if (refused != nullptr) refused->emplace(Refusal{std::move(no->err), {payload.begin(), payload.end()}});
      co_return status;
    }
  }
}

// Uncompressed, where the server does not have what was asked for: MariaDB has no zstd.
void BackendLink::start_compression() {
  if (stream_->is_compressed()) return;  // since the login; this was a change of user
  const auto algorithm = protocol::compression_of(capabilities_);
  if (algorithm != protocol::CompressionAlgorithm::none) {
    stream_->start_compression(protocol::CompressedStream::Role::client, {.algorithm = algorithm}, {});
  } else if (options_.compression != config::BackendCompression::none) {
    static std::array<std::atomic<bool>, 2> said;
    if (!said[static_cast<std::size_t>(options_.which)].exchange(true)) {
      spdlog::warn(
          "backend={} compression=none why=\"the server does not offer {}: its connections are not compressed\"",
          config::name(options_.which), options_.compression == config::BackendCompression::zstd ? "zstd" : "zlib");
    }
  }
}

Task<absl::Status> BackendLink::send(protocol::Bytes wire, TimePoint deadline) {
  const Stream::Io sent = stream_->try_write(wire);
  if (sent.kind == Stream::Io::Kind::ok && sent.bytes == wire.size() && !stream_->is_buffered())
    co_return absl::OkStatus();
  if (sent.kind == Stream::Io::Kind::failed) co_return absl::UnavailableError("the connection broke while writing");
  co_return co_await stream_->write_all(wire.subspan(sent.bytes), deadline);
}

Task<absl::StatusOr<Captured>> BackendLink::capture(protocol::ResponseKind kind, TimePoint deadline,
                                                    std::size_t bytes_max, Arrival* arrival) {
  Captured captured;
  since_.awaited = Clock::now();
  const absl::Cleanup answered = [this] { since_.awaited = TimePoint::max(); };
  protocol::ResponseTracker tracker;
  tracker.start(kind, capabilities_);
  std::array<std::uint8_t, 8192> buffer;
  std::size_t result_begin = 0;
  protocol::Buffer input_owner = std::exchange(early_, {});
  protocol::Bytes input(input_owner);
  for (;;) {
    while (!input.empty()) {
      auto used = tracker.feed(input);
      if (!used.ok()) co_return used.status();
      if (captured.wire.size() + *used > bytes_max)
        co_return absl::ResourceExhaustedError("a response grew past its limit");
      captured.wire.insert(captured.wire.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(*used));
      input = input.subspan(*used);
      if (!tracker.result_ended()) continue;
      if (tracker.asks_for_file()) co_return absl::InternalError("the server asked for a local file");
      captured.results.push_back({result_begin, captured.wire.size(), tracker.end()});
      result_begin = captured.wire.size();
      if (tracker.done()) {
        note_end(tracker.end());
        early_.assign(input.begin(), input.end());
        co_return captured;
      }
      tracker.next_result();
    }
    auto got = co_await stream_->receive(buffer, deadline);
    if (!got.ok() && abandoned_ && !abandoned_->empty()) co_return absl::UnavailableError(*abandoned_);
    if (!got.ok()) co_return got.status();
    since_.awaited = Clock::now();
    if (arrival != nullptr) {
      arrival->last_byte = Clock::now();
      if (arrival->first_byte == TimePoint()) arrival->first_byte = arrival->last_byte;
    }
    input = protocol::Bytes(buffer.data(), *got);
  }
}

void BackendLink::abandon(std::string why) {
  const bool is_waited_for = !why.empty();
  abandoned_ = std::move(why);
  if (is_waited_for) stream_->cancel_read();
}

Task<absl::StatusOr<Captured>> BackendLink::run(std::string sql, TimePoint deadline, std::size_t bytes_max) {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_query(sql));
  absl::Status sent = co_await send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return co_await capture(protocol::ResponseKind::query, deadline, bytes_max);
}

absl::StatusOr<std::vector<protocol::ResultSet>> BackendLink::taken_apart(
    const absl::StatusOr<Captured>& answer) const {
  if (!answer.ok()) return answer.status();
  if (answer->failed()) {
    const protocol::Err& err = answer->last().err;
    const bool passes = err.code == protocol::kErrLockWaitTimeout || err.code == protocol::kErrDeadlock ||
                        err.code == protocol::kErrServerShutdown;
    if (passes) return absl::UnavailableError(err_text(err));
    return absl::FailedPreconditionError(err_text(err));
  }
  return protocol::decode_response(answer->wire, protocol::ResponseKind::query, capabilities_);
}

Task<absl::StatusOr<std::vector<protocol::ResultSet>>> BackendLink::query(std::string sql, TimePoint deadline,
                                                                          std::size_t bytes_max) {
  co_return taken_apart(co_await run(std::move(sql), deadline, bytes_max));
}

Task<absl::StatusOr<std::vector<protocol::ResultSet>>> BackendLink::ask(std::string sql, TimePoint deadline) {
  auto answer = co_await run(sql, deadline);
  const bool interrupted = answer.ok() && answer->failed() && answer->last().err.code == protocol::kErrQueryInterrupted;
  if (interrupted) answer = co_await run(std::move(sql), deadline);
  co_return taken_apart(answer);
}

Task<absl::StatusOr<std::vector<protocol::Cell>>> BackendLink::ask_row(std::string columns, std::size_t count,
                                                                       TimePoint deadline) {
  auto results = co_await ask("SELECT " + columns + " LIMIT 1", deadline);
  if (!results.ok()) co_return results.status();
  co_return protocol::only_row(*std::move(results), count);
}

Task<absl::StatusOr<std::vector<std::vector<protocol::Cell>>>> BackendLink::query_rows(std::string sql,
                                                                                       std::size_t columns,
                                                                                       TimePoint deadline,
                                                                                       std::size_t bytes_max) {
  auto results = co_await query(std::move(sql), deadline, bytes_max);
  if (!results.ok()) co_return results.status();
  co_return protocol::only_rows(*std::move(results), columns);
}

Task<absl::StatusOr<std::vector<protocol::Cell>>> BackendLink::query_row(std::string sql, std::size_t columns,
                                                                         TimePoint deadline) {
  auto results = co_await query(std::move(sql), deadline);
  if (!results.ok()) co_return results.status();
  co_return protocol::only_row(*std::move(results), columns);
}

void BackendLink::note_end(const protocol::ResultEnd& end) {
  const bool failed = end.kind == protocol::ResultEnd::Kind::err;
  ended_clean_ = !failed && end.ok.warnings == 0;
  since_.quiet = stream_->reactor().now();
  if (failed && may_end_connection(end.err)) {
    parting_ = end.err;
  } else {
    parting_.reset();
  }
}

Task<bool> BackendLink::has_left(TimePoint deadline) {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_simple(protocol::CommandByte::statistics));
  const absl::Status sent = co_await send(wire, deadline);
  if (!sent.ok()) co_return true;
  auto told = co_await capture(protocol::ResponseKind::text, deadline, kLoginMessageMax);
  co_return !told.ok();
}

void BackendLink::send_quit() {
  if (abandoned_) return;
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_simple(protocol::CommandByte::quit));
  stream_->try_write(wire);
}

Task<absl::StatusOr<std::uint64_t>> query_number(BackendLink& link, std::string sql, TimePoint deadline) {
  auto row = co_await link.query_row(std::move(sql), 1, deadline);
  if (!row.ok()) co_return row.status();
  co_return protocol::whole_number((*row)[0]);
}

}  // namespace crossfade::proxy
