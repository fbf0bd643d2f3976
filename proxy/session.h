// One client: its connection, its pair of backend connections, and the loop between them.
//
// A session lives on one worker thread. It classifies each command, asks routing::make_plan where it
// goes, and carries the plan out: texts (session_query.cc, session_relay.cc), prepared statements
// (session_prepared.cc). It never decides by itself where a statement goes.
//
// Invariant: what is known here of the leader's session is what the leader has said, or nothing. A read goes to the
// other side only while all that bears on it is known.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "protocol/bulk_execute.h"
#include "protocol/command.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "proxy/client_output.h"
#include "proxy/commit_tracker.h"
#include "proxy/follower_read.h"
#include "proxy/kept_diagnostics.h"
#include "proxy/leader_hold.h"
#include "proxy/long_data.h"
#include "proxy/pinned_sessions.h"
#include "proxy/sampled_read.h"
#include "proxy/session/state/diagnostics.h"
#include "proxy/session/state/known_state.h"
#include "proxy/session/state/prepared_statements.h"
#include "proxy/session/state/transaction.h"
#include "proxy/session_login.h"
#include "proxy/session_objects.h"
#include "proxy/session_state.h"
#include "proxy/shadow_pool.h"
#include "proxy/worker.h"
#include "routing/digest.h"
#include "routing/plan.h"
#include "routing/session_effect.h"
#include "routing/split.h"

namespace crossfade::proxy {

class CapturedDdl;

class Session {
 public:
  // `id` is the session's name in logs and for bucketing; the client knows its connection by the leader's id.
  Session(Worker& worker, std::unique_ptr<Stream> client, std::uint32_t id, std::shared_ptr<const Entrance> entrance);
  ~Session();
  Task<void> run();
  // Closes at the next moment without an open transaction.
  void begin_drain();
  void end_now() {
    ending_ = true;
    client_->cancel_read();
  }

 private:
  // Whether the conversation goes on after a command.
  enum class Next : std::uint8_t { go_on, close };

  // One command. `payload` and `wire` may lie in the worker's scratch: whoever waits before using them
  // calls own() first.
  struct Command {
    protocol::Bytes payload;
    protocol::Bytes wire;  // framed; empty when it came in pieces
    std::uint8_t last_sequence = 0;
  };
  using Kept = KeptDiagnostics;
  // session_login.cc
  Task<bool> log_in();
  bool can_duplicate_yet() const;
  Task<bool> read_proxy_header();
  Task<absl::StatusOr<std::optional<protocol::Message>>> next_login_message(std::array<std::uint8_t, 4096>& buffer);
  Task<ClientProof> authenticate(protocol::LoginAsServer& machine, protocol::LoginAsServer::Action action);
  std::optional<protocol::Err> barred(const ClientProof& proof, UserSlot& slot) const;
  protocol::Buffer refusal_for_client(const ClientProof& proof, const absl::Status& status,
                                      std::optional<Refusal> refused);
  absl::Status nobody_may_enter(std::optional<Refusal>* refused) const;
  void conclude(const ClientProof& proof, protocol::LoginAsServer::Verdict verdict);
  Task<bool> enter(ClientProof proof);
  void take_identity(const ClientProof& proof);
  Task<Next> welcome(protocol::Ok ok);

  // session_change_user.cc
  Task<Next> on_change_user(Command command);
  Task<Next> refuse_change_user(protocol::Buffer answer, std::optional<Refusal> by_leader);

  // session.cc: the loop, commands that are no statements
  Task<absl::StatusOr<std::optional<Command>>> next_command();
  Task<Next> dispatch(Command command);
  Task<Next> on_init_db(Command command);
  Task<Next> on_reset_connection();
  bool is_cut_short(const Command& command) const;
  Task<Next> on_cut_short(Command command);
  Task<Next> on_set_option(Command command);     // session_commands.cc
  Task<Next> on_other_command(Command command);  // session_commands.cc
  Task<Next> relay_command(Command command, protocol::ResponseKind kind, protocol::ResultEnd* end);
  Task<Next> answer_with_kept_count(Command command, protocol::ResponseKind kind, protocol::ResultEnd* end);
  Task<Next> on_broken_input(absl::Status status);
  void reset_session_state();

