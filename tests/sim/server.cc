#include "tests/sim/server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "protocol/auth.h"
#include "protocol/command.h"
#include "tests/sim/server_connection.h"
#include "tests/support/result_writer.h"

namespace crossfade::sim {

using protocol::CommandByte;
using proxy::Task;
using std::chrono::milliseconds;
using support::Answer;

namespace {

constexpr auto kForEver = std::chrono::hours(24 * 365);
constexpr std::size_t kMessageMax = std::size_t{64} << 20;
constexpr auto kLockWait = milliseconds(1000);

int listen_on(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.c_str(), std::min(path.size() + 1, sizeof local.sun_path - 1));
  unlink(path.c_str());
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 || listen(fd, 256) != 0) {
    throw std::runtime_error("cannot listen on " + path);
  }
  return fd;
}

}  // namespace

Server::Server(World& world, Options options) : world_(world), options_(std::move(options)), questions_(options_.name) {
  for (const std::string& table : application_tables()) {
    store.create(std::string(kSchema) + "." + table, {"id", "v", "s"}, 1);
  }
  for (std::size_t path = 0; path < options_.paths.size(); ++path) {
    listeners_.push_back(std::make_unique<proxy::Descriptor>(reactor_, listen_on(options_.paths[path])));
    reactor_.spawn(accept_on(path));
  }
  world_.add(reactor_);
}

Task<void> Server::accept_on(std::size_t path) {
  for (;;) {
    co_await listeners_[path]->readable(world_.now() + kForEver);
    accept_all(path);
  }
}

