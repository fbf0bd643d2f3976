#include "proxy/session/state/kept_diagnostics.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "dualwrite/sql_text.h"
#include "protocol/packet.h"
#include "protocol/rows.h"

namespace crossfade::proxy {
namespace {

using routing::is_word;
using routing::Token;
using routing::TokenKind;

protocol::ColumnDefinition column(std::string name, protocol::ColumnType type, std::uint32_t length,
                                  std::uint16_t flags) {
  protocol::ColumnDefinition out;
  out.name = std::move(name);
  out.collation = type == protocol::ColumnType::var_string ? 45 : protocol::kBinaryCollation;
  out.type = type;
  out.length = length;
  out.flags = flags;
  return out;
}

// SHOW WARNINGS has codes without SQLSTATEs. Those that a write can raise and whose state both makes agree on.
std::string sqlstate_of_warning(std::uint64_t code) {
  static constexpr std::array<std::pair<std::uint16_t, std::string_view>, 8> kStates = {{
      {1048, "23000"},
      {1062, "23000"},
      {1264, "22003"},
      {1265, "01000"},
      {1292, "22007"},
      {1365, "22012"},
      {1452, "23000"},
      {1690, "22003"},
  }};
  for (const auto& [known, state] : kStates) {
    if (known == code) return std::string(state);
  }
  return "";
}

std::string text_literal(std::string_view text) {
  return text.empty() ? "_utf8mb3''" : "_utf8mb3 0x" + dualwrite::hex(protocol::as_bytes(text));
}

struct Item {
  std::string variable;  // as written
  std::string name;      // upper case
};
struct Asked {
  std::vector<Item> items;
  std::optional<std::uint64_t> condition;
};

// GET [CURRENT] DIAGNOSTICS @a = NAME, ... | CONDITION n @a = NAME, ...
std::optional<Asked> parse(std::string_view sql, const routing::LexerMode& mode) {
  routing::Tokenizer tokens(sql, mode);
  Token token = tokens.next();
  if (!is_word(token, "GET")) return std::nullopt;
  token = tokens.next();
  if (is_word(token, "CURRENT")) token = tokens.next();
  if (!is_word(token, "DIAGNOSTICS")) return std::nullopt;
  Asked out;
  token = tokens.next();
  if (is_word(token, "CONDITION")) {
    token = tokens.next();
    if (token.kind != TokenKind::number || token.text.find_first_not_of("0123456789") != std::string_view::npos) {
      return std::nullopt;
    }
    out.condition = std::strtoull(std::string(token.text).c_str(), nullptr, 10);
    token = tokens.next();
  }
  for (;;) {
    Item item;
    if (token.kind != TokenKind::user_variable) return std::nullopt;
    item.variable = std::string(token.text);
    if (tokens.next().text != "=") return std::nullopt;
    token = tokens.next();
    if (token.kind != TokenKind::word) return std::nullopt;
    item.name = std::string(token.text);
    for (char& c : item.name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    out.items.push_back(std::move(item));
    token = tokens.next();
    if (token.text != ",") break;
    token = tokens.next();
  }
  if (token.kind == TokenKind::semicolon) token = tokens.next();
  return token.kind == TokenKind::end ? std::optional(std::move(out)) : std::nullopt;
}

// What the servers give as an unsigned number: a variable keeps that.
std::string unsigned_literal(const std::string& digits) { return "CAST(" + digits + " AS UNSIGNED)"; }

std::optional<std::string> value_of(const Item& item, const std::vector<protocol::Cell>& condition,
                                    const KeptDiagnostics& kept) {
  const std::string code = condition[1].value_or("");
  if (item.name == "MYSQL_ERRNO") return unsigned_literal(code);
  if (item.name == "MESSAGE_TEXT") return text_literal(condition[2].value_or(""));
  if (item.name != "RETURNED_SQLSTATE") return std::nullopt;
  const std::string state = condition[0] == "Error" && kept.errors == 1
                                ? kept.error_sqlstate
                                : sqlstate_of_warning(std::strtoull(code.c_str(), nullptr, 10));
  return state.empty() ? std::nullopt : std::optional(text_literal(state));
}

absl::Status not_known() { return absl::InvalidArgumentError("more than is kept of the last statement"); }

}  // namespace

protocol::Buffer show_warnings_of(const std::vector<Condition>& conditions, const AnswerForm& form) {
  const bool deprecate_eof = (form.capabilities & protocol::kDeprecateEof) != 0;
  const bool mariadb = form.make == AnswerForm::Make::mariadb;
  constexpr std::uint16_t kNotNull = 1;
  protocol::Buffer out;
  std::uint8_t sequence = 1;
  const auto add = [&](const protocol::ColumnDefinition& definition) {
    protocol::append_message(out, protocol::encode_column(definition), sequence);
  };
  const auto add_text = [&](std::string name, std::uint32_t length) {
    protocol::ColumnDefinition text = column(std::move(name), protocol::ColumnType::var_string, length, kNotNull);
    text.decimals = mariadb ? 39 : 31;  // "not fixed", in each one's own number
    add(std::move(text));
  };
  protocol::append_message(out, protocol::Buffer{3}, sequence);
  add_text("Level", 28);
  add(column("Code", protocol::ColumnType::long_, mariadb ? 4 : 5,
             kNotNull | protocol::kColumnUnsigned | protocol::kColumnBinary));
  add_text("Message", 2048);
  protocol::Eof eof;
  eof.status = form.status;
  if (!deprecate_eof) protocol::append_message(out, protocol::encode_eof(eof), sequence);
  for (const Condition& condition : conditions) {
    protocol::Buffer row;
    protocol::put_lenenc_text(row, condition.level);
    protocol::put_lenenc_text(row, std::to_string(condition.code));
    protocol::put_lenenc_text(row, condition.message);
    protocol::append_message(out, row, sequence);
  }
  protocol::Ok ok;
  ok.status = form.status;
  protocol::append_message(
      out, deprecate_eof ? protocol::encode_ok(ok, form.capabilities, 0xfe) : protocol::encode_eof(eof), sequence);
  return out;
}

KeptDiagnostics kept_of(const protocol::Err& err, const AnswerForm& form) {
  KeptDiagnostics kept;
  kept.row_count = -1;
  kept.warnings = kept.errors = 1;
  kept.error_sqlstate = err.sqlstate;
  kept.show_warnings = show_warnings_of({{.level = "Error", .code = err.code, .message = err.message}}, form);
  return kept;
}

absl::StatusOr<std::optional<std::string>> set_for_get_diagnostics(std::string_view sql, const routing::LexerMode& mode,
                                                                   const KeptDiagnostics& kept,
                                                                   protocol::Capabilities capabilities) {
  const std::optional<Asked> question = parse(sql, mode);
  if (!question) return not_known();
  std::vector<std::vector<protocol::Cell>> conditions;
  if (!kept.show_warnings.empty()) {
    auto shown = protocol::decode_response(kept.show_warnings, protocol::ResponseKind::query, capabilities);
    if (!shown.ok()) return shown.status();
    auto rows = protocol::only_rows(*std::move(shown), 3);
    if (!rows.ok()) return not_known();
    conditions = *std::move(rows);
  }
  if (question->condition && (*question->condition == 0 || *question->condition > conditions.size())) {
    // Of no conditions the server says what it would have said.
    if (conditions.empty()) return std::nullopt;
    return not_known();
  }
  std::string out;
  for (const Item& item : question->items) {
    std::optional<std::string> value;
    if (question->condition) {
      value = value_of(item, conditions[*question->condition - 1], kept);
    } else if (item.name == "NUMBER") {
      value = unsigned_literal(std::to_string(conditions.size()));
    } else if (item.name == "ROW_COUNT") {
      value = std::to_string(kept.row_count);
    }
    if (!value) return not_known();
    out += (out.empty() ? "SET " : ",") + item.variable + "=" + *value;
  }
  return out;
}

}  // namespace crossfade::proxy
