// What is known of the session on the leader, as far as it bears on what a text means and where a read may go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/catalogue/zone_agreements.h"
#include "proxy/context/session_context.h"
#include "proxy/context/set_variables.h"
#include "proxy/counts/pinned_sessions.h"
#include "proxy/session/state/session_objects.h"
#include "routing/plan.h"
#include "routing/session_effect.h"
#include "routing/split.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

// A memory: it asks nobody. What the leader answers is given to take(), what statements do to the session to the note_
// functions; whatever may have changed the session unseen ends in forget().
//
// Invariant: context() is what the leader has said since the last statement that could change it, or nullptr; version()
// grows with every such statement. Reads are pinned while anything of the session is known that the other side cannot
// be given, and counted in PinnedSessions as long.
class KnownState {
 public:
  explicit KnownState(PinnedSessions& sessions) : pin_(sessions) {}

  // nullptr: to be read from the leader when it is next needed.
  const SessionContext* context() const { return context_ ? &*context_ : nullptr; }
  // What has the same version has seen the same state.
  std::uint64_t version() const { return version_; }
  // In which names without a schema are resolved.
  const std::string& schema() const { return schema_; }
  const routing::LexerMode& lexer() const { return lexer_; }
  // The variables that the leader is to be asked for besides those of every session.
  const std::vector<const routing::SessionVariable*>& deciding() const { return set_variables_.deciding(); }
  const SessionObjects& objects() const { return objects_; }
  bool reads_pinned() const { return pin_.active(); }
  // Whether the other side would read the same in the same session: `unknown` while the leader, or what is known of
  // both sides' time zones, has to be asked.
  routing::Known repeatable() const;

  // How the text is cut into tokens hangs on sql_mode where quotes and backslashes are about, and on the character set
  // where there is more than ASCII: the leader has to be asked.
  bool is_unclear(std::string_view sql) const;
  bool is_unclear(const routing::UnclearBytes& bytes, std::string_view rest) const {
    return (lexer_stale_ && bytes.quotes_in(rest)) || (!context_ && bytes.characters_in(rest));
  }

  // After a login, with the server's defaults, which are its own matter.
  void begin(routing::LexerMode lexer);
  // What a login named.
  void set_schema(std::string schema) { schema_ = std::move(schema); }
  // The server has given the session a fresh state.
  void reset();
  // The leader's answer.
  void take(SessionContext context, routing::LexerMode lexer);
  void take_zone(const ZoneVerdict& verdict);
  // The leader would take packets of another size by now.
  void take_packet_bytes_max(std::uint64_t bytes) { context_->packet_bytes_max = bytes; }
  // Reads stay with the leader until the context changes. "has a state that the other side refuses".
  void pin(std::string why);
  void forget();
  void use_schema(std::string schema);
  // A SET of these variables has run.
  void note_set(const std::vector<std::string>& names);
  // Something ran whose effect on the session cannot be followed.
  void note_unobserved();
  // A transaction has begun: the server has given up its table locks.
  void note_begin() { objects_.unlocked(); }
  enum class Outcome : std::uint8_t { failed, done };
  // A statement that was relayed has ended, where names without a schema meant `schema`. False: what it left in the
  // session cannot be followed. What SessionEffect::not_followed says is for the caller to find out.
  [[nodiscard]] bool note_relayed(routing::SessionEffect effect, const routing::StatementFacts& facts,
                                  std::string_view schema, Outcome outcome);

 private:
  void update_pin();

  std::optional<SessionContext> context_;
  std::uint64_t version_ = 1;
  std::string schema_;
  routing::LexerMode lexer_;
  bool lexer_stale_ = false;
  SetVariables set_variables_;
  ReadPin pin_;
  SessionObjects objects_;
};

}  // namespace crossfade::proxy
