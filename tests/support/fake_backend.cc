#include "tests/support/fake_backend.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "protocol/auth.h"
#include "protocol/command.h"
#include "protocol/prepared.h"
#include "tests/support/result_writer.h"

namespace crossfade::support {

using protocol::CommandByte;

struct FakeBackend::Connection {
  explicit Connection(int fd) : socket(fd) {}
  BlockingSocket socket;
  std::thread thread;
  std::string user;
  bool entered = false;
  protocol::Capabilities capabilities = 0;
  FakeDatabase::Session session;
  struct Prepared {
    std::string sql;
    std::uint16_t parameters = 0;
    std::vector<protocol::ParameterType> types;
  };
  std::map<std::uint32_t, Prepared> prepared;
  std::uint32_t next_statement = 1;

  std::uint16_t status() const {
    return static_cast<std::uint16_t>((session.autocommit ? protocol::kStatusAutocommit : 0) |
                                      (session.in_transaction ? protocol::kStatusInTransaction : 0));
  }
};

FakeBackend::FakeBackend(Options options)
    : options_(std::move(options)), database_(options_.name), version_(options_.version) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof local;
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&local), &length) != 0) {
    throw std::runtime_error("a fake backend cannot listen");
  }
  port_ = ntohs(local.sin_port);
  accepting_ = std::thread([this] { accept_loop(); });
}

FakeBackend::~FakeBackend() {
  stopping_ = true;
  set_script({});
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  close(listener_);
  go_down();
  for (auto& connection : connections_) connection->thread.join();
}

void FakeBackend::accept_loop() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (down_ || stopping_) {
      close(fd);
      continue;
    }
    const std::lock_guard lock(mutex_);
    connections_.push_back(std::make_unique<Connection>(fd));
    Connection& connection = *connections_.back();
    connection.session.id = connections_.size();
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void FakeBackend::go_down() {
  down_ = true;
  const std::lock_guard lock(mutex_);
  for (auto& connection : connections_) connection->socket.shut_down();
}

void FakeBackend::serve(Connection& connection) {
  if (log_in(connection)) {
    std::uint8_t sequence = 0;
    for (;;) {
      const auto message = connection.socket.read_message(&sequence);
      if (!message || !on_command(connection, *message)) break;
    }
  }
  if (connection.entered) {
    database_.end(connection.session);
    const std::lock_guard lock(mutex_);
    --open_[connection.user];
  }
  connection.socket.shut_down();  // the descriptor stays until the end: no other connection gets its number
}

bool FakeBackend::log_in(Connection& connection) {
  protocol::Greeting greeting;
  greeting.connection_id = static_cast<std::uint32_t>(connection.session.id);
  greeting.nonce.fill('n');
  greeting.capabilities = protocol::kSupported & ~options_.without;
  greeting.status = protocol::kStatusAutocommit;
  greeting.auth_plugin = protocol::kNativePassword;
  protocol::Buffer wire;
  std::uint8_t sequence = 0;
  protocol::Buffer refusal;
  {
    const std::lock_guard lock(mutex_);
    greeting.server_version = version_;
    if (!refusal_.empty() && refusals_left_ != 0) {
      --refusals_left_;
      ++refused_;
      refusal = refusal_;
    }
  }
  protocol::append_message(wire, refusal.empty() ? protocol::encode_greeting(greeting) : refusal, sequence);
  if (login_messages_max_ == 0) return false;
  if (!connection.socket.write(wire, piece_bytes_) || !refusal.empty() || login_messages_max_ == 1) return false;
  const auto message = connection.socket.read_message(&sequence);
  if (!message) {
    ++abandoned_;
    return false;
  }
  const auto request = protocol::decode_login_request(*message);
  if (!request.ok()) return false;
  const bool good = protocol::verify_native(request->auth_response, greeting.nonce, protocol::native_hash("secret")) &&
                    (request->user == "app" || request->user == "other" || request->user == "control");
  wire.clear();
  protocol::append_message(
      wire,
      good ? protocol::encode_ok({}, request->capabilities)
           : protocol::encode_err({.code = 1045, .sqlstate = "28000", .message = "Access denied for user"}),
      sequence);
  connection.user = request->user;
  connection.capabilities = request->capabilities & greeting.capabilities;
  connection.session.schema = request->schema;
  if (good) {  // before whoever has logged in knows of it
    const std::lock_guard lock(mutex_);
    ++open_[connection.user];
    ++logins_[connection.user];
    connection.entered = true;
  }
  return connection.socket.write(wire, piece_bytes_) && good;
}

