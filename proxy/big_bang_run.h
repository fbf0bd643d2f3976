// Carries out `crossfade migrate --big-bang`: migrate/big_bang.h says what is next, a proxy does it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "migrate/big_bang.h"
#include "proxy/cli_job.h"

namespace crossfade::proxy {

struct BigBangOrder {
  migrate::BigBang::Copy copy = migrate::BigBang::Copy::wanted;
  nlohmann::json job_options = nlohmann::json::object();   // of copy and comparison
  nlohmann::json copy_options = nlohmann::json::object();  // of the copy alone
  migrate::ForLater for_later = migrate::ForLater::refuse;
  std::chrono::milliseconds hold{30'000};        // clients' writes wait for so long
  std::chrono::milliseconds freeze_max{30'000};  // for transactions that are open
};

// Holds the freeze by renewing it. If it is ended, or this process dies, writes go on on `old` when the lease is over;
// a signal ends it in good order.
class BigBangRun {
 public:
  BigBangRun(BigBangOrder order, const AdminOptions& admin, const CliContext& context);
  int run();

 private:
  using Progress = migrate::Progress;
  using Step = migrate::BigBang::Step;

  Progress carry_out(Step step);
  Progress preflight() const;
  Progress freeze();
  Progress copy();
  Progress verify();
  Progress change_leader();
  Progress thaw(const std::string& why);
  Progress start_job(const std::string& kind, nlohmann::json options,
                     const std::function<Progress(const nlohmann::json&, std::uint64_t)>& judge);
  absl::Status order_switch(const std::string& verb, nlohmann::json options = nlohmann::json::object()) const;
  absl::Status renew(std::chrono::milliseconds lease);
  Progress lost(const absl::Status& status);
  void wait_until_ready() const;
  void say(const std::string& step, const std::string& state, const std::string& text) const;

  const BigBangOrder order_;
  const AdminOptions& admin_;
  const CliContext& context_;
  const std::string holder_;
  std::chrono::steady_clock::time_point renewed_{};
  std::chrono::steady_clock::time_point heard_{};  // of the proxy
};

}  // namespace crossfade::proxy
