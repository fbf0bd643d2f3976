// One table's rows on the leader and on the follower, read at the same time.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "migrate/row_compare.h"
#include "proxy/backend/backend_link.h"
#include "proxy/feed/row_stream.h"

namespace crossfade::proxy {

// What takes the rows of a select_rows(); plan and rows outlive it.
TakeRow into_rows(const migrate::VerifyPlan& plan, migrate::RowParts parts, migrate::ShowRows show,
                  migrate::SeenRows* rows);

// One thread; one question at a time. The plan outlives each. OutOfRange: a definition has changed meanwhile.
class BothSides {
 public:
  BothSides(Reactor& reactor, std::unique_ptr<BackendLink> leader, std::unique_ptr<BackendLink> follower)
      : reactor_(reactor), leader_(std::move(leader)), follower_(std::move(follower)), arrived_(reactor) {}
  BackendLink& link(migrate::Side side) { return side == migrate::Side::leader ? *leader_ : *follower_; }

  bool are_connected() { return leader_->alive() && follower_->alive(); }

  // The last row of the answer; empty: it has none.
  Task<absl::StatusOr<std::vector<protocol::Cell>>> ask_row(migrate::Side side, std::string sql);
  Task<absl::Status> read(migrate::Side side, std::string sql, TakeRow take);
  struct Rows {
    migrate::SeenRows leader{}, follower{};
  };
  Task<absl::StatusOr<Rows>> read_both(const migrate::VerifyPlan& plan, std::string condition, migrate::RowParts parts);
  struct Sums {
    std::uint64_t rows = 0;  // on the leader
    bool equal = false;
  };
  Task<absl::StatusOr<Sums>> compare_sums(const migrate::VerifyPlan& plan, std::string condition);

 private:
  struct Question {
    std::string sql;
    TakeRow take;
  };
  Task<absl::Status> ask_both(Question leader, Question follower);
  Task<void> ask_follower(Question question);

  Reactor& reactor_;
  std::unique_ptr<BackendLink> leader_, follower_;
  Signal arrived_;  // the follower's answer
  bool has_arrived_ = false;
  absl::Status follower_answer_;
};

}  // namespace crossfade::proxy
