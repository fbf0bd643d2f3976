#include "proxy/migrate/backfill_state.h"

#include <limits>
#include <utility>

#include "migrate/table_order.h"

namespace crossfade::proxy {

using migrate::TableState;

namespace {

std::string subset_condition(const migrate::ChunkKey& key, std::uint32_t ppm) {
  std::string names;
  for (const migrate::ChunkKey::Part& part : key.parts) names += "," + part.name;
  return "CRC32(CONCAT_WS('#'" + names + "))%1000000<" + std::to_string(ppm);
}

}  // namespace

nlohmann::json Backfill::TableCopy::shown(const migrate::TableRecord& counted) const {
  const bool over = migrate::is_over(counted.state);
  nlohmann::json out = {{"table", counted.table.schema + "." + counted.table.table},
                        {"state", migrate::name(counted.state)},
                        {"rows", counted.rows},
                        {"rows_estimate", over ? counted.rows : std::max(counted.rows, counted.rows_estimate)},
                        {"bytes", counted.bytes},
                        {"chunks", counted.chunks},
                        {"chunk_rows", sizer.rows()},
                        {"readers", parts.reading()}};
  std::string reason = record.reason;
  for (const auto& reader : readers) {
    if (reason.empty() && reader && !reader->trying.empty()) reason = "tries again: " + reader->trying;
  }
  if (!reason.empty()) out["reason"] = reason;
  return out;
}

Backfill::TableCopy* Backfill::Job::find(const dualwrite::TableRef& table) const {
  for (const auto& each : tables) {
    if (each->record.table == table) return each.get();
  }
  return nullptr;
}

// Everything that it refers to is there.
bool Backfill::Job::may_begin(const TableCopy& table) const {
  for (const TableRef& name : migrate::parents_of(leading, table.record.table)) {
    const TableCopy* parent = find(name);
    if (parent == nullptr || parent->group == table.group || parent->written.state == TableState::indexing) continue;
    if (!migrate::is_over(parent->written.state)) return false;
  }
  return true;
}

const std::vector<Backfill::TableCopy*>* Backfill::Job::next_group() const {
  for (const std::vector<TableCopy*>& group : groups) {
    const bool waits = std::any_of(group.begin(), group.end(),
                                   [](const TableCopy* each) { return each->written.state == TableState::waiting; });
    if (waits && std::all_of(group.begin(), group.end(), [this](const TableCopy* each) { return may_begin(*each); })) {
      return &group;
    }
  }
  return nullptr;
}

std::size_t Backfill::Job::readers_taken() const {
  std::size_t count = 0;
  for (const auto& each : tables) count += each->readers_taken();
  return count;
}

std::size_t Backfill::Job::parts_taken() const {
  std::size_t count = 0;
  for (const auto& each : tables) count += each->parts_taken();
  return count;
}

std::uint32_t Backfill::Job::free_slot() const {
  const auto is_taken = [this](std::uint32_t slot) {
    return std::any_of(tables.begin(), tables.end(), [slot](const auto& table) {
      return std::any_of(table->readers.begin(), table->readers.end(),
                         [slot](const auto& reader) { return reader && reader->chunks && reader->slot == slot; });
    });
  };
  std::uint32_t slot = 0;
  while (is_taken(slot)) ++slot;
  return slot;
}

ChunkWanted Backfill::Job::wanted_of(const TableCopy& table, migrate::KeyRange range) const {
  ChunkWanted wanted{.range = std::move(range), .condition = {}, .rows_max = table.sizer.rows()};
  if (table.whole) {
    wanted.rows_max = std::numeric_limits<std::uint32_t>::max();
    wanted.bytes_max = migrate::kReadAtOnceBytesMax;
  }
  wanted.condition = options.condition_of(table.record.table);
  if (options.subset_ppm < 1000000) {
    wanted.condition += (wanted.condition.empty() ? "" : " AND ");
    wanted.condition += subset_condition(table.plan->key, options.subset_ppm);
  }
  return wanted;
}

void Backfill::Job::forget_chunks(TableCopy& table, ChunkStore& chunks) {
  for (const auto& [token, chunk] : std::exchange(table.under_way, {})) {
    chunks.forget(token);
    bytes_in_flight -= chunk.bytes;
  }
}

migrate::TableRecord Backfill::Job::ended(const TableCopy& table) const {
  migrate::TableRecord out = table.parts.counted(table.written);
  out.place.clear();
  out.state = options.is_partial(out.table) ? TableState::partial : TableState::done;
  // Its reads stay with the leader until its indexes are there.
  if (!out.indexes.empty()) out.state = TableState::indexing;
  return out;
}

bool Backfill::Job::owes_indexes() const {
  return std::any_of(tables.begin(), tables.end(),
                     [](const auto& table) { return !table->written.indexes.empty() && !table->indexes_given_up; });
}

}  // namespace crossfade::proxy
