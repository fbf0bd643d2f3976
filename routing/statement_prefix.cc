#include "routing/statement_prefix.h"

#include <utility>

namespace crossfade::routing {
namespace {

bool is_value(const Token& token) {
  return token.kind == TokenKind::number || token.kind == TokenKind::string || token.kind == TokenKind::word;
}

std::string folded_name(const Token& token) {
  std::string name = plain_name(token.text);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

}  // namespace

std::optional<StatementPrefix> statement_prefix(std::string_view sql, const LexerMode& mode) {
  if (!mode.mariadb) return std::nullopt;
  Tokenizer tokens(sql, mode);
  if (!is_word(tokens.next(), "SET") || !is_word(tokens.next(), "STATEMENT")) return std::nullopt;
  StatementPrefix out;
  Token token;
  do {
    token = tokens.next();
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted_name) return std::nullopt;
    out.variables.push_back(folded_name(token));
    token = tokens.next();
    if (!is_op(token, "=") && !is_op(token, ":=")) return std::nullopt;
    token = tokens.next();
    if (is_op(token, "-") || is_op(token, "+")) token = tokens.next();
    if (!is_value(token)) return std::nullopt;
    token = tokens.next();
  } while (is_op(token, ","));
  if (!is_word(token, "FOR") || tokens.saw_executable_comment()) return std::nullopt;
  if (tokens.saw_comment()) out.first_comment = tokens.first_comment();
  const Token first = tokens.next();
  if (first.kind == TokenKind::end || tokens.saw_executable_comment()) return std::nullopt;
  out.bytes = first.offset;
  return out;
}

std::string_view without_prefix(std::string_view sql, const LexerMode& mode) {
  const std::optional<StatementPrefix> prefix = statement_prefix(sql, mode);
  return prefix ? sql.substr(prefix->bytes) : sql;
}

bool may_have_prefix(StatementKind kind) {
  switch (kind) {
    case StatementKind::select:
    case StatementKind::insert:
    case StatementKind::replace:
    case StatementKind::update:
    case StatementKind::delete_:
    case StatementKind::do_:
    case StatementKind::show:
    case StatementKind::describe:
    case StatementKind::explain:
      return true;
    default:
      return false;
  }
}

}  // namespace crossfade::routing
