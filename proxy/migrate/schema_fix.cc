#include "proxy/migrate/schema_fix.h"

#include <utility>

#include "dualwrite/sql_text.h"
#include "proxy/feed/leader_record.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {
namespace {

// An index of a table that has rows takes its time.
constexpr auto kSchemaStatementMax = std::chrono::hours(24);

Task<absl::StatusOr<std::vector<migrate::CreateText>>> read_texts(BackendLink& link,
                                                                  std::vector<migrate::CreateTextWanted> wanted) {
  std::vector<migrate::CreateText> out;
  for (const migrate::CreateTextWanted& each : wanted) {
    auto answer = co_await link.query(migrate::show_create(each), soon());
    if (absl::IsFailedPrecondition(answer.status())) {  // a view of what is gone, or no right to see it
      out.push_back({.kind = each.kind, .name = each.name, .unreadable = std::string(answer.status().message())});
      continue;
    }
    if (!answer.ok()) co_return answer.status();
    if (answer->size() != 1) co_return absl::InternalError("SHOW CREATE gave no single result");
    out.push_back(migrate::create_text_from(each, answer->front(), link.is_mariadb()));
  }
  co_return out;
}

// FailedPrecondition: the server's words on one of the statement, its session and its schema.
Task<absl::Status> run_planned(BackendLink& link, migrate::PlannedStatement statement) {
  std::vector<std::string> all;
  if (!statement.session.empty()) all.push_back(statement.session);
  if (!statement.schema.empty()) all.push_back("USE " + dualwrite::quote_name(statement.schema));
  all.push_back(statement.sql);
  for (std::string& sql : all) {
    auto done = co_await link.run(std::move(sql), Clock::now() + kSchemaStatementMax);
    if (!done.ok()) co_return done.status();
    if (done->failed()) co_return absl::FailedPreconditionError(err_text(done->last().err));
  }
  co_return absl::OkStatus();
}

}  // namespace

Task<absl::StatusOr<migrate::SchemaPlan>> fix_schema(VerbContext context, PreflightOrder order,
                                                     migrate::TableSelection selection,
                                                     const std::function<void(const std::string&)>& progress) {
  progress("reading both servers");
  auto opened = co_await open_pair(context);
  if (!opened.ok()) co_return opened.status();
  OpenPair pair = *std::move(opened);
  const absl::Status known = selection.check(pair.old_server);
  if (!known.ok()) co_return known;
  selection.apply(pair.old_server);
  selection.apply(pair.new_server);
  auto one = co_await is_one_server(*pair.old_link, *pair.new_link);
  if (!one.ok()) co_return one.status();
  if (*one) co_return absl::FailedPreconditionError("old and new are one server: nothing was done");
  if (order.triggers) {
    auto leads = co_await read_leader(*pair.old_link, context.config.control.schema);
    if (!leads.ok()) co_return leads.status();
    if (!leads->new_leads) {
      co_return absl::FailedPreconditionError(
          "--triggers: old leads, and what its triggers and events write comes to new as rows; on new they would write "
          "it a second time. Make them once new leads. Nothing was done");
    }
  }
  const migrate::TablesToJudge sides{
      .leader = pair.old_server, .follower = pair.new_server, .control_schema = context.config.control.schema};
  auto texts = co_await read_texts(*pair.old_link, migrate::create_texts_wanted(sides));
  if (!texts.ok()) co_return texts.status();
  migrate::SchemaPlan plan =
      migrate::plan_schema(sides, *texts, order.indexes_later ? migrate::Indexes::later : migrate::Indexes::now,
                           order.triggers ? migrate::Triggers::now : migrate::Triggers::later);
  for (std::size_t i = 0; order.execute && i < plan.statements.size(); ++i) {
    migrate::PlannedStatement& statement = plan.statements[i];
    if (statement.later) continue;
    progress("making " + std::to_string(i + 1) + " of " + std::to_string(plan.statements.size()) + ": " +
             statement.object);
    const absl::Status done = co_await run_planned(*pair.new_link, statement);
    if (!done.ok() && !absl::IsFailedPrecondition(done)) co_return done;
    statement.done = done.ok();
    statement.failure = std::string(done.message());
  }
  pair.old_link->send_quit();
  pair.new_link->send_quit();
  co_return plan;
}

}  // namespace crossfade::proxy
