// What feed `trigger` keeps beside `changes`: on the leader which definition each number stands for, on the follower
// which rows of `changes` it has. Text only; whoever sends it is proxy/.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dualwrite/leader_settings.h"
#include "dualwrite/table_definition.h"
#include "protocol/rows.h"

namespace crossfade::dualwrite {

// Which settings of the leader triggers can be trusted under: the answers go into judge_capture().
std::string capture_settings_query(bool mariadb);
absl::StatusOr<std::vector<SettingProblem>> judge_capture(const protocol::ResultSet& settings);
// MySQL from 9.6 on, unless it is told to leave foreign keys to InnoDB: an UPDATE IGNORE of a key that is refused
// leaves the children changed there, and nothing tells of it; and a REPLACE, which looks like a delete and an insert,
// keeps them.
bool enforces_keys_above_innodb(const protocol::ResultSet& settings);
// Why such a leader's table cannot be followed; empty: no foreign key changes its rows.
std::string unseen_cascade(const TableDefinition& table);

// On the leader. A number is `making` until its triggers are there, `live`, and `retired` once it has been followed by
// another: its rows may still be in `changes`.
enum class CaptureState : std::uint8_t { making, live, retired };
struct CaptureRecord {
  std::uint32_t number = 0;
  CaptureState state = CaptureState::making;
  TableDefinition definition{};
  std::vector<std::vector<std::string>> referenced{};  // CaptureRequest::referenced
  std::string ids{};                                   // TableIds::of() as it was captured
};
std::string captured_setup_statement(std::string_view schema);
std::string select_captured_states(std::string_view schema);  // number, state
CaptureState captured_state(std::string_view name);
std::string select_captured(std::string_view schema, std::string_view numbers);  // "7,9", for captured_from()
absl::StatusOr<std::vector<CaptureRecord>> captured_from(const protocol::ResultSet& result);
std::string insert_captured(std::string_view schema, const CaptureRecord& record);  // the number is the insert id
std::string update_captured(std::string_view schema, std::uint32_t number, CaptureState state);
// Those of these numbers ("7,9") that are retired: nothing has them any more.
std::string delete_captured(std::string_view schema, std::string_view numbers);
// All other numbers of this name.
std::string retire_captured(std::string_view schema, const TableRef& name, std::uint32_t but);
// A condition on `changes`, to be added to others: nothing of any number of these names.
std::string but_of_tables(std::string_view schema, const std::set<TableRef>& names);

// On the leader: a write whose commit is durable only when every commit that could be seen before it is.
std::string flushed_setup_statement(std::string_view schema);
std::string raise_flushed(std::string_view schema);
std::string drop_flushed(std::string_view schema);

// On the follower, in the applier's transaction: the rows of `changes` that it has and the leader may still have. Of
// one snapshot at most.
std::string taken_setup_statement(std::string_view schema);
std::string store_taken(std::string_view schema, std::string_view leader, std::string_view ids);
std::string select_taken(std::string_view schema, std::string_view leader);

// What a capture depends on of a definition, as text; the inverse gives a definition without the rest.
std::string definition_record(const CaptureRecord& record);
absl::StatusOr<CaptureRecord> parse_definition_record(std::string_view text);

}  // namespace crossfade::dualwrite
