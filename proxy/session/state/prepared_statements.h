// The statements that a client has prepared, under ids of the proxy's own.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/backend.h"
#include "protocol/prepared.h"
#include "proxy/session/state/long_data.h"
#include "routing/facts.h"

namespace crossfade::proxy {

struct PreparedStatement {
  std::string sql{};
  routing::StatementFacts facts{};
  std::string schema{};  // names are resolved in the schema of the moment of PREPARE
  std::uint16_t parameters = 0;
  std::array<std::optional<std::uint32_t>, 2> backend_ids{};  // by config::Backend, while that link lives
  std::vector<protocol::ParameterType> types{};
  LongData long_data{};
  std::uint64_t context_version = 0;  // of the session when it was prepared
  bool cursor = false;                // its last execution opened one, on the leader

  std::optional<std::uint32_t>& id_on(config::Backend which) { return backend_ids[static_cast<std::size_t>(which)]; }
};

// Ids are given once and never again, so that a client's late word about a closed statement finds none. Where a
// statement stays until it is erased: references to it hold as long.
//
// Invariant: size <= the limit, and last() is 0 or the id of a statement that exists.
class PreparedStatements {
 public:
  explicit PreparedStatements(std::size_t statements_max) : statements_max_(statements_max) {}

  bool full() const { return statements_.size() >= statements_max_; }
  std::size_t limit() const { return statements_max_; }
  // Not full(). Gives its id.
  std::uint32_t add(PreparedStatement statement) {
    last_ = next_id_++;
    statements_.emplace(last_, std::move(statement));
    return last_;
  }
  // nullptr: there is none.
  PreparedStatement* find(std::uint32_t id) {
    const auto found = statements_.find(id);
    return found == statements_.end() ? nullptr : &found->second;
  }
  void erase(std::uint32_t id) {
    if (id == last_) last_ = 0;
    statements_.erase(id);
  }
  // The one that was prepared last; 0: that failed, or it was closed.
  std::uint32_t last() const { return last_; }
  void note_prepare_begun() { last_ = 0; }
  // The server has forgotten all of them.
  void clear() {
    statements_.clear();
    last_ = 0;
  }
  // A backend's connection is another one now, which knows none of them.
  void forget_ids_of(config::Backend which) {
    for (auto& [id, statement] : statements_) statement.id_on(which).reset();
  }
  // What keeps them from being prepared again on another connection, of a session in the state of `version`: "an open
  // cursor". Empty: nothing.
  std::string why_bound(std::uint64_t version) const {
    for (const auto& [id, statement] : statements_) {
      if (statement.cursor) return "an open cursor";
      if (statement.context_version != version) return "a statement prepared in another state of the session";
    }
    return "";
  }

 private:
  std::size_t statements_max_;
  std::uint32_t next_id_ = 1;
  std::uint32_t last_ = 0;
  std::map<std::uint32_t, PreparedStatement> statements_;
};

}  // namespace crossfade::proxy
