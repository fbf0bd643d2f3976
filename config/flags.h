// flags.yaml as values: the hot-reloaded part, the only file touched during a migration. A snapshot
// is immutable; a decision is drawn once per transaction from one snapshot.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/percent.h"

namespace crossfade::config {

enum class Ack : std::uint8_t { leader, both };

// A row of the follower that is not as the leader's log says it must be: its table is stopped, or it is made so.
enum class OnDivergence : std::uint8_t { hold, overwrite };

struct BucketBy {
  enum class Key : std::uint8_t { session, user, schema, client_host, hint };
  Key key = Key::session;
  std::string hint;  // for Key::hint
  friend bool operator==(const BucketBy&, const BucketBy&) = default;
};

struct DualWriteFlags {
  bool enabled = true;
  Ack ack = Ack::leader;
  OnDivergence on_divergence = OnDivergence::hold;  // of feed log
  friend bool operator==(const DualWriteFlags&, const DualWriteFlags&) = default;
};
struct ShadowReadFlags {
  Percent percent;
  friend bool operator==(const ShadowReadFlags&, const ShadowReadFlags&) = default;
};
struct ReadFromNewFlags {
  Percent percent;
  BucketBy by;
  friend bool operator==(const ReadFromNewFlags&, const ReadFromNewFlags&) = default;
};

// Every given condition must hold. Names compare without case.
struct RuleMatch {
  std::optional<std::string> schema;
  std::vector<std::string> tables;  // any of them
  std::optional<std::string> user;
  std::optional<std::uint64_t> digest;
  std::map<std::string, std::string> hint;
  friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};
struct Rule {
  RuleMatch match;
  std::optional<ShadowReadFlags> shadow_read;
  std::optional<ReadFromNewFlags> read_from_new;
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Flags {
  std::uint64_t version = 0;
  DualWriteFlags dual_write;
  ShadowReadFlags shadow_read;
  ReadFromNewFlags read_from_new;
  std::vector<Rule> rules;  // first match wins, per key
  bool freeze_writes = false;
  bool kill_switch = false;  // reads answered by the leader, no shadowing
  friend bool operator==(const Flags&, const Flags&) = default;
};

}  // namespace crossfade::config