  // session_query.cc: COM_QUERY
  Task<Next> on_query(Command command);
  Task<Next> carry_out(routing::Plan plan, routing::StatementFacts facts, Command command);
  // `text` is the SET; `command` what carries it, which may be an execution of it.
  Task<Next> on_set(routing::StatementFacts facts, std::string text, Command command, protocol::ResponseKind kind);
  Task<Next> on_plain(routing::StatementFacts facts, Command command);  // to the leader; then what it changed here
  Task<Next> on_warnings(routing::StatementFacts facts, Command command);
  Task<Next> on_several(Command command);  // session_several.cc: several statements in one text
  Task<Next> one_of_several(std::string_view* left, const routing::UnclearBytes* unclear);
  // session_kill.cc
  Task<Next> on_kill(routing::StatementFacts facts, Command command);
  void kill_elsewhere(routing::KillTarget target, KillsUnderWay::Ticket under_way);
  void be_killed(routing::KillTarget::What what);
  // session_refuse.cc
  Task<absl::StatusOr<std::optional<protocol::Err>>> servers_own_error(std::string sql);
  Task<Next> refuse(routing::Plan plan, routing::StatementFacts facts, std::string sql);
  // The answer to an executed SHOW WARNINGS or SHOW ERRORS; nullopt: `sql` is another, or no condition was kept.
  std::optional<protocol::Buffer> executed_show_warnings(const std::string& sql) const;
  Task<void> keep_followers_conditions();
  Task<std::optional<Next>> answer_from_kept(const routing::StatementFacts& facts, std::string sql);
  std::optional<Kept> kept_now() const {
    const Kept* const kept = diagnostics_.kept();
    return kept != nullptr ? std::optional(*kept) : std::nullopt;
  }
  void after_statement(routing::StatementKind kind, const routing::StatementFacts& facts,
                       const protocol::ResultEnd& end);
  routing::SessionFacts session_facts();

  // session_relay.cc
  Task<Next> relay_read(routing::Plan plan, routing::StatementFacts facts, Command command);
  // `anew`: the backend's answer has other packet numbers than the client waits for.
  enum class Numbers : std::uint8_t { kept, anew };
  Task<absl::Status> relay(BackendLink& link, protocol::ResponseKind kind, SampledRead* sample,
                           protocol::ResultEnd* end, bool* answered, Numbers numbers = Numbers::kept);
  void leave_follower(const absl::Status& why);
  Task<Next> relay_to_leader(Command command, protocol::ResponseKind kind, protocol::ResultEnd* end);
  // session_local_file.cc: the file that a response asked the client for
  Task<absl::Status> relay_file(BackendLink& link, std::uint8_t sequence);
  Task<absl::StatusOr<BackendLink*>> leader_link(const routing::StatementFacts* facts);
  Task<absl::StatusOr<BackendLink*>> follower_link();
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_link(config::Backend which, std::string schema,
                                                               std::optional<Refusal>* refused);
  LinkOptions session_link_options(config::Backend which, std::string schema) const;
  Task<absl::Status> refresh_context();
  // Whether the other side means the same by the session's time zone; without waiting: while it is not known, reads
  // stay with the leader. The context is known.
  bool zone_agreed();
  void submit_shadow(const routing::StatementFacts& facts, std::string sql, protocol::Buffer execute,
                     SampledRead sample, config::Backend control);
  void count_read(const routing::StatementFacts& facts, config::Backend from, std::uint64_t microseconds);

  // session_rows.cc: what a relayed statement leaves, commits
  routing::Duplication duplication() const;
  bool duplicates() const { return duplication() == routing::Duplication::rows; }
  bool must_ask_how_to_read(const routing::StatementFacts& facts, std::string_view sql) const;
  bool wants_tracking() const;
  Task<absl::Status> begin_tracking(BackendLink& leading);
  void expect_commit_of(const routing::StatementFacts& facts);
  void count_relayed_write(const routing::StatementFacts& facts, TimePoint begun);
  std::optional<Commit> note_commit(const BackendLink& link, const protocol::ResultEnd& end,
                                    const protocol::ToldBySession& told);
  Task<void> wait_for_commit(Commit commit);

  // session_ddl.cc: DDL under feed `trigger`
  bool must_say_ddl(const routing::StatementFacts& facts) const;
  Task<absl::Status> say_ddl(routing::StatementFacts facts, std::string text, std::string schema);
  Task<void> conclude_ddl(std::uint16_t error);
  Task<Next> reply_ddl_unsaid(absl::Status why);
  Task<bool> follower_is_current();
  Task<bool> reads_stopped_tables(routing::StatementFacts facts, std::string schema);
  void note_relayed(routing::SessionEffect effect, const routing::StatementFacts& facts, const std::string& schema,
                    const protocol::ResultEnd& end);
  void note_not_followed();

