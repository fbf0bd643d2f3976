// The leader's connection before its client is known.
#pragma once

#include <memory>
#include <optional>
#include <random>

#include "protocol/login_as_server.h"
#include "proxy/backend/backend_link.h"
#include "proxy/session/state/site.h"

namespace crossfade::proxy {

// The leader's connection from its greeting, which the client's is made of, to the client's authentication.
// A connection that is never logged in counts as an error of the proxy's host on the server, and after
// max_connect_errors of them that host is locked out (1129). So one that no client has come to own is
// logged in with the control account and left in good order, by a task of its own.
class GreetedLink {
 public:
  explicit GreetedLink(Worker& worker) : worker_(worker) {}
  ~GreetedLink();
  GreetedLink(const GreetedLink&) = delete;
  GreetedLink& operator=(const GreetedLink&) = delete;

  // A refusal in the server's own words is put into `refused`.
  Task<absl::Status> open(config::Backend which, protocol::ProxyHeader client, std::optional<Refusal>* refused);
  const protocol::Greeting& greeting() const { return link_->greeting(); }
  // For its login; nothing is left here.
  std::unique_ptr<BackendLink> take() { return std::move(link_); }

 private:
  Worker& worker_;
  std::unique_ptr<BackendLink> link_;
};

// A server may be full of connections for which no client waits, and those of the shadow give way: the way in is tried
// again so often, so long apart.
inline constexpr int kAttemptsForRoom = 50;  // half a second in all: a busy machine closes connections late
inline constexpr auto kWaitForRoom = std::chrono::milliseconds(10);

// Random, without what old clients trip over.
protocol::Nonce draw_nonce(std::mt19937_64& random);

}  // namespace crossfade::proxy
