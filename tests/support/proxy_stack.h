// The whole data path in this process, wired as proxy/serve/server.cc does it, between two fake backends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "config/config.h"
#include "config/flags.h"
#include "proxy/shadow_run/shadow_pool.h"
#include "proxy/worker/worker.h"
#include "tests/support/client.h"
#include "tests/support/fake_backend.h"

namespace crossfade::support {

// Polls until `condition` holds; false after ten seconds.
bool eventually(const std::function<bool()>& condition);

// One worker thread and the shadow pool's. Whatever gets to the follower is a feed's affair that a test may give.
// Clients come in over socket pairs.
class ProxyStack {
 public:
  struct Options {
    config::Flags flags{};
    std::function<void(config::Config&)> tune = [](config::Config&) {};
    std::uint32_t app_connections_max = 0;
    proxy::Feed* feed = nullptr;  // nullptr: one that has applied everything
    bool unix_clients = false;    // they come in over a socket where cleartext may travel
    FakeBackend::Options leader = {};
    FakeBackend::Options follower = {.name = "new", .version = "9.7.4", .without = 0};
  };
  explicit ProxyStack(Options options);
  ProxyStack() : ProxyStack(Options()) {}
  ~ProxyStack();
  ProxyStack(const ProxyStack&) = delete;
  ProxyStack& operator=(const ProxyStack&) = delete;

  FakeBackend& leader() { return leader_; }
  FakeBackend& follower() { return follower_; }
  proxy::FeedSwitch& feed();
  proxy::ShadowPool& shadow();

  absl::StatusOr<std::unique_ptr<Client>> try_connect(const Client::Options& options);
  // A client that says nothing by itself.
  std::unique_ptr<BlockingSocket> connect_raw();
  // Must succeed.
  std::unique_ptr<Client> connect(const Client::Options& options = Client::Options());
  void set_flags(const config::Flags& flags);
  // Runs on the worker's thread; returns when it has run.
  void on_worker(const std::function<void(proxy::Worker&)>& work);
  std::uint64_t count(const std::function<std::uint64_t(const proxy::Counters&)>& get);
  // No session, no task, no connection of an application is left. Waits for it.
  bool all_quiet();

 private:
  struct Parts;
  proxy::Entrance entrance_;
  int new_connection();

  FakeBackend leader_;
  FakeBackend follower_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace crossfade::support