void Server::accept_all(std::size_t path) {
  for (;;) {
    const int fd = accept4(listeners_[path]->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (!up_) {
      close(fd);
      continue;
    }
    auto connection = std::make_shared<Connection>(reactor_, fd);
    connection->id = next_connection_++;
    connection->session.path = path;
    connection->session.transaction.number = next_transaction_++;
    connection->questions.id = connection->id;
    connections_.emplace(connection->id, connection);
    reactor_.spawn(serve(connection));
  }
}

void Server::crash() {
  world_.note(options_.name + " crashes");
  up_ = false;
  for (const auto& [id, connection] : connections_) {
    connection->alive = false;
    store.roll_back(connection->session.transaction);
    shutdown(connection->fd, SHUT_RDWR);
  }
  user_locks_.clear();
  log.next_file(RowLog::Farewell::none);
}

void Server::flush_logs() {
  log.next_file(RowLog::Farewell::rotate);
  wake_dumps();
}

// Soon: whoever is woken may end.
void Server::wake_dumps() {
  reactor_.post([this] {
    const std::map<std::uint64_t, Held> all = connections_;
    for (const auto& [id, connection] : all) {
      if (connection->log_grew) connection->log_grew->notify();
    }
  });
}

void Server::lose_clients(std::size_t path) {
  accept_all(path);
  for (const auto& [id, connection] : connections_) {
    if (connection->session.path != path) continue;
    connection->lost = true;
    shutdown(connection->fd, SHUT_RD);
  }
}

void Server::end(Connection& connection) {
  store.roll_back(connection.session.transaction);
  std::erase_if(user_locks_, [&](const auto& lock) { return lock.second == connection.id; });
}

Task<void> Server::serve(Held connection) {
  const bool entered = co_await log_in(connection);
  protocol::MessageReader reader(kMessageMax);
  std::array<std::uint8_t, 16384> buffer;
  protocol::Bytes input;
  bool going = entered;
  while (going && connection->alive) {
    reader.expect_sequence(0);
    auto message = reader.feed(input);
    if (!message.ok()) break;
    if (!message->has_value()) {
      auto got = co_await connection->stream.read_some(buffer, world_.now() + kForEver);
      if (!got.ok()) break;
      input = protocol::Bytes(buffer.data(), *got);
      continue;
    }
    protocol::Buffer payload((*message)->payload.begin(), (*message)->payload.end());
    going = co_await on_command(connection, std::move(payload));
  }
  if (connection->alive) end(*connection);
  connections_.erase(connection->id);
}

Task<bool> Server::log_in(Held connection) {
  protocol::Greeting greeting;
  greeting.connection_id = static_cast<std::uint32_t>(connection->id);
  greeting.nonce.fill('n');
  greeting.capabilities = protocol::kSupported & ~protocol::kLongPassword;
  greeting.status = protocol::kStatusAutocommit;
  greeting.auth_plugin = protocol::kNativePassword;
  greeting.server_version = "5.5.5-10.11.19-MariaDB";
  protocol::Buffer wire;
  std::uint8_t sequence = 0;
  protocol::append_message(wire, protocol::encode_greeting(greeting), sequence);
  const absl::Status greeted = co_await connection->stream.write_all(wire, world_.now() + kForEver);
  if (!greeted.ok()) co_return false;
  protocol::MessageReader reader(kMessageMax);
  reader.expect_sequence(1);
  std::array<std::uint8_t, 4096> buffer;
  for (;;) {
    auto got = co_await connection->stream.read_some(buffer, world_.now() + kForEver);
    if (!got.ok()) co_return false;
    protocol::Bytes input(buffer.data(), *got);
    auto message = reader.feed(input);
    if (!message.ok()) co_return false;
    if (!message->has_value()) continue;
    const auto request = protocol::decode_login_request((*message)->payload);
    if (!request.ok()) co_return false;
    connection->session.user = request->user;
    connection->capabilities = request->capabilities & greeting.capabilities;
    connection->questions.schema = request->schema;
    break;
  }
  wire.clear();
  sequence = 2;
  protocol::append_message(wire, protocol::encode_ok({}, connection->capabilities), sequence);
  const absl::Status sent = co_await connection->stream.write_all(wire, world_.now() + kForEver);
  co_return sent.ok();
}

// False: the connection is to end.
Task<bool> Server::on_command(Held connection, protocol::Buffer payload) {
  if (payload.empty()) co_return false;
  support::ResultWriter out(connection->capabilities);
  switch (static_cast<CommandByte>(payload[0])) {
    case CommandByte::query: {
      std::string sql(protocol::as_text(protocol::Bytes(payload).subspan(1)));
      co_return co_await on_query(connection, std::move(sql));
    }
    case CommandByte::binlog_dump:
      co_return co_await dump(connection, std::move(payload));
    case CommandByte::ping:
      out.put_answer(Answer::done(), connection->status(), support::ResultWriter::Rows::text);
      break;
    case CommandByte::statistics:
      out.put(protocol::as_bytes("Uptime: 1"));
      break;
    default:
      co_return false;
  }
  const absl::Status sent = co_await connection->stream.write_all(out.wire(), world_.now() + kForEver);
  co_return sent.ok();
}

bool Server::drops(const Connection& connection) {
  if (!world_.faults || !world_.chance(1, 600)) return false;
  world_.note(options_.name + " loses connection " + std::to_string(connection.id) + " of " + connection.session.user);
  return true;
}

// False: it has crashed meanwhile.
Task<bool> Server::be_slow(Held connection) {
  if (world_.faults && world_.chance(1, 20)) {
    const milliseconds pause(1 + world_.below(world_.chance(1, 20) ? 400 : 20));
    co_await reactor_.sleep_for(pause);
  }
  co_return connection->alive;
}

Task<bool> Server::on_query(Held connection, std::string sql) {
  support::ResultWriter out(connection->capabilities);
  const std::vector<std::string> statements = support::split_statements(sql);
  const bool ready = co_await be_slow(connection);
  if (!ready) co_return false;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (drops(*connection)) co_return false;
    std::optional<Answer> answer = co_await run(connection, statements[i]);
    if (!answer || drops(*connection)) co_return false;
    const bool more = i + 1 < statements.size() && !answer->err;
    const auto status = static_cast<std::uint16_t>(connection->status() | (more ? protocol::kStatusMoreResults : 0));
    tell_gtid(*connection, *answer);
    out.put_answer(*answer, status, support::ResultWriter::Rows::text);
    if (answer->err) break;
  }
  const bool still = co_await be_slow(connection);
  if (!still) co_return false;
  const absl::Status sent = co_await connection->stream.write_all(out.wire(), world_.now() + kForEver);
  co_return sent.ok();
}

