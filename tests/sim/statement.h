// One statement of the few shapes that the simulated servers understand, run over a Store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/store.h"

namespace crossfade::sim {

// What is not one of these shapes is an error of the simulation (std::logic_error): nothing is guessed.
class Statement {
 public:
  Statement(Store& store, Transaction& transaction, std::string_view sql);
  std::optional<support::Answer> run();

 private:
  struct Token {
    enum class Kind : std::uint8_t { end, word, name, text, number, symbol };
    Kind kind = Kind::end;
    std::string text = {};
  };
  // A row in question; `given`: that of VALUES(column).
  struct Scope {
    const Table* table = nullptr;
    const Row* row = nullptr;
    const Row* given = nullptr;
  };
  void read(std::string_view sql);
  const Token& peek() const { return tokens_[at_]; }
  bool is(std::string_view word) const;
  bool take(std::string_view word);
  void expect(std::string_view word);
  std::string table_name();
  [[noreturn]] void not_understood() const;
  void skip_parenthesis();

  Cell expression(const Scope& scope);
  Cell term(const Scope& scope);
  Cell called(const std::string& function, const Scope& scope);
  Cell column(const std::string& first, const Scope& scope);
  bool condition(const Scope& scope);
  bool comparison(const Scope& scope);
  bool where(const Scope& scope, std::size_t where_at);

  support::Answer insert(bool replaces);
  RowOp insert_one(const std::string& name, Row given, std::size_t update_at, bool replaces);
  support::Answer update();
  support::Answer erase();
  support::Answer select();
  void assign(Row& row, const Table& table, const Row* given);

  Store& store_;
  Transaction& transaction_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace crossfade::sim
