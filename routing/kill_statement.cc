#include "routing/kill_statement.h"

#include <charconv>

namespace crossfade::routing {

std::optional<KillTarget> parse_kill(std::string_view sql, const LexerMode& mode) {
  Tokenizer tokens(sql, mode);
  if (!is_word(tokens.next(), "KILL")) return std::nullopt;
  KillTarget target;
  Token token = tokens.next();
  if (is_word(token, "HARD") || is_word(token, "SOFT")) token = tokens.next();
  if (is_word(token, "QUERY")) {
    target.what = KillTarget::What::query;
    token = tokens.next();
  } else if (is_word(token, "CONNECTION")) {
    token = tokens.next();
  }
  const char* const end = token.text.data() + token.text.size();
  const auto parsed = std::from_chars(token.text.data(), end, target.connection_id);
  if (token.kind != TokenKind::number || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  token = tokens.next();
  if (token.kind == TokenKind::semicolon) token = tokens.next();
  if (token.kind != TokenKind::end) return std::nullopt;
  return target;
}

}  // namespace crossfade::routing
