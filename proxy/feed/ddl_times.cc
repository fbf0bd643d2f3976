#include "proxy/feed/ddl_times.h"

#include <algorithm>

#include "dualwrite/ddl.h"
#include "dualwrite/trigger/changes_table.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::ChangeHead;
using dualwrite::ChangeKind;

namespace {
constexpr auto kDdlTimesMax = std::chrono::minutes(2);
constexpr std::size_t kDdlBytesMax = std::size_t{1} << 30;
}  // namespace

Task<absl::Status> DdlTimes::read(Snapshot snapshot) {
  times_.clear();
  const bool mariadb = snapshot.link.is_mariadb();
  std::string question = "SELECT id,tbl,op,cid,fk,st,oi,ni" + dualwrite::from_changes(snapshot.schema, mariadb) +
                         " AND op='S' ORDER BY id";
  auto asked = co_await snapshot.link.query(std::move(question), Clock::now() + kDdlTimesMax, kDdlBytesMax);
  if (!asked.ok()) co_return asked.status();
  if (asked->front().rows.empty()) co_return absl::OkStatus();
  const absl::Status loaded = co_await snapshot.capture.load(snapshot.control);
  if (!loaded.ok()) co_return loaded;
  for (const auto& row : asked->front().rows) {
    auto head = dualwrite::change_head(row);
    if (!head.ok()) co_return absl::FailedPreconditionError(std::string(head.status().message()));
    auto done = dualwrite::captured_statement(*head, row);
    if (!done.ok()) co_return absl::FailedPreconditionError(std::string(done.status().message()));
    const dualwrite::DdlAnalysis analysis = dualwrite::analyze_ddl(done->statement, mariadb);
    if (!analysis.replaces_rows) continue;
    Time time{.intent = done->intent, .done = head->id};
    for (const dualwrite::TableRef& table : analysis.tables) {
      for (const std::uint32_t number : snapshot.capture.numbers_of(table)) time.numbers.insert(number);
    }
    times_.push_back(std::move(time));
  }
  co_return absl::OkStatus();
}

bool DdlTimes::have(const ChangeHead& head) const {
  return head.kind != ChangeKind::refresh && head.kind != ChangeKind::marker &&
         std::any_of(times_.begin(), times_.end(), [&head](const Time& time) {
           return time.intent < head.id && head.id < time.done && time.numbers.contains(head.table);
         });
}

}  // namespace crossfade::proxy
