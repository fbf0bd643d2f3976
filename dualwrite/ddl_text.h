// A statement as tokens, each of which can be replaced, removed or added to. What is not touched keeps its bytes, and
// so do strings and quoted names; comments between tokens go where they could mean something to the other make.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "routing/tokenizer.h"

namespace crossfade::dualwrite {

// Of a longer text only the beginning is cut: nobody writes such definitions, and each token takes 200 bytes.
constexpr std::size_t kDdlBytesMax = 4u << 20;
constexpr std::size_t kDdlBeginningBytes = 64u << 10;

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class DdlText {
 public:
  // `sql` must outlive this.
  DdlText(std::string_view sql, const routing::LexerMode& mode);

  // It is too long, or the lexer met what it cannot cut: what is here is only what stands before that.
  bool broken() const { return broken_; }
  std::size_t size() const { return tokens_.size(); }

  // Of any index; past the end nothing is true. `word` and `op` as routing::is_word takes them: upper case.
  bool is(std::size_t at, std::string_view word) const;
  bool is_op(std::size_t at, std::string_view op) const;
  // A name as it may stand unquoted or quoted, a keyword as well.
  bool is_name(std::size_t at) const;
  bool is_quoted_name(std::size_t at) const;
  bool is_string(std::size_t at) const;
  bool is_number(std::size_t at) const;
  bool is_user_variable(std::size_t at) const;
  std::string_view text(std::size_t at) const { return at < tokens_.size() ? tokens_[at].token.text : ""; }
  std::string upper(std::size_t at) const;  // of an unquoted word; else empty
  // The plain name, without quotes; of a string what it says, if that is plain.
  std::string name(std::size_t at) const;
  // Behind the parenthesis that closes the one at `at`; behind `at` where none opens there.
  std::size_t after(std::size_t at) const;
  // Where the comma at the level of `from` is, or `to`.
  std::size_t comma(std::size_t from, std::size_t to) const;
  // [from, to) cut at the commas of its own level.
  std::vector<std::pair<std::size_t, std::size_t>> items(std::size_t from, std::size_t to) const;

  // Past the end these do nothing.
  void replace(std::size_t at, std::string text);
  void erase(std::size_t from, std::size_t to);
  bool changed(std::size_t at) const { return at < tokens_.size() && tokens_[at].changed; }
  bool erased(std::size_t at) const { return changed(at) && tokens_[at].replaced.empty(); }
  // Stands behind the token at `at`, apart by a blank, and behind what was added there before.
  void add_behind(std::size_t at, std::string_view text);
  void add_before(std::size_t at, std::string_view text);
  // Stands right behind the token.
  void join(std::size_t at, std::string_view text);

  // [from, to) goes behind the token at `behind`, which is not before it, with `prefix` in front.
  void move(std::size_t from, std::size_t to, std::size_t behind, std::string prefix);

  std::string render() const;

 private:
  struct Piece {
    routing::Token token;
    std::string_view gap;    // what stands before the token
    bool gap_kept = true;    // it has no comment that the makes read differently
    bool after_dot = false;  // a name, whatever word it is
    bool changed = false;
    std::size_t closed_by = 0;  // of `(`: the index of its `)`; 0: none
    std::string replaced, before, behind;
  };
  struct Move {
    std::size_t from = 0, to = 0, behind = 0;
    std::string prefix;
  };
  std::vector<Piece> tokens_;
  std::vector<Move> moves_;
  bool broken_ = false;
};

}  // namespace crossfade::dualwrite
