#include "proxy/users/user_directory.h"

#include <algorithm>
#include <utility>

namespace crossfade::proxy {

bool UserSlot::take(const KnownUser& user) {
  release();
  const std::uint32_t others = user.connections->fetch_add(1, std::memory_order_relaxed);
  if (user.connections_max != 0 && others >= user.connections_max) {
    user.connections->fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  count_ = user.connections;
  return true;
}

void UserSlot::release() {
  if (count_) count_->fetch_sub(1, std::memory_order_relaxed);
  count_.reset();
}

UserDirectory::UserDirectory(KnownUsers listed, config::LearnedUsers learning) : learning_(learning) {
  list(std::move(listed));
}

void UserDirectory::list(KnownUsers&& users) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::shared_ptr<const KnownUser>, std::less<>> fresh;
  bool needs_full = false;
  for (auto& [name, user] : users) {
    needs_full = needs_full || !user.secret.password;
    if (const auto former = listed_.find(name); former != listed_.end()) user.connections = former->second->connections;
    fresh.emplace(name, std::make_shared<const KnownUser>(std::move(user)));
  }
  listed_ = std::move(fresh);
  needs_full_.store(needs_full, std::memory_order_relaxed);
}

std::shared_ptr<const KnownUser> UserDirectory::listed(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = listed_.find(name);
  return found == listed_.end() ? nullptr : found->second;
}

std::shared_ptr<const KnownUser> UserDirectory::find(const std::string& name, Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  if (const auto of_file = listed_.find(name); of_file != listed_.end()) return of_file->second;
  if (!learning_.enabled) return nullptr;
  const auto found = learned_.find(name);
  return found == learned_.end() || found->second.expires <= now ? nullptr : found->second.user;
}

std::shared_ptr<const KnownUser> UserDirectory::candidate(const std::string& name, const std::string& password) {
  auto user = std::make_shared<KnownUser>();
  user->secret.password = password;
  user->secret.learnable = true;
  user->learned = true;
  for (auto& credential : user->backend) {
    credential.user = name;
    credential.password = password;
  }
  return user;
}

void UserDirectory::keep(const std::string& name, std::shared_ptr<const KnownUser> user, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  learned_.insert_or_assign(name, Learned{std::move(user), now + learning_.cache_ttl});
  std::erase_if(learned_, [&](const auto& entry) { return entry.second.expires <= now; });
  while (learned_.size() > learning_.cache_entries_max) {
    const auto first = std::min_element(learned_.begin(), learned_.end(), [](const auto& one, const auto& other) {
      return one.second.expires < other.second.expires;
    });
    learned_.erase(first);
  }
}

void UserDirectory::forget(const std::string& name, const KnownUser* user) {
  const std::lock_guard lock(mutex_);
  const auto found = learned_.find(name);
  if (found != learned_.end() && found->second.user.get() == user) learned_.erase(found);
}

void UserDirectory::forget_learned() {
  const std::lock_guard lock(mutex_);
  learned_.clear();
}

std::size_t UserDirectory::learned() const {
  const std::lock_guard lock(mutex_);
  return learned_.size();
}

}  // namespace crossfade::proxy
