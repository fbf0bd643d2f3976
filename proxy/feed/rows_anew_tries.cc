// What an earlier try of capturing tables anew has left, or a proxy that died in it.

#include "dualwrite/cascades.h"
#include "dualwrite/trigger/changes_table.h"
#include "proxy/feed/rows_anew.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::TableRef;

// What a cascade did to these while nothing told of the table nobody knows.
Task<absl::Status> RowsAnew::stop_dependents(FoundPtr found, TableRef table) {
  const std::vector<TableRef> one(1, std::move(table));
  for (const TableRef& dependent : dualwrite::dependent_tables(found->tables, one)) {
    const LeaderCapture::CapturePtr live = setting_.capture.live_capture(dependent);
    if (!live) continue;
    const absl::Status stopped = co_await run(dualwrite::insert_unknown(
        setting_.schema, live->number, "a proxy died while a table that it refers to had no triggers",
        setting_.link.is_mariadb()));
    if (!stopped.ok()) co_return stopped;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> RowsAnew::mark_unknown() {
  for (const TableRef& table : setting_.analysis.tables) {
    const std::vector<std::uint32_t> numbers = setting_.capture.numbers_of(table);
    if (numbers.empty()) continue;
    // One is enough, however often its locks are not to be had.
    const std::string last = std::to_string(numbers.back());
    std::string question = dualwrite::select_identity(setting_.schema, last, setting_.link.is_mariadb());
    auto there = co_await setting_.link.query_rows(std::move(question), 1, Clock::now() + kCaptureMax);
    if (!there.ok()) co_return there.status();
    if (!there->empty()) continue;
    const absl::Status marked = co_await run(dualwrite::insert_unknown(
        setting_.schema, numbers.back(), "capturing it anew did not come to its end", setting_.link.is_mariadb()));
    if (!marked.ok()) co_return marked;
  }
  co_return absl::OkStatus();
}

// Triggers that were left by a try before this one have written behind what says that the statement has run, and in the
// shape of before, or under the name of before: of these rows the identity counts, as where a column is gone.
Task<absl::Status> RowsAnew::reduce(FoundPtr found, Said said) {
  if (said.times == 0 || setting_.analysis.verb == "RENAME TABLE") co_return absl::OkStatus();
  std::string numbers = "0";
  for (const TableRef& table : setting_.analysis.tables) {
    const LeaderCapture::CapturePtr live = setting_.capture.live_capture(table);
    const bool fits = setting_.capture.is_as_captured(table, *found);
    for (const std::uint32_t number : setting_.capture.numbers_of(table)) {
      if (!fits || !live || live->number != number) numbers += "," + std::to_string(number);
    }
  }
  co_return co_await run(dualwrite::reduce_changes(setting_.schema, said.first, numbers));
}

// Between two tries clients write with the triggers that are there, behind what says that the statement has run. Those
// of before a RENAME have a number whose name the follower does not have any more.
Task<absl::Status> RowsAnew::renumber(FoundPtr found, Said said) {
  if (said.times == 0 || setting_.analysis.verb != "RENAME TABLE") co_return absl::OkStatus();
  for (const TableRef& table : tables_now(*found)) {
    const LeaderCapture::CapturePtr now = setting_.capture.live_capture(table);
    const auto triggers = found->triggers.find(table);
    if (!now || triggers == found->triggers.end()) continue;
    std::set<std::uint32_t> numbers;
    for (const std::string& name : triggers->second) numbers.insert(dualwrite::capture_number(name));
    for (const std::uint32_t number : numbers) {
      const LeaderCapture::CapturePtr before = setting_.capture.find(number);
      if (!before || before->name == table) continue;
      std::string sql = dualwrite::renumber_changes(setting_.schema, said.first, number, now->number);
      const absl::Status renumbered = co_await run(std::move(sql));
      if (!renumbered.ok()) co_return renumbered;
    }
  }
  co_return absl::OkStatus();
}

}  // namespace crossfade::proxy
