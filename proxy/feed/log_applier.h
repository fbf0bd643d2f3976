// Applies the leader's transactions on the follower, in order, exactly once: many in one follower transaction, together
// with the position behind them.
//
// What it takes from the queue it commits, or nothing of it: after any failure the follower's transaction is rolled
// back and the log is read again from the stored position. A failure that a row is to blame for makes the next reading
// careful: one transaction at a time, one row at a time, so that the row is found, written into the ledger, and its
// table stopped or the row overwritten. Nothing is ever skipped in silence.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "config/flags.h"
#include "dualwrite/ddl.h"
#include "dualwrite/log_control.h"
#include "dualwrite/log_event.h"
#include "dualwrite/rows_statement.h"
#include "proxy/feed/applied_ties.h"
#include "proxy/feed/applier_setting.h"
#include "proxy/feed/follower_writer.h"
#include "proxy/feed/log_reader.h"
#include "proxy/feed/written_tables.h"
#include "proxy/migrate/chunk_loader.h"

namespace crossfade::proxy {

// One for each pair of connections. A failed Status from any call: roll back by dropping the follower's connection, and
// begin again from the stored position. Aborted: at once, with the same connections; nothing is wrong with them.
class LogApplier {
 public:
  LogApplier(ApplierSetting setting, FollowerWriter& follower, BackendLink& leader, dualwrite::StoredPosition stored);
  ~LogApplier();

  // Applies every whole transaction in the queue, and the beginning of one that is too large to be kept in memory. What
  // the follower is still busy with when this returns (is_under_way()) is settled by the next call, or by settle().
  Task<absl::Status> apply(LogQueue& queue, config::OnDivergence policy);
  bool is_under_way() const { return under_way_.has_value(); }
  // Waits for what is under way.
  Task<absl::Status> settle();
  // Has the follower take everything that was taken from the queue, so that something else may be done on its
  // connection; not in the middle of a large transaction. `ends`: of that one nothing more comes, and what was before
  // it is to be there. Aborted: it is not yet, and the next reading makes it so.
  enum class OpenOne : std::uint8_t { goes_on, ends };
  Task<absl::Status> come_to_rest(OpenOne large = OpenOne::goes_on);
  // Chunks are being written beside, or were and are not remembered yet.
  bool is_loading() const { return loader_ && loader_->is_busy(); }
  // For something new in that.
  Task<void> wait_for_a_chunk(TimePoint deadline);
  // Until none is being written; or none that a change of this table has to wait for.
  Task<absl::Status> wait_for_chunks();
  Task<absl::Status> wait_for_chunks_of(dualwrite::TableRef table);
  const dualwrite::StoredPosition& stored() const { return stored_; }
  // The end of the last transaction that is on the follower, stored or not.
  const dualwrite::LogPosition& processed() const { return next_.applied; }
  // Definitions have changed since this was last asked.
  bool take_ddl_seen() { return std::exchange(ddl_seen_, false); }
  // A transaction has been taken in part: nothing else may be done on the follower's connection.
  bool is_busy() const {
    return open_ || in_transaction_ || under_way_ || transactions_ > 0 || !steps_.empty() || !events_.empty();
  }
  // Row by row up to here, where something failed; kept by the owner from one applier to the next.
  const dualwrite::LogPosition& careful_through() const { return careful_through_; }
  void be_careful_through(dualwrite::LogPosition position) { careful_through_ = std::move(position); }
  // Since they were last taken.
  std::uint64_t take_applied_transactions() { return std::exchange(counted_.transactions, 0); }
  std::uint64_t take_divergences() { return std::exchange(counted_.divergences, 0); }

 private:
  // log_applier.cc: the queue, batches
  Task<absl::Status> take(dualwrite::LogItem item, config::OnDivergence policy);
  // Why rows cannot be taken: their table has to stop first.
  struct Obstacle {
    std::shared_ptr<const dualwrite::TableMapping> unmapped{};  // it cannot carry them
    std::optional<dualwrite::TableRef> tied_to{};               // a table that is held
    bool any() const { return unmapped || tied_to; }
  };
  absl::Status take_rows(dualwrite::RowsChange change, Obstacle* obstacle);
  absl::Status take_refresh(dualwrite::RowsChange change, Obstacle* obstacle);
  Task<absl::Status> stop_for(dualwrite::TableRef table, Obstacle obstacle);
  void be_careful();
  absl::Status check_sizes();
  void add_row_statement(dualwrite::RowStatement statement);
  void take_end(const dualwrite::TransactionEnd& end);
  Task<absl::Status> take_advance(dualwrite::LogAdvance advance);
  Task<absl::Status> flush();  // sends what is built, and leaves the transaction open
  Task<absl::Status> hand_over();
  Task<absl::Status> commit();  // hands over, and settles
  void collect_events();
  Task<absl::Status> failed(StepFailure failure);
  struct Batch;
  void note_committed(const Batch& batch);
  void note_processed(Batch batch);
  bool is_followed(const dualwrite::TableRef& table) const;
  void sample(const dualwrite::RowsChange& change, const dualwrite::TableMapping& mapping);
  std::shared_ptr<const dualwrite::TableMapping> mapping(const dualwrite::RowsChange& change);
  std::vector<std::string> position_statements();

  // log_applier_rows.cc: rows one by one, and what becomes of one that does not fit
  Task<absl::Status> apply_carefully(dualwrite::RowsChange change, config::OnDivergence policy);
  Task<absl::StatusOr<std::string>> try_row(dualwrite::RowsChange row,
                                            std::shared_ptr<const dualwrite::TableMapping> how);
  Task<absl::Status> diverged(dualwrite::RowsChange row, std::shared_ptr<const dualwrite::TableMapping> how,
                              config::OnDivergence policy, std::string why);
  Task<absl::StatusOr<std::string>> overwrite(dualwrite::RowsChange row,
                                              std::shared_ptr<const dualwrite::TableMapping> how);
  Task<absl::Status> again(StepFailure failure);
  Task<absl::Status> stop_tables(std::vector<dualwrite::TableRef> tables, dualwrite::StopCause cause,
                                 std::string reason, std::vector<std::string> ledger);

