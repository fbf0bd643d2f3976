// The follower has a part of what a schema change makes: made by people, or by one that was under way when a proxy
// died. What is there is looked at, and the rest is carried out clause by clause.

#include "proxy/feed/clause_runner.h"

#include <algorithm>
#include <array>

#include "dualwrite/ascii_case.h"
#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::DdlIntent;
using dualwrite::SchemaFinding;
using dualwrite::Severity;
using dualwrite::SingleChange;
using dualwrite::TableRef;

namespace {

constexpr auto kDdlMax = std::chrono::hours(24);
// Of a DDL no want of rights that can be mended: MySQL says so of a view with DEFAULT(column), whoever asks.
constexpr std::uint16_t kDeniedColumn = 1143;
constexpr std::uint16_t kColumnIsThere = 1060, kKeyIsThere = 1061, kIsGone = 1091;

bool is_there_or_gone(std::uint16_t code) {
  constexpr std::array<std::uint16_t, 9> kThereOrGone = {1007,        1008,    1050, 1051, kColumnIsThere,
                                                         kKeyIsThere, kIsGone, 1304, 1305};
  return std::find(kThereOrGone.begin(), kThereOrGone.end(), code) != kThereOrGone.end();
}

std::string answered(const protocol::Err& err) { return "the follower answered " + err_text(err); }

// What is there under the name does not do for what the leader has under it. Notes are of makes, but for a type that is
// wider: what it holds may be more than is left on the leader.
bool differs(const SchemaFinding& finding) {
  return (finding.severity != Severity::note && finding.code != "expression_not_compared") ||
         finding.code == "type_wider";
}

}  // namespace

Task<absl::StatusOr<Captured>> ClauseRunner::run(std::string sql) {
  around_.guard.watch_ddl(&around_.link);
  auto done = co_await around_.link.run(std::move(sql), Clock::now() + kDdlMax);
  around_.guard.watch_ddl(nullptr);
  if (!done.ok() || !done->failed()) co_return done;
  const protocol::Err& err = done->last().err;
  if (is_of_the_server(err.code) && err.code != kDeniedColumn) {
    co_return absl::AbortedError("the follower answered " + err_code(err) + " to a DDL; trying again");
  }
  co_return done;
}

// Why it is not done; empty: it is, now or since before.
Task<absl::StatusOr<std::string>> ClauseRunner::settle(RefusedDdl refused) {
  if (!is_there_or_gone(refused.err.code)) co_return answered(refused.err);
  if (refused.analysis.tables.empty()) co_return refused.resumed ? std::string() : answered(refused.err);
  const std::string& verb = refused.analysis.verb;
  if (verb == "ALTER TABLE" || verb.ends_with(" INDEX")) {
    auto changes = dualwrite::single_changes(refused.sql, refused.mode);
    if (!changes) {
      co_return answered(refused.err) + "; nothing of the statement was done, and its clauses cannot be told apart";
    }
    if (changes->size() == 1) {
      co_return co_await judge_made(std::move(changes->front()), std::move(refused.analysis.tables), refused.err);
    }
    co_return co_await run_one_by_one(std::move(refused), *std::move(changes));
  }
  const absl::Status read = co_await around_.catalog.reload(around_.leader, around_.follower, refused.analysis.tables,
                                                            TableCatalog::ChangedBy::feed);
  if (!read.ok()) co_return read;
  co_return around_.catalog.carries(refused.analysis.tables, around_.makes) ? std::string() : answered(refused.err);
}

Task<absl::StatusOr<std::string>> ClauseRunner::run_one_by_one(RefusedDdl refused, std::vector<SingleChange> changes) {
  DdlIntent intent = refused.intent;
  intent.fingerprint = dualwrite::kClauseByClause;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const absl::Status noted = co_await around_.note(intent);
    if (!noted.ok()) co_return noted;
    auto done = co_await run(changes[i].sql);
    if (!done.ok()) co_return done.status();
    if (!done->failed()) continue;
    const protocol::Err err = done->last().err;
    std::string why = answered(err);
    if (is_there_or_gone(err.code)) {
      auto made = co_await judge_made(std::move(changes[i]), refused.analysis.tables, err);
      if (!made.ok()) co_return made.status();
      why = *std::move(made);
    }
    if (why.empty()) continue;
    co_return "of its " + std::to_string(changes.size()) + " clauses, carried out one by one because of " +
        err_code(refused.err) + ", the one in place " + std::to_string(i + 1) + ": " + why;
  }
  co_return std::string();
}

// The error says that what the clause makes is there, or that what it drops is not.
Task<absl::StatusOr<std::string>> ClauseRunner::judge_made(SingleChange change, std::vector<TableRef> tables,
                                                           protocol::Err err) {
  if (err.code == kIsGone) co_return std::string();
  const bool names_it = (err.code == kColumnIsThere && change.object.starts_with("column ")) ||
                        (err.code == kKeyIsThere && change.object.starts_with("key "));
  if (!names_it) co_return answered(err);
  const absl::Status read =
      co_await around_.catalog.reload(around_.leader, around_.follower, tables, TableCatalog::ChangedBy::feed);
  if (!read.ok()) co_return read;
  for (const SchemaFinding& finding : around_.catalog.compare(tables, around_.makes)) {
    if (!differs(finding) || !dualwrite::same_ignoring_case(finding.object, change.object)) continue;
    co_return answered(err) + "; what is there is another one: " + finding.object + ", " + finding.text;
  }
  co_return std::string();
}

}  // namespace crossfade::proxy
