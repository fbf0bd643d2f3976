// What all sessions of a proxy under test share: one account, "app" with the password "secret", on both sides.
#pragma once

#include <memory>
#include <utility>

#include "proxy/worker/worker.h"

namespace crossfade::support {

inline proxy::KnownUser app_account() {
  proxy::KnownUser app;
  app.secret.password = "secret";
  app.backend = {proxy::KnownUser::Credential{.user = "app", .password = "secret"},
                 proxy::KnownUser::Credential{.user = "app", .password = "secret"}};
  return app;
}

// All of it outlives what is made.
struct SharedParts {
  const config::Config& config;
  proxy::Metrics& metrics;
  proxy::FeedSwitch& feed;
  proxy::ShadowPool& shadow;
};
inline std::unique_ptr<proxy::Shared> shared_state(const SharedParts& parts, proxy::KnownUser app,
                                                   const proxy::KnownUser::Credential& control) {
  return std::unique_ptr<proxy::Shared>(
      new proxy::Shared{.config = parts.config,
                        .metrics = parts.metrics,
                        .feed = parts.feed,
                        .shadow = parts.shadow,
                        .users = proxy::UserDirectory({{"app", std::move(app)}}, parts.config.learned_users),
                        .backend_tls = {},
                        .control = {control, control},
                        .traits = {}});
}

}  // namespace crossfade::support
