// YAML text to a tree in which every value knows its place, refusing all that two readers of the same
// file could understand differently. yaml-cpp 0.7 keeps the first of two equal keys, follows aliases,
// ignores a second document and ends the file at a byte 0x04, all in silence; here each is a Problem.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace crossfade::config {

inline constexpr std::size_t kYamlBytesMax = 1u << 20;
inline constexpr std::size_t kYamlDepthMax = 32;

// What was found wrong so far. Holds the first kProblemsMax: a hopeless file is not reported in full.
class Problems {
 public:
  static constexpr std::size_t kProblemsMax = 100;

  void add(Problem problem);
  bool empty() const { return list_.empty(); }
  // In the order of the file, and empties this.
  std::vector<Problem> take();

 private:
  std::vector<Problem> list_;
  bool more_ = false;
};

struct YamlEntry;

struct YamlNode {
  // `refused`: its problem is reported already, so that readers pass over it.
  enum class Kind : unsigned char { null, scalar, sequence, map, refused };
  Kind kind = Kind::null;
  int line = 0;  // 1-based, as in Problem; columns count bytes
  int column = 0;
  std::string text;  // of a scalar
  bool quoted = false;
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a map: keys are scalars, each once
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

// nullopt when there is no tree to read on with; problems may be added either way. Never throws on bad
// text. Only the tree's shape is checked here; what keys and values mean is their readers' affair.
std::optional<YamlNode> parse_strict_yaml(std::string_view text, Problems& problems);

// For messages: in quotes, shortened, control characters replaced.
std::string in_quotes(std::string_view text);

}  // namespace crossfade::config
