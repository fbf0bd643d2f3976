// One client from its connection to its end: a loop that reads a command, has it handled, and sends the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/session/conversation/conversation.h"
#include "proxy/session/login/login.h"
#include "routing/kill_statement.h"

namespace crossfade::proxy {

// A session lives on one worker thread. It decides nothing: commands are dispatched to functions (commands/, prepared/,
// login/), which ask routing::make_plan where a statement goes and have it carried out (run/). What is known of the
// session is in state/, its connections in links/.
//
// Invariant: of one client, one command at a time.
class Session {
 public:
  // `id` is the session's name in logs and for bucketing; the client knows its connection by the leader's id.
  Session(Worker& worker, std::unique_ptr<Stream> client, std::uint32_t id, std::shared_ptr<const Entrance> entrance);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Deletes the session at its end.
  Task<void> run();
  // Closes at the next moment without an open transaction.
  void begin_drain();
  void end_now() { parts_.client.end_now(); }
  // It goes by flags that let it write, and is in the middle of something.
  std::optional<OpenWrite> open_write() const;
  // The leader has carried out a KILL. If it was of this client's connection, or of what runs on it, so does this.
  void note_kill(const routing::KillTarget& target);

 private:
  Task<Answer> dispatch(Command command);
  bool may_drain() const { return draining_ && !parts_.state.transaction.open(); }

  Conversation parts_;
  Login login_;
  bool draining_ = false;
  bool at_work_ = false;  // on a command
};

}  // namespace crossfade::proxy
