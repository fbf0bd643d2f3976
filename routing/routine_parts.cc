#include "routing/routine_parts.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include "routing/token_cursor.h"

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
  RoutineReader(std::string_view text, const LexerMode& mode) : text_(text), mariadb_(mode.mariadb), at_(text, mode) {}

  RoutineParts read() {
    scopes_.emplace_back();
    if (read_head() && read_statement(0)) {
      if (at_.token().kind == TokenKind::semicolon) at_.advance();
      if (at_.token().kind != TokenKind::end) problem("has more behind its body's end");
    }
    if (out_.problem.empty() && at_.saw_executable_comment()) problem("has an executable comment");
    if (!out_.problem.empty()) out_.pieces.clear();
    return std::move(out_);
  }

 private:
  using Kind = RoutinePiece::Kind;
  struct Scope {
    std::set<std::string> names;
  };

  bool expect(std::string_view word) { return at_.take(word) || problem("is not understood"); }

  bool problem(std::string what) {
    if (!out_.problem.empty()) return false;
    out_.problem = std::move(what);
    out_.problem_line = line_of(std::min(at_.token().offset, text_.size()));
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
    if (at_.end_of_last() <= from) return problem("is not understood");
    if (out_.pieces.size() >= kPiecesMax) return problem("has more statements than are looked at");
    out_.pieces.push_back({.kind = kind,
                           .text = text_.substr(from, at_.end_of_last() - from),
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
    scopes_.back().names.insert(std::move(plain));
    return true;
  }
  bool is_own_variable(const Token& name) const {
    const std::string plain = folded(name.text);
    return std::any_of(scopes_.begin(), scopes_.end(),
                       [&plain](const Scope& scope) { return scope.names.contains(plain); });
  }

  // CREATE [OR REPLACE] [DEFINER = user] PROCEDURE [schema.]name ( parameters ) characteristics
  bool read_head() {
    if (!at_.take("CREATE")) return problem("is not understood");
    if (at_.take("OR") && !at_.take("REPLACE")) return problem("is not understood");
    if (at_.take("DEFINER")) {
      if (!at_.take_op("=")) return problem("is not understood");
      at_.advance();  // the user, then @host: one token
      if (at_.token().kind == TokenKind::user_variable) at_.advance();
    }
    if (!at_.take("PROCEDURE") || !at_.is_name()) return problem("is not understood");
    at_.advance();
    if (at_.take_op(".")) at_.advance();
    return read_parameters() && read_characteristics();
  }

  bool read_parameters() {
    if (!at_.take_op("(")) return problem("is not understood");
    while (!at_.take_op(")")) {
      if (at_.is("IN") || at_.is("OUT") || at_.is("INOUT")) at_.advance();
      if (!at_.is_name() || !declare_variable(at_.token())) return problem("is not understood");
      at_.advance();
      if (!skip_type()) return false;
      if (at_.is("DEFAULT")) return problem("has a parameter with a default value");
      if (!at_.is_op(")") && !at_.take_op(",")) return problem("is not understood");
    }
    return true;
  }

  // Up to DEFAULT, or a comma, parenthesis or semicolon that belongs to no part of the type.
  bool skip_type() {
    std::size_t depth = 0;
    for (bool first = true; !at_.at_end(); first = false) {
      if (depth == 0 && (at_.is_op(",") || at_.is_op(")") || at_.is("DEFAULT")))
        return !first || problem("is not understood");
      if (at_.is_op(":=") || at_.is_op("=")) return problem("is not understood");
      if (at_.is_op("(")) ++depth;
      if (at_.is_op(")")) --depth;
      at_.advance();
    }
    return depth == 0 || problem("is not understood");
  }

  bool read_characteristics() {
    for (;;) {
      if (at_.take("DETERMINISTIC")) continue;
      if (at_.is("NOT") && at_.ahead_is("DETERMINISTIC")) {
        at_.advance();
        at_.advance();
      } else if (at_.take("LANGUAGE")) {
        if (!at_.take("SQL")) return problem("is not written in SQL");
      } else if (at_.is("SQL") && at_.ahead_is("SECURITY")) {
        at_.advance();
        at_.advance();
        if (!at_.take("DEFINER") && !at_.take("INVOKER")) return problem("is not understood");
      } else if (at_.is("NO") && at_.ahead_is("SQL")) {
        at_.advance();
        at_.advance();
      } else if (at_.is("CONTAINS") && at_.ahead_is("SQL")) {
        at_.advance();
        at_.advance();
      } else if ((at_.is("READS") || at_.is("MODIFIES")) && at_.ahead_is("SQL")) {
        at_.advance();
        at_.advance();
        if (!at_.take("DATA")) return problem("is not understood");
      } else if (at_.take("COMMENT")) {
        if (at_.token().kind != TokenKind::string) return problem("is not understood");
        at_.advance();
      } else {
        return true;
      }
    }
  }

  // Statements.

  bool read_statement(std::size_t depth) {
    if (depth >= kDepthMax) return problem("is nested deeper than is looked at");
    std::string label;
    if (at_.is_label()) {
      label = folded(at_.token().text);
      at_.advance();
      at_.advance();
      if (!at_.is("BEGIN") && !at_.is("LOOP") && !at_.is("WHILE") && !at_.is("REPEAT"))
        return problem("is not understood");
    }
    // A statement may be left from inside only by its label; leaving the outermost ends the procedure.
    const Branch inner(label.empty() || depth == 0 ? nullptr : &branches_);
    if (at_.take("BEGIN")) return read_block(depth) && take_label(label);
    if (at_.take("LOOP")) return read_list(depth, {"END"}) && take_end("LOOP") && take_label(label);
    if (at_.take("WHILE")) {
      if (!read_expression({"DO"}) || !expect("DO")) return false;
      if (at_.is("DO")) return problem("is not understood");  // WHILE x = do DO ...: the first may be a name
      return read_branch(depth, {"END"}) && take_end("WHILE") && take_label(label);
    }
    if (at_.take("REPEAT")) {
      return read_list(depth, {"UNTIL"}) && expect("UNTIL") && read_expression({"END"}) && take_end("REPEAT") &&
             take_label(label);
    }
    if (at_.take("IF")) return read_if(depth);
    if (at_.take("CASE")) return read_case(depth);
    if (at_.take("SET")) return read_set();
    if (at_.is("OPEN") || at_.is("CLOSE") || at_.is("LEAVE") || at_.is("ITERATE")) return read_named();
    if (at_.take("FETCH")) return read_fetch();
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
          !at_.is_label() && std::any_of(ends.begin(), ends.end(), [this](std::string_view w) { return at_.is(w); });
      if (ended) return true;
      if (!read_statement(depth + 1)) return false;
      if (at_.token().kind != TokenKind::semicolon) return problem("is not understood");
      at_.advance();
    }
  }
  bool read_branch(std::size_t depth, std::initializer_list<std::string_view> ends) {
    const Branch inner(&branches_);
    return read_list(depth, ends);
  }

  bool take_end(std::string_view of) { return expect("END") && expect(of); }
  bool take_label(const std::string& label) {
    if (at_.at_end() || label.empty()) return at_.at_end() || problem("is not understood");
    if (!at_.is_name() || folded(at_.token().text) != label) return problem("is not understood");
    at_.advance();
    return true;
  }

  bool read_block(std::size_t depth) {
    scopes_.emplace_back();
    while (at_.is("DECLARE")) {
      at_.advance();
      if (!read_declaration(depth)) return false;
      if (at_.token().kind != TokenKind::semicolon) return problem("is not understood");
      at_.advance();
    }
    if (!read_list(depth, {"END"})) return false;
    at_.advance();
    scopes_.pop_back();
    return true;
  }

  bool read_if(std::size_t depth) {
    if (!read_expression({"THEN"}) || !expect("THEN")) return false;
    while (true) {
      if (!read_branch(depth, {"ELSEIF", "ELSE", "END"})) return false;
      if (at_.take("ELSEIF")) {
        if (!read_expression({"THEN"}) || !expect("THEN")) return false;
      } else if (at_.take("ELSE")) {
        return read_branch(depth, {"END"}) && take_end("IF");
      } else {
        return take_end("IF");
      }
    }
  }

  bool read_case(std::size_t depth) {
    if (!at_.is("WHEN") && !read_expression({"WHEN"})) return false;
    while (at_.take("WHEN")) {
      if (!read_expression({"THEN"}) || !expect("THEN")) return false;
      if (!read_branch(depth, {"WHEN", "ELSE", "END"})) return false;
    }
    if (at_.take("ELSE") && !read_branch(depth, {"END"})) return false;
    return take_end("CASE");
  }

  // Until one of `ends` stands outside of all parentheses and CASE ... END.
  bool read_expression(std::initializer_list<std::string_view> ends) {
    const std::size_t from = at_.token().offset;
    std::size_t depth = 0, cases = 0;
    while (!at_.at_end()) {
      if (depth == 0 && cases == 0) {
        const bool ended =
            at_.is_op(",") || std::any_of(ends.begin(), ends.end(), [this](std::string_view w) { return at_.is(w); });
        if (ended) break;
      }
      if (depth == 0 && at_.is("CASE")) ++cases;
      if (depth == 0 && cases > 0 && at_.is("END")) --cases;
      if (at_.is_op("(")) ++depth;
      if (at_.is_op(")") && depth-- == 0) return problem("is not understood");
      at_.advance();
    }
    if (depth != 0 || cases != 0) return problem("is not understood");
    return add_piece(Kind::expression, from);
  }

  bool read_simple(Kind kind) {
    const std::size_t from = at_.token().offset;
    while (!at_.at_end()) {
      if (at_.is("INTO") && (at_.ahead_is("OUTFILE") || at_.ahead_is("DUMPFILE"))) return problem("writes a file");
      at_.advance();
    }
    return add_piece(kind, from);
  }

  // SET own variable | @user variable = expression, ...
  bool read_set() {
    do {
      if (at_.token().kind == TokenKind::user_variable) {
        out_.assigns_user_variable = true;
        at_.advance();
      } else {
        const bool form =
            at_.token().kind == TokenKind::word &&
            std::find(std::begin(kSetForms), std::end(kSetForms), folded(at_.token().text)) != std::end(kSetForms);
        if (!at_.is_name() || form || !is_own_variable(at_.token())) {
          return problem("sets something other than its own and user variables");
        }
        at_.advance();
        if (mariadb_ && at_.take_op(".")) {  // a field of a ROW; to MySQL it is a variable of the system's
          if (!at_.is_name()) return problem("is not understood");
          at_.advance();
        }
      }
      if (!at_.take_op("=") && !at_.take_op(":="))
        return problem("sets something other than its own and user variables");
      if (!read_expression({})) return false;
    } while (at_.take_op(","));
    return at_.at_end() || problem("is not understood");
  }

  // OPEN cursor, CLOSE cursor, LEAVE label, ITERATE label
  bool read_named() {
    at_.advance();
    if (!at_.is_name()) return problem("is not understood");
    at_.advance();
    return at_.at_end() || problem("is not understood");
  }

  // FETCH [[NEXT] FROM] cursor INTO variables
  bool read_fetch() {
    if (at_.is("NEXT") && at_.ahead_is("FROM")) at_.advance();
    if (at_.is("FROM")) at_.advance();
    if (!at_.is_name()) return problem("is not understood");
    at_.advance();
    if (!at_.take("INTO")) return problem("is not understood");
    do {
      if (at_.token().kind == TokenKind::user_variable) out_.assigns_user_variable = true;
      if (!at_.is_name() && at_.token().kind != TokenKind::user_variable) return problem("is not understood");
      at_.advance();
    } while (at_.take_op(","));
    return at_.at_end() || problem("is not understood");
  }

  // Behind DECLARE.
  bool read_declaration(std::size_t depth) {
    if ((at_.is("CONTINUE") || at_.is("EXIT") || at_.is("UNDO")) && at_.ahead_is("HANDLER")) {
      at_.advance();
      at_.advance();
      return read_handler(depth);
    }
    if (at_.ahead_is("CURSOR")) {
      if (!at_.is_name()) return problem("is not understood");
      at_.advance();
      at_.advance();
      if (at_.is_op("(")) return problem("has a cursor with parameters");
      if (!at_.take("FOR")) return problem("is not understood");
      return read_simple(Kind::cursor);
    }
    if (at_.ahead_is("CONDITION")) {
      while (!at_.at_end()) at_.advance();
      return true;
    }
    do {
      if (!at_.is_name() || !declare_variable(at_.token())) return problem("is not understood");
      at_.advance();
    } while (at_.take_op(","));
    if (!skip_type()) return false;
    if (at_.take("DEFAULT") && !read_expression({})) return false;
    return at_.at_end() || problem("is not understood");
  }

  // FOR condition, ... statement
  bool read_handler(std::size_t depth) {
    if (!at_.take("FOR")) return problem("is not understood");
    do {
      if (at_.is("NOT") && at_.ahead_is("FOUND")) {
        at_.advance();
      } else if (at_.take("SQLSTATE")) {
        at_.take("VALUE");
        const std::string_view state = at_.token().text;
        const bool harmless = state.size() == 7 && (state.substr(1, 2) == "01" || state.substr(1, 2) == "02");
        out_.catches_errors = out_.catches_errors || !harmless;
        if (at_.token().kind != TokenKind::string) return problem("is not understood");
      } else if (!at_.is("SQLWARNING")) {
        out_.catches_errors = true;
        if (!at_.is_name() && at_.token().kind != TokenKind::number) return problem("is not understood");
      }
      at_.advance();
    } while (at_.take_op(","));
    const Branch inner(&handlers_);
    return read_statement(depth + 1);
  }

  std::string_view text_;
  bool mariadb_;
  TokenCursor at_;
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
