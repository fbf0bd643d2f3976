#include "proxy/session/run/preparing.h"

#include "protocol/prepared.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

Task<absl::StatusOr<Captured>> ask_to_prepare(Conversation& s, BackendLink& link, protocol::Bytes wire) {
  const TimePoint deadline = s.site.in(kStatementMax);
  const absl::Status sent = co_await link.send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return co_await link.capture(protocol::ResponseKind::prepare, deadline);
}

absl::Status take_prepare_ok(const Captured& captured, config::Backend which, PreparedStatement& statement) {
  const auto header = protocol::decode_header(captured.wire);
  const auto ok =
      protocol::decode_prepare_ok(protocol::Bytes(captured.wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
  if (!ok.ok()) return ok.status();
  statement.parameters = ok->parameters;
  statement.id_on(which) = ok->statement_id;
  return absl::OkStatus();
}

Task<absl::StatusOr<std::uint32_t>> prepare_on(Conversation& s, BackendLink& link, PreparedStatement& statement) {
  const config::Backend which = link.which();
  if (statement.id_on(which)) co_return *statement.id_on(which);
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_prepare(statement.sql));
  auto captured = co_await ask_to_prepare(s, link, wire);
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) co_return absl::FailedPreconditionError(err_text(captured->last().err));
  const absl::Status taken = take_prepare_ok(*captured, which, statement);
  if (!taken.ok()) co_return taken;
  co_return *statement.id_on(which);
}

Task<absl::Status> close_on(Conversation& s, BackendLink& link, std::uint32_t id) {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_stmt_close(id));
  co_return co_await link.send(wire, s.site.in(kStatementMax));
}

Task<absl::StatusOr<std::optional<protocol::Err>>> servers_own_error(Conversation& s, std::string sql) {
  constexpr std::uint16_t kNotPreparable = 1295;
  auto leading = co_await s.leader.ready_for(nullptr);
  if (!leading.ok()) co_return leading.status();
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_prepare(sql));
  auto captured = co_await ask_to_prepare(s, **leading, wire);
  if (!captured.ok()) co_return captured.status();
  if (captured->failed()) {
    const protocol::Err& err = captured->last().err;
    if (err.code == kNotPreparable) co_return std::nullopt;
    co_return err;
  }
  PreparedStatement trial;
  const absl::Status taken = take_prepare_ok(*captured, s.site.leader(), trial);
  if (!taken.ok()) co_return taken;
  const absl::Status closed = co_await close_on(s, **leading, *trial.id_on(s.site.leader()));
  if (!closed.ok()) co_return closed;
  co_return std::nullopt;
}

}  // namespace crossfade::proxy
