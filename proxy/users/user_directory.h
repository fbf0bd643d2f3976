// Who may log in, and as whom on the backends.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "config/config.h"
#include "protocol/login_as_server.h"

namespace crossfade::proxy {

// A user as the proxy knows it, secrets resolved.
struct KnownUser {
  protocol::Secret secret;
  struct Credential {
    std::string user;
    std::string password;
  };
  std::array<Credential, 2> backend;  // by config::Backend
  std::uint32_t connections_max = 0;  // 0: no limit of its own
  bool certificate_required = false;
  bool learned = false;  // not of the file: the leader took this password
  std::shared_ptr<std::atomic<std::uint32_t>> connections = std::make_shared<std::atomic<std::uint32_t>>(0);
};
using KnownUsers = std::map<std::string, KnownUser, std::less<>>;

// One of a user's connections, while it lives.
class UserSlot {
 public:
  UserSlot() = default;
  ~UserSlot() { release(); }
  UserSlot(const UserSlot&) = delete;
  UserSlot& operator=(const UserSlot&) = delete;
  UserSlot(UserSlot&& other) noexcept : count_(std::move(other.count_)) {}
  UserSlot& operator=(UserSlot&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  // False when the user has as many as it may.
  bool take(const KnownUser& user);
  void release();

 private:
  std::shared_ptr<std::atomic<std::uint32_t>> count_;
};

// The users of the file, and with `users.from_client` those whose passwords clients have brought and the
// leader has taken: kept in memory for `cache_ttl`, at most `cache_entries_max` of them (past it the one that
// expires first goes), and forgotten when a backend refuses them. Safe from every thread.
class UserDirectory {
 public:
  using Clock = std::chrono::steady_clock;
  UserDirectory(KnownUsers listed, config::LearnedUsers learning);

  // Those of the file, anew. Who is among the former keeps the count of its connections.
  void list(KnownUsers&& users);
  // nullptr: the file has no such user.
  std::shared_ptr<const KnownUser> listed(const std::string& name) const;
  // nullptr: not known, or not any more.
  std::shared_ptr<const KnownUser> find(const std::string& name, Clock::time_point now) const;
  bool learns() const { return learning_.enabled; }
  // Some user can only be verified by full authentication.
  bool needs_full_authentication() const { return needs_full_.load(std::memory_order_relaxed); }
  // The same name and password everywhere; not kept yet.
  static std::shared_ptr<const KnownUser> candidate(const std::string& name, const std::string& password);
  void keep(const std::string& name, std::shared_ptr<const KnownUser> user, Clock::time_point now);
  // Only that very entry: a newer password stays.
  void forget(const std::string& name, const KnownUser* user);
  void forget_learned();
  std::size_t learned() const;

 private:
  struct Learned {
    std::shared_ptr<const KnownUser> user;
    Clock::time_point expires;
  };
  config::LearnedUsers learning_;
  std::atomic<bool> needs_full_ = false;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, std::shared_ptr<const KnownUser>, std::less<>> listed_;
  std::map<std::string, Learned, std::less<>> learned_;
};

}  // namespace crossfade::proxy
