// The names that a client has given to statements by PREPARE, and the ids under which the session keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace crossfade::proxy {

// Bounded by the session's prepared statements, of which each name is one. Names are ASCII and compare
// without case, as on the servers.
class SqlStatements {
 public:
  std::optional<std::uint32_t> find(std::string_view name) const {
    const auto found = ids_.find(folded(name));
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  void set(std::string_view name, std::uint32_t id) { ids_[folded(name)] = id; }
  void erase(std::string_view name) { ids_.erase(folded(name)); }
  void clear() { ids_.clear(); }

 private:
  static std::string folded(std::string_view name) {
    std::string out(name);
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  }
  std::map<std::string, std::uint32_t> ids_;
};

}  // namespace crossfade::proxy
