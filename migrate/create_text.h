// What a server prints with SHOW CREATE, for what no model of ours describes: views, routines, triggers, events,
// sequences, partitions.
#pragma once

#include <string>
#include <vector>

#include "dualwrite/log_event.h"
#include "migrate/server_facts.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

struct CreateText {
  enum class Kind : std::uint8_t { partitions, sequence, procedure, function, view, trigger, event };
  Kind kind = Kind::view;
  dualwrite::TableRef name;                // the object's own
  dualwrite::LoggedStatement statement{};  // as if the leader had logged it
  std::string unreadable{};                // why the text could not be had; empty: it is in `statement`
};
std::string_view name(CreateText::Kind kind);

struct CreateTextWanted {
  CreateText::Kind kind = CreateText::Kind::view;
  dualwrite::TableRef name;
};
std::string show_create(const CreateTextWanted& wanted);
// Partitions: ALTER TABLE .. PARTITION BY ..; an empty text: it has none.
CreateText create_text_from(const CreateTextWanted& wanted, const protocol::ResultSet& answer, bool mariadb);

}  // namespace crossfade::migrate
