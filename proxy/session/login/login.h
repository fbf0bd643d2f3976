// From the accepted connection to the first command, and COM_CHANGE_USER. The client is greeted with what the leader
// says in this very connection's greeting, so that version, connection id and status are the leader's own.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "protocol/login_as_server.h"
#include "proxy/session/client/client_channel.h"
#include "proxy/session/conversation/answer.h"
#include "proxy/session/login/greeted_link.h"
#include "proxy/users/entrance.h"
#include "proxy/users/user_directory.h"

namespace crossfade::proxy {

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

// Proves who the client is, as far as can be known here, and has the leader take it in: the leader judges the passwords
// that are not known here. Gives the session its Identity, and the leader its link.
//
// Invariant: no command is read before log_in() has said true, and by then the client has an account on the leader.
class Login {
 public:
  Login(Conversation& s, std::shared_ptr<const Entrance> entrance);

  // False: the client was not let in, and has been told.
  Task<bool> log_in();
  // On the leader's existing connection: the client's connection id stays what it is.
  Task<Answer> change_user(Command command);

 private:
  using Machine = protocol::LoginAsServer;
  Task<bool> read_proxy_header();
  Task<bool> reach_leader();
  protocol::Capabilities offered_to_client() const;
  void make_machine();
  Task<ClientProof> authenticate(Machine::Action action);
  Task<bool> start_tls();
  absl::StatusOr<Machine::Action> look_up_user(ClientProof& proof);
  std::optional<protocol::Err> barred(const ClientProof& proof, UserSlot& slot) const;
  protocol::Buffer refusal_for_client(const ClientProof& proof, const absl::Status& status,
                                      std::optional<Refusal> refused);
  protocol::Err access_denied() const;
  void conclude(const ClientProof& proof, Machine::Verdict verdict);
  Task<bool> enter(ClientProof proof);
  Task<absl::StatusOr<std::unique_ptr<BackendLink>>> log_leader_in(std::optional<Refusal>* refused);
  void take_account(const ClientProof& proof);
  protocol::Ok welcome(protocol::Ok ok);
  // COM_CHANGE_USER
  enum class By : std::uint8_t { proxy, leader };
  Task<Answer> become(const ClientProof& proof, UserSlot slot);
  Task<Answer> refuse_change(protocol::Buffer answer, By whom);
  Task<absl::Status> reset_leader();

  Conversation& s_;
  std::shared_ptr<const Entrance> entrance_;
  GreetedLink greeted_;
  std::unique_ptr<Machine> machine_;  // stays for COM_CHANGE_USER
  TimePoint deadline_;
  std::uint32_t failed_changes_ = 0;  // of user
};

}  // namespace crossfade::proxy
