// Whether every value of a leader's column is exactly a value of the follower's column of the same name, and by which
// way it gets there.
#pragma once

#include <cstdint>
#include <string>

#include "dualwrite/stored_form.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

struct ColumnFit {
  enum class How : std::uint8_t {
    same,      // the same bytes: rows events, and SQL but for `events_only`
    converts,  // the server converts exactly: SQL
    cannot     // `reason`
  } how = How::cannot;
  std::string reason{};       // of `cannot`: what, and what to do; of `converts`: what is converted
  std::string events_only{};  // why SQL cannot carry it exactly; empty: it can
  // The follower's function that makes the text of the leader's bytes (UUID, INET); empty: none is needed.
  std::string text_by{};
};

// `leader_definition`: the leader's own definition of the column; nullptr: not known, then what only it can tell is a
// doubt, and a doubt is `cannot`. Whether NULL fits is not asked here.
ColumnFit fit_column(const LogColumn& leader, const DefinedColumn* leader_definition, const DefinedColumn& follower,
                     ServerMakes makes);

}  // namespace crossfade::dualwrite
