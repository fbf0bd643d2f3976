// Tables that go on after their triggers did not serve.

#include "proxy/feed/captured_ddl.h"
#include "proxy/feed/rows_anew.h"

namespace crossfade::proxy {

using dualwrite::DdlAnalysis;
using dualwrite::LoggedStatement;
using dualwrite::TableRef;

Task<absl::Status> CapturedDdl::capture_released(Setting setting, std::vector<TableRef> tables,
                                                 std::set<TableRef> did_not_serve, KeptChanges& kept) {
  DdlAnalysis analysis;
  analysis.tables = tables;
  CapturedDdl again(std::move(setting), {}, std::move(analysis));
  const std::set<std::string> none_held;
  absl::Status ready = co_await again.connect();
  if (ready.ok()) ready = co_await again.take_turn(none_held, std::chrono::seconds(1));
  if (ready.ok()) ready = co_await again.resume_others(Clock::now());
  if (ready.ok()) ready = co_await again.capture_.load(*again.link_);
  if (!ready.ok()) co_return ready;
  auto all = co_await again.capture_.find_all(*again.link_);
  if (!all.ok()) co_return all.status();
  auto found = std::make_shared<const LeaderCapture::Found>(*std::move(all));
  const auto complaints = again.capture_.complaints_about(tables, *found);
  for (const TableRef& table : tables) {
    if (!has_table(table, *found)) continue;
    const bool serves =
        again.capture_.live_capture(table) && !complaints.contains(table) && !did_not_serve.contains(table);
    const absl::Status captured = co_await again.capture_one(table, serves, found, kept);
    if (!captured.ok()) co_return captured;
  }
  co_return absl::OkStatus();
}

// What was kept goes behind the mark that the table has to be captured anew, whoever comes to it.
Task<absl::Status> CapturedDdl::capture_one(TableRef table, bool serves,
                                            std::shared_ptr<const LeaderCapture::Found> found, KeptChanges& kept) {
  const std::vector<std::uint32_t> known = capture_.numbers_of(table);
  KeptChanges::Numbers numbers(known.begin(), known.end());
  auto identity = co_await kept.has_identity(*link_, numbers);
  if (!identity.ok()) co_return identity.status();
  if (serves && !*identity) co_return absl::OkStatus();
  DdlAnalysis one;
  one.tables.push_back(std::move(table));
  const LoggedStatement none;
  RowsAnew rows({.link = *link_, .capture = capture_, .schema = setting_.schema, .analysis = std::move(one)}, none);
  absl::Status done = co_await rows.mark_unknown();
  if (done.ok()) done = co_await kept.discard(*link_, std::move(numbers));
  if (done.ok()) done = co_await rows.capture_all(std::move(found));
  if (!done.ok()) co_return done;
  co_return co_await run_locking(*link_, "UNLOCK TABLES");
}

}  // namespace crossfade::proxy
