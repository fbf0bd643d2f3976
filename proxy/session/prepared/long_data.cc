#include "proxy/session/prepared/long_data.h"

#include <algorithm>

#include "protocol/error_codes.h"
#include "proxy/session/prepared/execute.h"

namespace crossfade::proxy {

using Fault = LongData::Fault;

Task<absl::StatusOr<std::optional<Answer>>> long_data_refusal(Conversation& s, PreparedStatement& prepared,
                                                              std::size_t execute_bytes) {
  if (s.state.known.context() == nullptr) {
    const absl::Status fresh = co_await s.leader.refresh_context();
    if (!fresh.ok()) co_return fresh;
  }
  LongData& sent = prepared.long_data;
  const std::uint64_t most = s.state.known.context()->packet_bytes_max;
  const bool too_large = std::any_of(sent.values.begin(), sent.values.end(),
                                     [most](const auto& value) { return value.second.size() > most; });
  if (too_large && sent.fault == Fault::none) sent.fault = Fault::too_large;
  if (sent.fault == Fault::too_large) {
    co_return error(protocol::kErrUnknown, "HY000",
                    "Parameter of prepared statement which is set through mysql_send_long_data() is longer than "
                    "'max_allowed_packet' bytes");
  }
  if (sent.fault == Fault::no_such_parameter) {
    const std::string where = s.leader.is_mariadb() ? "mysqld_stmt_send_long_data" : "mysql_stmt_precheck";
    co_return error(protocol::kErrWrongArguments, "HY000", "Incorrect arguments to " + where);
  }
  // Each has its length and, with the first execution, its type in front.
  constexpr std::size_t kAroundBytes = 16;
  if (sent.bytes + execute_bytes + kAroundBytes * sent.values.size() < most) co_return std::nullopt;
  co_return refused(routing::Reason::long_data_too_large);
}

// No answer is ever sent to this one: what is wrong is said at the execution.
Task<Answer> on_long_data(Conversation& s, Command command) {
  PreparedStatement* const prepared = statement_meant(s, command.payload);
  constexpr std::size_t kHeader = 7;  // command, statement id, parameter number
  if (prepared == nullptr || command.payload.size() < kHeader) co_return Relayed();
  const auto parameter = static_cast<std::uint16_t>(command.payload[5] | command.payload[6] << 8);
  const protocol::Bytes data = command.payload.subspan(kHeader);
  LongData& sent = prepared->long_data;
  if (parameter >= prepared->parameters) {
    sent.fault = Fault::no_such_parameter;
  } else if (sent.bytes + data.size() > s.site.shared.config.limits.packet_bytes_max) {
    sent.fault = Fault::too_large;
    sent.forget_values();
  } else {
    auto& value = sent.values[parameter];
    value.insert(value.end(), data.begin(), data.end());
    sent.bytes += data.size();
  }
  co_return Relayed();
}

}  // namespace crossfade::proxy
