#include "dualwrite/kept_rows.h"

#include <algorithm>
#include <utility>

namespace crossfade::dualwrite {

void KeptRows::begin(LogPosition start, Doubt doubt) {
  branch_ = {.xid = {}, .start = std::move(start), .items = {}, .bytes = 0};
  savepoints_.clear();
  doubt_ = doubt;
  has_triggers_ = false;
}

// In doubt one of each table is enough.
void KeptRows::add(LogItem item) {
  put_in_doubt(doubt_, &item);
  const auto* rows = std::get_if<RowsChange>(&item);
  const auto is_of_same = [rows](const LogItem& other) {
    const auto* kept = std::get_if<RowsChange>(&other);
    return rows != nullptr && kept != nullptr && kept->table == rows->table;
  };
  if (doubt_ == Doubt::none || std::ranges::none_of(branch_.items, is_of_same)) branch_.add(std::move(item));
}

void KeptRows::put_in_doubt(Doubt why, LogItem* item) {
  auto* rows = std::get_if<RowsChange>(item);
  if (rows == nullptr || why == Doubt::none) return;
  rows->doubt = why;
  rows->images = {};
}

void KeptRows::set_savepoint(std::string name) {
  savepoints_.push_back({.name = std::move(name), .items = branch_.items.size()});
}

bool KeptRows::roll_back_to(const std::optional<std::string>& name, bool by_session) {
  const auto is_it = [&](const Savepoint& each) { return each.name == name; };
  const auto last = std::find_if(savepoints_.rbegin(), savepoints_.rend(), is_it).base();
  if (last == savepoints_.begin()) return false;
  if (!by_session && std::ranges::find_if(savepoints_, is_it)->items != (last - 1)->items) return false;
  branch_.cut((last - 1)->items);
  savepoints_.erase(last, savepoints_.end());
  return true;
}

void KeptRows::doubt(Doubt why) {
  doubt_ = why;
  std::vector<LogItem> items = std::exchange(branch_.items, {});
  branch_.bytes = 0;
  savepoints_.clear();
  for (LogItem& item : items) add(std::move(item));
}

XaBranch KeptRows::take() {
  savepoints_.clear();
  return std::exchange(branch_, {});
}

}  // namespace crossfade::dualwrite
