// Many simulations, each drawn by a seed; see docs/adr/0036-simulation.md.
//   sim --seed 17               one seed
//   sim --seeds 1000            1 to 1000, or from --seed on
//   sim --steps 5000            of the scheduler, before everything comes to rest
//   sim --trace                 says what happens
//   sim --twice                 runs each seed twice: both must take the same way
//   sim --mistake row|position  the follower loses one on purpose; with --must-fail success is a violation that is seen

#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/sim/simulation.h"
#include "tests/unit/proxy/temp_dir.h"

namespace crossfade::sim {
namespace {

struct Command {
  std::string program = {};
  std::uint64_t seed = 1, seeds = 1, steps = RunOptions().steps;
  bool trace = false, twice = false, must_fail = false;
  Server::Options::Mistake mistake = Server::Options::Mistake::none;
};

// What ended is not freed (Process::kill): a child runs so many and takes it all with it.
constexpr std::uint64_t kSeedsAChild = 20;

void say_again(const Command& command, std::uint64_t seed) {
  std::string text = "  again: ";
  const char* const fault = std::getenv("CROSSFADE_TEST_FAULT");
  if (fault != nullptr) text += "CROSSFADE_TEST_FAULT=" + std::string(fault) + " ";
  text += command.program + " --seed " + std::to_string(seed) + " --steps " + std::to_string(command.steps);
  using Mistake = Server::Options::Mistake;
  if (command.mistake == Mistake::row) text += " --mistake row";
  if (command.mistake == Mistake::position) text += " --mistake position";
  std::printf("%s --trace\n", text.c_str());
}

bool run_one(const Command& command, std::uint64_t seed, const std::string& directory, Tally& total) {
  RunOptions options{
      .seed = seed, .steps = command.steps, .trace = command.trace, .mistake = command.mistake, .directory = directory};
  const RunReport report = run_simulation(options);
  total.add(report.tally);
  if (report.violation) {
    std::printf("FAIL seed %llu: %s\n  %s\n", static_cast<unsigned long long>(seed), report.violation->c_str(),
                report.state.c_str());
    say_again(command, seed);
    return false;
  }
  if (!command.twice) return true;
  const RunReport again = run_simulation(options);
  if (again.hash == report.hash) return true;
  std::printf("FAIL seed %llu: it took another way the second time\n", static_cast<unsigned long long>(seed));
  say_again(command, seed);
  return false;
}

void say_total(const Tally& total) {
  const auto count = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu seeds, %.1f s of their time: %llu statements, %llu commits, %llu commits of the follower, %llu reads "
      "looked at (%llu by the follower), %llu acknowledged by both, %llu tables stopped, %llu kills, %llu crashes\n",
      count(total.seeds), static_cast<double>(total.milliseconds) / 1000, count(total.statements), count(total.commits),
      count(total.follower_commits), count(total.reads), count(total.reads_of_follower), count(total.acks),
      count(total.stops), count(total.kills), count(total.crashes));
}

// Counted by children, too.
Tally* shared_tally() {
  void* const memory = mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory to share");
  return new (memory) Tally;
}

// Seeds from..to. The exit code: whether all went well.
[[noreturn]] void run_child(const Command& command, std::uint64_t from, std::uint64_t to, const std::string& directory,
                            Tally& total) {
  bool good = true;
  for (std::uint64_t seed = from; seed < to && good; ++seed) good = run_one(command, seed, directory, total);
  std::fflush(stdout);
  std::_Exit(good ? 0 : 1);
}

int run_all(const Command& command) {
  const proxy::TempDir directory;
  Tally* const total = shared_tally();
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t failed = 0;
  const std::uint64_t end = command.seed + command.seeds;
  for (std::uint64_t seed = command.seed; seed < end; seed += kSeedsAChild) {
    const std::uint64_t to = std::min(end, seed + kSeedsAChild);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) run_child(command, seed, to, directory.path(), *total);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    ++failed;
    if (!WIFEXITED(status)) {
      std::printf("FAIL seeds %llu to %llu: signal %d\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(to - 1), WTERMSIG(status));
    }
    if (command.must_fail || failed >= 3) break;
  }
  say_total(*total);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%.1f s, %llu failed\n", took.count(), static_cast<unsigned long long>(failed));
  return (failed > 0) == command.must_fail ? 0 : 1;
}

bool parse(int argc, char** argv, Command& command) {
  command.program = argv[0];
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const char* const value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (word == "--trace") {
      command.trace = true;
    } else if (word == "--twice") {
      command.twice = true;
    } else if (word == "--must-fail") {
      command.must_fail = true;
    } else if (value == nullptr) {
      return false;
    } else {
      ++i;
      if (word == "--seed") command.seed = std::strtoull(value, nullptr, 10);
      if (word == "--seeds") command.seeds = std::strtoull(value, nullptr, 10);
      if (word == "--steps") command.steps = std::strtoull(value, nullptr, 10);
      if (word == "--mistake") {
        command.mistake =
            std::string_view(value) == "row" ? Server::Options::Mistake::row : Server::Options::Mistake::position;
      }
    }
  }
  return true;
}

}  // namespace
}  // namespace crossfade::sim

int main(int argc, char** argv) {
  crossfade::sim::Command command;
  if (!crossfade::sim::parse(argc, argv, command)) {
    std::fprintf(stderr,
                 "usage: sim [--seed N] [--seeds K] [--steps M] [--trace] [--twice] [--mistake row|position] "
                 "[--must-fail]\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  spdlog::set_level(command.trace ? spdlog::level::info : spdlog::level::off);
  return crossfade::sim::run_all(command);
}
