// What a Backfill knows of its job. For its own files alone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/migrate/backfill.h"
#include "proxy/migrate/job_table.h"

namespace crossfade::proxy {

// One table of a job.
struct Backfill::TableCopy : JobTable {  // `record`: as the follower has it, or will once what is under way is there
  TableCopy(Reactor& reactor, migrate::ChunkSizeLimits limits) : sizer(limits), changed(reactor) {}

  migrate::TableRecord written;  // as the follower has it
  std::size_t group = 0;
  bool whole = false;  // in one chunk, before which none of its changes is wanted
  std::shared_ptr<const CopyPlan> plan;
  std::unique_ptr<ChunkReader> reader;
  migrate::ChunkSizer sizer;
  bool at_end = false;  // the last chunk has been read
  bool indexes_given_up = false;
  TimePoint indexes_again{};  // when to try them again
  struct UnderWay {
    migrate::TableRecord record;
    std::size_t bytes = 0;
    migrate::ChunkCost cost;
  };
  std::map<std::uint64_t, UnderWay> under_way;  // by token
  Signal changed;
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
  RateWindow rates;
  TimePoint began = Clock::now();

  TableCopy* find(const dualwrite::TableRef& table) {
    for (const auto& each : tables) {
      if (each->record.table == table) return each.get();
    }
    return nullptr;
  }
};

}  // namespace crossfade::proxy
