#include "proxy/cli_feed.h"

#include <chrono>
#include <ostream>
#include <thread>

#include "proxy/cli_job.h"

namespace crossfade::proxy {
namespace {

constexpr const char* kPath = "/jobs/feed";
constexpr auto kCommandMax = std::chrono::seconds(90);
const std::string kForgotten = "the proxy knows nothing of it any more, it was started anew: see crossfade feed status";
constexpr auto kStatusInterval = std::chrono::milliseconds(200);

// "log: the leader's row log tells every change", then what the feed does.
std::string feed_text(const nlohmann::json& feed) {
  std::string out = feed.value("kind", "") + ": " + feed.value("why", "");
  const std::string change = feed.value("change", "");
  return out + (change.empty() ? "" : "\nchanges " + change) + "\n" + feed.value("state", "") + "\n";
}

}  // namespace

FeedVerbs::FeedVerbs(CLI::App& app, AdminOptions& admin) : admin_(admin) {
  CLI::App* feed = app.add_subcommand("feed", "By what the follower is fed: change it, or show it");
  feed->require_subcommand(1);
  switch_ = add_admin_verb(*feed, "switch", "Let the other feed take over, while clients go on", admin_);
  switch_->add_option("to", to_, "log or trigger")->required()->check(CLI::IsMember({"log", "trigger"}));
  switch_->footer(
      "Of the proxy that applies. Nothing is lost or applied twice, and a proxy that dies on the way is taken over "
      "from.\nExit code 1 and the reason where it cannot be; what was not done in time goes on: see feed status.\n\n"
      "Examples:\n  crossfade feed switch trigger\n  crossfade feed switch log --config crossfade.yaml");
  status_ = add_admin_verb(*feed, "status", "Show which feed it is, why, and whether it is being changed", admin_);
  status_->footer("Examples:\n  crossfade feed status\n  crossfade feed status --format json");
}

int FeedVerbs::run(const CliContext& context) const {
  const absl::StatusOr<nlohmann::json> answer = switch_->parsed() ? carry_out() : ask_admin(admin_, kPath);
  if (!answer.ok()) return say_error(answer.status(), context);
  if (admin_.format == "json") {
    context.out << answer->dump(2) << "\n";
  } else {
    context.out << (switch_->parsed() ? answer->value("outcome", "") + "\n" : feed_text(*answer));
  }
  return 0;
}

// Until nothing changes any more: the feed that is in force then tells whether it has been done.
absl::StatusOr<nlohmann::json> FeedVerbs::carry_out() const {
  const auto until = std::chrono::steady_clock::now() + kCommandMax;
  const absl::StatusOr<nlohmann::json> begun = ask_admin(admin_, kPath, {{"verb", "switch"}, {"to", to_}});
  if (!begun.ok()) return begun.status();
  for (;;) {
    absl::StatusOr<nlohmann::json> feed = ask_admin(admin_, kPath);
    if (!feed.ok()) return feed.status();
    const std::string change = feed->value("change", "");
    if (change.empty() && feed->value("kind", "") == to_) return feed;
    const std::string outcome = feed->value("outcome", "");
    if (change.empty()) return absl::FailedPreconditionError(outcome.empty() ? kForgotten : outcome);
    if (std::chrono::steady_clock::now() >= until) {
      return absl::UnavailableError("not done yet (" + change + "): what has begun goes on, see crossfade feed status");
    }
    std::this_thread::sleep_for(kStatusInterval);
  }
}

}  // namespace crossfade::proxy
