#include "proxy/shadow_run/shadow_run.h"

#include <fmt/format.h>

#include <optional>

#include "protocol/command.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "proxy/shadow_run/sampled_read.h"

namespace crossfade::proxy {

namespace {

// The session's own limit, if that is shorter. MariaDB counts in seconds, MySQL in milliseconds and of SELECTs alone.
std::string set_time_limit(const BackendLink& link, std::chrono::milliseconds at_most) {
  const auto milliseconds = at_most.count();
  const std::string name = link.is_mariadb() ? "max_statement_time" : "max_execution_time";
  const std::string limit = link.is_mariadb() ? fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
                                              : fmt::to_string(milliseconds);
  return "SET " + name + "=IF(@@" + name + "=0," + limit + ",LEAST(@@" + name + "," + limit + "))";
}

// The context was read on the control's side; the other may be of the other make.
Task<absl::Status> bring_to_state(BackendLink& link, std::vector<std::string>& state, const ShadowJob& job,
                                  ReadLimits limits) {
  std::vector<std::string> wanted =
      context_statements(job.context, protocol::make_of(link.greeting()), job.control_make);
  if (state == wanted) co_return absl::OkStatus();
  state.clear();
  for (const std::string& sql : wanted) {
    auto set = co_await link.query(sql, limits.deadline);
    if (!set.ok()) co_return set.status();
  }
  auto limited = co_await link.query(set_time_limit(link, limits.runs_at_most), limits.deadline);
  const bool unknown_there = absl::IsFailedPrecondition(limited.status());
  if (!limited.ok() && !unknown_there) co_return limited.status();
  state = std::move(wanted);
  co_return absl::OkStatus();
}

Task<absl::StatusOr<Captured>> prepare(BackendLink& link, const ShadowJob& job, TimePoint deadline) {
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_prepare(job.sql));
  const absl::Status sent = co_await link.send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return co_await link.capture(protocol::ResponseKind::prepare, deadline);
}

std::optional<std::uint32_t> statement_of(const Captured& prepared) {
  const auto header = protocol::decode_header(prepared.wire);
  auto ok =
      protocol::decode_prepare_ok(protocol::Bytes(prepared.wire).subspan(protocol::kHeaderBytes, header.payload_bytes));
  return ok.ok() ? std::optional<std::uint32_t>(ok->statement_id) : std::nullopt;
}

}  // namespace

Task<ShadowRun> run_read(BackendLink& link, std::vector<std::string>& state, const ShadowJob& job, ReadLimits limits) {
  const TimePoint deadline = limits.deadline;
  ShadowRun ran;
  ran.kind = job.kind();
  ran.capabilities = link.capabilities();
  ran.status = co_await bring_to_state(link, state, job, limits);
  if (!ran.status.ok()) co_return ran;
  protocol::Buffer wire;
  std::optional<std::uint32_t> statement;
  if (job.prepared) {
    auto prepared = co_await prepare(link, job, deadline);
    ran.status = prepared.status();
    if (!ran.status.ok()) co_return ran;
    if (prepared->failed()) {
      ran.kind = protocol::ResponseKind::query;  // an ERR is an ERR
      ran.wire = std::move(prepared->wire);
      ran.link_is_whole = true;
      co_return ran;
    }
    statement = statement_of(*prepared);
    protocol::Buffer execute = job.execute;
    protocol::replace_statement_id(execute, statement.value_or(0));
    protocol::append_command(wire, execute);
  } else {
    protocol::append_command(wire, protocol::encode_query(job.sql));
  }
  ran.status = co_await link.send(wire, deadline);
  if (!ran.status.ok()) co_return ran;
  const TimePoint sent = Clock::now();
  Arrival arrival;
  auto captured = co_await link.capture(ran.kind, deadline, limits.bytes_max, &arrival);
  if (absl::IsResourceExhausted(captured.status())) {
    ran.too_large = true;
    co_return ran;
  }
  ran.status = captured.status();
  if (!ran.status.ok()) co_return ran;
  ran.latency = latency_between(sent, arrival.first_byte, arrival.last_byte);
  ran.wire = std::move(captured->wire);
  ran.link_is_whole = true;
  if (statement) {
    wire.clear();
    protocol::append_command(wire, protocol::encode_stmt_close(*statement));
    const absl::Status closed = co_await link.send(wire, deadline);
    ran.link_is_whole = closed.ok();
  }
  co_return ran;
}

}  // namespace crossfade::proxy
