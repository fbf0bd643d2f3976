// Statements in the leader's log: what becomes of each before anything is run for it.

#include <algorithm>

#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/sql_text.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/log_applier.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::DdlAnalysis;
using dualwrite::LoggedKind;
using dualwrite::LoggedStatement;
using dualwrite::StopCause;
using dualwrite::TableRef;

namespace {

constexpr std::uint16_t kUtf8mb4GeneralCi = 45;  // of both makes

}  // namespace

// Names are compared, and asked for, in UTF-8: the leader itself says what its client's text is there.
Task<absl::Status> LogApplier::bring_to_utf8(LoggedStatement* statement) {
  const std::string charset = dualwrite::modern_name(
      dualwrite::charset_of(dualwrite::collation_name(statement->client_collation, setting_.makes.leader_is_mariadb)));
  const bool readable = std::all_of(statement->sql.begin(), statement->sql.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (readable || charset.empty() || charset == "binary" || charset.starts_with("utf8mb")) co_return absl::OkStatus();
  std::string question = "SELECT CONVERT(CONVERT(0x" + dualwrite::hex(protocol::as_bytes(statement->sql)) + " USING " +
                         charset + ") USING utf8mb4)";
  auto asked = co_await leader_.query(std::move(question), Clock::now() + kConnectMax);
  if (!asked.ok()) co_return asked.status();
  std::string text = asked->empty() ? std::string() : first_cell(asked->front());
  if (text.empty()) co_return absl::OkStatus();
  statement->sql = std::move(text);
  statement->client_collation = kUtf8mb4GeneralCi;
  co_return absl::OkStatus();
}

// Rows of the transaction being taken may be among what is built, and must not be committed with what came before it.
// So the log is read again up to here, each transaction committed by itself.
absl::Status LogApplier::keep_what_came_before() {
  if (transactions_ == 0) return absl::OkStatus();
  be_careful();
  return absl::AbortedError("what came before is committed first");
}

Task<absl::Status> LogApplier::take_statement(LoggedStatement statement) {
  const absl::Status readable = co_await bring_to_utf8(&statement);
  if (!readable.ok()) co_return readable;
  DdlAnalysis analysis = dualwrite::analyze_ddl(statement, setting_.makes.leader_is_mariadb);
  const std::string at = current_.at.text();
  std::string end;  // why nothing can be followed from here on
  switch (analysis.kind) {
    case LoggedKind::harmless:
      co_return absl::OkStatus();
    case LoggedKind::people:
      limited_log().warn(
          LogKind::applier_state,
          "statement=\"{}\" position={} left=to_people why=\"accounts and server settings are each side's own\"",
          analysis.verb, at);
      co_return absl::OkStatus();
    case LoggedKind::trigger:
      limited_log().info(LogKind::applier_state,
                         "statement=\"{}\" position={} not_followed=\"its effects travel as rows\"", analysis.verb, at);
      co_return absl::OkStatus();
    case LoggedKind::data:
      end = "at " + at + " the leader logged a " + analysis.verb +
            " as a statement, not as rows: SET GLOBAL binlog_format='ROW', reconnect the clients, copy the data anew";
      break;
    case LoggedKind::unknown:
      end = "at " + at + " the leader's log has a statement that is not understood (" + analysis.verb + ")";
      break;
    case LoggedKind::definition:
      break;
  }
  if (!end.empty()) {
    const absl::Status kept = keep_what_came_before();
    co_return kept.ok() ? absl::FailedPreconditionError(end) : kept;
  }
  if (!is_followed(analysis)) co_return absl::OkStatus();
  const bool taken = analysis.tables.empty()
                         ? current_.at >= stored_.applied
                         : std::any_of(analysis.tables.begin(), analysis.tables.end(), [this](const TableRef& table) {
                             return setting_.stopped.takes_definition(table, current_.at, stored_.applied);
                           });
  const bool forgets_stopped = analysis.drops_tables() && current_.at >= stored_.applied;
  if (!taken && !forgets_stopped) co_return absl::OkStatus();
  if (analysis.tables.size() > 1 && !analysis.drops_tables()) {
    // A stopped table gets another name, or another table its name: rows that are missing would hide behind it.
    std::vector<TableRef> sound;
    for (const TableRef& table : analysis.tables) {
      const bool is_whole = !setting_.stopped.is_copied(table);
      if (is_whole && setting_.stopped.takes(table, current_.at, stored_.applied)) sound.push_back(table);
    }
    if (sound.size() < analysis.tables.size()) {
      std::string why = analysis.verb + " with a table that is stopped: copy the tables anew";
      co_return co_await stop_tables(std::move(sound), StopCause::divergence, std::move(why),
                                     std::vector<std::string>());
    }
  }
  const absl::Status before = co_await commit();
  if (!before.ok()) co_return before;
  co_return co_await run_ddl(std::move(statement), std::move(analysis));
}

bool LogApplier::is_followed(const DdlAnalysis& analysis) const {
  const auto ours = [this](const TableRef& table) { return is_followed(table); };
  const auto our_schema = [this](const std::string& schema) {
    return is_followed(TableRef{.schema = schema, .table = ""});
  };
  if (!analysis.routine_schema.empty()) return our_schema(analysis.routine_schema);
  if (analysis.tables.empty()) return std::all_of(analysis.schemas.begin(), analysis.schemas.end(), our_schema);
  return std::any_of(analysis.tables.begin(), analysis.tables.end(), ours);
}

}  // namespace crossfade::proxy
