// The time between a client's arrival and its login.
#pragma once

#include <memory>
#include <optional>

#include "protocol/login_as_server.h"
#include "proxy/backend_link.h"
#include "proxy/entrance.h"
#include "proxy/worker.h"

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

// Random, without what old clients trip over.
protocol::Nonce draw_nonce(std::mt19937_64& random);

// What came of an authentication.
struct ClientProof {
  enum class Kind : std::uint8_t {
    gone,      // the client has left, or was answered already
    rejected,  // it hears `reject`
    proven,    // it is `user`
    to_judge,  // it is `user` if the leader takes the password in it
    in_vain,   // it is not who it says; the leader is asked as for the others, and `user` is nobody
  };
  Kind kind = Kind::gone;
  std::shared_ptr<const KnownUser> user;
  protocol::LoginAsServer::Reject reject;
};

// What Session keeps of it.
struct SessionLogin {
  SessionLogin(Worker& worker, std::shared_ptr<const Entrance> through)
      : entrance(std::move(through)), greeted(worker) {}

  std::shared_ptr<const Entrance> entrance;
  GreetedLink greeted;
  std::unique_ptr<protocol::LoginAsServer> machine;  // stays for COM_CHANGE_USER
  TimePoint deadline;
  protocol::ProxyHeader peer;        // the client's address, for backends that are told it
  std::uint32_t failed_changes = 0;  // of user
};

}  // namespace crossfade::proxy