// As the servers: a switch with a fresh nonce; MySQL ends after a refusal, MariaDB goes on as the old user.
bool FakeBackend::change_user(Connection& connection, protocol::Bytes payload) {
  const auto change = protocol::decode_change_user(payload, connection.capabilities);
  if (!change.ok()) return false;
  FakeDatabase::roll_back(connection.session);
  connection.session.autocommit = true;
  connection.prepared.clear();
  protocol::AuthSwitch auth_switch;
  auth_switch.auth_plugin = protocol::kNativePassword;
  auth_switch.nonce.fill('m');
  protocol::Buffer wire;
  std::uint8_t sequence = 1;
  protocol::append_message(wire, protocol::encode_auth_switch(auth_switch), sequence);
  if (!connection.socket.write(wire)) return false;
  const auto answer = connection.socket.read_message(&sequence);
  if (!answer) return false;
  const bool good = protocol::verify_native(*answer, auth_switch.nonce, protocol::native_hash("secret")) &&
                    (change->user == "app" || change->user == "other");
  wire.clear();
  protocol::append_message(wire,
                           good ? protocol::encode_ok({.status = protocol::kStatusAutocommit}, connection.capabilities)
                                : protocol::encode_err({.code = 1045, .sqlstate = "28000", .message = "Access denied"}),
                           sequence);
  if (good) {
    const std::lock_guard lock(mutex_);
    --open_[connection.user];
    connection.user = change->user;
    ++open_[connection.user];
    connection.session.schema = change->schema;
  }
  return connection.socket.write(wire) && (good || options_.without != 0);
}

bool FakeBackend::on_command(Connection& connection, protocol::Bytes payload) {
  if (payload.empty()) return false;
  const std::string body(protocol::as_text(payload.subspan(1)));
  ResultWriter out(connection.capabilities);
  Answer answer;
  switch (static_cast<CommandByte>(payload[0])) {
    case CommandByte::query:
      return on_query(connection, body);
    case CommandByte::stmt_prepare:
      return on_prepare(connection, body);
    case CommandByte::stmt_execute:
      return on_execute(connection, payload);
    case CommandByte::stmt_close:
      connection.prepared.erase(protocol::statement_id_of(payload).value_or(0));
      return true;
    case CommandByte::ping:
    case CommandByte::stmt_reset:
      break;
    case CommandByte::init_db:
      connection.session.schema = body;
      break;
    case CommandByte::reset_connection:
      FakeDatabase::roll_back(connection.session);
      connection.session.autocommit = true;
      connection.prepared.clear();
      break;
    case CommandByte::change_user:
      return change_user(connection, payload);
    case CommandByte::statistics: {
      out.put(protocol::as_bytes("Uptime: 1"));
      return connection.socket.write(out.wire(), piece_bytes_);
    }
    default:
      answer = Answer::failed(1047, "08S01", "Unknown command");
      break;
  }
  out.put_answer(answer, connection.status(), ResultWriter::Rows::text);
  return connection.socket.write(out.wire(), piece_bytes_);
}

std::optional<Fault> FakeBackend::due(const std::string& user, const std::string& sql) {
  const std::lock_guard lock(mutex_);
  if (!fault_ || fault_->user != user || !sql.starts_with(fault_->on) || statements_++ != fault_->at)
    return std::nullopt;
  fired_ = true;
  return fault_;
}

std::optional<Answer> FakeBackend::scripted(const std::string& user, const std::string& sql) {
  Script script;
  {
    const std::lock_guard lock(mutex_);
    script = script_;
  }
  return script ? script(user, sql) : std::nullopt;
}

std::optional<Answer> FakeBackend::run(Connection& connection, const std::string& sql) {
  const std::optional<Fault> fault = due(connection.user, sql);
  if (fault && fault->kind == Fault::Kind::drop_before) return std::nullopt;
  if (fault && fault->kind == Fault::Kind::err) {
    // As the servers do: a deadlock takes the whole transaction with it.
    if (fault->code == 1213) FakeDatabase::roll_back(connection.session);
    return Answer::failed(fault->code, fault->code == 1213 ? "40001" : "HY000", "made to fail");
  }
  std::optional<Answer> answer = scripted(connection.user, sql);
  if (!answer) answer = database_.execute(connection.session, sql);
  if (fault && fault->kind == Fault::Kind::drop_after) return std::nullopt;
  return answer;
}

bool FakeBackend::on_query(Connection& connection, const std::string& sql) {
  {
    const std::lock_guard lock(mutex_);
    packets_[connection.user].push_back(sql);
  }
  ResultWriter out(connection.capabilities);
  const std::vector<std::string> statements = split_statements(sql);
  bool alive = true;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const std::optional<Answer> answer = run(connection, statements[i]);
    if (!answer) {
      alive = false;
      break;
    }
    const bool more = i + 1 < statements.size() && !answer->err;
    const auto status = static_cast<std::uint16_t>(connection.status() | (more ? protocol::kStatusMoreResults : 0));
    out.put_answer(*answer, status, ResultWriter::Rows::text);
    if (answer->cut != Answer::Cut::none) {
      const protocol::Bytes sent = protocol::Bytes(out.wire()).first(std::min(answer->cut_at, out.wire().size()));
      const bool whole = sent.size() == out.wire().size();
      return connection.socket.write(sent, piece_bytes_) && (whole || answer->cut == Answer::Cut::silent);
    }
    if (answer->err) break;
  }
  return connection.socket.write(out.wire(), piece_bytes_) && alive;
}

