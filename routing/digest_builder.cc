#include "routing/digest_builder.h"

#include <xxhash.h>

#include "routing/known_functions.h"

namespace crossfade::routing {
namespace {

bool is_op(const Token& token, char c) {
  return token.kind == TokenKind::op && token.text.size() == 1 && token.text.front() == c;
}

bool is_literal(const Token& token) {
  return token.kind == TokenKind::number || token.kind == TokenKind::string || token.kind == TokenKind::placeholder;
}

// _utf8mb4 in _utf8mb4'x': part of the literal.
bool is_introducer(const Token& token) {
  if (token.kind != TokenKind::word || token.text.size() < 3 || token.text.front() != '_') return false;
  static constexpr std::string_view kStarts[] = {
      "_utf", "_latin",  "_binary", "_ascii", "_ucs2",   "_cp",   "_gb",  "_big5", "_koi8",    "_sjis",     "_ujis",
      "_euc", "_hebrew", "_greek",  "_mac",   "_tis620", "_swe7", "_hp8", "_dec8", "_geostd8", "_armscii8", "_keybcs2"};
  for (const std::string_view start : kStarts) {
    if (token.text.size() < start.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < start.size(); ++i) same = same && (token.text[i] | 0x20) == (start[i] | 0x20);
    if (same) return true;
  }
  return false;
}

}  // namespace

DigestBuilder::~DigestBuilder() { XXH3_freeState(static_cast<XXH3_state_t*>(stream_)); }

void DigestBuilder::write(std::string_view text) {
  if (text_ != nullptr && text_->size() <= text_bytes_max_) text_->append(text);
  if (used_ + text.size() > buffer_.size()) {
    if (stream_ == nullptr) {
      stream_ = XXH3_createState();
      XXH3_64bits_reset(static_cast<XXH3_state_t*>(stream_));
    }
    XXH3_64bits_update(static_cast<XXH3_state_t*>(stream_), buffer_.data(), used_);
    used_ = 0;
    if (text.size() > buffer_.size()) {
      XXH3_64bits_update(static_cast<XXH3_state_t*>(stream_), text.data(), text.size());
      return;
    }
  }
  for (const char c : text) buffer_[used_++] = c;
}

// One token's text, and the blank before it where one belongs.
void DigestBuilder::emit(std::string_view text, Previous as, bool upper) {
  const bool tight_before = as == Previous::comma || as == Previous::close || as == Previous::dot ||
                            (as == Previous::open && previous_ == Previous::name);
  const bool tight_after = previous_ == Previous::start || previous_ == Previous::open || previous_ == Previous::dot;
  if (!tight_before && !tight_after) write(" ");
  previous_ = as;
  if (!upper) {
    write(text);
    return;
  }
  char folded[32];
  while (!text.empty()) {
    const std::size_t count = text.size() < sizeof folded ? text.size() : sizeof folded;
    for (std::size_t i = 0; i < count; ++i) {
      folded[i] = text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
    }
    write(std::string_view(folded, count));
    text.remove_prefix(count);
  }
}

void DigestBuilder::flush_word(bool called) {
  if (!word_pending_) return;
  word_pending_ = false;
  const bool function = called && !word_after_into_ && known_function(word_.text, mode_).has_value();
  const bool upper = word_info_.reserved || first_word_ || function;
  first_word_ = false;
  Previous as = word_info_.reserved ? Previous::keyword : Previous::name;
  switch (word_info_.keyword) {
    case Keyword::null_:
    case Keyword::literal:
    case Keyword::time_word:
    case Keyword::current_user:
      as = Previous::value_keyword;
      break;
    default:
      break;
  }
  emit(word_.text, as, upper);
}

void DigestBuilder::end_tail() {
  if (tail_ == Tail::row_comma || tail_ == Tail::row_comma_word) emit(",", Previous::comma);
  if (tail_ == Tail::row_comma_word) emit("ROW", Previous::name);
  tail_ = Tail::none;
}

// It was no list of literals only: what was held back is written after all.
void DigestBuilder::give_up_list() {
  const List state = list_;
  list_ = List::none;
  end_tail();
  emit("(", Previous::open);
  for (std::size_t i = 0; i < list_items_; ++i) {
    if (i > 0) emit(",", Previous::comma);
    emit("?", Previous::literal);
  }
  if (state == List::wants_item && list_items_ > 0) emit(",", Previous::comma);
}

bool DigestBuilder::opens_list() const {
  if (tail_ == Tail::row_comma || tail_ == Tail::row_comma_word) return true;
  return previous_keyword_ == Keyword::in || previous_keyword_ == Keyword::values ||
         previous_keyword_ == Keyword::value || previous_keyword_ == Keyword::row;
}

// True when the token was taken into the list.
bool DigestBuilder::continue_list(const Token& token, const KeywordInfo& info) {
  if (list_ == List::wants_item) {
    if ((is_op(token, '-') || is_op(token, '+')) && sign_ == '\0') {
      sign_ = token.text.front();
      return true;
    }
    if (is_introducer(token)) return true;
    if (is_literal(token) || info.keyword == Keyword::null_ || info.keyword == Keyword::literal) {
      sign_ = '\0';
      ++list_items_;
      list_ = List::after_item;
      previous_was_string_ = token.kind == TokenKind::string;
      return true;
    }
    if (is_op(token, '(') && list_items_ == 0 && list_of_ == ListOf::in && sign_ == '\0') {
      emit("(", Previous::open);  // IN ((1, 2), (3, 4)): a list of rows
      list_of_ = ListOf::rows;
      return true;
    }
    give_up_list();
    return false;
  }
  if (is_op(token, ',')) {
    list_ = List::wants_item;
    return true;
  }
  if (token.kind == TokenKind::string && previous_was_string_) return true;
  if (!is_op(token, ')')) {
    give_up_list();
    return false;
  }
  list_ = List::none;
  if (!list_continues_) {
    emit("(", Previous::open);
    write("?+)");
    previous_ = Previous::close;
  }
  tail_ = list_of_ == ListOf::rows ? Tail::row : Tail::none;
  return true;
}

void DigestBuilder::add(const Token& token, const KeywordInfo& info) {
  if (list_ != List::none && continue_list(token, info)) return;
  if (sign_ != '\0') {
    const char sign = sign_;
    sign_ = '\0';
    if (token.kind != TokenKind::number) emit(std::string_view(&sign, 1), Previous::op);
  }
  if (tail_ == Tail::row && is_op(token, ',')) {
    tail_ = Tail::row_comma;
    return;
  }
  if (tail_ == Tail::row_comma && info.keyword == Keyword::row) {
    tail_ = Tail::row_comma_word;
    return;
  }
  if (is_op(token, '(')) {
    flush_word(true);
    if (opens_list()) {
      list_continues_ = tail_ != Tail::none;
      list_of_ = previous_keyword_ == Keyword::in && !list_continues_ ? ListOf::in : ListOf::rows;
      list_ = List::wants_item;
      list_items_ = 0;
      previous_keyword_ = Keyword::none;
      return;
    }
  } else {
    flush_word(false);
  }
  end_tail();
  if (semicolon_pending_ && token.kind != TokenKind::semicolon) {
    semicolon_pending_ = false;
    emit(";", Previous::comma);
    first_word_ = true;
  }
  add_plain(token, info);
}

void DigestBuilder::add_plain(const Token& token, const KeywordInfo& info) {
  const Keyword before = previous_keyword_;
  previous_keyword_ = Keyword::none;
  const bool after_string = previous_was_string_;
  previous_was_string_ = token.kind == TokenKind::string;
  switch (token.kind) {
    case TokenKind::semicolon:
      semicolon_pending_ = previous_ != Previous::start;
      return;
    case TokenKind::word:
      if (is_introducer(token) ||
          (token.text.front() >= '0' && token.text.front() <= '9' && previous_ != Previous::dot)) {
        if (!is_introducer(token)) emit("?", Previous::literal);  // 0X41 and the like: a name, but meant as a value
        return;
      }
      word_ = token;
      word_info_ = info;
      word_pending_ = true;
      word_after_into_ = before == Keyword::into;
      previous_keyword_ = info.keyword;
      return;
    case TokenKind::number:
    case TokenKind::placeholder:
      emit("?", Previous::literal);
      return;
    case TokenKind::string:
      if (!after_string) emit("?", Previous::literal);  // 'a' 'b' is one string
      return;
    case TokenKind::user_variable: {
      const bool in_string_quotes = token.text.size() > 1 && (token.text[1] == '\'' || token.text[1] == '"');
      emit(in_string_quotes ? std::string_view("@?") : token.text, Previous::name);
      return;
    }
    case TokenKind::quoted_name:
    case TokenKind::system_variable:
      emit(token.text, Previous::name);
      return;
    case TokenKind::error:
      emit("?", Previous::literal);
      return;  // may hold the beginning of a string
    case TokenKind::op: {
      const char c = token.text.front();
      if (token.text.size() == 1 && (c == '-' || c == '+') &&
          (previous_ == Previous::start || previous_ == Previous::keyword || previous_ == Previous::op ||
           previous_ == Previous::open || previous_ == Previous::comma)) {
        sign_ = c;
        return;
      }
      const Previous as = c == '('   ? Previous::open
                          : c == ')' ? Previous::close
                          : c == ',' ? Previous::comma
                          : c == '.' ? Previous::dot
                                     : Previous::op;
      emit(token.text, as);
      return;
    }
    case TokenKind::end:
      return;
  }
}

std::uint64_t DigestBuilder::finish() {
  if (list_ != List::none) give_up_list();
  flush_word(false);
  if (sign_ != '\0') emit(std::string_view(&sign_, 1), Previous::op);
  end_tail();
  if (stream_ == nullptr) return XXH3_64bits(buffer_.data(), used_);
  XXH3_64bits_update(static_cast<XXH3_state_t*>(stream_), buffer_.data(), used_);
  return XXH3_64bits_digest(static_cast<XXH3_state_t*>(stream_));
}

}  // namespace crossfade::routing
