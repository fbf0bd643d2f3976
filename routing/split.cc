#include "routing/split.h"

#include "routing/compound.h"

namespace crossfade::routing {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

UnclearBytes::UnclearBytes(std::string_view text) {
  for (std::size_t i = text.size(); i > 0 && (quotes_ == 0 || characters_ == 0); --i) {
    const char c = text[i - 1];
    const std::size_t to_end = text.size() - i + 1;
    if (quotes_ == 0 && (c == '"' || c == '\\')) quotes_ = to_end;
    if (characters_ == 0 && static_cast<unsigned char>(c) >= 0x80) characters_ = to_end;
  }
}

std::string_view without_trailing_semicolons(std::string_view text) {
  while (!text.empty() && (text.back() == ';' || is_blank(text.back()))) text.remove_suffix(1);
  return text;
}

FirstStatement first_statement(std::string_view text, const LexerMode& mode) {
  Tokenizer tokens(text, mode);
  CompoundStatement compound;
  Token token = tokens.next();
  if (token.kind == TokenKind::semicolon) {
    FirstStatement none;
    none.kind = FirstStatement::Kind::nothing_before;
    none.statement = text;
    return none;
  }
  while (token.kind != TokenKind::end && token.kind != TokenKind::error) {
    const bool in_comment = tokens.in_executable_comment();
    const Token ahead = tokens.next();
    if (token.kind == TokenKind::semicolon && !compound.inside()) {
      FirstStatement first;
      first.statement = text.substr(0, token.offset);
      first.rest = text.substr(token.offset + 1);
      while (!first.rest.empty() && is_blank(first.rest.front())) first.rest.remove_prefix(1);
      first.kind = in_comment ? FirstStatement::Kind::inside_comment : FirstStatement::Kind::another;
      if (first.rest.empty() && !in_comment) first.kind = FirstStatement::Kind::last;
      return first;
    }
    compound.note(token, ahead);
    token = ahead;
  }
  FirstStatement only;
  only.statement = text;
  return only;
}

std::string_view only_statement(std::string_view text, const LexerMode& mode) {
  std::string_view left = text;
  while (!left.empty() && (left.back() == '\0' || left.back() == ';' || is_blank(left.back()))) left.remove_suffix(1);
  const bool ends_in_nul = left.size() < text.size() && text.substr(left.size()).find('\0') != std::string_view::npos;
  const bool ends_in_semicolon = left.size() < text.size() && text[left.size()] == ';';
  // The servers drop semicolons at the end themselves.
  const std::string_view whole = ends_in_nul && ends_in_semicolon && !left.empty() ? left : text;
  if (left.find(';') == std::string_view::npos) return whole;  // the common case
  const FirstStatement first = first_statement(left, mode);
  if (first.kind != FirstStatement::Kind::another) return whole;
  return Tokenizer(first.rest, mode).next().kind == TokenKind::end ? first.statement : text;
}

}  // namespace crossfade::routing
