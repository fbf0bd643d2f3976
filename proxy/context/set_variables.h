// Which variables a client has SET in its session. What a SET means is the table's (routing/session_variables.h) and
// the value's, which is read from the leader (session_context.h); this only remembers what is to be asked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "routing/session_variables.h"

namespace crossfade::proxy {

class SetVariables {
 public:
  // Names in lower case, as routing::StatementFacts has them; user variables are passed over: what mentions one stays
  // with the leader anyway.
  void note(const std::vector<std::string>& names);
  // Statements ran that were not followed here: they may have set anything. `why`: "has run ...".
  void note_unobserved(std::string_view why);
  void clear() { *this = {}; }

  // Those whose values decide where reads and writes may go, in the order of the table; each once.
  const std::vector<const routing::SessionVariable*>& deciding() const { return deciding_; }
  // Why nothing of this session can be reproduced elsewhere, whatever the values are: "has set `x`, which ...". Empty:
  // nothing of the kind.
  const std::string& unfollowed() const { return unfollowed_; }

 private:
  std::vector<const routing::SessionVariable*> deciding_;
  std::string unfollowed_;
};

}  // namespace crossfade::proxy
