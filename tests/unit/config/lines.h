// Problems as "line:column: message", to compare whole lists in one expectation.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace crossfade::config {

inline std::vector<std::string> lines(const std::vector<Problem>& problems) {
  std::vector<std::string> result;
  for (const Problem& problem : problems) {
    result.push_back(std::to_string(problem.line) + ":" + std::to_string(problem.column) + ": " + problem.message);
  }
  return result;
}

}  // namespace crossfade::config
