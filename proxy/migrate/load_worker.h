// One thread that loads files into a staging table.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "migrate/load_control.h"
#include "migrate/load_staging.h"
#include "proxy/backend/link_options.h"
#include "proxy/migrate/byte_source.h"
#include "proxy/migrate/load.h"

namespace crossfade::proxy {

// What the threads of a load share.
struct LoadWork {
  const LoadOrder& order;
  FileStore& files;
  std::string schema{};  // the control schema
  std::uint64_t load = 0;
  migrate::StagingPlan plan{};
  dualwrite::TableDefinition table{};
  LinkOptions link{};

  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::size_t> files_left{0};
  std::atomic<bool> failed{false};
  std::mutex mutex{};  // guards what follows
  std::deque<migrate::LoadedFile> waiting{};
  absl::Status status{};  // the first failure, with the file's name
};

// Strict; a 0 in an AUTO_INCREMENT column is one, also when the column becomes that.
inline constexpr std::string_view kLoadSession =
    "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO',time_zone='+00:00',foreign_key_checks=0";

// Until nothing waits any more, or a thread has failed. Blocks.
void load_files(LoadWork& work, Counters& counters);

}  // namespace crossfade::proxy
