#include "tests/sim/process.h"

#include <vector>

#include "proxy/feed/row_feed.h"
#include "proxy/shadow_run/shadow_pool.h"
#include "proxy/worker/worker.h"
#include "tests/support/shared_state.h"

namespace crossfade::sim {
namespace {

// The report is of no interest here, and a database on a disk has its own time.
class NoStore final : public proxy::ReportStore {
 public:
  std::uint64_t hash_salt() const override { return 1; }
  absl::Status load_into(shadow::Report&) override { return absl::OkStatus(); }
  absl::Status save(const std::vector<const shadow::DigestReport*>&) override { return absl::OkStatus(); }
};

}  // namespace

struct Process::Parts {
  std::string name;
  config::Config config;
  proxy::Metrics metrics;
  proxy::FeedSwitch feed;
  std::unique_ptr<proxy::ShadowPool> shadow;
  std::unique_ptr<proxy::Shared> shared;
  std::unique_ptr<proxy::RowFeed> row_feed;
  std::unique_ptr<proxy::Worker> worker;

  void make_shared_state();
  void make_feed(const config::Flags& flags);
};

void Process::Parts::make_shared_state() {
  const proxy::KnownUser::Credential control{.user = "control", .password = "secret"};
  shadow = std::make_unique<proxy::ShadowPool>(
      config.shadow, feed, metrics, std::make_unique<NoStore>(),
      [this](config::Backend which, const std::string& user) { return shared->user_link_options(which, user); });
  const support::SharedParts parts{.config = config, .metrics = metrics, .feed = feed, .shadow = *shadow};
  shared = support::shared_state(parts, support::app_account(), control);
}

void Process::Parts::make_feed(const config::Flags& flags) {
  row_feed = std::make_unique<proxy::RowFeed>(
      proxy::RowFeedOptions{.link = [this](config::Backend which) { return shared->control_link_options(which); },
                            .leader = config::Backend::old_db,
                            .schema = config.control.schema,
                            .config = config.dual_write,
                            .max_lag = config.reads.max_lag},
      metrics);
  row_feed->on_connected = [this](config::Backend which, const protocol::Greeting& greeting) {
    shared->traits.set(which, greeting);
  };
  feed.consider(*row_feed);
  row_feed->on_anchored = [this](proxy::FeedKind kind, const std::string& why) { feed.choose(kind, *row_feed, why); };
  row_feed->on_idle = [this] { feed.choose(proxy::FeedKind::log, *row_feed, "writes are not duplicated"); };
  row_feed->set_flags(flags.dual_write, [] {});
  row_feed->start();
}

Process::Process(World& world, Options options) : owner_(options.owner), parts_(std::make_unique<Parts>()) {
  world.begin_owner(owner_);
  parts_->name = options.name;
  parts_->config = std::move(options.config);
  parts_->make_shared_state();
  parts_->worker =
      std::make_unique<proxy::Worker>(*parts_->shared, std::make_shared<const config::Flags>(options.flags));
  parts_->worker->random.seed(world.draw());
  world.add(parts_->worker->reactor);
  parts_->make_feed(options.flags);
  world.begin_owner(0);
}

Process::~Process() = default;

void Process::accept(int fd) {
  proxy::Entrance entrance;
  entrance.is_unix = true;
  parts_->worker->reactor.post([worker = parts_->worker.get(), fd, entrance] {
    worker->accept(fd, std::make_shared<const proxy::Entrance>(entrance));
  });
}

void Process::set_flags(const config::Flags& flags) {
  parts_->worker->flags = std::make_shared<const config::Flags>(flags);
  parts_->row_feed->set_flags(flags.dual_write, [] {});
}

std::string Process::state() const {
  const proxy::FeedStatus status = parts_->row_feed->status();
  return parts_->name + ": " + status.state + (status.last_error.empty() ? "" : "; last: " + status.last_error);
}

void Process::kill(World& world, std::unique_ptr<Process> process) {
  world.kill(process->owner_);
  static auto& dead = *new std::vector<std::unique_ptr<Process>>();
  dead.push_back(std::move(process));
}

}  // namespace crossfade::sim
