#include "routing/refusal.h"

#include <array>
#include <cassert>
#include <string>

namespace crossfade::routing {
namespace {

// tests/tidy/check_refusals.py reads this list.
constexpr std::array<Refusal, 17> kRefusals = {{
    {.reason = Reason::freeze,
     .code = 1290,
     .sqlstate = "HY000",
     .message = "writes are frozen (by a migration, or freeze_writes in the flags); try again when the freeze is over",
     .what = "While `freeze_writes` is on, or behind `--hold` of `migrate --big-bang`: whatever may write, also every "
             "CALL, and every EXECUTE of a text that was "
             "prepared by SQL",
     .why = "the flags ask for it; what a routine does, or a text inside of a variable, is not known",
     .remedy = "wait for the end of the freeze"},
    {.reason = Reason::multi_statement_not_negotiated,
     .code = 1064,
     .sqlstate = "42000",
     .message =
         "You have an error in your SQL syntax; check the manual that corresponds to your server version for the "
         "right syntax to use near ';': the client did not ask for several statements in one text; send them "
         "one by one or connect with CLIENT_MULTI_STATEMENTS",
     .what = "Several statements in one text of a client that has not asked for it",
     .why = "a server refuses it, too; its own words are given where it has any",
     .remedy = "send them one by one, or connect with `CLIENT_MULTI_STATEMENTS`"},
    {.reason = Reason::unparseable,
     .code = 1064,
     .sqlstate = "42000",
     .message = "You have an error in your SQL syntax: a string, a quoted name or a comment does not end, or a "
                "character stands where none may; check the quotes",
     .what = "A text that cannot be cut into words, of a client that may not send several statements, or while writes "
             "are frozen",
     .why = "it may hide a second statement; the server's own words are given where it has any",
     .remedy = "close the quotes and comments"},
    {.reason = Reason::hides_writes,
     .code = 1235,
     .sqlstate = "42000",
     .message = "sql_log_bin, binlog_format, binlog_row_image and binlog_row_value_options cannot be set while writes "
                "are duplicated from the leader's row log: it would no longer tell every write; leave them as they are",
     .what = "While `dual_write` is on: a SET of `sql_log_bin`, `binlog_format`, `binlog_row_image` or "
             "`binlog_row_value_options`, also by SET STATEMENT or inside of a PREPARE",
     .why = "later writes would not be in the leader's log, or not whole",
     .remedy = "leave them as they are"},
    {.reason = Reason::nested_statements,
     .code = 1235,
     .sqlstate = "42000",
     .message = "the statements of this text cannot be told apart; send them one by one",
     .what = "A text that has to be cut into its statements (writes are frozen, or the first asks for diagnostics that "
             "the proxy keeps) and still has several after the cut",
     .why = "each has to be looked at by itself",
     .remedy = "send them one by one"},
    {.reason = Reason::semicolon_in_comment,
     .code = 1235,
     .sqlstate = "42000",
     .message = "a semicolon inside an executable comment is not supported while writes are frozen; write the "
                "statements without the comment",
     .what = "In a text that has to be cut: a semicolon inside an executable comment",
     .why = "where the statement ends is then the server's affair",
     .remedy = "write the statements without the comment"},
    {.reason = Reason::executed_warnings,
     .code = 1235,
     .sqlstate = "42000",
     .message = "after a read that the other side has answered its warnings can be read with a SHOW WARNINGS without "
                "parameters, SHOW COUNT(*) WARNINGS and @@warning_count only",
     .what = "A prepared SHOW WARNINGS with parameters, after a read that `new` has answered",
     .why = "the leader does not know of that read, and what was kept of it answers the plain forms",
     .remedy = "ask without parameters"},
    {.reason = Reason::executed_get_diagnostics,
     .code = 1235,
     .sqlstate = "42000",
     .message = "after this statement GET DIAGNOSTICS can give NUMBER and ROW_COUNT, and of a condition that exists, "
                "named by a number, MYSQL_ERRNO, MESSAGE_TEXT and mostly RETURNED_SQLSTATE; SHOW WARNINGS gives them "
                "all",
     .what = "GET DIAGNOSTICS of other items, after a read that `new` has answered, or after a refusal",
     .why = "the leader does not know of that statement",
     .remedy = "ask for those items, or by SHOW WARNINGS"},
    {.reason = Reason::long_data_too_large,
     .code = 1235,
     .sqlstate = "42000",
     .message = "the parameters of this execution, sent by mysql_send_long_data(), are together larger than the "
                "server's max_allowed_packet; raise that, or send less at once",
     .what = "A prepared execution whose long data are together larger than the leader's `max_allowed_packet`",
     .why = "they go to the server in one packet with the execution",
     .remedy = "raise it, or send less at once"},
    {.reason = Reason::replica_command,
     .code = 1235,
     .sqlstate = "42000",
     .message = "{} is not supported: replicas and backups connect to a server itself, not to this proxy",
     .what = "COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_TABLE_DUMP, COM_REGISTER_SLAVE, COM_CLONE and the "
             "subscription to a replication group",
     .why = "they are about one server",
     .remedy = "connect to the server itself"},
    {.reason = Reason::schema_change_waits,
     .code = 1205,
     .sqlstate = "HY000",
     .message = "the schema change cannot be written down for the follower, and was not run: {}",
     .what = "Feed `trigger`: a schema change while another one of the same table is under way, or `changes` is "
             "locked, for "
             "longer than 20 s",
     .why = "schema changes of a table take turns",
     .remedy = "run it again"},
    {.reason = Reason::schema_change_refused,
     .code = 1105,
     .sqlstate = "HY000",
     .message = "the schema change cannot be written down for the follower, and was not run: {}",
     .what = "Feed `trigger`: a schema change that the leader does not let the proxy write down",
     .why = "the message has the leader's words",
     .remedy = "mend what they name: mostly a right of the control account"},
    {.reason = Reason::schema_change_unsaid,
     .code = 1053,
     .sqlstate = "08S01",
     .message = "the schema change cannot be written down for the follower, and was not run: {}",
     .what = "Feed `trigger`: a schema change while the leader does not answer what the proxy asks for it: its "
             "connection is "
             "lost, or `changes` cannot be read",
     .why = "nobody would tell the follower of it",
     .remedy = "run it again"},
    {.reason = Reason::session_unread,
     .code = 1105,
     .sqlstate = "HY000",
     .message = "{}",
     .what = "A statement whose meaning hangs on a variable of the session, where the leader answers the question for "
             "it with an error",
     .why = "where it may go cannot be told; the message has the leader's words",
     .remedy = "mend what they name"},
    {.reason = Reason::feed_undecided,
     .code = 1053,
     .sqlstate = "08S01",
     .message = "the leader is not set up for dual writes yet; try again ({})",
     .what = "A login while `dual_write` is on and no feed has begun",
     .why = "the client's first write would not reach the follower",
     .remedy = "what is missing is in the message and in `status`, with the statement that mends it"},
    {.reason = Reason::leader_unreachable,
     .code = 1053,
     .sqlstate = "08S01",
     .message = "{}",
     .what = "A login while the leader cannot be reached, or refuses the account that is configured for this user",
     .why = "every session begins on the leader",
     .remedy = "the message names the backend and what it said"},
    {.reason = Reason::leader_changes,
     .code = 1053,
     .sqlstate = "08S01",
     .message = "another database leads from now on, and this statement was not executed; connect again",
     .what = "A write that waits while `migrate --big-bang` makes `new` the leader",
     .why = "the session was one of `old`",
     .remedy = "connect again: the statement was not executed"},
}};

constexpr bool has_one_for_each_reason() {
  std::size_t reason = static_cast<std::size_t>(Reason::freeze);
  for (const Refusal& refusal : kRefusals) {
    if (static_cast<std::size_t>(refusal.reason) != reason++) return false;
  }
  return kRefusals.back().reason == Reason::leader_changes;  // the last of all
}
static_assert(has_one_for_each_reason());

}  // namespace

std::span<const Refusal> refusals() { return kRefusals; }

protocol::Err refusal(Reason reason, std::string_view detail) {
  assert(reason >= Reason::freeze);  // the others refuse nothing
  const Refusal& found = kRefusals.at(static_cast<std::size_t>(reason) - static_cast<std::size_t>(Reason::freeze));
  std::string message = "crossfade: " + std::string(found.message);
  if (const auto at = message.find("{}"); at != std::string::npos) message.replace(at, 2, detail);
  return {.code = found.code, .sqlstate = std::string(found.sqlstate), .message = std::move(message)};
}

}  // namespace crossfade::routing
