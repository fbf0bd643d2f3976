// Any text, under any lexer mode, as a procedure's definition: pieces are views into it, in order; and a
// definition that is accepted has no word left out of what was judged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "routing/routine.h"
#include "routing/routine_parts.h"

using namespace crossfade::routing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const LexerMode mode{
      .ansi_quotes = (data[0] & 1) != 0, .no_backslash_escapes = (data[0] & 2) != 0, .mariadb = (data[0] & 4) != 0};
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const RoutineParts parts = take_routine_apart(text, mode);
  if (!parts.problem.empty() && !parts.pieces.empty()) std::abort();
  const char* last = text.data();
  for (const RoutinePiece& piece : parts.pieces) {
    if (piece.text.empty() || piece.text.data() < last) std::abort();
    last = piece.text.data() + piece.text.size();
    if (last > text.data() + text.size()) std::abort();
  }
  const RoutineVerdict verdict =
      judge_routine({.create = text, .sql_mode = "", .character_set_client = "utf8mb4"}, mode);
  if (!parts.problem.empty() && verdict.refusal.empty()) std::abort();
  if (!verdict.refusal.empty()) return 0;
  // These are reserved everywhere, and what writes begins with one of them.
  Tokenizer tokens(text, mode);
  Token previous;
  for (Token token = tokens.next(); token.kind != TokenKind::end; token = tokens.next()) {
    if (token.kind == TokenKind::error) std::abort();
    const bool begins = previous.kind == TokenKind::semicolon;
    for (const std::string_view word : {"INSERT", "DELETE", "UPDATE", "ALTER", "DROP", "GRANT", "LOAD", "LOCK"}) {
      if (begins && is_word(token, word)) std::abort();
    }
    previous = token;
  }
  return 0;
}
