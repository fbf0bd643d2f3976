// Tokens in, digest out: shared by make_digest, which wants the text, and classify, which wants only
// the id and already holds the tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "routing/keywords.h"
#include "routing/tokenizer.h"

namespace crossfade::routing {

// Feed it every token but `end`, in order, each with its keyword_info (none after a dot). What it
// writes holds no literal: only names, keywords, operators and `?`.
class DigestBuilder {
 public:
  // `text`, if given, receives the digest's text up to a little more than `text_bytes_max`.
  explicit DigestBuilder(const LexerMode& mode, std::string* text = nullptr, std::size_t text_bytes_max = 0)
      : mode_(mode), text_(text), text_bytes_max_(text_bytes_max) {}
  DigestBuilder(const DigestBuilder&) = delete;
  DigestBuilder& operator=(const DigestBuilder&) = delete;
  ~DigestBuilder();

  void add(const Token& token, const KeywordInfo& info);
  // Once, after the last token.
  std::uint64_t finish();

 private:
  enum class Previous : std::uint8_t { start, name, keyword, value_keyword, op, open, close, comma, dot, literal };
  enum class List : std::uint8_t { none, wants_item, after_item };
  enum class ListOf : std::uint8_t { in, rows };  // rows: one list after the other counts as one
  enum class Tail : std::uint8_t { none, row, row_comma, row_comma_word };

  void add_plain(const Token& token, const KeywordInfo& info);
  bool continue_list(const Token& token, const KeywordInfo& info);
  bool opens_list() const;
  void give_up_list();
  void end_tail();
  void flush_word(bool called);
  void emit(std::string_view text, Previous as, bool upper = false);
  void write(std::string_view text);

  LexerMode mode_;
  std::string* text_;
  std::size_t text_bytes_max_;
  std::array<char, 512> buffer_;
  std::size_t used_ = 0;
  void* stream_ = nullptr;  // XXH3_state_t, once the buffer was full

  Previous previous_ = Previous::start;
  Keyword previous_keyword_ = Keyword::none;
  bool previous_was_string_ = false;
  bool first_word_ = true;
  bool semicolon_pending_ = false;
  Token word_;  // held back until it is known whether `(` follows
  KeywordInfo word_info_;
  bool word_pending_ = false;
  bool word_after_into_ = false;
  char sign_ = '\0';  // held back until it is known whether a number follows
  List list_ = List::none;
  ListOf list_of_ = ListOf::in;
  bool list_continues_ = false;
  std::size_t list_items_ = 0;
  Tail tail_ = Tail::none;
};

}  // namespace crossfade::routing
