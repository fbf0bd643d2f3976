// The checks of a table on both sides, as each make prints them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

struct CheckComparison {
  std::vector<std::string> only_leader, only_follower;
  // The leader's and the follower's, of which it is not known whether they are the same.
  std::vector<std::pair<std::string, std::string>> unknown;
};
CheckComparison compare_checks(const std::vector<DefinedCheck>& leader, const std::vector<DefinedCheck>& follower,
                               bool one_make);

}  // namespace crossfade::dualwrite
