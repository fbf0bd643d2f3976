// Runs a schema change on the follower, and where that has a part of it already, the rest clause by clause.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dualwrite/ddl.h"
#include "dualwrite/ddl_clauses.h"
#include "dualwrite/log_control.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/feed_guard.h"
#include "proxy/feed/table_catalog.h"

namespace crossfade::proxy {

// A statement that the follower did not carry out.
struct RefusedDdl {
  std::string sql{};  // as the follower was told it
  routing::LexerMode mode{};
  dualwrite::DdlAnalysis analysis{};
  dualwrite::DdlIntent intent{};
  protocol::Err err{};
  bool resumed = false;  // it was under way before
};

// Lives as long as the statement; so does everything around it.
class ClauseRunner {
 public:
  struct Around {
    BackendLink& link;  // with the session of the statement
    BackendLink& leader;
    BackendLink& follower;
    TableCatalog& catalog;
    FeedGuard& guard;
    dualwrite::ServerMakes makes;
    std::function<Task<absl::Status>(dualwrite::DdlIntent)> note;  // written, fenced, before each clause
  };
  explicit ClauseRunner(Around around) : around_(std::move(around)) {}

  Task<absl::StatusOr<Captured>> run(std::string sql);
  // Why it is not done; empty: it is, now or since before.
  Task<absl::StatusOr<std::string>> settle(RefusedDdl refused);

 private:
  Task<absl::StatusOr<std::string>> run_one_by_one(RefusedDdl refused, std::vector<dualwrite::SingleChange> changes);
  Task<absl::StatusOr<std::string>> judge_made(dualwrite::SingleChange change, std::vector<dualwrite::TableRef> tables,
                                               protocol::Err err);
  Around around_;
};

}  // namespace crossfade::proxy
