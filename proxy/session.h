// One client: its connection, its pair of backend connections, and the loop between them.
//
// A session lives on one worker thread. It classifies each command, asks routing::make_plan where it
// goes, and carries the plan out: relaying (session_relay.cc), writing (session_write.cc), prepared
// statements (session_prepared.cc). It never decides by itself where a statement goes.
//
// Invariant: what log_ holds is exactly what the open transaction on the leader has written. If the
// two can no longer be known to agree, the transaction is rolled back and the client told so (1213),
// or the connection is closed: never a wrong certainty.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dualwrite/inline/determinism.h"
#include "dualwrite/inline/load_statements.h"
#include "dualwrite/inline/transaction_log.h"
#include "protocol/bulk_execute.h"
#include "protocol/command.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "proxy/bulk_answer.h"
#include "proxy/client_output.h"
#include "proxy/commit_tracker.h"
#include "proxy/follower_read.h"
#include "proxy/inline/kept_diagnostics.h"
#include "proxy/inline/load_outcome.h"
#include "proxy/leader_hold.h"
#include "proxy/long_data.h"
#include "proxy/pinned_sessions.h"
#include "proxy/sampled_read.h"
#include "proxy/session_login.h"
#include "proxy/session_objects.h"
#include "proxy/session_state.h"
#include "proxy/shadow_pool.h"
#include "proxy/sql_statements.h"
#include "proxy/worker.h"
#include "routing/digest.h"
#include "routing/plan.h"
#include "routing/prepare_statement.h"
#include "routing/routine.h"
#include "routing/session_effect.h"
#include "routing/split.h"
#include "routing/write_shape.h"

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
  struct Prepared {
    std::string sql;
    routing::StatementFacts facts;
    routing::WriteShape shape;                           // of writes
    std::string schema;                                  // names are resolved in the schema of the moment of PREPARE
    std::optional<dualwrite::StatementContext> context;  // of writes: the session as it was then
    std::uint16_t parameters = 0;
    std::array<std::optional<std::uint32_t>, 2> backend_ids;  // by config::Backend, while that link lives
    std::vector<protocol::ParameterType> types;
    LongData long_data;
    std::uint64_t context_version = 0;  // of the session when it was prepared
    bool cursor = false;                // its last execution opened one, on the leader
  };
  using Kept = KeptDiagnostics;
  // One write as it ran on the leader, not yet committed.
  struct Recorded {
    dualwrite::StatementRecord record;
    protocol::Ok ok;
    std::optional<protocol::Buffer> rows;  // the answer, if it is rows: as the server gave it
    std::optional<protocol::Err> err;
    bool lost = false;  // the server answered OK outside of the transaction
  };
  struct Committed {
    enum class Fate : std::uint8_t { committed, refused, unknown } fate = Fate::unknown;
    protocol::Ok ok;    // of the COMMIT
    protocol::Err err;  // refused: rolled back, and why
  };

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
  Task<void> grant_learned_user(std::string name);
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
  bool needs_context_to_read(std::string_view sql) const;
  bool needs_context_to_read(const routing::UnclearBytes& unclear, std::string_view rest) const;
  Task<Next> carry_out(routing::Plan plan, routing::StatementFacts facts, Command command);
  // `text` is the SET; `command` what carries it, which may be an execution of it.
  Task<Next> on_set(routing::StatementFacts facts, std::string text, Command command, protocol::ResponseKind kind);
  Task<Next> on_begin(Command command);
  Task<Next> on_commit(routing::StatementFacts facts, Command command);
  Task<Next> on_plain(routing::StatementFacts facts, Command command);  // to the leader; then what it changed here
  Task<Next> on_warnings(routing::StatementFacts facts, Command command);
  Task<Next> on_several(Command command);  // session_several.cc: several statements in one text
  Task<Next> one_of_several(std::string_view* left, const routing::UnclearBytes* unclear);
  // session_call.cc: CALL of procedures that only read
  struct JudgedCall {
    std::optional<protocol::Err> refused;
    routing::RoutineVerdict verdict;
    routing::StatementFacts facts;  // of the CALL as the read that it is, with what its procedure does
  };
  // `schema`: which a name without one is in; nullopt: the session's.
  Task<absl::StatusOr<JudgedCall>> judge_call(routing::StatementFacts facts, std::optional<std::string> schema);
  Task<absl::StatusOr<bool>> user_sees_procedure(routing::TableName procedure);
  // Why what may be called cannot be called in the session's present state.
  std::optional<protocol::Err> why_not_now(const routing::RoutineVerdict& verdict) const;
  Task<Next> on_call(routing::StatementFacts facts, Command command);
  // `command` carries the CALL as text, or an EXECUTE of it.
  Task<Next> run_call(JudgedCall call, Command command);
  Task<Next> execute_call(Prepared& prepared, routing::Plan plan, protocol::Execute execute);
  // session_kill.cc
  Task<Next> on_kill(routing::StatementFacts facts, Command command);
  void kill_elsewhere(routing::KillTarget target, KillsUnderWay::Ticket under_way);
  void be_killed(routing::KillTarget::What what);
  Task<Next> refuse(routing::Plan plan, routing::StatementFacts facts, std::string sql);
  // The answer to an executed SHOW WARNINGS or SHOW ERRORS; nullopt: `sql` is another, or no condition was kept.
  std::optional<protocol::Buffer> executed_show_warnings(const std::string& sql) const;
  Task<void> keep_followers_conditions();
  Task<std::optional<Next>> answer_from_kept(const routing::StatementFacts& facts, std::string sql);
  // MariaDB keeps its conditions over a statement without tables that has none of its own.
  void keep_over(std::optional<Kept> kept, const protocol::ResultEnd& end);
  // `raised`: a SIGNAL may have said it, so that it proves nothing.
  enum class ErrorSource : std::uint8_t { server, raised };
  void note_error(std::uint16_t code, ErrorSource source = ErrorSource::server);
  void note_unobserved(const routing::StatementFacts& facts);
  // Brings read_pin_ to what is known of the session now.
  void update_read_pin();
  // Why a write of this session cannot be reproduced; the context is known. Empty: it can.
  std::string why_writes_are_refused() const;
  void after_statement(routing::StatementKind kind, const routing::StatementFacts& facts,
                       const protocol::ResultEnd& end);
  routing::SessionFacts session_facts();
  Task<absl::Status> probe();

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
  Task<absl::Status> receive_file(std::string name, dualwrite::LoadReader& reader,
                                  dualwrite::LoadStatements& statements, absl::Status* problem);
  // session_load.cc: LOAD DATA as rows
  Task<Next> on_load(Command command);
  Task<absl::StatusOr<LoadVariables>> load_variables();
  Task<Next> load(std::string sql, routing::LoadData load, LoadVariables variables);
  Task<Next> refuse_as_the_server(std::string sql);
  Task<Next> refuse_load(std::string sql, std::string why);
  Task<Next> write_loaded(std::vector<dualwrite::LoadStatement> statements, dualwrite::ShipVerdict verdict,
                          dualwrite::TableRef table, LoadOutcome outcome);
  Task<Next> undo_load(dualwrite::ShipVerdict verdict, std::optional<protocol::Err> servers, std::string ours);
  Task<absl::StatusOr<BackendLink*>> leader_link(const routing::StatementFacts* facts);
  Task<absl::StatusOr<BackendLink*>> follower_link();
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open_link(config::Backend which, std::string schema,
                                                               std::optional<Refusal>* refused);
  LinkOptions session_link_options(config::Backend which, std::string schema) const;
  Task<absl::Status> refresh_context();
  // Why the other side may mean something else by the session's time zone, which the context has. Empty: it does not.
  Task<std::string> zone_problem();
  // The same without waiting, for reads: while it is not known they stay with the leader.
  bool zone_agreed();
  void submit_shadow(const routing::StatementFacts& facts, std::string sql, protocol::Buffer execute,
                     SampledRead sample, config::Backend control);
  void count_read(const routing::StatementFacts& facts, config::Backend from, std::uint64_t microseconds);

  // session_rows.cc: sessions whose writes are taken from the leader's row log
  routing::Duplication duplication() const;
  bool relays_rows() const { return duplication() == routing::Duplication::rows; }
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
  Task<bool> follower_has_own_writes();
  Task<bool> reads_stopped_tables(routing::StatementFacts facts, std::string schema);
  void note_relayed(routing::SessionEffect effect, const routing::StatementFacts& facts, const std::string& schema,
                    const protocol::ResultEnd& end);
  void note_not_followed();
  void forget_context();
  Task<Next> relay_set(routing::StatementFacts facts, std::string text, Command command, protocol::ResponseKind kind);

  // session_attach.cc
  Task<absl::Status> reattach(const routing::StatementFacts* facts);
  Task<absl::Status> restore(BackendLink& fresh);
  std::string why_not_reattachable(const routing::StatementFacts* facts) const;
  enum class Closing : std::uint8_t { open, in_good_order, broken };
  Closing take_last_words();
  Task<absl::StatusOr<bool>> leader_was_killed(BackendLink& fresh, Closing closing);

  // session_write.cc
  Task<Next> on_write(routing::StatementFacts facts, Command command);
  Task<absl::StatusOr<dualwrite::ShipVerdict>> judge(const routing::StatementFacts& facts,
                                                     const routing::WriteShape& shape,
                                                     const std::vector<protocol::Parameter>* parameters,
                                                     std::string schema);
  Task<Next> write_autocommit(std::string sql, dualwrite::ShipVerdict verdict, dualwrite::TableRef table);
  Task<Next> write_stepwise(std::string sql, protocol::Buffer execute, Prepared* prepared,
                            dualwrite::ShipVerdict verdict, dualwrite::TableRef table);
  Task<Next> refuse_too_large();
  std::string why_too_large_to_repeat(std::size_t bytes) const;
  Task<Next> refuse_too_large_to_repeat(std::string why);
  Task<Next> write_in_transaction(std::string sql, protocol::Buffer execute, Prepared* prepared,
                                  dualwrite::ShipVerdict verdict, dualwrite::TableRef table);
  Task<absl::StatusOr<Recorded>> run_recorded(std::string sql, protocol::Buffer execute, Prepared* prepared,
                                              dualwrite::ShipVerdict verdict, dualwrite::TableRef table, bool begin);
  Task<absl::StatusOr<std::optional<protocol::Err>>> servers_own_error(std::string sql);
  Task<Next> refuse_write(std::string sql, dualwrite::ShipVerdict verdict, bool understood);
  // `end`: the COMMIT, with what the client says of CHAIN and RELEASE.
  Task<Committed> record_and_commit(dualwrite::Entry entry, std::string end);
  Task<Next> reply_committed_transaction(routing::StatementFacts facts);
  Task<absl::StatusOr<Captured>> undo_write(std::uint16_t code, bool reset_time);
  Task<Next> undo_failed_write(const Captured& captured, std::size_t own, bool reset_time);
  protocol::Err recording_error(const protocol::Err& err) const;
  dualwrite::StatementRecord make_record(std::string sql, const dualwrite::ShipVerdict& verdict,
                                         const dualwrite::TableRef& table) const;
  dualwrite::TableRef table_ref(const routing::TableName& name, const std::string& schema) const;
  dualwrite::StatementContext write_context(const Prepared* prepared) const;
  dualwrite::EntryKey draw_key();
  std::shared_ptr<AppliedMark> note_committed(const dualwrite::EntryKey& key);
  Task<void> wait_for_follower(std::shared_ptr<AppliedMark> mark);
  void learn_insert_id(const dualwrite::ShipVerdict& verdict, const protocol::Ok& ok);
  Task<absl::Status> secure_last_insert_id();

  // session_local.cc: what only this session has
  Task<Next> on_session_only(routing::StatementFacts facts, Command command);
  Task<Next> on_commit_first(routing::StatementFacts facts, Command command);
  Task<absl::Status> before_session_only(routing::StatementFacts facts);
  Task<absl::Status> after_session_only(routing::StatementFacts facts, std::string schema, protocol::ResultEnd end);
  Task<absl::Status> look_for_temporary_tables(std::vector<routing::TableName> names, std::string schema,
                                               std::int64_t row_count, std::string error_sqlstate);

  // session_sql_prepare.cc: PREPARE, EXECUTE, DEALLOCATE
  Task<Next> on_sql_prepare(routing::StatementFacts facts, Command command);
  Task<Next> prepare_by_name(routing::PrepareStatement statement, Command command);
  Task<Next> execute_by_name(routing::PrepareStatement statement, Command command);
  Task<Next> execute_immediately(routing::PrepareStatement statement, Command command);
  Task<Next> execute_named(Prepared& prepared, std::vector<std::string> values, Command command);
  Task<void> forget_named(std::string name);
  Task<absl::StatusOr<std::optional<protocol::Err>>> expression_refusal(routing::PrepareStatement statement);
  Task<absl::StatusOr<std::optional<std::string>>> prepared_text(routing::PrepareStatement statement);
  Task<absl::StatusOr<std::vector<protocol::Parameter>>> values_of(std::vector<std::string> values);

  // session_prepare.cc: COM_STMT_PREPARE; session_prepared.cc: the other COM_STMT_*
  Task<Next> on_prepare(Command command);
  // A text to be prepared: its facts and, of a write, its shape and context; or why it is refused.
  struct Examined {
    Prepared prepared;
    std::optional<protocol::Err> refused;
  };
  Task<absl::StatusOr<Examined>> examine(std::string sql);
  protocol::Err too_many_prepared() const;
  std::string unknown_statement(protocol::Bytes payload, std::string_view where);
  Task<std::optional<Next>> before_execution(routing::StatementKind kind);
  Task<absl::StatusOr<dualwrite::ShipVerdict>> judge_execution(const Prepared& prepared,
                                                               const std::vector<protocol::Parameter>* parameters);
  Task<Next> execute_write(Prepared& prepared, protocol::Execute execute);
  Task<Next> on_execute(Command command);
  Task<Next> execute_read(Prepared& prepared, routing::Plan plan, protocol::Execute execute);
  Task<Next> on_long_data(Command command);
  Task<absl::StatusOr<std::optional<protocol::Err>>> long_data_refusal(Prepared& prepared, std::size_t execute_bytes);
  Task<Next> on_close(Command command);
  Task<Next> on_reset_statement(Command command);
  Task<Next> on_fetch(Command command);
  Task<absl::StatusOr<std::uint32_t>> backend_statement(BackendLink& link, Prepared& prepared,
                                                        std::optional<Captured>* refused);
  std::uint32_t meant_statement(protocol::Bytes payload);
  Prepared* find_prepared(protocol::Bytes payload);

  // session_bulk.cc: COM_STMT_BULK_EXECUTE
  enum class BulkFault : std::uint8_t { arguments, not_for_bulk };
  Task<Next> on_bulk(Command command);
  Task<Next> refuse_bulk(BulkFault fault);
  Task<Next> relay_bulk(Prepared& prepared, routing::Action action, protocol::BulkExecute bulk);
  Task<Next> write_bulk(Prepared& prepared, protocol::BulkExecute bulk);
  Task<Next> end_bulk_alone(Prepared& prepared, BulkAnswer answer, std::optional<protocol::Err> err,
                            std::vector<dualwrite::StatementRecord> records, bool reset_time);

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
  std::uint16_t status_flags() const;  // as the leader would send them
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
  std::string schema_;

  std::array<std::unique_ptr<BackendLink>, 2> links_;
  std::optional<SessionContext> context_;  // nullopt: to be read from the leader when next needed
  std::uint64_t context_version_ = 1;      // grows with every change of context_
  std::uint64_t follower_context_version_ = 0;
  bool lexer_stale_ = false;
  routing::LexerMode lexer_mode_;
  SetVariables set_variables_;
  ReadPin read_pin_;
  LeaderHold hold_;

  SessionObjects objects_;
  bool unobserved_ = false;  // ran statements while writes were not duplicated: objects_ does not tell all

  std::shared_ptr<const config::Flags> flags_;  // of the running transaction, or the newest
  bool in_transaction_ = false;
  bool autocommit_ = true;
  bool next_transaction_read_committed_ = false;
  bool needs_probe_ = false;  // an ERR came inside a transaction: is it still there?
  std::uint16_t last_error_ = 0;
  bool transaction_lost_ = false;
  dualwrite::TransactionLog log_;
  std::string fixup_;                 // to be run on the leader before its next statement
  std::uint64_t last_insert_id_ = 0;  // what the client's LAST_INSERT_ID() must give
  bool last_insert_id_known_ = true;
  bool last_insert_id_dirty_ = false;  // the outbox row has changed the server's
  std::optional<Kept> kept_;
  std::unique_ptr<CapturedDdl> ddl_;  // said, and not concluded
  config::Backend last_answered_ = config::Backend::old_db;
  std::shared_ptr<AppliedMark> last_write_;
  CommitTracker commits_;

  std::uint32_t next_statement_id_ = 1;
  std::uint32_t last_prepared_ = 0;  // 0: the last PREPARE failed, or its statement was closed
  std::map<std::uint32_t, Prepared> prepared_;
  SqlStatements sql_statements_;
};

}  // namespace crossfade::proxy