bool FakeBackend::on_prepare(Connection& connection, const std::string& sql) {
  {
    const std::lock_guard lock(mutex_);
    packets_[connection.user].push_back(sql);
  }
  const std::optional<Fault> fault = due(connection.user, sql);
  if (fault && (fault->kind == Fault::Kind::drop_before || fault->kind == Fault::Kind::drop_after)) return false;
  ResultWriter out(connection.capabilities);
  if (fault && fault->kind == Fault::Kind::err) {
    out.put_answer(Answer::failed(fault->code, "HY000", "made to fail"), 0, ResultWriter::Rows::text);
  } else if (sql.find("missing") != std::string::npos) {
    out.put_answer(Answer::failed(1146, "42S02", "Table 'shop.missing' doesn't exist"), 0, ResultWriter::Rows::text);
  } else {
    const auto parameters = static_cast<std::uint16_t>(std::count(sql.begin(), sql.end(), '?'));
    const std::uint32_t id = connection.next_statement++;
    connection.prepared[id] = {.sql = sql, .parameters = parameters, .types = {}};
    out.put_prepared(id, sql.starts_with("SELECT") ? 1 : 0, parameters);
    if (fault) FakeDatabase::roll_back(connection.session);
  }
  return connection.socket.write(out.wire(), piece_bytes_);
}

namespace {

// Texts as they are, integers in decimal, NULL for the rest.
std::string shown(const protocol::Parameter& parameter) {
  using protocol::ColumnType;
  if (parameter.is_null) return "NULL";
  switch (static_cast<ColumnType>(parameter.type.type)) {
    case ColumnType::tiny:
    case ColumnType::short_:
    case ColumnType::long_:
    case ColumnType::longlong: {
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < parameter.value.size(); ++i) {
        value |= static_cast<std::uint64_t>(parameter.value[i]) << (8 * i);
      }
      return std::to_string(value);
    }
    case ColumnType::varchar:
    case ColumnType::var_string:
    case ColumnType::string:
    case ColumnType::blob:
      return std::string(protocol::as_text(parameter.value));
    default:
      return "NULL";
  }
}

}  // namespace

// A prepared statement runs as its text with its parameters in a comment.
bool FakeBackend::on_execute(Connection& connection, protocol::Bytes payload) {
  ResultWriter out(connection.capabilities);
  const auto found = connection.prepared.find(protocol::statement_id_of(payload).value_or(0));
  if (found == connection.prepared.end()) {
    out.put_answer(Answer::failed(1243, "HY000", "Unknown prepared statement handler"), 0, ResultWriter::Rows::text);
    return connection.socket.write(out.wire(), piece_bytes_);
  }
  Connection::Prepared& prepared = found->second;
  const auto execute = protocol::decode_execute(payload, prepared.parameters, prepared.types, {});
  if (!execute.ok()) return false;
  std::string sql = prepared.sql;
  for (const protocol::Parameter& parameter : execute->parameters) {
    sql += " /*" + shown(parameter) + "*/";
  }
  const std::optional<Answer> answer = run(connection, sql);
  if (!answer) return false;
  out.put_answer(*answer, connection.status(), ResultWriter::Rows::binary);
  return connection.socket.write(out.wire(), piece_bytes_);
}

void FakeBackend::arm(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  statements_ = 0;
  fired_ = false;
}

bool FakeBackend::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

void FakeBackend::disarm() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
}

void FakeBackend::set_script(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::vector<std::string> FakeBackend::packets(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  const auto found = packets_.find(user);
  return found == packets_.end() ? std::vector<std::string>() : found->second;
}

void FakeBackend::forget_packets() {
  const std::lock_guard lock(mutex_);
  packets_.clear();
}

void FakeBackend::refuse_with(protocol::Buffer err_payload, std::size_t times) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(err_payload);
  refusals_left_ = times;
}

std::size_t FakeBackend::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void FakeBackend::part_with(const protocol::Buffer& err_payload) {
  protocol::Buffer wire;
  std::uint8_t sequence = 0;
  protocol::append_message(wire, err_payload, sequence);
  const std::lock_guard lock(mutex_);
  for (auto& connection : connections_) {
    connection->socket.write(wire);
    connection->socket.shut_down();
  }
}

void FakeBackend::set_version(std::string version) {
  const std::lock_guard lock(mutex_);
  version_ = std::move(version);
}

std::size_t FakeBackend::logins(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  const auto found = logins_.find(user);
  return found == logins_.end() ? 0 : found->second;
}

std::size_t FakeBackend::connections(const std::string& user) const {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(user);
  return found == open_.end() ? 0 : found->second;
}

}  // namespace crossfade::support
