// What CALL of a procedure does: definitions of the leader, judged and kept as table definitions are.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "config/backend.h"
#include "protocol/response.h"
#include "proxy/reactor.h"
#include "proxy/task.h"
#include "routing/routine.h"

namespace crossfade::proxy {

class SchemaCache;

// One per worker: no lock.
class RoutineCache {
 public:
  RoutineCache(SchemaCache& catalogue, config::Backend leader, Reactor& reactor)
      : catalogue_(catalogue), leader_(leader), reactor_(reactor) {}

  struct Judgement {
    enum class Outcome : std::uint8_t {
      reads,       // it changes no rows, nor does any procedure that it calls
      refused,     // `why`
      unreadable,  // its body is not shown to the control account: `why` names the right that is missing
      unknown,     // the control account sees no such procedure
    };
    Outcome outcome = Outcome::unknown;
    std::string procedure;  // which `why` is about: "app.p"
    std::string why;
    routing::RoutineVerdict verdict;  // of all of them together
  };
  // `schema`: the one that a name without one is in. A Status: the leader could not be asked.
  Task<absl::StatusOr<Judgement>> judge(std::string schema, routing::TableName procedure);

  // Does SHOW CREATE PROCEDURE say by this error that there is none, to whoever asks for it? Then CALL fails too.
  static bool is_none(const protocol::Err& err);

  // What the control account needs to be shown bodies.
  static std::string missing_right(bool mariadb) { return mariadb ? "SELECT on mysql.proc" : "SHOW_ROUTINE on *.*"; }

  static constexpr std::size_t kCalledMax = 32;  // procedures that one CALL may lead to

 private:
  static constexpr auto kFresh = std::chrono::seconds(10);
  static constexpr std::size_t kRoutinesMax = 2000;
  struct Slot {
    std::shared_ptr<const Judgement> judgement;  // of this procedure alone
    TimePoint read_at;
  };
  Task<absl::StatusOr<std::shared_ptr<const Judgement>>> get(std::string schema, routing::TableName procedure);
  Task<absl::StatusOr<Judgement>> read(std::string schema, routing::TableName procedure);

  SchemaCache& catalogue_;
  config::Backend leader_;
  Reactor& reactor_;
  absl::flat_hash_map<std::string, Slot> cache_;
};

}  // namespace crossfade::proxy
