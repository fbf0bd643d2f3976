// What an applier is given.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "config/config.h"
#include "dualwrite/table_mapping.h"
#include "proxy/backend/backend_link.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/applied_commits.h"
#include "proxy/feed/feed_fault.h"
#include "proxy/feed/feed_guard.h"
#include "proxy/feed/stopped_tables.h"
#include "proxy/feed/table_catalog.h"
#include "proxy/migrate/chunk_store.h"

namespace crossfade::proxy {

// What the applier works for and with; all of it outlives it.
struct ApplierSetting {
  std::string schema;          // the control schema
  std::string leader;          // "old"
  std::string owner;           // 16 bytes, drawn by this process
  std::uint64_t applying = 0;  // RowFeed::applying()
  config::DualWriteConfig config;
  dualwrite::ServerMakes makes;
  Reactor& reactor;
  std::function<LinkOptions()> follower_options;  // for DDL, which has a connection of its own: it changes the session
  Counters& counters;
  TableCatalog& catalog;
  StoppedTables& stopped;
  AppliedCommits& commits;
  ChunkStore& chunks;
  FeedFault& fault;
  FeedGuard& guard;
};

}  // namespace crossfade::proxy
