#include "routing/routine.h"

#include <algorithm>

#include "protocol/ascii.h"
#include "routing/classify.h"
#include "routing/routine_parts.h"

namespace crossfade::routing {

using protocol::is_ascii;
namespace {

constexpr Fact kCarried[] = {Fact::locks_rows, Fact::assigns_user_variable, Fact::last_insert_id,
                             Fact::sets_last_insert_id};

void carry(Facts from, Facts& to) {
  for (const Fact fact : kCarried) {
    if (from.has(fact)) to.add(fact);
  }
}

// The text came as UTF-8. Where it was written in another character set the server may have seen blanks, quotes
// or backslashes that are not there any more.
bool is_readable(const RoutineDefinition& definition) {
  if (is_ascii(definition.create)) return true;
  const std::string& charset = definition.character_set_client;
  if (charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8") return true;
  return charset == "latin1" && definition.create.find("\xc2\xa0") == std::string::npos;  // a blank to its lexer
}

// GET DIAGNOSTICS @x = ROW_COUNT
bool names_row_count(std::string_view text, const LexerMode& mode) {
  Tokenizer tokens(text, mode);
  for (Token token = tokens.next(); token.kind != TokenKind::end && token.kind != TokenKind::error;
       token = tokens.next()) {
    if (is_word(token, "ROW_COUNT")) return true;
  }
  return false;
}

class RoutineJudge {
 public:
  explicit RoutineJudge(const LexerMode& mode) : mode_(mode) {}

  void take(const RoutinePiece& piece) {
    const bool computed = piece.kind == RoutinePiece::Kind::expression;
    const StatementFacts facts = classify((computed ? "SELECT " : "") + std::string(piece.text), mode_);
    std::string why = problem(facts, piece.kind);
    if (!why.empty()) {
      out.refusal = "line " + std::to_string(piece.line) + " of its definition " + std::move(why);
      return;
    }
    carry(facts.facts, out.facts);
    if (facts.user_locks == UserLocks::takes) out.user_locks = UserLocks::takes;
    const bool in_out = facts.kind == StatementKind::call || facts.kind == StatementKind::diagnostics;
    if (in_out && facts.facts.has(Fact::user_variable)) out.facts.add(Fact::assigns_user_variable);
    if (facts.kind == StatementKind::call && out.calls.size() < kCallsMax) out.calls.push_back(facts.targets.front());
    note_diagnostics(facts, piece);
  }

  RoutineVerdict out;

 private:
  static constexpr std::size_t kCallsMax = 64;

  // Why what the piece does could change rows, or could not be followed. Empty: neither.
  std::string problem(const StatementFacts& facts, RoutinePiece::Kind piece) const {
    const Facts has = facts.facts;
    if (has.has(Fact::unparseable) || has.has(Fact::multi_statement) || has.has(Fact::executable_comment)) {
      return "is not understood";
    }
    if (piece == RoutinePiece::Kind::expression && has.has(Fact::into)) return "is not understood";
    if (piece == RoutinePiece::Kind::cursor && (facts.kind != StatementKind::select || has.has(Fact::into))) {
      return "has a cursor that is not understood";
    }
    switch (facts.kind) {
      case StatementKind::select:
      case StatementKind::do_:
      case StatementKind::show:
      case StatementKind::describe:
      case StatementKind::explain:
      case StatementKind::diagnostics:
        break;
      case StatementKind::call:
        if (facts.targets.empty()) return "is not understood";
        if (out.calls.size() >= kCallsMax) return "calls more procedures than are looked at";
        break;
      case StatementKind::unknown:
      case StatementKind::empty:
        return "is not understood and may write";
      default:
        return "is a statement of the kind '" + std::string(name(facts.kind)) + "'";
    }
    if (has.has(Fact::unknown_function)) return "calls a function that is not a known built-in and may write";
    return "";
  }

  void note_diagnostics(const StatementFacts& facts, const RoutinePiece& piece) {
    // FOUND_ROWS() is session state; SQL_CALC_FOUND_ROWS alone is not.
    const bool asks_found_rows = facts.facts.has(Fact::found_rows) && facts.facts.has(Fact::session_status);
    const bool asks_conditions = facts.facts.has(Fact::warnings) && !piece.in_handler;
    const bool asks_row_count = facts.facts.has(Fact::row_count) ||
                                (facts.kind == StatementKind::diagnostics && names_row_count(piece.text, mode_));
    if ((asks_found_rows || asks_conditions || asks_row_count) && !selected_) out.asks_what_was_before = true;
    const bool shows = facts.kind == StatementKind::show && !facts.facts.has(Fact::warnings);
    const bool reads = !facts.tables.empty() || shows;
    out.reads_tables = out.reads_tables || reads;
    if (piece.kind == RoutinePiece::Kind::statement && facts.kind == StatementKind::select && reads && piece.certain) {
      selected_ = true;
    }
  }

  LexerMode mode_;
  bool selected_ = false;  // a SELECT from tables has run for sure
};

}  // namespace

RoutineVerdict judge_routine(const RoutineDefinition& definition, const LexerMode& mode) {
  RoutineVerdict refused;
  if (definition.create.size() > kRoutineBytesMax) {
    refused.refusal = "its definition is longer than is looked at";
    return refused;
  }
  if (definition.sql_mode.find("ORACLE") != std::string::npos) {
    refused.refusal = "its sql_mode is ORACLE, whose grammar is another";
    return refused;
  }
  if (!is_readable(definition)) {
    refused.refusal = "its definition has other than ASCII characters, written in " + definition.character_set_client;
    return refused;
  }
  const RoutineParts parts = take_routine_apart(definition.create, mode);
  if (!parts.problem.empty()) {
    refused.refusal = "line " + std::to_string(parts.problem_line) + " of its definition " + parts.problem;
    return refused;
  }
  RoutineJudge judge(mode);
  judge.out.catches_errors = parts.catches_errors;
  if (parts.assigns_user_variable) judge.out.facts.add(Fact::assigns_user_variable);
  for (const RoutinePiece& piece : parts.pieces) {
    judge.take(piece);
    if (!judge.out.refusal.empty()) break;
  }
  return std::move(judge.out);
}

void merge(RoutineVerdict& into, const RoutineVerdict& other) {
  carry(other.facts, into.facts);
  if (other.user_locks == UserLocks::takes) into.user_locks = UserLocks::takes;
  into.reads_tables = into.reads_tables || other.reads_tables;
  into.catches_errors = into.catches_errors || other.catches_errors;
  into.asks_what_was_before = into.asks_what_was_before || other.asks_what_was_before;
}

}  // namespace crossfade::routing
