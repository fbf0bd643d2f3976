#include "proxy/serve/server.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <thread>

#include "proxy/admin/admin.h"
#include "proxy/admin/status.h"
#include "proxy/counts/log.h"
#include "proxy/counts/log_limit.h"
#include "proxy/feed/no_feed.h"
#include "proxy/feed/row_feed.h"
#include "proxy/serve/execute_again.h"
#include "proxy/serve/feed_order.h"
#include "proxy/serve/find_leader.h"
#include "proxy/serve/jobs.h"
#include "proxy/serve/leader_switch.h"
#include "proxy/serve/listen.h"
#include "proxy/session/session.h"
#include "proxy/settings/flags_watcher.h"
#include "proxy/settings/secrets.h"
#include "proxy/shadow_run/shadow_pool.h"
#include "proxy/users/credentials.h"
#include "proxy/worker/worker.h"

namespace crossfade::proxy {
namespace {

constexpr auto kCallsInterval = std::chrono::seconds(1);
constexpr auto kReleaseMax = std::chrono::seconds(60);  // a feed that is in the middle of a large transaction
constexpr auto kLastLinesAtMost = std::chrono::seconds(2);
constexpr auto kAnewAtMost = std::chrono::milliseconds(2000);  // for sessions that have nothing to write, but to read

// A listening socket; the main thread accepts, workers take turns.
struct Listener {
  std::unique_ptr<Descriptor> descriptor;
  std::shared_ptr<const Entrance> entrance;  // replaced when certificates are read again
  config::Listen configured;
};

class Server {
 public:
  explicit Server(const config::Config& config) : config_(config) {}

  absl::Status start();
  int run();
  // After run(): another process is to take this one's place, since another backend leads.
  bool begins_anew() const { return ending_ == Ending::anew; }

 private:
  enum class Ending : std::uint8_t { no, drained, anew };
  absl::Status make_parts();
  void start_following();
  absl::Status start_listeners();
  absl::Status start_admin();
  absl::StatusOr<std::string> release(const ReleaseOrder& order);
  absl::Status old_leads() const;
  void prepare_feeds();
  void on_flags(std::shared_ptr<const config::Flags> flags);
  void distribute_flags();
  void begin_anew();
  Task<void> accept_loop(Listener& listener);
  Task<void> signal_loop();
  void reload_certificates();
  Task<void> count_calls_regularly();
  Task<void> drain(std::chrono::milliseconds at_most);
  void everywhere(const std::function<void(Worker&)>& work);

