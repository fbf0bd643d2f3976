#include "dualwrite/ddl_text.h"

#include <algorithm>
#include <utility>

namespace crossfade::dualwrite {

using routing::Token;
using routing::TokenKind;

DdlText::DdlText(std::string_view sql, const routing::LexerMode& mode) {
  broken_ = sql.size() > kDdlBytesMax;
  if (broken_) sql = sql.substr(0, kDdlBeginningBytes);
  const bool is_beginning = broken_;
  routing::Tokenizer tokenizer(sql, mode);
  std::vector<std::size_t> open;
  std::size_t end = 0;
  bool inside = false;
  for (Token token = tokenizer.next(); token.kind != TokenKind::end; token = tokenizer.next()) {
    if (token.kind == TokenKind::error) {
      broken_ = true;
      return;
    }
    Piece piece;
    piece.token = token;
    piece.gap = sql.substr(end, token.offset - end);
    // A comment that one make runs and the other does not, or an end of one.
    piece.gap_kept = inside == tokenizer.in_executable_comment() && piece.gap.find("/*") == std::string_view::npos;
    inside = tokenizer.in_executable_comment();
    end = token.offset + token.text.size();
    piece.after_dot =
        !tokens_.empty() && tokens_.back().token.kind == TokenKind::op && tokens_.back().token.text == ".";
    if (token.kind == TokenKind::op && token.text == "(") open.push_back(tokens_.size());
    if (token.kind == TokenKind::op && token.text == ")" && !open.empty()) {
      tokens_[open.back()].closed_by = tokens_.size();
      open.pop_back();
    }
    tokens_.push_back(std::move(piece));
  }
  if (is_beginning && !tokens_.empty()) tokens_.pop_back();  // it may go on behind the cut
  while (!tokens_.empty() && tokens_.back().token.kind == TokenKind::semicolon) tokens_.pop_back();
}

bool DdlText::is(std::size_t at, std::string_view word) const {
  return at < tokens_.size() && !tokens_[at].after_dot && routing::is_word(tokens_[at].token, word);
}

bool DdlText::is_op(std::size_t at, std::string_view op) const {
  return at < tokens_.size() && tokens_[at].token.kind == TokenKind::op && tokens_[at].token.text == op;
}

bool DdlText::is_name(std::size_t at) const {
  return at < tokens_.size() && (tokens_[at].token.kind == TokenKind::word || is_quoted_name(at));
}

bool DdlText::is_quoted_name(std::size_t at) const {
  return at < tokens_.size() && tokens_[at].token.kind == TokenKind::quoted_name;
}

bool DdlText::is_string(std::size_t at) const {
  return at < tokens_.size() && tokens_[at].token.kind == TokenKind::string;
}

bool DdlText::is_number(std::size_t at) const {
  return at < tokens_.size() && tokens_[at].token.kind == TokenKind::number;
}

bool DdlText::is_user_variable(std::size_t at) const {
  return at < tokens_.size() && tokens_[at].token.kind == TokenKind::user_variable;
}

std::string DdlText::upper(std::size_t at) const {
  if (at >= tokens_.size() || tokens_[at].token.kind != TokenKind::word || tokens_[at].after_dot) return "";
  std::string out(tokens_[at].token.text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string DdlText::name(std::size_t at) const {
  const std::string_view spelled = text(at);
  if (is_string(at) && spelled.size() >= 2) return std::string(spelled.substr(1, spelled.size() - 2));
  return routing::plain_name(spelled);
}

std::size_t DdlText::after(std::size_t at) const {
  if (!is_op(at, "(")) return std::min(at + 1, tokens_.size());
  return tokens_[at].closed_by == 0 ? tokens_.size() : tokens_[at].closed_by + 1;
}

std::size_t DdlText::comma(std::size_t from, std::size_t to) const {
  std::size_t at = from;
  while (at < to && !is_op(at, ",")) at = after(at);
  return std::min(at, to);
}

std::vector<std::pair<std::size_t, std::size_t>> DdlText::items(std::size_t from, std::size_t to) const {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  while (from < to) {
    const std::size_t end = comma(from, to);
    out.emplace_back(from, end);
    from = end + 1;
  }
  return out;
}

void DdlText::replace(std::size_t at, std::string text) {
  if (at >= tokens_.size()) return;
  tokens_[at].replaced = std::move(text);
  tokens_[at].changed = true;
}

void DdlText::add_behind(std::size_t at, std::string_view text) {
  if (at < tokens_.size()) tokens_[at].behind += " " + std::string(text);
}

void DdlText::add_before(std::size_t at, std::string_view text) {
  if (at < tokens_.size()) tokens_[at].before += std::string(text);
}

void DdlText::join(std::size_t at, std::string_view text) {
  if (at < tokens_.size()) tokens_[at].behind = std::string(text) + tokens_[at].behind;
}

void DdlText::erase(std::size_t from, std::size_t to) {
  for (std::size_t at = from; at < std::min(to, tokens_.size()); ++at) replace(at, "");
}

namespace {

bool is_of_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '$' ||
         (c & 0x80) != 0;
}

}  // namespace

void DdlText::move(std::size_t from, std::size_t to, std::size_t behind, std::string prefix) {
  moves_.push_back({.from = from, .to = to, .behind = behind, .prefix = std::move(prefix)});
}

std::string DdlText::render() const {
  std::string out;
  const auto add = [this, &out](std::size_t at) {
    const Piece& piece = tokens_[at];
    if (erased(at) && piece.before.empty() && piece.behind.empty()) return;
    // What stood apart, or was never next to each other, stays apart.
    if (!out.empty() && piece.gap_kept && !piece.gap.empty()) {
      out += piece.gap;
    } else if (!out.empty() && (!piece.gap.empty() || erased(at - 1))) {
      out += ' ';
    }
    const std::size_t begin = out.size();
    out += piece.before;
    out += piece.changed ? std::string_view(piece.replaced) : piece.token.text;
    out += piece.behind;
    // What its quotes alone kept apart: COLLATE='latin1_bin'ENGINE=InnoDB; what was put between: (a INT)ENGINE=InnoDB
    const bool touched = at > 0 && (piece.changed || !piece.before.empty() || tokens_[at - 1].changed ||
                                    !tokens_[at - 1].behind.empty());
    if (touched && begin > 0 && begin < out.size() && is_of_word(out[begin - 1]) && is_of_word(out[begin]))
      out.insert(begin, " ");
  };
  // None overlaps another: of each order the next one is the only one that can be met.
  std::vector<const Move*> by_from;
  for (const Move& each : moves_) by_from.push_back(&each);
  std::vector<const Move*> by_place = by_from;
  std::ranges::sort(by_from, {}, &Move::from);
  std::ranges::stable_sort(by_place, {}, &Move::behind);
  auto leaves = by_from.begin();
  auto comes = by_place.begin();
  for (std::size_t at = 0; at < tokens_.size(); ++at) {
    while (leaves != by_from.end() && (*leaves)->to <= at) ++leaves;
    const bool moved = leaves != by_from.end() && (*leaves)->from <= at;
    if (!moved) add(at);
    for (; comes != by_place.end() && (*comes)->behind == at; ++comes) {
      out += (*comes)->prefix;
      for (std::size_t i = (*comes)->from; i < (*comes)->to; ++i) add(i);
    }
  }
  return out;
}

}  // namespace crossfade::dualwrite
