// What one thread of the proxy owns, and what all of them share.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "config/config.h"
#include "config/flags.h"
#include "protocol/login_as_server.h"
#include "proxy/backend/backend_link.h"
#include "proxy/backend/control_links.h"
#include "proxy/catalogue/schema_cache.h"
#include "proxy/catalogue/zone_agreements.h"
#include "proxy/counts/metrics.h"
#include "proxy/counts/pinned_sessions.h"
#include "proxy/feed/feed_switch.h"
#include "proxy/net/places.h"
#include "proxy/net/reactor.h"
#include "proxy/users/entrance.h"
#include "proxy/users/login_key.h"
#include "proxy/users/per_backend.h"
#include "proxy/users/user_directory.h"
#include "proxy/worker/kills_under_way.h"
#include "routing/kill_statement.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

class Session;
class Worker;
class ShadowPool;

// What is known of a backend from its last greeting; guarded by BackendTraitsTable.
struct BackendTraits {
  bool known = false;
  protocol::Make make = protocol::Make::mysql;
  std::string version;
  protocol::Capabilities capabilities = 0;
};
class BackendTraitsTable {
 public:
  void set(config::Backend which, const protocol::Greeting& greeting);
  BackendTraits get(config::Backend which) const;

 private:
  mutable std::mutex mutex_;
  std::array<BackendTraits, 2> traits_;
};

// The whole process: immutable after start, or safe to use from every thread.
struct Shared {
  const config::Config& config;
  Metrics& metrics;
  FeedSwitch& feed;
  ShadowPool& shadow;
  LoginKey login_key{};
  UserDirectory users;
  PerBackend<std::shared_ptr<const TlsContext>> backend_tls;  // replaced when they are read again, as the next
  PerBackend<KnownUser::Credential> control;
  BackendTraitsTable traits;
  config::Backend leader = config::Backend::old_db;
  std::atomic<std::uint32_t> next_connection_id{1};
  std::atomic<std::uint32_t> clients{0};
  std::atomic<bool> draining{false};
  PinnedSessions pinned_sessions = {};
  KillsUnderWay kills = {};
  std::vector<Worker*> workers = {};  // complete before the first client comes
  // A server's backlog is short (MariaDB's has 80 places), and what finds it full is lost without a word: clients that
  // come all at once wait here instead.
  static constexpr std::size_t kAtTheDoorMax = 32;
  mutable std::array<Places, 2> doors{Places(kAtTheDoorMax), Places(kAtTheDoorMax)};  // by config::Backend
  ControlLinks control_links{[this](config::Backend which) { return control_link_options(which); }, metrics};
  SchemaCache schemas{control_links};
  ZoneAgreements zones{control_links};

  // A client has found this server full: connections for which no client waits are given up, from any thread. Whether
  // there were any.
  bool make_room(config::Backend which);
  ~Shared() { control_links.stop(); }  // before what its thread works on goes

  LinkOptions link_options(config::Backend which, const KnownUser::Credential& credential) const;
  // As the proxy itself.
  LinkOptions control_link_options(config::Backend which) const;
  // As a user; nullopt: not known, or not any more.
  std::optional<LinkOptions> user_link_options(config::Backend which, const std::string& user) const;
};

// Production reads by digest since the last flush: for the report's coverage. Bounded; digests past
// the limit are counted under 0.
class CallCounts {
 public:
  explicit CallCounts(std::size_t digests_max) : digests_max_(digests_max) {}
  bool knows(std::uint64_t digest) const { return counts_.contains(digest); }
  void add(std::uint64_t digest, std::string text) {
    if (counts_.size() < digests_max_) counts_.emplace(digest, Count{std::move(text), 0});
  }
  void count(std::uint64_t digest) {
    const auto found = counts_.find(digest);
    if (found != counts_.end()) {
      ++found->second.calls;
    } else {
      ++uncounted_;
    }
  }
  struct Count {
    std::string text;
    std::uint64_t calls = 0;
  };
  // What was counted since the last call; the digests stay known.
  std::vector<std::pair<std::uint64_t, Count>> take();

 private:
  std::size_t digests_max_;
  absl::flat_hash_map<std::uint64_t, Count> counts_;
  std::uint64_t uncounted_ = 0;
};

// A session that a freeze waits for.
struct OpenWrite {
  std::uint32_t connection_id = 0;  // as its client knows it
  std::string user;
  bool in_transaction = false;  // else a statement runs
};

class Worker {
 public:
  Worker(Shared& shared_state, std::shared_ptr<const config::Flags> initial_flags);

  Shared& shared;
  Reactor reactor;
  Counters& counters;
  std::shared_ptr<const config::Flags> flags;  // replaced by a posted task
  // Of flags that freeze writes: how long a write waits for their end before it is refused; 0: not at all.
  std::chrono::milliseconds write_hold{0};
  bool leader_changes = false;  // what waits will not go on here: this process begins anew, with another leader
  std::array<std::uint8_t, 16 * 1024> scratch;  // of whoever is running; nobody keeps it across a wait
  std::mt19937_64 random;
  CallCounts calls;
  std::set<Session*> sessions;

  // On this thread (session/worker_sessions.cc): takes a fresh client.
  void accept(int fd, std::shared_ptr<const Entrance> entrance);
  void begin_drain();
  void end_sessions();
  // Whose writes may still be under way, begun before the flags froze them.
  std::vector<OpenWrite> open_writes() const;
  // The leader has carried this out.
  void note_kill(const routing::KillTarget& target);
};

}  // namespace crossfade::proxy
