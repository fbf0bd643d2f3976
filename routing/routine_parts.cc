#include "routing/routine_parts.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace crossfade::routing {
namespace {

constexpr std::size_t kDepthMax = 64;     // of statements in statements
constexpr std::size_t kPiecesMax = 4096;  // a longer procedure is not judged
constexpr std::size_t kNamesMax = 1024;

// Names without quotes that end an expression, or a block: as names of variables they would leave it open
// where one ends.
constexpr std::string_view kStructure[] = {"do", "end"};
// What may follow SET in its other forms.
constexpr std::string_view kSetForms[] = {"names",   "password", "role",         "global",    "session",
                                          "local",   "persist",  "persist_only", "statement", "character",
                                          "charset", "char",     "transaction",  "default",   "resource"};

std::string folded(std::string_view token_text) {
  std::string name = plain_name(token_text);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

class RoutineReader {
 public:
  RoutineReader(std::string_view text, const LexerMode& mode)
      : text_(text), mariadb_(mode.mariadb), tokens_(text, mode) {
    token_ = tokens_.next();
    ahead_ = tokens_.next();
  }

  RoutineParts read() {
    scopes_.emplace_back();
    if (read_head() && read_statement(0)) {
      if (token_.kind == TokenKind::semicolon) advance();
      if (token_.kind != TokenKind::end) problem("has more behind its body's end");
    }
    if (out_.problem.empty() && tokens_.saw_executable_comment()) problem("has an executable comment");
    if (!out_.problem.empty()) out_.pieces.clear();
    return std::move(out_);
  }

 private:
  using Kind = RoutinePiece::Kind;
  struct Scope {
    std::vector<std::string> names;
  };

  // Tokens.

  void advance() {
    after_dot_ = is_op(".");
    end_of_last_ = token_.offset + token_.text.size();
    token_ = ahead_;
    if (token_.kind != TokenKind::end && token_.kind != TokenKind::error) ahead_ = tokens_.next();
  }
  bool is(std::string_view word) const { return !after_dot_ && is_word(token_, word); }
  bool is_op(std::string_view op) const { return token_.kind == TokenKind::op && token_.text == op; }
  bool ahead_is(std::string_view word) const { return is_word(ahead_, word); }
  bool ahead_is_op(std::string_view op) const { return ahead_.kind == TokenKind::op && ahead_.text == op; }
  bool is_name() const { return token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name; }
  bool is_label() const { return is_name() && ahead_is_op(":"); }
  bool at_end() const {
    return token_.kind == TokenKind::end || token_.kind == TokenKind::semicolon || token_.kind == TokenKind::error;
  }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    advance();
    return true;
  }
  bool take_op(std::string_view op) {
    if (!is_op(op)) return false;
    advance();
    return true;
  }
  bool expect(std::string_view word) { return take(word) || problem("is not understood"); }

  bool problem(std::string what) {
    if (!out_.problem.empty()) return false;
    out_.problem = std::move(what);
    out_.problem_line = line_of(std::min(token_.offset, text_.size()));
    return false;
  }
  // Offsets only grow.
  std::size_t line_of(std::size_t offset) {
    if (offset < counted_to_) counted_to_ = 0, lines_ = 1;
    const auto from = text_.begin() + static_cast<std::ptrdiff_t>(counted_to_);
    lines_ += static_cast<std::size_t>(std::count(from, text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    counted_to_ = offset;
    return lines_;
  }
  bool add_piece(Kind kind, std::size_t from) {
    if (end_of_last_ <= from) return problem("is not understood");
    if (out_.pieces.size() >= kPiecesMax) return problem("has more statements than are looked at");
    out_.pieces.push_back({.kind = kind,
                           .text = text_.substr(from, end_of_last_ - from),
                           .line = line_of(from),
                           .in_handler = handlers_ > 0,
                           .certain = branches_ == 0 && handlers_ == 0});
    return true;
  }

  // Names.

  bool declare_variable(const Token& name) {
    std::string plain = folded(name.text);
    if (std::find(std::begin(kStructure), std::end(kStructure), plain) != std::end(kStructure)) {
      return problem("has a variable with the name of a keyword that ends statements");
    }
    if (names_++ >= kNamesMax) return problem("has more variables than are looked at");
    scopes_.back().names.push_back(std::move(plain));
    return true;
  }
  bool is_own_variable(const Token& name) const {
    const std::string plain = folded(name.text);
    return std::any_of(scopes_.begin(), scopes_.end(), [&plain](const Scope& scope) {
      return std::find(scope.names.begin(), scope.names.end(), plain) != scope.names.end();
    });
  }

  // CREATE [OR REPLACE] [DEFINER = user] PROCEDURE [schema.]name ( parameters ) characteristics
  bool read_head() {
    if (!take("CREATE")) return problem("is not understood");
    if (take("OR") && !take("REPLACE")) return problem("is not understood");
    if (take("DEFINER")) {
      if (!take_op("=")) return problem("is not understood");
      advance();  // the user, then @host: one token
      if (token_.kind == TokenKind::user_variable) advance();
    }
    if (!take("PROCEDURE") || !is_name()) return problem("is not understood");
    advance();
    if (take_op(".")) advance();
    return read_parameters() && read_characteristics();
  }

  bool read_parameters() {
    if (!take_op("(")) return problem("is not understood");
    while (!take_op(")")) {
      if (is("IN") || is("OUT") || is("INOUT")) advance();
      if (!is_name() || !declare_variable(token_)) return problem("is not understood");
      advance();
      if (!skip_type()) return false;
      if (is("DEFAULT")) return problem("has a parameter with a default value");
      if (!is_op(")") && !take_op(",")) return problem("is not understood");
    }
    return true;
  }

  // Up to DEFAULT, or a comma, parenthesis or semicolon that belongs to no part of the type.
  bool skip_type() {
    std::size_t depth = 0;
    for (bool first = true; !at_end(); first = false) {
      if (depth == 0 && (is_op(",") || is_op(")") || is("DEFAULT"))) return !first || problem("is not understood");
      if (is_op(":=") || is_op("=")) return problem("is not understood");
      if (is_op("(")) ++depth;
      if (is_op(")")) --depth;
      advance();
    }
    return depth == 0 || problem("is not understood");
  }

  bool read_characteristics() {
    for (;;) {
      if (take("DETERMINISTIC")) continue;
      if (is("NOT") && ahead_is("DETERMINISTIC")) {
        advance();
        advance();
      } else if (take("LANGUAGE")) {
        if (!take("SQL")) return problem("is not written in SQL");
      } else if (is("SQL") && ahead_is("SECURITY")) {
        advance();
        advance();
        if (!take("DEFINER") && !take("INVOKER")) return problem("is not understood");
      } else if (is("NO") && ahead_is("SQL")) {
        advance();
        advance();
      } else if (is("CONTAINS") && ahead_is("SQL")) {
        advance();
        advance();
      } else if ((is("READS") || is("MODIFIES")) && ahead_is("SQL")) {
        advance();
        advance();
        if (!take("DATA")) return problem("is not understood");
      } else if (take("COMMENT")) {
        if (token_.kind != TokenKind::string) return problem("is not understood");
        advance();
      } else {
        return true;
      }
    }
  }

  // Statements.

  bool read_statement(std::size_t depth) {
    if (depth >= kDepthMax) return problem("is nested deeper than is looked at");
    std::string label;
    if (is_label()) {
      label = folded(token_.text);
      advance();
      advance();
      if (!is("BEGIN") && !is("LOOP") && !is("WHILE") && !is("REPEAT")) return problem("is not understood");
    }
    // A statement may be left from inside only by its label; leaving the outermost ends the procedure.
    const Branch inner(label.empty() || depth == 0 ? nullptr : &branches_);
    if (take("BEGIN")) return read_block(depth) && take_label(label);
    if (take("LOOP")) return read_list(depth, {"END"}) && take_end("LOOP") && take_label(label);
    if (take("WHILE")) {
      if (!read_expression({"DO"}) || !expect("DO")) return false;
      if (is("DO")) return problem("is not understood");  // WHILE x = do DO ...: the first may be a name
      return read_branch(depth, {"END"}) && take_end("WHILE") && take_label(label);
    }
    if (take("REPEAT")) {
      return read_list(depth, {"UNTIL"}) && expect("UNTIL") && read_expression({"END"}) && take_end("REPEAT") &&
             take_label(label);
    }
    if (take("IF")) return read_if(depth);
    if (take("CASE")) return read_case(depth);
    if (take("SET")) return read_set();
    if (is("OPEN") || is("CLOSE") || is("LEAVE") || is("ITERATE")) return read_named();
    if (take("FETCH")) return read_fetch();
    return read_simple(Kind::statement);
  }

  class Branch {
   public:
    explicit Branch(std::size_t* count) : count_(count) {
      if (count_ != nullptr) ++*count_;
    }
    ~Branch() {
      if (count_ != nullptr) --*count_;
    }
    Branch(const Branch&) = delete;
    Branch& operator=(const Branch&) = delete;

   private:
    std::size_t* count_;
  };

  // Statements, each with its semicolon, until one of `ends` stands where a statement would.
  bool read_list(std::size_t depth, std::initializer_list<std::string_view> ends) {
    while (true) {
      const bool ended =
          !is_label() && std::any_of(ends.begin(), ends.end(), [this](std::string_view w) { return is(w); });
      if (ended) return true;
      if (!read_statement(depth + 1)) return false;
      if (token_.kind != TokenKind::semicolon) return problem("is not understood");
      advance();
    }
  }
  bool read_branch(std::size_t depth, std::initializer_list<std::string_view> ends) {
    const Branch inner(&branches_);
    return read_list(depth, ends);
  }

  bool take_end(std::string_view of) { return expect("END") && expect(of); }
  bool take_label(const std::string& label) {
    if (at_end() || label.empty()) return at_end() || problem("is not understood");
    if (!is_name() || folded(token_.text) != label) return problem("is not understood");
    advance();
    return true;
  }

  bool read_block(std::size_t depth) {
    scopes_.emplace_back();
    while (is("DECLARE")) {
      advance();
      if (!read_declaration(depth)) return false;
      if (token_.kind != TokenKind::semicolon) return problem("is not understood");
      advance();
    }
    if (!read_list(depth, {"END"})) return false;
    advance();
    scopes_.pop_back();
    return true;
  }

  bool read_if(std::size_t depth) {
    if (!read_expression({"THEN"}) || !expect("THEN")) return false;
    while (true) {
      if (!read_branch(depth, {"ELSEIF", "ELSE", "END"})) return false;
      if (take("ELSEIF")) {
        if (!read_expression({"THEN"}) || !expect("THEN")) return false;
      } else if (take("ELSE")) {
        return read_branch(depth, {"END"}) && take_end("IF");
      } else {
        return take_end("IF");
      }
    }
  }

  bool read_case(std::size_t depth) {
    if (!is("WHEN") && !read_expression({"WHEN"})) return false;
    while (take("WHEN")) {
      if (!read_expression({"THEN"}) || !expect("THEN")) return false;
      if (!read_branch(depth, {"WHEN", "ELSE", "END"})) return false;
    }
    if (take("ELSE") && !read_branch(depth, {"END"})) return false;
    return take_end("CASE");
  }

  // Until one of `ends` stands outside of all parentheses and CASE ... END.
  bool read_expression(std::initializer_list<std::string_view> ends) {
    const std::size_t from = token_.offset;
    std::size_t depth = 0, cases = 0;
    while (!at_end()) {
      if (depth == 0 && cases == 0) {
        const bool ended =
            is_op(",") || std::any_of(ends.begin(), ends.end(), [this](std::string_view w) { return is(w); });
        if (ended) break;
      }
      if (depth == 0 && is("CASE")) ++cases;
      if (depth == 0 && cases > 0 && is("END")) --cases;
      if (is_op("(")) ++depth;
      if (is_op(")") && depth-- == 0) return problem("is not understood");
      advance();
    }
    if (depth != 0 || cases != 0) return problem("is not understood");
    return add_piece(Kind::expression, from);
  }

  bool read_simple(Kind kind) {
    const std::size_t from = token_.offset;
    while (!at_end()) {
      if (is("INTO") && (ahead_is("OUTFILE") || ahead_is("DUMPFILE"))) return problem("writes a file");
      advance();
    }
    return add_piece(kind, from);
  }

  // SET own variable | @user variable = expression, ...
  bool read_set() {
    do {
      if (token_.kind == TokenKind::user_variable) {
        out_.assigns_user_variable = true;
        advance();
      } else {
        const bool form = token_.kind == TokenKind::word && std::find(std::begin(kSetForms), std::end(kSetForms),
                                                                      folded(token_.text)) != std::end(kSetForms);
        if (!is_name() || form || !is_own_variable(token_)) {
          return problem("sets something other than its own and user variables");
        }
        advance();
        if (mariadb_ && take_op(".")) {  // a field of a ROW; to MySQL it is a variable of the system's
          if (!is_name()) return problem("is not understood");
          advance();
        }
      }
      if (!take_op("=") && !take_op(":=")) return problem("sets something other than its own and user variables");
      if (!read_expression({})) return false;
    } while (take_op(","));
    return at_end() || problem("is not understood");
  }

  // OPEN cursor, CLOSE cursor, LEAVE label, ITERATE label
  bool read_named() {
    advance();
    if (!is_name()) return problem("is not understood");
    advance();
    return at_end() || problem("is not understood");
  }

  // FETCH [[NEXT] FROM] cursor INTO variables
  bool read_fetch() {
    if (is("NEXT") && ahead_is("FROM")) advance();
    if (is("FROM")) advance();
    if (!is_name()) return problem("is not understood");
    advance();
    if (!take("INTO")) return problem("is not understood");
    do {
      if (token_.kind == TokenKind::user_variable) out_.assigns_user_variable = true;
      if (!is_name() && token_.kind != TokenKind::user_variable) return problem("is not understood");
      advance();
    } while (take_op(","));
    return at_end() || problem("is not understood");
  }

  // Behind DECLARE.
  bool read_declaration(std::size_t depth) {
    if ((is("CONTINUE") || is("EXIT") || is("UNDO")) && ahead_is("HANDLER")) {
      advance();
      advance();
      return read_handler(depth);
    }
    if (ahead_is("CURSOR")) {
      if (!is_name()) return problem("is not understood");
      advance();
      advance();
      if (is_op("(")) return problem("has a cursor with parameters");
      if (!take("FOR")) return problem("is not understood");
      return read_simple(Kind::cursor);
    }
    if (ahead_is("CONDITION")) {
      while (!at_end()) advance();
      return true;
    }
    do {
      if (!is_name() || !declare_variable(token_)) return problem("is not understood");
      advance();
    } while (take_op(","));
    if (!skip_type()) return false;
    if (take("DEFAULT") && !read_expression({})) return false;
    return at_end() || problem("is not understood");
  }

  // FOR condition, ... statement
  bool read_handler(std::size_t depth) {
    if (!take("FOR")) return problem("is not understood");
    do {
      if (is("NOT") && ahead_is("FOUND")) {
        advance();
      } else if (take("SQLSTATE")) {
        take("VALUE");
        const std::string_view state = token_.text;
        const bool harmless = state.size() == 7 && (state.substr(1, 2) == "01" || state.substr(1, 2) == "02");
        out_.catches_errors = out_.catches_errors || !harmless;
        if (token_.kind != TokenKind::string) return problem("is not understood");
      } else if (!is("SQLWARNING")) {
        out_.catches_errors = true;
        if (!is_name() && token_.kind != TokenKind::number) return problem("is not understood");
      }
      advance();
    } while (take_op(","));
    const Branch inner(&handlers_);
    return read_statement(depth + 1);
  }

  std::string_view text_;
  bool mariadb_;
  Tokenizer tokens_;
  Token token_, ahead_;
  bool after_dot_ = false;
  std::size_t end_of_last_ = 0;
  std::size_t counted_to_ = 0, lines_ = 1;
  std::size_t branches_ = 0, handlers_ = 0;
  std::size_t names_ = 0;
  std::vector<Scope> scopes_;
  RoutineParts out_;
};

}  // namespace

RoutineParts take_routine_apart(std::string_view create, const LexerMode& mode) {
  return RoutineReader(create, mode).read();
}

}  // namespace crossfade::routing
