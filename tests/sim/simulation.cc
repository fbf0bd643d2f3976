#include "tests/sim/simulation.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace crossfade::sim {

using proxy::Task;
using std::chrono::milliseconds;

namespace {

// To arrive everywhere when nothing goes wrong any more; a table that stopped again and again waits a minute.
constexpr auto kRestMax = std::chrono::seconds(150);

}  // namespace

Simulation::Character Simulation::draw_character(World& world) {
  Character drawn;
  drawn.processes = world.chance(2, 3) ? 2 : 1;
  drawn.clients = 2 + static_cast<int>(world.below(5));
  drawn.tampers = world.chance(1, 3);
  drawn.crashes = world.chance(2, 3);
  drawn.kills = world.chance(2, 3);
  drawn.strict = world.chance(1, 3);
  drawn.both = world.chance(1, 2);
  drawn.runs_binlog = world.chance(2, 3);
  world.faults = world.chance(5, 6);
  return drawn;
}

Server::Options Simulation::server_options(const std::string& name) const {
  Server::Options out{.name = name, .paths = {}};
  for (int slot = 0; slot < kProcesses; ++slot) out.paths.push_back(path(name + "." + std::to_string(slot)));
  out.keeps_log = name == "old";
  out.runs_binlog = character_.runs_binlog;
  if (name == "new") out.mistake = options_.mistake;
  return out;
}

Simulation::Simulation(const RunOptions& options)
    : options_(options),
      world_(options.seed, options.trace),
      character_(draw_character(world_)),
      leader_(world_, server_options("old")),
      follower_(world_, server_options("new")),
      model_(world_, leader_, follower_),
      counters_(metrics_.make()) {
  world_.add(applications_);
  for (int slot = 0; slot < character_.processes; ++slot) {
    begin_process(slot);
    applications_.spawn(let_in(slot));
  }
  make_clients();
}

config::Config Simulation::config_of(int slot) const {
  config::Config config;
  config::Listen listen;
  listen.address = {.host = "127.0.0.1", .port = 1, .is_unix = false};
  config.listen.push_back(listen);
  config.old_backend.address = {.host = path("old." + std::to_string(slot)), .port = 0, .is_unix = true};
  config.new_backend.address = {.host = path("new." + std::to_string(slot)), .port = 0, .is_unix = true};
  config.control.schema = "crossfade";
  config.dual_write.feed = config::DualWriteConfig::Feed::log;
  config.dual_write.ack_timeout = std::chrono::hours(1);  // so that no acknowledgement comes for want of time
  if (character_.strict) config.reads.consistency = config::ReadConfig::Consistency::strict;
  return config;
}

config::Flags Simulation::flags() const {
  config::Flags flags;
  flags.dual_write.ack = character_.both ? config::Ack::both : config::Ack::leader;
  flags.dual_write.on_divergence = overwrites_ ? config::OnDivergence::overwrite : config::OnDivergence::hold;
  flags.read_from_new.percent = config::Percent::from_ppm(config::Percent::kWhole / 10 * 8);
  return flags;
}

void Simulation::begin_process(int slot) {
  Slot& here = slots_[static_cast<std::size_t>(slot)];
  here.owner = next_owner_++;
  here.process = std::make_unique<Process>(world_, Process::Options{.name = "process " + std::to_string(here.owner),
                                                                    .owner = here.owner,
                                                                    .config = config_of(slot),
                                                                    .flags = flags()});
  world_.note("process " + std::to_string(here.owner) + " begins");
}

void Simulation::kill_process(int slot) {
  Slot& here = slots_[static_cast<std::size_t>(slot)];
  ++kills_;
  world_.note("process " + std::to_string(here.owner) + " is killed");
  Process::kill(world_, std::move(here.process));
  leader_.lose_clients(static_cast<std::size_t>(slot));
  follower_.lose_clients(static_cast<std::size_t>(slot));
  for (auto& client : clients_) client->lose(slot);
  here.begins_at = world_.now() + milliseconds(world_.below(world_.chance(1, 2) ? 20 : 1500));
}

// Clients come to a process by the entrance of its slot.
Task<void> Simulation::let_in(int slot) {
  Slot& here = slots_[static_cast<std::size_t>(slot)];
  const std::string where = path("proxy." + std::to_string(slot));
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, where.c_str(), std::min(where.size() + 1, sizeof local.sun_path - 1));
  unlink(where.c_str());
  if (bind(listener, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 || listen(listener, 64) != 0) {
    throw std::runtime_error("cannot listen on " + where);
  }
  here.entrance = std::make_unique<proxy::Descriptor>(applications_, listener);
  for (;;) {
    co_await here.entrance->readable(world_.now() + std::chrono::hours(24 * 365));
    for (int fd = 0; fd >= 0;) {
      fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) break;
      if (here.process) {
        here.process->accept(fd);
      } else {
        close(fd);
      }
    }
  }
}

