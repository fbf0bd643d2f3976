#include "tests/support/client.h"

#include "tests/support/server_packets.h"

namespace crossfade::support {

std::string Reply::cell() const {
  if (results.empty() || results.front().rows.empty() || results.front().rows.front().empty()) return "";
  return results.front().rows.front().front().value_or("NULL");
}

absl::StatusOr<std::unique_ptr<Client>> Client::log_in(int fd, const Options& options) {
  std::unique_ptr<Client> client(new Client(fd));
  const absl::Status status = client->authenticate(options);
  if (!status.ok()) return status;
  return client;
}

absl::Status Client::authenticate(const Options& options) {
  protocol::LoginAsClient machine({.user = options.user,
                                   .password = options.password,
                                   .schema = options.schema,
                                   .capabilities = options.capabilities,
                                   .collation = 45,
                                   .tls = protocol::LoginAsClient::Tls::disabled,
                                   .secure_transport = options.secure_transport,
                                   .attributes = {}});
  for (;;) {
    std::uint8_t sequence = 0;
    const auto message = socket_.read_message(&sequence);
    if (!message) return absl::UnavailableError("closed during login");
    full_authentication_ = full_authentication_ || *message == protocol::Buffer{0x01, 0x04};
    const auto action = machine.on_message(*message);
    if (!action.ok()) return action.status();
    if (const auto* refused = std::get_if<protocol::LoginAsClient::Refused>(&*action)) {
      return absl::PermissionDeniedError(std::to_string(refused->err.code) + " " + refused->err.message);
    }
    if (std::holds_alternative<protocol::LoginAsClient::Done>(*action)) break;
    if (const auto* send_it = std::get_if<protocol::LoginAsClient::Send>(&*action)) {
      protocol::Buffer wire;
      protocol::append_message(wire, send_it->payload, sequence);
      if (!socket_.write(wire)) return absl::UnavailableError("closed during login");
    }
  }
  capabilities_ = machine.capabilities();
  return absl::OkStatus();
}

Reply Client::command(protocol::Bytes payload, protocol::ResponseKind kind) {
  protocol::Buffer wire;
  protocol::append_command(wire, payload);
  if (!socket_.write(wire)) {
    Reply reply;
    reply.kind = Reply::Kind::closed;
    return reply;
  }
  return read(kind);
}

Reply Client::read(protocol::ResponseKind kind) {
  Reply reply;
  protocol::ResponseTracker tracker;
  tracker.start(kind, capabilities_);
  protocol::Buffer input = std::move(early_);
  early_.clear();
  for (;;) {
    protocol::Bytes left(input);
    while (!left.empty() && !tracker.done()) {
      if (tracker.result_ended()) tracker.next_result();
      const auto used = tracker.feed(left);
      if (!used.ok()) return reply;
      reply.wire.insert(reply.wire.end(), left.begin(), left.begin() + static_cast<std::ptrdiff_t>(*used));
      left = left.subspan(*used);
    }
    if (tracker.done()) {
      early_.assign(left.begin(), left.end());
      break;
    }
    input.clear();
    const BlockingSocket::Got got = socket_.read(input);
    if (got == BlockingSocket::Got::bytes) continue;
    reply.kind = got == BlockingSocket::Got::closed ? Reply::Kind::closed : Reply::Kind::timed_out;
    return reply;
  }
  const protocol::ResultEnd& end = tracker.end();
  reply.ok = end.ok;
  reply.err = end.err;
  switch (end.kind) {
    case protocol::ResultEnd::Kind::err:
      reply.kind = Reply::Kind::err;
      return reply;
    case protocol::ResultEnd::Kind::rows:
      reply.kind = Reply::Kind::rows;
      break;
    default:
      reply.kind = Reply::Kind::ok;
      break;
  }
  if (kind != protocol::ResponseKind::query && kind != protocol::ResponseKind::execute) return reply;
  auto results = protocol::decode_response(reply.wire, kind, capabilities_);
  if (results.ok()) {
    reply.results = *std::move(results);
  } else {
    reply.kind = Reply::Kind::broken;
  }
  return reply;
}

std::uint32_t Client::prepare(const std::string& sql, Reply* refused) {
  Reply reply = command(protocol::encode_prepare(sql), protocol::ResponseKind::prepare);
  std::uint32_t id = 0;
  if (reply.is_ok()) {
    const auto header = protocol::decode_header(reply.wire);
    const auto ok =
        protocol::decode_prepare_ok(protocol::Bytes(reply.wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
    if (ok.ok()) id = ok->statement_id;
  }
  if (refused != nullptr) *refused = std::move(reply);
  return id;
}

Reply Client::execute(std::uint32_t statement, const std::vector<std::int64_t>& parameters) {
  protocol::Execute execute;
  execute.statement_id = statement;
  for (const std::int64_t number : parameters) {
    protocol::Parameter parameter;
    parameter.type.type = static_cast<std::uint8_t>(protocol::ColumnType::longlong);
    put_u64(parameter.value, static_cast<std::uint64_t>(number));
    execute.parameters.push_back(std::move(parameter));
  }
  return command(protocol::encode_execute(execute), protocol::ResponseKind::execute);
}

Reply Client::change_user(protocol::Bytes payload, const std::string& password) {
  Reply reply;
  protocol::Buffer wire;
  protocol::append_command(wire, payload);
  if (!socket_.write(wire)) return reply;
  for (;;) {
    std::uint8_t sequence = 0;
    const auto message = socket_.read_message(&sequence);
    if (!message || message->empty()) {
      reply.kind = Reply::Kind::closed;
      return reply;
    }
    if ((*message)[0] == 0xff) {
      reply.kind = Reply::Kind::err;
      reply.err = protocol::decode_err(*message).value_or(protocol::Err());
      return reply;
    }
    if ((*message)[0] == 0x00) {
      reply.kind = Reply::Kind::ok;
      return reply;
    }
    if ((*message)[0] == 0x01 && (*message)[1] == 0x03) continue;
    protocol::Buffer answer;
    if ((*message)[0] == 0xfe) {
      const auto auth_switch = protocol::decode_auth_switch(*message);
      if (!auth_switch.ok()) return reply;
      answer = auth_switch->auth_plugin == protocol::kNativePassword
                   ? protocol::native_scramble(password, auth_switch->nonce)
                   : protocol::sha2_scramble(password, auth_switch->nonce);
    } else {
      protocol::put_nul_text(answer, password);
    }
    wire.clear();
    protocol::append_message(wire, answer, sequence);
    if (!socket_.write(wire)) return reply;
  }
}

bool Client::closed() {
  protocol::Buffer rest;
  return early_.empty() && socket_.read(rest) == BlockingSocket::Got::closed;
}

}  // namespace crossfade::support