// As session tracking has it: which transaction this statement has committed.
void Server::tell_gtid(const Connection& connection, Answer& answer) {
  if (!connection.tells_gtids || connection.gtid.empty() || answer.err) return;
  protocol::Buffer value;
  protocol::put_lenenc_text(value, "last_gtid");
  protocol::put_lenenc_text(value, connection.gtid);
  protocol::Buffer item(1, 0);  // SESSION_TRACK_SYSTEM_VARIABLES
  protocol::put_lenenc(item, value.size());
  protocol::put_bytes(item, value);
  answer.ok.session_state = std::string(protocol::as_text(item));
  answer.ok.status |= protocol::kStatusSessionStateChanged;
}

// nullopt: the server has crashed.
Task<std::optional<Answer>> Server::run(Held connection, std::string sql) {
  const proxy::TimePoint until = world_.now() + kLockWait;
  if (connection->session.user == "app") on_application(connection->session, sql);
  for (;;) {
    try {
      co_return answer(*connection, sql);
    } catch (const SqlError& error) {
      co_return Answer::failed(error.code, error.sqlstate, error.message);
    } catch (const Blocked&) {
    } catch (const std::logic_error& error) {
      world_.fail(error.what());
      co_return std::nullopt;
    }
    if (world_.now() >= until) co_return Answer::failed(1205, "HY000", "Lock wait timeout exceeded");
    co_await reactor_.sleep_for(milliseconds(3));
    if (!connection->alive) co_return std::nullopt;
  }
}

// The log from a place on, and whatever comes, until the connection ends.
Task<bool> Server::dump(Held connection, protocol::Buffer payload) {
  protocol::Reader reader(payload);
  reader.skip(1);
  const std::uint32_t from = reader.u32();
  reader.skip(6);
  const std::string file(reader.rest_text());
  std::size_t at_file = 0;
  while (at_file < log.files().size() && log.files()[at_file].name != file) ++at_file;
  std::uint8_t sequence = 1;
  protocol::Buffer wire;
  if (at_file == log.files().size() || from > log.files()[at_file].end) {
    const auto err = protocol::encode_err({.code = 1236, .sqlstate = "HY000", .message = "no such place"});
    protocol::append_message(wire, err, sequence);
    const absl::Status sent = co_await connection->stream.write_all(wire, world_.now() + kForEver);
    co_return sent.ok();
  }
  const auto put = [&](const protocol::Buffer& event) {
    protocol::Buffer packet(1, 0);
    packet.insert(packet.end(), event.begin(), event.end());
    protocol::append_message(wire, packet, sequence);
  };
  connection->log_grew = std::make_unique<proxy::Signal>(reactor_);
  put(RowLog::artificial_rotate(file, from));
  std::size_t at = 0;
  const auto& begins = log.files()[at_file].begins;
  while (at < begins.size() && begins[at] < from) ++at;
  if (from > 4) put(log.artificial_format(log.files()[at_file]));
  for (;;) {
    while (at == log.files()[at_file].events.size() && at_file + 1 < log.files().size()) {
      at = 0;
      put(RowLog::artificial_rotate(log.files()[++at_file].name, 4));
    }
    const RowLog::File& here = log.files()[at_file];
    // A few at a time: readers must go on from anywhere.
    for (std::uint64_t left = 1 + world_.below(12); left > 0 && at < here.events.size(); --left) put(here.events[at++]);
    if (!wire.empty()) {
      const absl::Status sent = co_await connection->stream.write_all(wire, world_.now() + kForEver);
      if (!sent.ok()) co_return false;
      wire.clear();
      const bool alive = co_await be_slow(connection);
      if (!alive || drops(*connection)) co_return false;
      continue;
    }
    const bool grew = co_await connection->log_grew->wait(world_.now() + std::chrono::seconds(1));
    if (!connection->alive || connection->lost) co_return false;
    if (!grew) put(log.heartbeat());
  }
}

}  // namespace crossfade::sim
