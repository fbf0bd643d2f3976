#include "proxy/migrate/both_sides.h"

#include "proxy/feed/server_answers.h"
#include "proxy/migrate/chunk_reader.h"

namespace crossfade::proxy {

using migrate::RowParts;
using migrate::Side;
using protocol::Cell;

namespace {

constexpr auto kRangeMax = std::chrono::minutes(10);  // one SELECT over a chunk

TakeRow into(std::vector<Cell>* row) {
  return [row](const std::vector<Cell>& cells) {
    *row = cells;
    return absl::OkStatus();
  };
}

}  // namespace

TakeRow into_rows(const migrate::VerifyPlan& plan, RowParts parts, migrate::ShowRows show, migrate::SeenRows* rows) {
  return [&plan, parts, show, rows](const std::vector<Cell>& cells) {
    return migrate::see_row(plan, parts, show, cells, rows);
  };
}

Task<absl::StatusOr<std::vector<Cell>>> BothSides::ask_row(Side side, std::string sql) {
  std::vector<Cell> row;
  TakeRow take = into(&row);
  const absl::Status asked = co_await read(side, std::move(sql), std::move(take));
  if (!asked.ok()) co_return asked;
  co_return row;
}

Task<absl::Status> BothSides::read(Side side, std::string sql, TakeRow take) {
  const absl::Status done = co_await read_stream(link(side), std::move(sql), std::move(take), Clock::now() + kRangeMax);
  co_return about_definitions(done);
}

Task<absl::Status> BothSides::ask_both(Question leader, Question follower) {
  has_arrived_ = false;
  reactor_.spawn(ask_follower(std::move(follower)));
  const absl::Status asked = co_await read(Side::leader, std::move(leader.sql), std::move(leader.take));
  while (!has_arrived_) co_await arrived_.wait(TimePoint::max());
  co_return asked.ok() ? follower_answer_ : asked;
}

Task<void> BothSides::ask_follower(Question question) {
  follower_answer_ = co_await read(Side::follower, std::move(question.sql), std::move(question.take));
  has_arrived_ = true;
  arrived_.notify();
}

Task<absl::StatusOr<BothSides::Rows>> BothSides::read_both(const migrate::VerifyPlan& plan, std::string condition,
                                                           RowParts parts) {
  Rows out;
  Question leader{.sql = migrate::select_rows(plan, Side::leader, condition, parts),
                  .take = into_rows(plan, parts, migrate::ShowRows::none, &out.leader)};
  Question follower{.sql = migrate::select_rows(plan, Side::follower, condition, parts),
                    .take = into_rows(plan, parts, migrate::ShowRows::none, &out.follower)};
  const absl::Status asked = co_await ask_both(std::move(leader), std::move(follower));
  if (!asked.ok()) co_return asked;
  co_return out;
}

// A sum is no row with a key: it is read as values alone.
Task<absl::StatusOr<BothSides::Sums>> BothSides::compare_sums(const migrate::VerifyPlan& plan, std::string condition) {
  std::vector<Cell> mine, theirs;
  Question leader{.sql = migrate::select_checksum(plan, Side::leader, condition), .take = into(&mine)};
  Question follower{.sql = migrate::select_checksum(plan, Side::follower, condition), .take = into(&theirs)};
  const absl::Status asked = co_await ask_both(std::move(leader), std::move(follower));
  if (!asked.ok()) co_return asked;
  co_return Sums{.rows = mine.empty() ? 0 : to_number(mine.front()), .equal = mine == theirs};
}

}  // namespace crossfade::proxy