void Simulation::make_clients() {
  Client::Setting setting{.world = world_,
                          .reactor = applications_,
                          .model = model_,
                          .counters = counters_,
                          .entrance = {},
                          .acknowledged_by_both = character_.both,
                          .reads_are_strict = character_.strict};
  setting.entrance = [this]() -> std::optional<std::pair<std::string, int>> {
    const auto slot = static_cast<int>(world_.below(static_cast<std::uint64_t>(character_.processes)));
    const Slot& here = slots_[static_cast<std::size_t>(slot)];
    if (!here.process) return std::nullopt;
    return std::pair(path("proxy." + std::to_string(slot)), slot);
  };
  for (int number = 0; number < character_.clients; ++number) {
    clients_.push_back(std::make_unique<Client>(setting, number));
    clients_.back()->start();
  }
}

void Simulation::end_downtimes() {
  std::size_t at = 0;
  for (Server* server : {&leader_, &follower_}) {
    const proxy::TimePoint up_at = up_at_[at++];
    if (server->is_up() || world_.now() < up_at) continue;
    world_.note(server->name() + " is back");
    server->come_back();
  }
  for (int slot = 0; slot < character_.processes; ++slot) {
    const Slot& here = slots_[static_cast<std::size_t>(slot)];
    if (!here.process && world_.now() >= here.begins_at) begin_process(slot);
  }
}

void Simulation::disturb() {
  if (character_.kills && world_.chance(1, 500)) {
    const auto slot = static_cast<int>(world_.below(static_cast<std::uint64_t>(character_.processes)));
    if (slots_[static_cast<std::size_t>(slot)].process) kill_process(slot);
  }
  if (character_.crashes && world_.chance(1, 500)) {
    const std::size_t at = world_.below(2);
    Server& server = at == 0 ? leader_ : follower_;
    if (server.is_up()) {
      ++crashes_;
      server.crash();
      up_at_[at] = world_.now() + milliseconds(world_.below(world_.chance(1, 2) ? 50 : 1500));
    }
  }
  if (world_.chance(1, 700) && leader_.is_up()) leader_.flush_logs();
  if (!character_.tampers) return;
  if (world_.chance(1, 60)) model_.tamper();
  if (world_.chance(1, 300)) {
    overwrites_ = !overwrites_;
    for (Slot& slot : slots_) {
      if (slot.process) slot.process->set_flags(flags());
    }
  }
}

void Simulation::run() {
  for (std::uint64_t step = 0; step < options_.steps; ++step) {
    world_.step();
    end_downtimes();
    disturb();
  }
  come_to_rest();
}

void Simulation::come_to_rest() {
  world_.note("no more trouble");
  world_.faults = false;
  overwrites_ = true;
  up_at_ = {};
  for (Slot& slot : slots_) slot.begins_at = {};
  end_downtimes();
  for (Slot& slot : slots_) {
    if (slot.process) slot.process->set_flags(flags());
  }
  for (auto& client : clients_) client->end();
  const proxy::TimePoint until = world_.now() + kRestMax;
  const auto is_over = [&] {
    return model_.is_at_rest() &&
           std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->has_ended(); });
  };
  while (!is_over() && world_.now() < until) world_.step();
  for (const auto& client : clients_) {
    if (!client->has_ended()) throw Violation("an application waits for ever for an answer");
  }
  model_.check_at_rest();
  world_.step();
}

std::string Simulation::state() const {
  std::string out = model_.state();
  for (const Slot& slot : slots_) {
    if (slot.process) out += "\n  " + slot.process->state();
  }
  return out;
}

void Simulation::fill(RunReport& report) const {
  report.state = state();
  report.hash = world_.hash();
  report.tally = {.seeds = 1,
                  .commits = model_.commits(),
                  .follower_commits = model_.follower_commits,
                  .statements = 0,
                  .reads = model_.reads_checked,
                  .acks = model_.acks_checked,
                  .reads_of_follower = model_.reads_of_follower,
                  .stops = model_.stops,
                  .kills = kills_,
                  .crashes = crashes_,
                  .milliseconds = static_cast<std::uint64_t>(world_.passed().count())};
  for (const auto& client : clients_) report.tally.statements += client->done;
}

void Simulation::leave() {
  for (Slot& slot : slots_) {
    if (slot.process) Process::kill(world_, std::move(slot.process));
  }
}

void Tally::add(const Tally& other) {
  seeds += other.seeds;
  commits += other.commits;
  follower_commits += other.follower_commits;
  statements += other.statements;
  reads += other.reads;
  acks += other.acks;
  reads_of_follower += other.reads_of_follower;
  stops += other.stops;
  kills += other.kills;
  crashes += other.crashes;
  milliseconds += other.milliseconds;
}

RunReport run_simulation(const RunOptions& options) {
  RunReport report;
  // Left where it is at the end, as a killed process: coroutines are in the middle of what they do.
  auto* const simulation = new Simulation(options);
  static auto& over = *new std::vector<Simulation*>();
  over.push_back(simulation);
  try {
    simulation->run();
  } catch (const Violation& violation) {
    report.violation = violation.what();
  }
  simulation->fill(report);
  simulation->leave();
  return report;
}

}  // namespace crossfade::sim
