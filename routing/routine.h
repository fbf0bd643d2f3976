// Does a stored procedure only read? Its definition in, a verdict out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "routing/facts.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

// As the server keeps it (SHOW CREATE PROCEDURE), in UTF-8.
struct RoutineDefinition {
  std::string create;
  std::string sql_mode;
  std::string character_set_client;  // which the text was written in
};

struct RoutineVerdict {
  // Why it cannot be known to change no rows: "line 4 of its definition is an UPDATE". Empty: it changes none, if the
  // procedures in `calls` change none.
  std::string refusal;
  // What a CALL of it is to the session: locks_rows, assigns_user_variable, last_insert_id, sets_last_insert_id.
  Facts facts;
  UserLocks user_locks = UserLocks::leaves;
  std::vector<TableName> calls;  // without a schema: in the procedure's own
  bool reads_tables = false;     // the conditions of the statement before the CALL are forgotten
  // A deadlock may have rolled the transaction back, and the procedure gone on.
  bool catches_errors = false;
  // It may ask for FOUND_ROWS(), ROW_COUNT() or conditions of the statement before the CALL.
  bool asks_what_was_before = false;
};

// `mode`: of the definition's sql_mode. A function it calls must be built in; views and tables are taken for what
// only reads, as in every other read.
RoutineVerdict judge_routine(const RoutineDefinition& definition, const LexerMode& mode);
// What CALL of both is.
void merge(RoutineVerdict& into, const RoutineVerdict& other);

constexpr std::size_t kRoutineBytesMax = 256u << 10;  // a longer one is not judged

}  // namespace crossfade::routing
