// A statement without its literals: the only text of a statement that is ever logged or reported.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "routing/tokenizer.h"

namespace crossfade::routing {

struct Digest {
  std::uint64_t id = 0;  // XXH3-64 of `text`
  std::string text;      // "SELECT c FROM t WHERE id = ?", keywords upper case, lists of literals "(...)" as (?+)
};
// `text` is cut at `text_bytes_max` with "..."; the id is of the whole.
Digest make_digest(std::string_view sql, const LexerMode& mode, std::size_t text_bytes_max = 2048);

}  // namespace crossfade::routing
