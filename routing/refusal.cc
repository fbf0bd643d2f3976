// What a client hears when its statement is refused. Never a word of the statement itself: a message
// ends up in logs.
#include "protocol/error_codes.h"
#include "routing/plan.h"

namespace crossfade::routing {
protocol::Err not_supported(std::string message) {
  return {protocol::kErrNotSupportedYet, "42000", std::move(message)};
}

protocol::Err refusal(Reason reason) {
  switch (reason) {
    case Reason::freeze:
      return {1290, "HY000",
              "crossfade: writes are frozen (freeze_writes in the flags); try again when the freeze is over"};
    case Reason::multi_statement_not_negotiated:
      return {
          1064, "42000",
          "crossfade: You have an error in your SQL syntax; check the manual that corresponds to your server version "
          "for the right syntax to use near ';': the client did not ask for several statements in one text; send them "
          "one by one or connect with CLIENT_MULTI_STATEMENTS"};
    case Reason::unparseable:
      return {
          1064, "42000",
          "crossfade: You have an error in your SQL syntax: a string, a quoted name or a comment does not end, or a "
          "character stands where none may; check the quotes"};
    case Reason::hides_writes:
      return not_supported(
          "crossfade: sql_log_bin, binlog_format, binlog_row_image and binlog_row_value_options cannot be set while "
          "writes are duplicated from the leader's row log: it would no longer tell every write; leave them as they "
          "are");
    case Reason::nested_statements:
      return not_supported("crossfade: the statements of this text cannot be told apart; send them one by one");
    case Reason::semicolon_in_comment:
      return not_supported(
          "crossfade: a semicolon inside an executable comment is not supported while writes are frozen; write the "
          "statements without the comment");
    case Reason::executed_warnings:
      return not_supported(
          "crossfade: after a read that the other side has answered its warnings can be read with a SHOW WARNINGS "
          "without parameters, SHOW COUNT(*) WARNINGS and @@warning_count only");
    case Reason::long_data_too_large:
      return not_supported(
          "crossfade: the parameters of this execution, sent by mysql_send_long_data(), are together larger than the "
          "server's max_allowed_packet; raise that, or send less at once");
    case Reason::temporary_table:
    case Reason::table_stopped:
    case Reason::tables_locked:
    case Reason::leader_leads:
    case Reason::read_percent:
    case Reason::kill_switch:
    case Reason::in_transaction:
    case Reason::locks_rows:
    case Reason::not_a_known_read:
    case Reason::session_state:
    case Reason::pinned:
    case Reason::follower_unusable:
    case Reason::user_variable:
    case Reason::dual_write_off:
    case Reason::dual_write:
    case Reason::several_statements:
      break;  // none of these refuses
  }
  return not_supported("crossfade: this statement is not supported");
}

}  // namespace crossfade::routing
