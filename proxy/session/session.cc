#include "proxy/session/session.h"

#include "protocol/error_codes.h"
#include "proxy/net/deadlines.h"
#include "proxy/session/commands/other_commands.h"
#include "proxy/session/commands/query.h"
#include "proxy/session/prepared/bulk.h"
#include "proxy/session/prepared/execute.h"
#include "proxy/session/prepared/long_data.h"
#include "proxy/session/prepared/prepare.h"

namespace crossfade::proxy {

namespace {

Task<Answer> said(Answer answer) { co_return answer; }

}  // namespace

Session::Session(Worker& worker, std::unique_ptr<Stream> client, std::uint32_t id,
                 std::shared_ptr<const Entrance> entrance)
    : parts_(worker, std::move(client), id), login_(parts_, std::move(entrance)) {
  worker.sessions.insert(this);
  worker.counters.clients_open.add();
  worker.shared.clients.fetch_add(1, std::memory_order_relaxed);
}

Session::~Session() {
  Worker& worker = parts_.site.worker;
  worker.sessions.erase(this);
  worker.counters.clients_open.sub();
  worker.shared.clients.fetch_sub(1, std::memory_order_relaxed);
}

void Session::begin_drain() {
  draining_ = true;
  if (parts_.client.idle() && may_drain()) end_now();
}

std::optional<OpenWrite> Session::open_write() const {
  const Transaction& transaction = parts_.state.transaction;
  if (transaction.flags().freeze_writes || (!transaction.open() && !at_work_)) return std::nullopt;
  return OpenWrite{.connection_id = parts_.identity.connection_id,
                   .user = parts_.identity.account.name,
                   .in_transaction = transaction.open()};
}

Task<void> Session::run() {
  const bool entered = co_await login_.log_in();
  parts_.client.begin_commands(parts_.site.shared.config.limits.packet_bytes_max);
  while (entered && !may_drain()) {
    auto command = co_await parts_.client.next_command();
    if (!command.ok()) {
      Answer answer = broken_input(command.status());
      co_await deliver(parts_, std::move(answer));
      break;
    }
    if (!command->has_value()) break;
    at_work_ = true;
    Answer answer = co_await dispatch(**command);
    if (!std::holds_alternative<Relayed>(answer)) {
      const Next next = co_await deliver(parts_, std::move(answer));
      if (next == Next::close) break;
    }
    at_work_ = false;
    if (parts_.leader.killed()) break;
    BackendLink& leading = parts_.leader.link();
    if (leading.parting() && co_await leading.has_left(parts_.site.in(kAnswerMax))) break;
  }
  delete this;
}

Task<Answer> Session::dispatch(Command command) {
  using protocol::CommandByte;
  if (command.payload.empty()) return said(error(protocol::kErrUnknownCommand, "08S01", "Unknown command"));
  if (is_cut_short(command)) return on_cut_short(parts_, command);
  switch (static_cast<CommandByte>(command.payload[0])) {
    case CommandByte::quit:
      return said(Gone());
    case CommandByte::query:
      return on_query(parts_, command);
    case CommandByte::stmt_prepare:
      return on_prepare(parts_, command);
    case CommandByte::stmt_execute:
      return on_execute(parts_, command);
    case CommandByte::stmt_bulk_execute:
      return on_bulk(parts_, command);
    case CommandByte::stmt_send_long_data:
      return on_long_data(parts_, command);
    case CommandByte::stmt_close:
      return on_close_statement(parts_, command);
    case CommandByte::stmt_reset:
      return on_reset_statement(parts_, command);
    case CommandByte::stmt_fetch:
      return on_fetch(parts_, command);
    case CommandByte::init_db:
      return on_init_db(parts_, command);
    case CommandByte::reset_connection:
      return on_reset_connection(parts_);
    case CommandByte::change_user:
      return login_.change_user(command);
    case CommandByte::set_option:
      return on_set_option(parts_, command);
    default:
      return on_other_command(parts_, command);
  }
}

void Session::note_kill(const routing::KillTarget& target) {
  if (parts_.identity.connection_id != target.connection_id) return;
  parts_.follower.interrupt(target.what);
  if (target.what == routing::KillTarget::What::query) return;
  parts_.leader.note_killed();
  parts_.client.end_when_idle();
}

}  // namespace crossfade::proxy
