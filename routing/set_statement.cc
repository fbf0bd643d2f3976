#include "routing/set_statement.h"

#include <string>
#include <string_view>

#include "routing/hidden_writes.h"

namespace crossfade::routing {
namespace {

std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

std::string system_variable_name(std::string_view text, bool& global);

// The rest of a SET that is not followed: anything may be assigned, also what a string names under ANSI_QUOTES.
StatementKind rest(FactScanner& scan, StatementFacts& out, StatementKind kind) {
  for (; !scan.at_end(); scan.advance()) {
    std::string name;
    if (scan.token().kind == TokenKind::system_variable) {
      bool global = false;
      name = system_variable_name(scan.token().text, global);
    } else if (scan.token().kind == TokenKind::string) {
      const std::string_view quoted = scan.token().text;
      if (quoted.size() > 2) name = lower(quoted.substr(1, quoted.size() - 2));
    } else {
      name = lower(plain_name(scan.token().text));
    }
    if (hides_writes(name)) out.facts.add(Fact::hides_writes);
  }
  return kind;
}

void note_variable(const std::string& name, StatementFacts& out) {
  if (hides_writes(name)) out.facts.add(Fact::hides_writes);
  if (name == "last_insert_id" || name == "identity") out.facts.add(Fact::sets_last_insert_id);
}

// [GLOBAL | SESSION | LOCAL] TRANSACTION characteristics, at TRANSACTION.
StatementKind read_transaction(FactScanner& scan) {
  while (!scan.at_end()) scan.advance();
  return StatementKind::set_transaction;
}

// To the comma behind an expression, or the end.
void skip_value(FactScanner& scan) {
  while (!scan.at_end() && !(scan.is_op(',') && scan.depth() == 0)) scan.advance();
}

bool take_assignment(FactScanner& scan) {
  if (scan.token().kind != TokenKind::op || (scan.token().text != "=" && scan.token().text != ":=")) return false;
  scan.advance();
  return !scan.at_end();
}

bool read_names(FactScanner& scan, StatementFacts& out) {
  if (scan.is("NAMES")) {
    out.variables.emplace_back("names");
  } else if (scan.is("CHARSET") || (scan.is("CHARACTER") && scan.ahead_is("SET"))) {
    if (scan.is("CHARACTER")) scan.advance();
    out.variables.emplace_back("character set");
  } else {
    return false;
  }
  scan.advance();
  skip_value(scan);
  return true;
}

// `@@scope.name`: the name, without quotes; sets `global` when the scope is not the session.
std::string system_variable_name(std::string_view text, bool& global) {
  text.remove_prefix(2);
  std::string name;
  for (const char c : lower(text)) {
    if (c != '`' && c != '"') name.push_back(c);
  }
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return name;
  const std::string scope = name.substr(0, dot);
  global = scope != "session" && scope != "local";
  return name.substr(dot + 1);
}

bool is_scope(const FactScanner& scan) {
  for (const std::string_view word : {"GLOBAL", "PERSIST", "PERSIST_ONLY", "SESSION", "LOCAL"}) {
    if (scan.is(word)) return true;
  }
  return false;
}

// One of the assignments between commas; false when it is not understood.
bool read_assignment(FactScanner& scan, StatementFacts& out) {
  if (read_names(scan, out)) return true;
  bool global = false;
  std::string name;
  if (scan.token().kind == TokenKind::user_variable) {
    out.facts.add(Fact::assigns_user_variable);
    name = lower(scan.token().text);
  } else if (scan.token().kind == TokenKind::system_variable) {
    name = system_variable_name(scan.token().text, global);
  } else if (scan.token().kind == TokenKind::word || scan.token().kind == TokenKind::quoted_name) {
    if (is_scope(scan) && !scan.ahead_is_op('=')) {
      global = !scan.is("SESSION") && !scan.is("LOCAL");
      scan.advance();
      if (scan.is("TRANSACTION")) return false;  // only as the whole statement
      if (scan.token().kind != TokenKind::word && scan.token().kind != TokenKind::quoted_name) return false;
    }
    name = lower(plain_name(scan.token().text));
  } else {
    return false;
  }
  scan.advance();
  if (scan.is_op('.')) {  // a component's variable, or a key cache: no session has its own
    global = true;
    scan.advance();
    name += "." + lower(plain_name(scan.token().text));
    scan.advance();
  }
  if (!take_assignment(scan)) return false;
  note_variable(name, out);
  out.sets_global = out.sets_global || global;
  out.variables.push_back(std::move(name));
  skip_value(scan);
  return true;
}

}  // namespace

StatementKind read_set(FactScanner& scan, StatementFacts& out) {
  scan.advance();
  if (scan.is("STATEMENT")) return rest(scan, out, StatementKind::unknown);
  if (scan.is("PASSWORD") || scan.is("ROLE") || (scan.is("DEFAULT") && scan.ahead_is("ROLE"))) {
    return rest(scan, out, StatementKind::account);
  }
  if (scan.is("TRANSACTION")) return read_transaction(scan);
  if (is_scope(scan) && scan.ahead_is("TRANSACTION")) {
    out.sets_global = scan.is("GLOBAL");
    out.name = out.sets_global ? "global" : "session";
    scan.advance();
    return read_transaction(scan);
  }
  while (!scan.at_end()) {
    if (!read_assignment(scan, out)) return rest(scan, out, StatementKind::unknown);
    if (scan.is_op(',')) scan.advance();
  }
  return out.variables.empty() ? StatementKind::unknown : StatementKind::set;
}

}  // namespace crossfade::routing
