#include "proxy/backend_link.h"

#include <array>
#include <variant>

#include "protocol/command.h"
#include "protocol/login_as_client.h"
#include "protocol/packet.h"

namespace crossfade::proxy {
namespace {

using protocol::LoginAsClient;

constexpr std::size_t kLoginMessageMax = 64 * 1024;

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

constexpr protocol::Capabilities kAlways =
    protocol::kLongPassword | protocol::kLongFlag | protocol::kConnectWithDb | protocol::kProtocol41 |
    protocol::kTransactions | protocol::kSecureConnection | protocol::kMultiResults | protocol::kPluginAuth |
    protocol::kConnectAttributes | protocol::kPluginAuthLenenc;

}  // namespace

std::string err_code(const protocol::Err& err) { return std::to_string(err.code) + " (" + err.sqlstate + ")"; }

std::string err_text(const protocol::Err& err) {
  return std::to_string(err.code) + " (" + err.sqlstate + "): " + err.message;
}

BackendLink::BackendLink(LinkOptions options, Counters& counters) : options_(std::move(options)), counters_(counters) {
  counters_.backend_connections_open[static_cast<std::size_t>(options_.which)].add();
}

BackendLink::~BackendLink() { counters_.backend_connections_open[static_cast<std::size_t>(options_.which)].sub(); }

Task<absl::StatusOr<std::unique_ptr<BackendLink>>> BackendLink::open(Reactor& reactor, LinkOptions options,
                                                                     Counters& counters, TimePoint deadline,
                                                                     std::optional<protocol::Err>* refused) {
  const auto which = options.which;
  std::unique_ptr<BackendLink> link(new BackendLink(std::move(options), counters));
  absl::Status status = absl::OkStatus();
  auto stream = co_await Stream::connect(reactor, link->options_.address, deadline);
  if (stream.ok()) {
    link->stream_ = *std::move(stream);
    status = co_await link->log_in(deadline, refused);
  } else {
    status = stream.status();
  }
  if (!status.ok()) {
    counters.backend_connect_failures[static_cast<std::size_t>(which)].add();
    co_return absl::Status(status.code(), "backend '" + std::string(config::name(which)) + "' at " +
                                              link->options_.address.text() + ": " + std::string(status.message()));
  }
  co_return link;
}

Task<absl::Status> BackendLink::log_in(TimePoint deadline, std::optional<protocol::Err>* refused) {
  LoginAsClient machine(
      {.user = options_.user,
       .password = options_.password,
       .schema = options_.schema,
       .capabilities = kAlways | (options_.mirrored & protocol::kMirrored) |
                       (options_.statements == LinkOptions::Statements::multiple ? protocol::kMultiStatements : 0),
       .collation = options_.collation,
       .tls = tls_wish(options_.tls_mode),
       .secure_transport = options_.address.is_unix,
       .attributes = options_.attributes});
  protocol::MessageReader reader(kLoginMessageMax);
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    auto got = co_await stream_->read_some(buffer, deadline);
    if (!got.ok()) co_return got.status();
    protocol::Bytes input(buffer.data(), *got);
    while (!input.empty()) {
      auto message = reader.feed(input);
      if (!message.ok()) co_return message.status();
      if (!message->has_value()) break;
      auto action = machine.on_message((*message)->payload);
      if (!action.ok()) co_return action.status();
      protocol::Buffer out;
      std::uint8_t sequence = static_cast<std::uint8_t>((*message)->last_sequence + 1);
      if (auto* done = std::get_if<LoginAsClient::Done>(&*action)) {
        greeting_ = machine.greeting();
        capabilities_ = machine.capabilities();
        login_ok_ = std::move(done->ok);
        co_return absl::OkStatus();
      }
      if (auto* no = std::get_if<LoginAsClient::Refused>(&*action)) {
        if (refused != nullptr) *refused = no->err;
        co_return absl::PermissionDeniedError("refused '" + options_.user + "': " + err_text(no->err));
      }
      if (auto* tls = std::get_if<LoginAsClient::StartTls>(&*action)) {
        protocol::append_message(out, tls->payload, sequence);
        absl::Status sent = co_await stream_->write_all(out, deadline);
        if (!sent.ok()) co_return sent;
        absl::Status secured =
            co_await stream_->start_tls(options_.tls, options_.address.host, protocol::Buffer(), deadline);
        if (!secured.ok()) co_return secured;
        action = machine.on_tls_ready();
        if (!action.ok()) co_return action.status();
        out.clear();
      }
      if (auto* send_it = std::get_if<LoginAsClient::Send>(&*action)) {
        protocol::append_message(out, send_it->payload, sequence);
        absl::Status sent = co_await stream_->write_all(out, deadline);
        if (!sent.ok()) co_return sent;
      }
      reader.expect_sequence(sequence);
    }
  }
}

Task<absl::Status> BackendLink::send(protocol::Bytes wire, TimePoint deadline) {
  const Stream::Io sent = stream_->try_write(wire);
  if (sent.kind == Stream::Io::Kind::ok && sent.bytes == wire.size() && !stream_->is_tls()) co_return absl::OkStatus();
  if (sent.kind == Stream::Io::Kind::failed) co_return absl::UnavailableError("the connection broke while writing");
  co_return co_await stream_->write_all(wire.subspan(sent.bytes), deadline);
}

Task<absl::StatusOr<Captured>> BackendLink::capture(protocol::ResponseKind kind, TimePoint deadline,
                                                    std::size_t bytes_max) {
  Captured captured;
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
        early_.assign(input.begin(), input.end());
        co_return captured;
      }
      tracker.next_result();
    }
    auto got = co_await stream_->receive(buffer, deadline);
    if (!got.ok()) co_return got.status();
    input = protocol::Bytes(buffer.data(), *got);
  }
}

Task<absl::StatusOr<Captured>> BackendLink::run(std::string sql, TimePoint deadline, std::size_t bytes_max) {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_query(sql));
  absl::Status sent = co_await send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return co_await capture(protocol::ResponseKind::query, deadline, bytes_max);
}

Task<absl::StatusOr<std::vector<protocol::ResultSet>>> BackendLink::query(std::string sql, TimePoint deadline,
                                                                          std::size_t bytes_max) {
  auto captured = co_await run(std::move(sql), deadline, bytes_max);
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) co_return absl::FailedPreconditionError(err_text(captured->last().err));
  co_return protocol::decode_response(captured->wire, protocol::ResponseKind::query, capabilities_);
}

void BackendLink::send_quit() {
  if (abandoned_) return;
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_simple(protocol::CommandByte::quit));
  stream_->try_write(wire);
}

}  // namespace crossfade::proxy
