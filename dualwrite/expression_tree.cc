#include "dualwrite/expression_tree.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "dualwrite/ascii_case.h"
#include "dualwrite/definition_text.h"
#include "dualwrite/portable_functions.h"
#include "routing/tokenizer.h"

namespace crossfade::dualwrite {
namespace {

using routing::Token;
using routing::TokenKind;

constexpr int kNot = 4;
constexpr int kComparison = 6;
constexpr int kBitOr = 7;
constexpr int kSign = 13;
constexpr int kDepthMax = 200;

// Binary operators from the loosest to the tightest (manual: "Operator Precedence").
struct Binary {
  std::string_view spelled, name;
  int precedence;
};
constexpr auto kBinary = std::to_array<Binary>({
    {"or", "or", 1},    {"||", "or", 1},     {"xor", "xor", 2}, {"and", "and", 3}, {"&&", "and", 3},   {"=", "=", 6},
    {"<=>", "<=>", 6},  {">=", ">=", 6},     {">", ">", 6},     {"<=", "<=", 6},   {"<", "<", 6},      {"<>", "<>", 6},
    {"!=", "<>", 6},    {"like", "like", 6}, {"|", "|", 7},     {"&", "&", 8},     {"<<", "<<", 9},    {">>", ">>", 9},
    {"-", "-", 10},     {"+", "+", 10},      {"*", "*", 11},    {"/", "/", 11},    {"div", "div", 11}, {"%", "mod", 11},
    {"mod", "mod", 11}, {"^", "^", 12},
});
constexpr std::array<std::string_view, 3> kLogical = {"or", "xor", "and"};
// Which operand comes first is nothing to them, and makes turn them round: MySQL says 0 = a.
constexpr std::array<std::string_view, 3> kTurnable = {"=", "<=>", "<>"};

bool is_in(std::string_view name, const std::array<std::string_view, 3>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const Binary* binary(std::string_view word) {
  const auto* found =
      std::find_if(kBinary.begin(), kBinary.end(), [&](const Binary& each) { return each.spelled == word; });
  return found == kBinary.end() ? nullptr : found;
}

// MySQL says `0 <> a` where a number stands for a truth.
std::string truth(std::string tree) {
  constexpr std::string_view kPrefix = "(<> 0 ";
  if (!tree.starts_with(kPrefix)) return tree;
  return tree.substr(kPrefix.size(), tree.size() - kPrefix.size() - 1);
}

// Recursive descent by precedence. After a failure every step gives an empty text, and failed_ stays.
class Parser {
 public:
  explicit Parser(const std::string& text) {
    routing::Tokenizer tokenizer(text, {});
    for (Token token = tokenizer.next(); token.kind != TokenKind::end; token = tokenizer.next()) {
      if (token.kind == TokenKind::error) failed_ = true;
      if (failed_) break;
      tokens_.push_back(token);
    }
  }

  std::optional<ExpressionTree> parse() {
    std::string tree = expression(0);
    if (failed_ || at_ != tokens_.size()) return std::nullopt;
    return ExpressionTree{.text = std::move(tree), .by_server = by_server_};
  }

 private:
  bool more() const { return !failed_ && at_ < tokens_.size(); }
  // Of a word in lower case, of an operator itself; empty: a name, a literal or the end.
  std::string word() const {
    if (!more()) return "";
    const Token& token = tokens_[at_];
    return token.kind == TokenKind::word || token.kind == TokenKind::op ? ascii_lower(token.text) : "";
  }
  bool take(std::string_view wanted) {
    if (word() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view wanted) {
    if (!take(wanted)) failed_ = true;
  }
  std::string fail() {
    failed_ = true;
    return "";
  }

  std::string expression(int precedence) {
    if (++depth_ > kDepthMax) return fail();
    std::string left = prefix(precedence);
    while (more()) {
      std::string next = infix(left, precedence);
      if (failed_ || next.empty()) break;
      left = std::move(next);
    }
    --depth_;
    return left;
  }

  std::string prefix(int precedence) {
    if (precedence <= kNot && take("not")) return "(not " + truth(expression(kNot)) + ")";
    if (take("!")) return "(not " + truth(expression(kSign + 1)) + ")";
    if (take("-")) return "(minus " + expression(kSign) + ")";
    if (take("~")) return "(~ " + expression(kSign) + ")";
    return primary();
  }

  // Empty: nothing that binds tighter follows.
  std::string infix(const std::string& left, int precedence) {
    const std::string next = word();
    if (next == "collate") {
      ++at_;
      return "(collate " + left + " " + name() + ")";
    }
    if (const Binary* known = binary(next); known != nullptr) {
      if (known->precedence < precedence) return "";
      ++at_;
      by_server_ = by_server_ || known->name == "/";
      std::string right = expression(known->precedence + 1);
      if (known->name == "like" && take("escape")) right += " " + primary();
      return node(*known, left, std::move(right));
    }
    if (kComparison < precedence) return "";
    if (next == "is") return is(left);
    if (next == "between" || next == "in") return predicate(left);
    if (next == "not") {
      ++at_;
      if (word() == "like") return "(not " + infix(left, precedence) + ")";
      if (word() != "between" && word() != "in") return fail();
      return "(not " + predicate(left) + ")";
    }
    return "";
  }

  static std::string node(const Binary& op, std::string left, std::string right) {
    const bool logical = is_in(op.name, kLogical);
    if (logical) {
      left = truth(std::move(left));
      right = truth(std::move(right));
    }
    if ((logical || is_in(op.name, kTurnable)) && right < left) std::swap(left, right);
    return "(" + std::string(op.name) + " " + left + " " + right + ")";
  }

  std::string is(const std::string& left) {
    expect("is");
    const bool negated = take("not");
    const std::string what = word();
    if (what != "null" && what != "true" && what != "false" && what != "unknown") return fail();
    ++at_;
    std::string tree = "(is " + (what == "null" ? left : truth(left)) + " " + (what == "unknown" ? "null" : what) + ")";
    return negated ? "(not " + tree + ")" : tree;
  }

  std::string predicate(const std::string& left) {
    if (take("between")) {
      const std::string low = expression(kBitOr);
      expect("and");
      return "(between " + left + " " + low + " " + expression(kBitOr) + ")";
    }
    expect("in");
    expect("(");
    return "(in " + left + arguments() + ")";
  }

  // Behind the opening parenthesis, up to the closing one.
  std::string arguments() {
    std::string out;
    if (take(")")) return out;
    do out += " " + expression(0);
    while (take(","));
    expect(")");
    return out;
  }

  std::string name() {
    if (!more()) return fail();
    const Token& token = tokens_[at_++];
    if (token.kind == TokenKind::quoted_name) return ascii_lower(routing::plain_name(token.text));
    return token.kind == TokenKind::word ? ascii_lower(token.text) : fail();
  }

  std::string primary() {
    if (!more()) return fail();
    if (take("(")) {
      std::string inner = expression(0);
      expect(")");
      return inner;
    }
    const Token token = tokens_[at_++];
    switch (token.kind) {
      case TokenKind::number:
        return ascii_lower(token.text);
      case TokenKind::string:
        return token.text.front() == '\'' ? common_expression(std::string(token.text)) : std::string(token.text);
      case TokenKind::quoted_name:
        return "`" + ascii_lower(routing::plain_name(token.text)) + "`";
      case TokenKind::word:
        return named(ascii_lower(token.text));
      default:
        return fail();
    }
  }

  std::string named(const std::string& lower) {
    // An introducer says what the bytes of the text are; both makes print texts in UTF-8.
    if (lower.starts_with("_utf8") && more() && tokens_[at_].kind == TokenKind::string) return primary();
    const bool moment = lower == "date" || lower == "time" || lower == "timestamp";
    if (moment && more() && tokens_[at_].kind == TokenKind::string) return "(" + lower + " " + primary() + ")";
    if (lower == "case") return cases();
    if (lower == "interval") {
      const std::string count = expression(0);
      return "(interval " + count + " " + name() + ")";
    }
    if (lower == "cast") return cast();
    if (lower == "null" || lower == "true" || lower == "false") return common_expression(lower);
    if (!take("(")) return lower == "current_timestamp" ? "(current_timestamp)" : fail();
    by_server_ = by_server_ || !is_portable_function(lower);
    return "(" + common_expression(lower) + arguments() + ")";
  }

  std::string cases() {
    std::string out = "(case";
    if (word() != "when") out += " " + expression(0);
    while (take("when")) {
      out += " (when " + truth(expression(0));
      expect("then");
      out += " " + expression(0) + ")";
    }
    if (take("else")) out += " (else " + expression(0) + ")";
    expect("end");
    return out + ")";
  }

  // CAST(x AS type): the type word for word.
  std::string cast() {
    expect("(");
    std::string out = "(cast " + expression(0) + " as";
    expect("as");
    for (int open = 0; more(); ++at_) {
      const std::string_view text = tokens_[at_].text;
      if (text == ")" && open == 0) break;
      open += text == "(" ? 1 : text == ")" ? -1 : 0;
      out += " " + ascii_lower(text);
    }
    expect(")");
    by_server_ = true;
    return out + ")";
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  bool by_server_ = false;
};

}  // namespace

std::optional<ExpressionTree> expression_tree(const std::string& printed) { return Parser(printed).parse(); }

std::string truth_of(const ExpressionTree& tree) { return truth(tree.text); }

}  // namespace crossfade::dualwrite
