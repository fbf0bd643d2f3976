// Any bytes cut into tokens: in order, without overlap, and ending.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade::routing;
  if (size == 0) return 0;
  const LexerMode mode{.ansi_quotes = (data[0] & 1) != 0,
                       .no_backslash_escapes = (data[0] & 2) != 0,
                       .mariadb = (data[0] & 4) != 0,
                       .multi_byte = static_cast<MultiByte>((data[0] >> 3) % 8)};
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  Tokenizer tokenizer(sql, mode);
  std::size_t end = 0;
  for (Token token = tokenizer.next(); token.kind != TokenKind::end; token = tokenizer.next()) {
    if (token.offset < end || (token.text.empty() && token.kind != TokenKind::error)) std::abort();
    if (token.text.data() != sql.data() + token.offset) std::abort();
    end = token.offset + token.text.size();
    if (end > sql.size()) std::abort();
    if (token.kind == TokenKind::error && end != sql.size()) std::abort();
    if (plain_name(token.text).size() > token.text.size()) std::abort();
  }
  return 0;
}