  const config::Config& config_;
  Metrics metrics_;
  Reactor reactor_;
  FeedSwitch feed_;
  std::unique_ptr<RowFeed> row_feed_;
  std::unique_ptr<NoFeed> no_feed_;  // in its place while `new` leads
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<ShadowPool> shadow_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<LeaderSwitch> switch_;
  std::unique_ptr<FlagsWatcher> flags_;
  std::atomic<std::shared_ptr<const config::Flags>> in_force_;  // those that every worker goes by
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<Descriptor> signals_;
  std::unique_ptr<AdminServer> admin_;
  std::size_t next_worker_ = 0;
  Ending ending_ = Ending::no;
  TimePoint started_ = Clock::now();
};

absl::Status Server::make_parts() {
  auto credentials = read_credentials(config_);
  if (!credentials.ok()) return credentials.status();
  auto store = ReportStore::open(config_.state_dir);
  if (!store.ok()) return store.status();

  const auto control_link_now = [this](config::Backend which) {
    LinkOptions options = shared_->control_link_options(which);
    options.compression = config::BackendCompression::none;
    return options;
  };
  const config::Backend leader = find_leader(config_, *credentials);
  shadow_ = std::make_unique<ShadowPool>(
      config_.shadow, feed_, metrics_, *std::move(store),
      [this](config::Backend which, const std::string& user) { return shared_->user_link_options(which, user); });
  shared_ =
      std::unique_ptr<Shared>(new Shared{.config = config_,
                                         .metrics = metrics_,
                                         .feed = feed_,
                                         .shadow = *shadow_,
                                         .users = UserDirectory(std::move(credentials->users), config_.learned_users),
                                         .backend_tls = credentials->backend_tls,
                                         .control = credentials->control,
                                         .traits = {},
                                         .leader = leader});
  row_feed_ = std::make_unique<RowFeed>(RowFeedOptions{.link = control_link_now,
                                                       .leader = config::Backend::old_db,
                                                       .schema = config_.control.schema,
                                                       .config = config_.dual_write,
                                                       .max_lag = config_.reads.max_lag},
                                        metrics_);
  no_feed_ = std::make_unique<NoFeed>(
      leader, [control_link_now, leader] { return control_link_now(leader); }, metrics_);
  const JobSetting jobs{.link = control_link_now, .leader = config::Backend::old_db, .schema = config_.control.schema};
  jobs_ = std::make_unique<Jobs>(jobs, *row_feed_, metrics_);
  switch_ =
      std::make_unique<LeaderSwitch>(LeaderSwitch::Setting{.reactor = reactor_,
                                                           .shared = *shared_,
                                                           .flags_changed = [this] { distribute_flags(); },
                                                           .backfill = [this] { return jobs_->backfill.status(); },
                                                           .verify = [this] { return jobs_->verify.status(); },
                                                           .begin_anew = [this] { begin_anew(); }});
  prepare_feeds();
  return absl::OkStatus();
}

absl::Status Server::start() {
  absl::Status made = make_parts();
  if (!made.ok()) return made;
  auto flags = FlagsWatcher::start(config_.flags_file,
                                   [this](std::shared_ptr<const config::Flags> fresh) { on_flags(std::move(fresh)); });
  if (!flags.ok()) return flags.status();
  flags_ = *std::move(flags);
  in_force_.store(switch_->over(flags_->current()));
  const unsigned count = config_.threads != 0 ? config_.threads : std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>(*shared_, in_force_.load()));
  absl::Status listening = start_listeners();
  if (!listening.ok()) return listening;
  absl::Status shadowing = shadow_->start();
  if (!shadowing.ok()) return shadowing;
  start_following();
  switch_->start();
  for (auto& worker : workers_) {
    threads_.emplace_back([&worker = *worker] {
      pthread_setname_np(pthread_self(), "worker");
      worker.reactor.run();
    });
  }
  on_flags(flags_->current());  // whatever changed while the workers were made
  return start_admin();
}

// Or not: who leads no more is not followed, and jobs would write `new` as `old` is.
void Server::start_following() {
  if (shared_->leader != config::Backend::old_db) {
    feed_.choose(FeedKind::log, *no_feed_, "'new' leads");
    no_feed_->start();
    return;
  }
  row_feed_->set_flags(flags_->current()->dual_write, [] {});
  row_feed_->start();
  jobs_->start();
}

// The feed asks the leader, and says what it is to be.
void Server::prepare_feeds() {
  if (config_.dual_write.repair == config::DualWriteConfig::Repair::automatic) jobs_->repair_by_itself();
  row_feed_->on_connected = [this](config::Backend which, const protocol::Greeting& greeting) {
    shared_->traits.set(which, greeting);
  };
  no_feed_->on_connected = row_feed_->on_connected;
  feed_.consider(*row_feed_);
  row_feed_->on_anchored = [this](FeedKind kind, const std::string& why) { feed_.choose(kind, *row_feed_, why); };
  row_feed_->on_idle = [this] { feed_.choose(FeedKind::log, *row_feed_, "writes are not duplicated"); };
}

absl::Status Server::start_listeners() {
  for (const config::Listen& listen : config_.listen) {
    auto listener = std::make_unique<Listener>();
    auto entrance = std::make_shared<Entrance>();
    entrance->is_unix = listen.address.is_unix;
    entrance->proxy_protocol = listen.proxy_protocol;
    if (listen.compression.zlib) entrance->compression |= protocol::kCompress;
    if (listen.compression.zstd) entrance->compression |= protocol::kZstdCompression;
    entrance->tls_required = listen.tls.mode == config::ListenTls::Mode::required;
    if (listen.tls.mode != config::ListenTls::Mode::disabled) {
      auto tls = TlsContext::server(listen.tls);
      if (!tls.ok()) return tls.status();
      entrance->tls = *tls;
    }
    listener->entrance = std::move(entrance);
    listener->configured = listen;
    auto fd = listen_on(listen.address, listen.socket_mode);
    if (!fd.ok()) return fd.status();
    listener->descriptor = std::make_unique<Descriptor>(reactor_, *fd);
    listeners_.push_back(std::move(listener));
    spdlog::info("listening address={}", listen.address.text());
  }
  return absl::OkStatus();
}

// On the admin server's thread.
absl::StatusOr<std::string> Server::release(const ReleaseOrder& order) {
  if (const absl::Status leads = old_leads(); !leads.ok()) return leads;
  if (feed_.status().kind == FeedKind::undecided) {
    return absl::FailedPreconditionError("no feed has begun yet, so no table is stopped");
  }
  const auto how = order.overwrite ? dualwrite::CatchUp::overwriting : dualwrite::CatchUp::compared;
  return row_feed_->release({.schema = order.schema, .table = order.table}, how, kReleaseMax);
}

absl::Status Server::old_leads() const {
  if (shared_->leader == config::Backend::old_db) return absl::OkStatus();
  return absl::FailedPreconditionError("'new' leads: nothing is written there from 'old' any more");
}

absl::Status Server::start_admin() {
  std::string token;
  if (!config_.admin.token_file.empty()) {
    auto read = read_token(config_.admin.token_file);
    if (!read.ok()) return read.status();
    token = *read;
  }
  const StatusSources sources{.config = config_,
                              .shared = *shared_,
                              .flags = *flags_,
                              .flags_in_force = [this] { return in_force_.load(); },
                              .backfill = jobs_->backfill,
                              .verify = jobs_->verify,
                              .repair = jobs_->repair,
                              .leader_switch = [this] { return switch_->status(); },
                              .started = started_};
  AdminHandlers handlers;
  handlers.status = [sources] { return status_json(sources); };
  handlers.metrics = [sources] { return sources.shared.metrics.prometheus(gauges(sources)); };
  handlers.flags = [sources] { return flags_json(*sources.flags_in_force()); };
  handlers.report = [this] { return shadow_->report(); };
  handlers.ready = [sources] { return is_ready(sources); };
  handlers.release = [this](const ReleaseOrder& order) { return release(order); };
  for (JobRunner* runner : jobs_->all()) {
    handlers.jobs[runner->kind()] = {
        .status = [runner] { return runner->status(); },
        .order = [this, runner](const nlohmann::json& order) -> absl::StatusOr<std::string> {
          if (const absl::Status leads = old_leads(); !leads.ok()) return leads;
          return order_job(*runner, order);
        }};
  }
  handlers.jobs["switch"] = {.status = [this] { return switch_->status(); },
                             .order = [this](const nlohmann::json& order) { return switch_->order(order); }};
  handlers.jobs["feed"] = {.status = [this] { return feed_json(feed_.status()); },
                           .order = [this](const nlohmann::json& order) -> absl::StatusOr<std::string> {
                             if (const absl::Status leads = old_leads(); !leads.ok()) return leads;
                             return order_feed(*row_feed_, order);
                           }};
  handlers.started = [sources] { return sources.shared.traits.get(sources.shared.leader).known; };
  auto admin = AdminServer::start(config_.admin.address, token, std::move(handlers));
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  spdlog::info("admin port={}", admin_->port());
  return absl::OkStatus();
}

void Server::everywhere(const std::function<void(Worker&)>& work) {
  for (auto& worker : workers_) worker->reactor.post([&worker = *worker, work] { work(worker); });
}

void Server::on_flags(std::shared_ptr<const config::Flags> flags) {
  shadow_->set_enabled(!flags->kill_switch);
  row_feed_->set_flags(switch_->over(std::move(flags))->dual_write, [this] { distribute_flags(); });
}

// Any thread. Each worker takes those that are the newest when it comes to it; the last makes them those in force.
void Server::distribute_flags() {
  const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  everywhere([this, left](Worker& worker) {
    worker.flags = switch_->over(flags_->current());
    worker.write_hold = switch_->hold();
    if (left->fetch_sub(1) == 1) in_force_.store(worker.flags);
  });
}

Task<void> Server::accept_loop(Listener& listener) {
  for (;;) {
    const WaitResult waited = co_await listener.descriptor->readable(TimePoint::max());
    if (waited == WaitResult::cancelled) co_return;
    for (;;) {
      const int fd = accept4(listener.descriptor->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        // Out of descriptors: the client waits in the backlog; try again when some have been given back.
        if (errno == EMFILE || errno == ENFILE) co_await reactor_.sleep_for(std::chrono::milliseconds(50));
        break;
      }
      Worker& worker = *workers_[next_worker_++ % workers_.size()];
      worker.reactor.post([&worker, fd, entrance = listener.entrance] { worker.accept(fd, entrance); });
    }
  }
}

Task<void> Server::count_calls_regularly() {
  for (;;) {
    co_await reactor_.sleep_for(kCallsInterval);
    limited_log().sweep();
    everywhere([](Worker& worker) {
      for (const auto& [digest, count] : worker.calls.take())
        worker.shared.shadow.count_calls(digest, count.text, count.calls);
    });
  }
}

// For connections from now on; what cannot be used leaves the old one in force.
void Server::reload_certificates() {
  for (auto& listener : listeners_) {
    if (!listener->entrance->tls) continue;
    auto tls = TlsContext::server(listener->configured.tls);
    if (!tls.ok()) {
      spdlog::error("listen={} certificate=kept at={} why=\"{}\"", listener->configured.address.text(),
                    listener->configured.tls.place, std::string(tls.status().message()));
      continue;
    }
    auto entrance = std::make_shared<Entrance>(*listener->entrance);
    entrance->tls = *std::move(tls);
    listener->entrance = std::move(entrance);
    spdlog::info("listen={} certificate=reloaded", listener->configured.address.text());
  }
}

Task<void> Server::signal_loop() {
  for (;;) {
    const WaitResult waited = co_await signals_->readable(TimePoint::max());
    if (waited != WaitResult::ready) co_return;
    signalfd_siginfo info{};
    if (read(signals_->fd(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    if (info.ssi_signo == SIGHUP) {
      spdlog::info("signal=HUP reloading=flags,credentials,certificates forgetting=passwords");
      flags_->reload_now();
      shared_->users.forget_learned();
      read_credentials_again(
          config_, {.users = shared_->users, .control = shared_->control, .backend_tls = shared_->backend_tls});
      reload_certificates();
    } else if (ending_ == Ending::drained) {
      spdlog::warn("signal={} ending=now", info.ssi_signo);
      reactor_.stop();
      co_return;
    } else {
      ending_ = Ending::drained;
      reactor_.spawn(drain(config_.limits.drain_timeout));
    }
  }
}

// No new clients; sessions end at their next moment without a transaction; the rest when time is up.
Task<void> Server::drain(std::chrono::milliseconds at_most) {
  shared_->draining.store(true);
  spdlog::info("draining clients={} at_most_ms={}", shared_->clients.load(), at_most.count());
  everywhere([](Worker& worker) { worker.begin_drain(); });
  const TimePoint deadline = Clock::now() + at_most;
  while (shared_->clients.load() > 0 && Clock::now() < deadline)
    co_await reactor_.sleep_for(std::chrono::milliseconds(10));
  if (shared_->clients.load() > 0) {
    spdlog::warn("drain_timeout=reached clients={}", shared_->clients.load());
    everywhere([](Worker& worker) { worker.end_sessions(); });
    co_await reactor_.sleep_for(std::chrono::milliseconds(200));
  }
  reactor_.stop();
}

// Any thread.
void Server::begin_anew() {
  reactor_.post([this] {
    if (ending_ != Ending::no) return;
    ending_ = Ending::anew;
    everywhere([](Worker& worker) { worker.leader_changes = true; });
    reactor_.spawn(drain(kAnewAtMost));
  });
}

int Server::run() {
  sigset_t mask;
  sigemptyset(&mask);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&mask, signal);
  signals_ = std::make_unique<Descriptor>(reactor_, signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
  for (auto& listener : listeners_) reactor_.spawn(accept_loop(*listener));
  reactor_.spawn(signal_loop());
  reactor_.spawn(count_calls_regularly());
  reactor_.run();
  admin_->stop();
  flags_.reset();
  jobs_->stop();
  row_feed_->stop();
  no_feed_->stop();
  shadow_->stop();
  shared_->control_links.stop();
  for (auto& worker : workers_) worker->reactor.stop();
  for (auto& thread : threads_) thread.join();
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int serve(const config::Config& config) {
  // Every thread inherits this mask; the signals arrive through signalfd.
  sigset_t mask;
  sigemptyset(&mask);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&mask, signal);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  auto server = std::make_unique<Server>(config);
  const absl::Status started = server->start();
  if (!started.ok()) {
    spdlog::error("start=failed why=\"{}\"", std::string(started.message()));
    finish_logging(kLastLinesAtMost);
    std::_Exit(1);  // threads may be running already; nothing was promised to anybody yet
  }
  int code = server->run();
  finish_logging(kLastLinesAtMost);
  if (server->begins_anew()) {
    const absl::Status failed = execute_again();
    std::fprintf(stderr, "crossfade: cannot begin anew: %s\n", std::string(failed.message()).c_str());
    code = 1;
  }
  // Sessions that outlived the drain are suspended for good: the process ends without unwinding them.
  std::_Exit(code);
}

}  // namespace crossfade::proxy
