// YAML text to Config and Flags, strictly: all problems at once, each with its place. yaml-cpp 0.7
// takes duplicate keys, octal numbers, a second document, anchors and unknown keys in silence; all
// of that is refused here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/flags.h"

namespace crossfade::config {

struct Problem {
  int line = 0;         // 1-based; 0: the whole file
  int column = 0;       // 1-based
  std::string message;  // what is wrong and what to do
};
// "file:line:column: message", or "file: message" without a place; lines joined by a line feed.
std::string describe(const std::vector<Problem>& problems, std::string_view file);

template <typename Value>
struct Loaded {
  std::optional<Value> value;  // only without problems
  std::vector<Problem> problems;
};

// `directory` is that of the file: relative paths inside are resolved against it.
Loaded<Config> load_config(std::string_view yaml, std::string_view directory);
Loaded<Flags> load_flags(std::string_view yaml);

// One line a change, "read_from_new.percent: 5 -> 50", "rules[0].match.user: added: app" or
// "...: removed: app", for the log; empty when equal.
std::vector<std::string> describe_changes(const Flags& before, const Flags& after);

}  // namespace crossfade::config
