// What the connection to the leader holds for the client beyond what the session knows by value, and what it takes to
// give another connection the same.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "routing/facts.h"

namespace crossfade::proxy {

class LeaderHold {
 public:
  // A statement that is about to run there, whatever comes of it.
  void note(const routing::StatementFacts& facts);
  // A SET that ran: kept to be repeated. One that a later one overrides is forgotten.
  void note_set(const routing::StatementFacts& facts, std::string_view sql);
  // The session was brought into a state that nothing here can repeat.
  void note_unfollowed();
  // LAST_INSERT_ID() is one that only the leader knows.
  void note_last_insert_id();
  // The transaction that SET TRANSACTION (without SESSION) was for is over.
  void note_transaction_ended() { next_transaction_set_ = false; }
  void clear() { *this = {}; }

  // Characteristics wait on the leader for the next transaction: no read may pass it by.
  bool next_transaction_set() const { return next_transaction_set_; }
  // "user variables, a user lock": what no other connection can be given. Empty: nothing of the kind.
  std::string irreplaceable() const;
  // In the order in which they ran.
  std::vector<std::string> sets() const;

  static constexpr std::size_t kSetsMax = 64;
  static constexpr std::size_t kSetBytesMax = 4096;

 private:
  struct Set {
    std::string sql;
    std::set<std::string> names;
  };
  std::set<std::string_view> held_;
  std::vector<Set> sets_;
  bool next_transaction_set_ = false;
};

}  // namespace crossfade::proxy
