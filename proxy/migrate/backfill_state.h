// What a Backfill knows of its job. For its own files alone.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "migrate/copy_parts.h"
#include "proxy/migrate/backfill.h"
#include "proxy/migrate/job_table.h"

namespace crossfade::proxy {

// Who reads a part of a table.
struct Backfill::PartReader {
  PartReader(Reactor& reactor, std::uint32_t part_number) : number(part_number), room(reactor) {}

  const std::uint32_t number;  // of the part
  std::uint32_t slot = 0;      // of its markers
  std::unique_ptr<ChunkReader> chunks;
  std::string trying;  // why what it does now is done again
  Signal room;
};

// One table of a job.
struct Backfill::TableCopy : JobTable {  // `record`: as the follower has it, or will once what is ordered is done
  TableCopy(Reactor& reactor, migrate::ChunkSizeLimits limits) : sizer(limits), changed(reactor) {}

  migrate::TableRecord written;  // as the follower has it
  std::size_t group = 0;
  bool whole = false;  // in one chunk, before which none of its changes is wanted
  std::shared_ptr<const CopyPlan> plan;
  migrate::CopyParts parts;                          // of a table that is being copied
  std::vector<std::unique_ptr<PartReader>> readers;  // by part; nullptr: nobody reads it
  absl::Status failure;                              // of a reader: the others end, too
  migrate::ChunkSizer sizer;
  bool indexes_given_up = false;
  TimePoint indexes_again{};  // when to try them again
  struct UnderWay {
    std::vector<migrate::PartRecord> parts;       // as they are written with it
    std::optional<migrate::TableRecord> ended{};  // of a table that is read at once
    std::size_t bytes = 0;
    migrate::ChunkCost cost;
  };
  std::map<std::uint64_t, UnderWay> under_way;  // by token
  Signal changed;

  // That are under way on the leader, or whose rows are.
  std::size_t readers_taken() const { return running ? std::max<std::size_t>(1, parts.reading()) : 0; }
  std::size_t parts_taken() const { return running ? std::max<std::size_t>(1, parts.unfinished()) : 0; }
  nlohmann::json shown(const migrate::TableRecord& counted) const;
};

struct Backfill::Job {
  migrate::JobRecord record;
  migrate::CopyOptions options;
  std::vector<std::unique_ptr<TableCopy>> tables;
  Definitions leading, following;
  std::vector<std::vector<TableCopy*>> groups;  // parents first
  bool adopted = false;
  bool stopping = false;  // its tables are to end where they are
  migrate::RateLimit rate;
  std::string throttled;  // why nothing is read now
  bool looking = false;   // look_at_load() is running
  std::size_t bytes_in_flight = 0;
  RateWindow rates;
  TimePoint began = Clock::now();

  TableCopy* find(const dualwrite::TableRef& table) const;
  // The first group that waits and whose parents are there; nullptr: there is none.
  const std::vector<TableCopy*>* next_group() const;
  std::size_t readers_taken() const;
  std::size_t parts_taken() const;
  std::uint32_t free_slot() const;  // of markers: that no reader has now
  // What a reader of the table is to ask for.
  ChunkWanted wanted_of(const TableCopy& table, migrate::KeyRange range) const;
  void forget_chunks(TableCopy& table, ChunkStore& chunks);
  // What is written of a table once all its rows are there.
  migrate::TableRecord ended(const TableCopy& table) const;
  bool owes_indexes() const;

 private:
  bool may_begin(const TableCopy& table) const;
};

}  // namespace crossfade::proxy
