#include "routing/digest.h"

#include "routing/digest_builder.h"

namespace crossfade::routing {

Digest make_digest(std::string_view sql, const LexerMode& mode, std::size_t text_bytes_max) {
  Digest digest;
  DigestBuilder builder(mode, &digest.text, text_bytes_max);
  Tokenizer tokenizer(sql, mode);
  bool after_dot = false;
  for (Token token = tokenizer.next(); token.kind != TokenKind::end; token = tokenizer.next()) {
    const bool bare = token.kind == TokenKind::word && !after_dot;
    builder.add(token, bare ? keyword_info(token.text) : KeywordInfo{});
    after_dot = token.kind == TokenKind::op && token.text == ".";
    if (token.kind == TokenKind::error) break;
  }
  digest.id = builder.finish();
  if (digest.text.size() > text_bytes_max) {
    std::size_t keep = text_bytes_max > 3 ? text_bytes_max - 3 : 0;
    while (keep > 0 && (static_cast<std::uint8_t>(digest.text[keep]) & 0xc0u) == 0x80) --keep;  // no half character
    digest.text.resize(keep);
    digest.text += "...";
  }
  return digest;
}

}  // namespace crossfade::routing
