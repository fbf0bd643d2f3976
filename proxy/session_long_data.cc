// COM_STMT_SEND_LONG_DATA: kept here, and sent inside the execution.

#include <algorithm>

#include "protocol/error_codes.h"
#include "proxy/session.h"

namespace crossfade::proxy {

// Long data travels inside the execution, whose packet the server must take. What the server says of one that is too
// long by itself, and that the proxy cannot send several which fit each for itself only.
Task<absl::StatusOr<std::optional<protocol::Err>>> Session::long_data_refusal(PreparedStatement& prepared,
                                                                              std::size_t execute_bytes) {
  if (known_.context() == nullptr) {
    const absl::Status fresh = co_await refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  using Fault = LongData::Fault;
  LongData& sent = prepared.long_data;
  const std::uint64_t most = known_.context()->packet_bytes_max;
  const bool too_large = std::any_of(sent.values.begin(), sent.values.end(),
                                     [most](const auto& value) { return value.second.size() > most; });
  if (too_large && sent.fault == Fault::none) sent.fault = Fault::too_large;
  protocol::Err err;
  err.sqlstate = "HY000";
  switch (sent.fault) {
    case Fault::none:
      break;
    case Fault::too_large:
      err.code = protocol::kErrUnknown;
      err.message =
          "Parameter of prepared statement which is set through mysql_send_long_data() is longer than "
          "'max_allowed_packet' bytes";
      co_return err;
    case Fault::no_such_parameter:
      err.code = protocol::kErrWrongArguments;
      err.message = std::string("Incorrect arguments to ") +
                    (link(leader())->is_mariadb() ? "mysqld_stmt_send_long_data" : "mysql_stmt_precheck");
      co_return err;
  }
  // Each has its length and, with the first execution, its type in front.
  constexpr std::size_t kAroundBytes = 16;
  if (sent.bytes + execute_bytes + kAroundBytes * sent.values.size() < most) co_return std::nullopt;
  counters_.refused_statements.add();
  co_return routing::not_supported(
      "crossfade: the parameters of this execution, sent by mysql_send_long_data(), are together larger than the "
      "server's max_allowed_packet; raise that, or send less at once");
}

// No answer is ever sent to this one: what is wrong is said at the execution.
Task<Session::Next> Session::on_long_data(Command command) {
  PreparedStatement* prepared = find_prepared(command.payload);
  constexpr std::size_t kHeader = 7;  // command, statement id, parameter number
  if (prepared == nullptr || command.payload.size() < kHeader) co_return Next::go_on;
  const auto parameter = static_cast<std::uint16_t>(command.payload[5] | command.payload[6] << 8);
  const protocol::Bytes data = command.payload.subspan(kHeader);
  LongData& sent = prepared->long_data;
  if (parameter >= prepared->parameters) {
    sent.fault = LongData::Fault::no_such_parameter;
  } else if (sent.bytes + data.size() > shared_.config.limits.packet_bytes_max) {
    sent.fault = LongData::Fault::too_large;
    sent.forget_values();
  } else {
    auto& value = sent.values[parameter];
    value.insert(value.end(), data.begin(), data.end());
    sent.bytes += data.size();
  }
  co_return Next::go_on;
}

}  // namespace crossfade::proxy
