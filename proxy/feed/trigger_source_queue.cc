// What was captured as items of the queue.

#include <algorithm>
#include <utility>

#include "proxy/feed/trigger_source.h"

namespace crossfade::proxy {

using dualwrite::CapturedRow;
using dualwrite::CapturedStatement;
using dualwrite::IdRanges;
using dualwrite::LogPosition;
using dualwrite::RowsChange;

namespace {
constexpr std::size_t kChangeBytesMax = 1u << 20;  // rows joined to one change
}  // namespace

void TriggerSource::begin_transaction(LogQueue& queue) {
  if (in_transaction_) return;
  in_transaction_ = true;
  dualwrite::TransactionBegin begin;
  begin.at = here();
  queue.push(std::move(begin));
}

void TriggerSource::end_transaction(LogPosition next, std::string taken, LogQueue& queue) {
  in_transaction_ = false;
  dualwrite::TransactionEnd end;
  end.next = next;
  end.resume = std::move(next);
  end.taken = std::move(taken);
  queue.push(std::move(end));
}

// Rows of one table and kind that follow each other go as one change.
absl::Status TriggerSource::put(CapturedRow row, const dualwrite::Capture& capture, LogQueue& queue) {
  if (row.identity_only) {
    auto nothing = dualwrite::leaves_nothing_to_do(row, capture);
    if (!nothing.ok()) return unreadable(capture, nothing.status());
    if (*nothing) return absl::OkStatus();
    row.change.overwrites = true;
  }
  begin_transaction(queue);
  RowsChange& change = row.change;
  if (!queue.items.empty() && !change.overwrites) {
    auto* last = std::get_if<RowsChange>(&queue.items.back());
    if (last != nullptr && last->table == change.table && last->kind == change.kind && last->flags == change.flags &&
        !last->overwrites && last->images.size() + change.images.size() <= kChangeBytesMax) {
      queue.bytes += change.images.size();
      last->images.insert(last->images.end(), change.images.begin(), change.images.end());
      return absl::OkStatus();
    }
  }
  queue.push(std::move(change));
  return absl::OkStatus();
}

// In a transaction of its own; what of the snapshot is in front of it has one, too.
void TriggerSource::put_alone(std::uint64_t id, dualwrite::LogItem item, LogQueue& queue) {
  IdRanges taken;
  for (const std::uint64_t each : ids_) {
    if (each < id) taken.add(each);
  }
  if (in_transaction_) {
    LogPosition next = place(round_, part_ + 1);
    end_transaction(next, taken.text(), queue);
    ++part_;
  }
  begin_transaction(queue);
  queue.push(std::move(item));
  taken.add(id);
  LogPosition next = place(round_, part_ + 1);
  end_transaction(next, taken.text(), queue);
  ++part_;
}

// What its table is captured by is read anew: the definitions have changed.
Task<absl::Status> TriggerSource::put_statement(CapturedStatement statement, LogQueue& queue) {
  looks_.owed = 2;
  put_alone(statement.head.id, std::move(statement.statement), queue);
  co_return co_await capture_.refer_anew(*control_);
}

}  // namespace crossfade::proxy
