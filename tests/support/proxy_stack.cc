#include "tests/support/proxy_stack.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <future>
#include <stdexcept>
#include <vector>

#include "proxy/session/session.h"
#include "tests/support/fake_feed.h"
#include "tests/support/shared_state.h"
#include "tests/unit/proxy/temp_dir.h"

namespace crossfade::support {

namespace {

config::Config make_config(const FakeBackend& leader, const FakeBackend& follower) {
  config::Config config;
  config::Listen listen;
  listen.address = {.host = "127.0.0.1", .port = 1, .is_unix = false};
  config.listen.push_back(listen);
  config.old_backend.address = leader.address();
  config.new_backend.address = follower.address();
  config.shadow.recheck_delay = std::chrono::milliseconds(1);
  return config;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

struct ProxyStack::Parts {
  config::Config config;
  std::optional<proxy::TempDir> state_dir{std::in_place};
  proxy::Metrics metrics;
  FakeFeed prompt;
  proxy::FeedSwitch feed;
  std::unique_ptr<proxy::ShadowPool> shadow;
  std::unique_ptr<proxy::Shared> shared;
  std::unique_ptr<proxy::Worker> worker;
  std::thread thread;

  std::uint32_t app_connections_max = 0;

  explicit Parts(config::Config made) : config(std::move(made)) {}

  void make_shared_state(const proxy::KnownUser::Credential& control) {
    proxy::KnownUser app = app_account();
    app.connections_max = app_connections_max;
    shadow = std::make_unique<proxy::ShadowPool>(
        config.shadow, feed, metrics, proxy::ReportStore::open(state_dir->path()).value(),
        [this](config::Backend which, const std::string& user) { return shared->user_link_options(which, user); });
    const SharedParts parts{.config = config, .metrics = metrics, .feed = feed, .shadow = *shadow};
    shared = shared_state(parts, std::move(app), control);
  }
};

ProxyStack::ProxyStack(Options options) : leader_(options.leader), follower_(options.follower) {
  std::signal(SIGPIPE, SIG_IGN);
  entrance_.is_unix = options.unix_clients;
  config::Config config = make_config(leader_, follower_);
  options.tune(config);
  parts_ = std::make_unique<Parts>(std::move(config));
  parts_->app_connections_max = options.app_connections_max;
  const proxy::KnownUser::Credential control{.user = "control", .password = "secret"};
  parts_->make_shared_state(control);
  parts_->worker =
      std::make_unique<proxy::Worker>(*parts_->shared, std::make_shared<const config::Flags>(options.flags));
  if (!parts_->shadow->start().ok()) throw std::runtime_error("the shadow pool does not start");
  parts_->feed.choose(proxy::FeedKind::log, options.feed != nullptr ? *options.feed : parts_->prompt,
                      "chosen by the test");
  parts_->thread = std::thread([worker = parts_->worker.get()] { worker->reactor.run(); });
}

ProxyStack::~ProxyStack() {
  parts_->shadow->stop();
  parts_->shared->control_links.stop();
  parts_->worker->reactor.stop();
  parts_->thread.join();
  parts_->state_dir.reset();
  // As in the server, tasks of a stopped reactor are suspended for good. They are kept, so that the
  // leak checker tells them from what was lost.
  static auto& retired = *new std::vector<std::unique_ptr<Parts>>();
  retired.push_back(std::move(parts_));
}

proxy::FeedSwitch& ProxyStack::feed() { return parts_->feed; }
proxy::ShadowPool& ProxyStack::shadow() { return *parts_->shadow; }

int ProxyStack::new_connection() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("no socket pair");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  on_worker([&](proxy::Worker& worker) { worker.accept(ends[0], std::make_shared<const proxy::Entrance>(entrance_)); });
  return ends[1];
}

absl::StatusOr<std::unique_ptr<Client>> ProxyStack::try_connect(const Client::Options& options) {
  return Client::log_in(new_connection(), options);
}

std::unique_ptr<BlockingSocket> ProxyStack::connect_raw() { return std::make_unique<BlockingSocket>(new_connection()); }

std::unique_ptr<Client> ProxyStack::connect(const Client::Options& options) {
  auto client = try_connect(options);
  if (!client.ok()) throw std::runtime_error("login failed: " + std::string(client.status().message()));
  return *std::move(client);
}

void ProxyStack::set_flags(const config::Flags& flags) {
  on_worker([&](proxy::Worker& worker) { worker.flags = std::make_shared<const config::Flags>(flags); });
}

void ProxyStack::on_worker(const std::function<void(proxy::Worker&)>& work) {
  std::promise<void> ran;
  parts_->worker->reactor.post([&] {
    work(*parts_->worker);
    ran.set_value();
  });
  ran.get_future().wait();
}

std::uint64_t ProxyStack::count(const std::function<std::uint64_t(const proxy::Counters&)>& get) {
  return parts_->metrics.sum(get);
}

bool ProxyStack::all_quiet() {
  return eventually([&] {
    std::size_t left = 0;
    on_worker([&](proxy::Worker& worker) {
      left = worker.sessions.size() + worker.reactor.spawned() + worker.counters.clients_open.get() +
             worker.counters.backend_connections_open[0].get() + worker.counters.backend_connections_open[1].get() +
             worker.shared.clients.load() + worker.shared.pinned_sessions.total();
    });
    return left + leader_.connections("app") + follower_.connections("app") == 0;
  });
}

}  // namespace crossfade::support