  // log_applier_copy.cc: tables whose rows are being copied
  Task<absl::Status> take_marker(std::uint64_t token);
  bool is_wanted(const Chunk& chunk) const;
  absl::Status check_sizes(const Chunk& chunk) const;
  Task<absl::Status> close_chunk(std::shared_ptr<Chunk> chunk, absl::Status loaded);
  Task<absl::Status> close_chunks();
  ChunkLoader& loader();
  Task<absl::Status> load_within(std::shared_ptr<Chunk> chunk);
  Task<absl::Status> let_compare(std::shared_ptr<Chunk> chunk);
  Task<absl::Status> give_up_repair(std::shared_ptr<Chunk> chunk, absl::Status why);
  void loosen_foreign_keys(dualwrite::RowsChange& change) const;
  absl::StatusOr<std::vector<dualwrite::RowStatement>> missing_rows(const dualwrite::RowsChange& change,
                                                                    const dualwrite::TableMapping& how) const;

  // log_applier_statement.cc: statements, and where everything ends
  Task<absl::Status> bring_to_utf8(dualwrite::LoggedStatement* statement);
  Task<absl::Status> take_statement(dualwrite::LoggedStatement statement);
  bool is_followed(const dualwrite::DdlAnalysis& analysis) const;
  absl::Status keep_what_came_before();

  // log_applier_ddl.cc
  Task<absl::Status> run_ddl(dualwrite::LoggedStatement statement, dualwrite::DdlAnalysis analysis);
  struct DdlRun {
    std::string refusal{};     // of the follower; empty: none
    bool before_this = false;  // a part of it was there already
  };
  Task<absl::StatusOr<DdlRun>> run_ddl_steps(BackendLink& link, std::vector<std::string> statements,
                                             dualwrite::DdlAnalysis analysis,
                                             const dualwrite::LoggedStatement& statement);
  Task<absl::Status> stop_doubtful_rows(dualwrite::LoggedStatement statement, dualwrite::DdlAnalysis analysis,
                                        std::map<dualwrite::TableRef, dualwrite::TableDefinition> before);
  Task<absl::StatusOr<bool>> has_rows(dualwrite::TableRef table);
  Task<absl::StatusOr<bool>> is_doubtful(dualwrite::DdlAnalysis analysis);
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> ddl_link();
  Task<absl::StatusOr<std::string>> prepare_ddl_session(BackendLink& link, dualwrite::LoggedStatement original,
                                                        const dualwrite::DdlAnalysis& analysis);
  Task<absl::StatusOr<std::string>> zone_of(dualwrite::LoggedStatement statement);
  Task<absl::StatusOr<std::string>> schema_collation_of(const dualwrite::DdlAnalysis& analysis,
                                                        const dualwrite::LoggedStatement& statement);
  Task<absl::Status> note_intent(dualwrite::DdlIntent intent);
  Task<absl::StatusOr<bool>> is_made_by_hand(dualwrite::DdlAnalysis analysis);
  Task<absl::Status> give_up_ddl(dualwrite::DdlAnalysis analysis, std::string why);

  std::vector<WriterStep> opened(std::vector<WriterStep> steps);
  Task<absl::StatusOr<std::optional<StepFailure>>> run_open(std::vector<WriterStep> steps);

  ApplierSetting setting_;
  FollowerWriter& follower_;
  BackendLink& leader_;
  dualwrite::StoredPosition stored_;  // as committed on the follower
  dualwrite::LogPosition careful_through_;

  // The leader's transaction being taken.
  dualwrite::TransactionBegin current_;
  bool in_transaction_ = false;
  bool looped_ = false;  // an applier of the other direction made it

  // A follower's transaction that is complete, and what is known of it once it is there.
  struct Batch {
    dualwrite::StoredPosition next;
    std::vector<std::string> gtids;
    std::size_t transactions = 0;
    std::vector<std::shared_ptr<Chunk>> loaded;
  };
  std::optional<Batch> under_way_;  // sent, with its COMMIT, and not answered yet

  // The follower's transaction being built.
  dualwrite::BinlogStatement events_;
  std::vector<WriterStep> steps_;
  std::size_t built_bytes_ = 0;
  bool open_ = false;  // BEGIN was sent
  // What else is known of the tables that it is about.
  struct Around {
    WrittenTables written;
    AppliedTies ties;
  };
  Around around_;
  bool ddl_seen_ = false;
  bool must_store_ = false;  // a DDL was run: the position behind it is to be kept at once
  dualwrite::StoredPosition next_;
  dualwrite::LogPosition caught_up_to_;  // the end of the last transaction taken: before `applied` while catching up
  std::vector<std::string> closing_;     // to run in front of its COMMIT
  std::vector<std::string> gtids_;
  std::size_t transactions_ = 0;
  std::vector<std::shared_ptr<Chunk>> loaded_;  // chunks that are on the follower, and whose closing_ is not
  std::shared_ptr<ChunkLoader> loader_;         // its connections may end their work behind us
  bool no_foreign_key_checks_ = false;

  struct Counted {
    std::uint64_t transactions = 0;
    std::uint64_t divergences = 0;
  };
  Counted counted_;
  TimePoint next_advance_{};
  std::minstd_rand random_;
};

}  // namespace crossfade::proxy
