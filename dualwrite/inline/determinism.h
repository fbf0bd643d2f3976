// Can this write be reproduced on the follower by running its statement again? The answer is a
// value: yes, and what must be pinned for it; or no, and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dualwrite/inline/text_conversion.h"
#include "dualwrite/table_schema.h"
#include "protocol/prepared.h"
#include "routing/facts.h"
#include "routing/write_shape.h"

namespace crossfade::dualwrite {

struct ShipVerdict {
  bool shippable = false;
  std::string refusal;               // not shippable: "crossfade: ..." with the reason and what to do; no literals
  bool freeze_time = false;          // run under SET timestamp, recorded
  bool seed_rand = false;            // run under recorded seeds
  bool generates_id = false;         // every row takes its AUTO_INCREMENT value from the server
  bool sets_last_insert_id = false;  // afterwards LAST_INSERT_ID() is the OK's id (when that is not 0)
  // It answers with rows, by a RETURNING that begins here in the text and is not for the follower.
  std::optional<std::size_t> returning_at{};
};

// What of the session bears on the verdict.
struct WriterSession {
  bool no_auto_value_on_zero = false;  // that sql_mode
  bool knows_returning = false;        // the leader is MariaDB
  TextPath text{};
};

// `parameters`: null for text statements and at PREPARE time (then placeholders are taken as fitting); at EXECUTE time
// the bound ones.
// `schema` null: the table is not known on the leader: shippable false, with no refusal text; let the
// leader give its own error (1146) by running the statement in a transaction that is rolled back.
ShipVerdict ship_verdict(const routing::StatementFacts& facts, const routing::WriteShape& shape,
                         const TableSchema* schema, const WriterSession& session,
                         const std::vector<protocol::Parameter>* parameters);

}  // namespace crossfade::dualwrite
