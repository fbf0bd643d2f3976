// Which expressions have the same value on every server of this family, for a column of a given
// class. A list of what is known to be good: all else is not.
#pragma once

#include <string_view>
#include <vector>

#include "dualwrite/table_schema.h"
#include "routing/tokenizer.h"

namespace crossfade::dualwrite {

class ExpressionCheck {
 public:
  ExpressionCheck(std::string_view text, const routing::LexerMode& mode, const Column& column,
                  const TableSchema& schema);

  // Why its value may differ; empty: it does not.
  std::string_view problem();

 private:
  using Token = routing::Token;

  const Token& at(std::size_t i) const { return i < tokens_.size() ? tokens_[i] : end_; }
  bool op(std::size_t i, std::string_view text) const;
  bool any_op(std::size_t i, std::string_view spaced) const;
  bool touches_op(std::size_t i, std::string_view spaced) const;
  bool is_call(std::size_t i) const;
  const Column* column_at(std::size_t i) const;
  bool to_text() const { return column_.type == ColumnClass::text || column_.type == ColumnClass::binary; }

  bool take_time(std::size_t& i, bool& datelike) const;
  bool take_interval(std::size_t& i) const;
  bool is_temporal_value() const;
  std::string_view check(std::size_t i);
  std::string_view check_number(std::size_t i) const;
  std::string_view check_string(std::size_t i) const;
  std::string_view check_word(std::size_t i);
  std::string_view check_column(std::size_t i) const;

  std::vector<Token> tokens_;
  const Token end_{};
  bool broken_ = false;
  bool modulo_ = false;    // %, MOD or DIV is somewhere in it
  bool measured_ = false;  // inside LENGTH( ... ): texts become numbers in the same way everywhere
  std::vector<bool> outer_;
  const Column& column_;
  const TableSchema& schema_;
};

}  // namespace crossfade::dualwrite
