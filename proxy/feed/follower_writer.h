// The applier's connection to the follower: statements of one transaction, a packet at a time, each with what its
// answer must be.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/response.h"
#include "proxy/backend/backend_link.h"
#include "proxy/backend/server_errors.h"

namespace crossfade::proxy {

// One statement and what must come of it.
struct WriterStep {
  enum class Expect : std::uint8_t {
    ok,        // no error
    affected,  // no error, and so many rows found
    one,       // a row of one cell, which is "1"
    state      // what definition_state() makes of the answer is `state`
  };
  std::string sql;
  Expect expect = Expect::ok;
  std::uint64_t affected = 0;
  std::string state{};
  // It is sent once everything before it has come out as expected. Otherwise servers go on behind an answer that is
  // not.
  bool waits = false;
};
WriterStep commit_step();

// Why a transaction did not go through: the step and the server's error, or no error but another outcome.
struct StepFailure {
  std::size_t step = 0;
  std::optional<protocol::Err> err;
  bool is_of_a_state = false;  // the step expected one
};

// Lives as long as its connection. After a failed Status the link is dead; after a StepFailure the transaction is still
// open, and what ran before the failed step is in it.
class FollowerWriter {
 public:
  // Control account; takes several statements a packet. Sets up the session (dualwrite::sql_session), learns
  // max_allowed_packet, and whether rows events may be run here (the preamble is tried).
  static Task<absl::StatusOr<std::unique_ptr<FollowerWriter>>> open(Reactor& reactor, LinkOptions options,
                                                                    Counters& counters, TimePoint deadline);
  // Runs the steps in order up to the first failure.
  Task<absl::StatusOr<std::optional<StepFailure>>> run(std::vector<WriterStep> steps);
  // The same in two halves, so that there is time for something else while the follower works: nothing else may be
  // asked of it in between.
  Task<absl::Status> start(std::vector<WriterStep> steps);
  Task<absl::StatusOr<std::optional<StepFailure>>> finish();
  Task<absl::Status> rollback();
  Task<absl::StatusOr<protocol::ResultSet>> ask(std::string sql);

  BackendLink& link() { return *link_; }
  bool may_run_events() const { return may_run_events_; }
  const std::string& why_no_events() const { return why_no_events_; }
  // A statement of more bytes is refused by the server.
  std::size_t statement_bytes_max() const { return packet_bytes_max_ - 1024; }

 private:
  explicit FollowerWriter(std::unique_ptr<BackendLink> link) : link_(std::move(link)) {}
  Task<absl::Status> set_up(TimePoint deadline);
  Task<absl::Status> allow_events(TimePoint deadline);
  struct Answer {
    protocol::ResultEnd end;
    protocol::Buffer wire;
  };
  Task<absl::Status> send_packet();
  Task<absl::StatusOr<std::vector<Answer>>> take_answers(std::size_t count);
  bool is_as_expected(const WriterStep& step, const Answer& answer) const;
  Task<absl::StatusOr<std::optional<StepFailure>>> check_packet();

  std::unique_ptr<BackendLink> link_;
  std::size_t packet_bytes_max_ = 0;
  bool may_run_events_ = false;
  std::string why_no_events_;
  std::vector<WriterStep> steps_;  // being run, of which those from `from_` to `to_` are under way
  std::size_t from_ = 0;
  std::size_t to_ = 0;
};

}  // namespace crossfade::proxy