  // session_attach.cc
  Task<absl::Status> reattach(const routing::StatementFacts* facts);
  Task<absl::Status> restore(BackendLink& fresh);
  std::string why_not_reattachable(const routing::StatementFacts* facts) const;
  enum class Closing : std::uint8_t { open, in_good_order, broken };
  Closing take_last_words();
  Task<absl::StatusOr<bool>> leader_was_killed(BackendLink& fresh, Closing closing);

  // session_prepare.cc: COM_STMT_PREPARE; session_prepared.cc: the other COM_STMT_*
  Task<Next> on_prepare(Command command);
  // A text to be prepared, with its facts; or why it is refused.
  struct Examined {
    PreparedStatement prepared;
    std::optional<protocol::Err> refused;
  };
  Task<absl::StatusOr<Examined>> examine(std::string sql);
  protocol::Err too_many_prepared() const;
  std::string unknown_statement(protocol::Bytes payload, std::string_view where);
  Task<Next> on_execute(Command command);
  Task<Next> execute_read(PreparedStatement& prepared, routing::Plan plan, protocol::Execute execute);
  Task<Next> on_long_data(Command command);
  Task<absl::StatusOr<std::optional<protocol::Err>>> long_data_refusal(PreparedStatement& prepared,
                                                                       std::size_t execute_bytes);
  Task<Next> on_close(Command command);
  Task<Next> on_reset_statement(Command command);
  Task<Next> on_fetch(Command command);
  Task<absl::StatusOr<std::uint32_t>> backend_statement(BackendLink& link, PreparedStatement& prepared,
                                                        std::optional<Captured>* refused);
  std::uint32_t meant_statement(protocol::Bytes payload);
  PreparedStatement* find_prepared(protocol::Bytes payload);

  // session_bulk.cc: COM_STMT_BULK_EXECUTE
  enum class BulkFault : std::uint8_t { arguments, not_for_bulk };
  Task<Next> on_bulk(Command command);
  Task<Next> refuse_bulk(BulkFault fault);
  Task<Next> relay_bulk(PreparedStatement& prepared, protocol::BulkExecute bulk);

  // replies
  Task<Next> reply(protocol::Buffer payload);
  Task<Next> reply_wire(protocol::Buffer wire);
  Task<Next> reply_captured(protocol::Buffer wire);  // an answer that a backend gave to a command of ours
  Task<Next> reply_ok(protocol::Ok ok);
  Task<Next> reply_err(std::uint16_t code, std::string sqlstate, std::string message);
  Task<Next> reply_err(protocol::Err err);
  // What the proxy will not do: counted, and the session goes on.
  Task<Next> reply_refused(protocol::Err err);
  Task<Next> reply_not_supported(std::string why);
  AnswerForm answer_form() const;
  Task<Next> reply_lost(absl::Status status,
                        config::Backend which);  // closes, as that server did: client libraries call it 2013
  Task<Next> reply_unjudged(absl::Status status);
  Task<Next> reply_unreachable(absl::Status status);  // 1053, and go on or close

  void own(Command& command);
  config::Backend leader() const { return shared_.leader; }
  std::unique_ptr<BackendLink>& link(config::Backend which) { return links_[static_cast<std::size_t>(which)]; }

  Worker& worker_;
  Shared& shared_;
  Counters& counters_;
  std::unique_ptr<Stream> client_;
  ClientOutput output_;
  std::uint32_t id_;
  std::uint32_t connection_id_ = 0;  // the leader's, which the client knows
  std::string host_;
  protocol::MessageReader reader_;
  protocol::Buffer pending_input_;
  protocol::Buffer owned_payload_;
  protocol::Buffer owned_wire_;
  std::uint8_t reply_sequence_ = 1;
  bool ending_ = false;
  bool draining_ = false;
  bool idle_ = false;
  bool killed_ = false;  // the leader has ended this connection, or was told to
  FollowerRead follower_read_;

  SessionLogin login_;
  protocol::Capabilities capabilities_ = 0;
  bool multi_statements_ = false;
  std::string user_name_;
  std::shared_ptr<const KnownUser> user_;
  UserSlot user_slot_;
  std::uint16_t collation_ = 45;
  std::vector<std::pair<std::string, std::string>> attributes_;
  KnownState known_;

  std::array<std::unique_ptr<BackendLink>, 2> links_;
  std::uint64_t follower_context_version_ = 0;
  LeaderHold hold_;

  Transaction transaction_;
  Diagnostics diagnostics_;
  PreparedStatements prepared_;
  std::unique_ptr<CapturedDdl> ddl_;  // said, and not concluded
  CommitTracker commits_;
};

}  // namespace crossfade::proxy
