#include "shadow/connection_shares.h"

namespace crossfade::shadow {

// Of a user's idle connections the one used last: the others come to be closed.
ConnectionShares::Choice ConnectionShares::take(const std::string& user, std::size_t allowed) {
  Choice choice;
  for (const auto& [id, booked] : booked_) {
    const bool fits = !booked.in_use && booked.user == user;
    if (fits && (choice.connection == 0 || booked.idle_since > booked_.at(choice.connection).idle_since)) {
      choice.connection = id;
    }
  }
  if (booked_.size() > allowed) {
    return Choice();  // some are to be closed first
  }
  if (choice.connection != 0) {
    choice.kind = Choice::Kind::reuse;
    booked_.at(choice.connection).in_use = true;
    return choice;
  }
  if (booked_.size() == allowed) {
    choice.close = longest_idle();
    if (choice.close == 0) {
      return Choice();
    }
    booked_.erase(choice.close);
  }
  choice.kind = Choice::Kind::open;
  choice.connection = ++last_;
  booked_[choice.connection].user = user;
  return choice;
}

void ConnectionShares::give_back(Id connection, Moment now) {
  const auto found = booked_.find(connection);
  if (found != booked_.end()) {
    found->second.in_use = false;
    found->second.idle_since = now;
  }
}

std::vector<ConnectionShares::Id> ConnectionShares::take_surplus(Moment before, std::size_t allowed) {
  std::vector<Id> surplus;
  for (Id id = longest_idle(); id != 0; id = longest_idle()) {
    if (booked_.at(id).idle_since >= before && booked_.size() <= allowed) {
      break;
    }
    surplus.push_back(id);
    booked_.erase(id);
  }
  return surplus;
}

ConnectionShares::Id ConnectionShares::take_idle() {
  const Id id = longest_idle();
  if (id != 0) {
    booked_.at(id).in_use = true;
  }
  return id;
}

void ConnectionShares::put_back(Id connection) {
  const auto found = booked_.find(connection);
  if (found != booked_.end()) {
    found->second.in_use = false;
  }
}

bool ConnectionShares::is_idle(Id connection) const {
  const auto found = booked_.find(connection);
  return found != booked_.end() && !found->second.in_use;
}

ConnectionShares::Id ConnectionShares::longest_idle() const {
  Id longest = 0;
  for (const auto& [id, booked] : booked_) {
    if (!booked.in_use && (longest == 0 || booked.idle_since < booked_.at(longest).idle_since)) {
      longest = id;
    }
  }
  return longest;
}

}  // namespace crossfade::shadow
