// KILL [HARD | SOFT] [CONNECTION | QUERY] id.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "routing/tokenizer.h"

namespace crossfade::routing {

struct KillTarget {
  enum class What : std::uint8_t { connection, query } what = What::connection;
  std::uint64_t connection_id = 0;
  friend bool operator==(const KillTarget&, const KillTarget&) = default;
};
// nullopt: it names its target in another way (KILL USER, KILL QUERY ID, an expression), or is no KILL.
std::optional<KillTarget> parse_kill(std::string_view sql, const LexerMode& mode);

}  // namespace crossfade::routing
