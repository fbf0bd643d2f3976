// From the tree to values: a Field is one value of the file, or its absence; a MapReader hands them out.
// Every reading member leaves `out` as it was unless the value is there and right, so defaults stand in
// config.h and flags.h alone, and returns whether it set it. What is wrong goes to the Problems at once.
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/percent.h"
#include "config/quantity.h"
#include "config/strict_yaml.h"

namespace crossfade::config {

inline constexpr std::size_t kUserBytesMax = 512;  // of an account's name: 128 characters of four bytes

class MapReader;

// Points into the tree and at the Problems, both of which outlive it.
class Field {
 public:
  // `node` is null when the key is not given. `path` names the value in messages: "users[0].name".
  Field(const YamlNode* node, std::string path, Problems& problems)
      : node_(node), path_(std::move(path)), problems_(&problems) {}

  bool given() const { return node_ != nullptr; }
  // The value is a map; for keys that take a list or a map.
  bool is_map() const { return node_ != nullptr && node_->kind == YamlNode::Kind::map; }
  const std::string& path() const { return path_; }
  // "12:5"; empty when not given.
  std::string place() const;
  // At this value's place: "<path>: <message>".
  void problem(const std::string& message) const;

  // A text of 1 to `bytes_max` bytes without control characters.
  bool text(std::string& out, std::size_t bytes_max = 1024) const;
  // A text that may be empty and is never shown in a message.
  bool secret(std::string& out) const;
  bool boolean(bool& out) const;
  bool percent(Percent& out) const;
  bool duration(std::chrono::milliseconds& out, DurationBounds bounds) const;
  bool size(std::uint64_t& out, Bounds bounds) const;

  template <typename Number>
  bool number(Number& out, Bounds bounds) const {
    std::uint64_t value = 0;
    if (!whole_number(value, bounds)) return false;
    out = static_cast<Number>(value);
    return true;
  }

  // One of a few words.
  template <typename Value, std::size_t count>
  bool choice(Value& out, const std::array<std::pair<std::string_view, Value>, count>& choices) const {
    std::string word;
    if (!text(word)) return false;
    std::string words;
    for (const auto& [name, value] : choices) {
      if (name == word) {
        out = value;
        return true;
      }
      words += (words.empty() ? "" : ", ") + std::string(name);
    }
    problem("must be " + std::string(count > 1 ? "one of " : "") + words + ", not " + in_quotes(word));
    return false;
  }

  // A text in a syntax of its own; the parser's error follows "<path>: ".
  template <typename Value>
  bool parsed(Value& out, absl::StatusOr<Value> (*parse)(std::string_view)) const {
    std::string written;
    if (!text(written)) return false;
    absl::StatusOr<Value> value = parse(written);
    if (!value.ok()) {
      problem(std::string(value.status().message()));
      return false;
    }
    out = *std::move(value);
    return true;
  }

  // The elements of a list with `count` of them; empty when absent or wrong.
  std::vector<Field> list(Bounds count) const;
  // Absent reads as an empty map whose keys are all optional.
  MapReader map() const;

 private:
  friend class MapReader;
  bool whole_number(std::uint64_t& out, Bounds bounds) const;
  // The scalar to read, or null, which is then reported or absent.
  const YamlNode* scalar(std::string_view wanted) const;
  const YamlNode* unquoted(std::string_view wanted) const;

  const YamlNode* node_;
  std::string path_;
  Problems* problems_;
};

// The keys of one map. Which keys exist is what the reader asked for: the destructor reports all others,
// with the nearest known name.
class MapReader {
 public:
  explicit MapReader(const Field& field);
  ~MapReader();
  MapReader(const MapReader&) = delete;
  MapReader& operator=(const MapReader&) = delete;

  Field optional(std::string_view key);
  // A missing key is a problem, unless the whole map is absent.
  Field required(std::string_view key);
  // Every entry, for maps whose keys are data.
  std::vector<std::pair<std::string, Field>> all(Bounds count);

  bool given() const { return node_ != nullptr; }
  void problem(const std::string& message) const { field_.problem(message); }

 private:
  Field child(std::string_view key, const YamlNode* node) const;

  Field field_;
  const YamlNode* node_ = nullptr;  // null unless a map
  std::set<std::string, std::less<>> known_;
};

}  // namespace crossfade::config
