#include "proxy/context/set_variables.h"

#include <algorithm>

namespace crossfade::proxy {

void SetVariables::note(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name.starts_with('@') || name == "names" || name == "character set") continue;
    const routing::SessionVariable* variable = routing::find_session_variable(name);
    if (variable == nullptr) {
      if (unfollowed_.empty()) unfollowed_ = "has set `" + name + "`, a variable that is not known here";
      continue;
    }
    if (variable->effect != routing::VariableEffect::pins_reads) continue;
    const auto at = std::lower_bound(deciding_.begin(), deciding_.end(), variable);  // one array: ordered as the table
    if (at == deciding_.end() || *at != variable) deciding_.insert(at, variable);
  }
}

void SetVariables::note_unobserved(std::string_view why) {
  if (unfollowed_.empty()) unfollowed_ = why;
}

}  // namespace crossfade::proxy
