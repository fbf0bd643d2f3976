// Any text, under any lexer mode: the pieces are views into it, in order, and come to an end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/split.h"

using crossfade::routing::FirstStatement;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const crossfade::routing::LexerMode mode{
      .ansi_quotes = (data[0] & 1) != 0, .no_backslash_escapes = (data[0] & 2) != 0, .mariadb = (data[0] & 4) != 0};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string_view left = crossfade::routing::without_trailing_semicolons(text);
  for (;;) {
    const FirstStatement first = crossfade::routing::first_statement(left, mode);
    if (first.statement.data() < text.data() || first.statement.size() + first.rest.size() > left.size()) std::abort();
    if (first.kind != FirstStatement::Kind::another) return 0;
    if (first.rest.empty() || first.rest.size() >= left.size()) std::abort();
    left = first.rest;
  }
}
