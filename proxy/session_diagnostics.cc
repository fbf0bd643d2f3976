// SHOW WARNINGS, ROW_COUNT() and the like after a write that the proxy wrapped.

#include <limits>

#include "protocol/error_codes.h"
#include "proxy/session.h"

namespace crossfade::proxy {

using routing::Fact;
using routing::StatementFacts;

namespace {
constexpr auto kStatementMax = std::chrono::hours(24);
}  // namespace

// SHOW WARNINGS and the like right after a write that was wrapped: the server's own diagnostics are
// those of our COMMIT by now.
Task<Session::Next> Session::on_warnings(StatementFacts facts, Command command) {
  if (kept_) {
    own(command);
    const std::string sql(protocol::as_text(command.payload.subspan(1)));
    if (auto answered = co_await answer_from_kept(facts, sql)) co_return *answered;
  }
  routing::Plan plan{.answer_from = last_answered_};
  co_return co_await relay_read(plan, std::move(facts), command);
}

namespace {

// Rewrites what a wrapped write has changed in the session to the value it would have had.
std::string substitute(const std::string& sql, const routing::LexerMode& mode, std::int64_t row_count,
                       std::uint64_t warnings, std::uint64_t errors, bool* rewrote, bool* understood) {
  routing::Tokenizer tokens(sql, mode);
  std::string out;
  std::size_t copied = 0;
  std::vector<routing::Token> window;
  const auto replace = [&](std::size_t begin, std::size_t end, const std::string& value, bool alone) {
    out.append(sql, copied, begin - copied);
    const std::string original = sql.substr(begin, end - begin);
    out += alone ? value + " AS `" + original + "`" : value;
    copied = end;
    *rewrote = true;
  };
  const auto ends_item = [](const routing::Token& t) {
    return t.kind == routing::TokenKind::end || t.kind == routing::TokenKind::semicolon || t.text == "," ||
           routing::is_word(t, "FROM");
  };
  routing::Token before;
  routing::Token token = tokens.next();
  bool counting = false;  // SHOW COUNT(*) WARNINGS
  while (token.kind != routing::TokenKind::end && token.kind != routing::TokenKind::error) {
    routing::Token next = tokens.next();
    const bool starts_item = routing::is_word(before, "SELECT") || before.text == ",";
    if (routing::is_word(token, "ROW_COUNT") && next.text == "(") {
      const routing::Token close = tokens.next();
      const routing::Token after = tokens.next();
      if (close.text != ")") *understood = false;
      replace(token.offset, close.offset + close.text.size(), "CAST(" + std::to_string(row_count) + " AS SIGNED)",
              starts_item && ends_item(after));
      before = close;
      token = after;
      continue;
    }
    if (token.kind == routing::TokenKind::system_variable) {
      std::string name(token.text);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      const bool is_warning = name.ends_with("@warning_count") || name.ends_with(".warning_count");
      const bool is_error = name.ends_with("@error_count") || name.ends_with(".error_count");
      if (is_warning || is_error) {
        replace(token.offset, token.offset + token.text.size(), std::to_string(is_warning ? warnings : errors),
                starts_item && ends_item(next));
      }
    }
    if (routing::is_word(before, "SHOW")) counting = routing::is_word(token, "COUNT");
    if (counting && (routing::is_word(token, "WARNINGS") || routing::is_word(token, "ERRORS"))) {
      const bool is_warning = routing::is_word(token, "WARNINGS");
      out = "SELECT " + std::to_string(is_warning ? warnings : errors) +
            (is_warning ? " AS `@@session.warning_count`" : " AS `@@session.error_count`");
      *rewrote = true;
      return out;
    }
    before = token;
    token = next;
  }
  out.append(sql, copied);
  return out;
}

// SHOW WARNINGS | ERRORS [LIMIT [offset,] count | LIMIT count OFFSET offset]
struct ShowDiagnostics {
  bool errors_only = false;
  std::uint64_t offset = 0;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};
std::optional<ShowDiagnostics> parse_show_diagnostics(const std::string& sql, const routing::LexerMode& mode) {
  routing::Tokenizer tokens(sql, mode);
  if (!routing::is_word(tokens.next(), "SHOW")) return std::nullopt;
  ShowDiagnostics show;
  routing::Token token = tokens.next();
  show.errors_only = routing::is_word(token, "ERRORS");
  if (!show.errors_only && !routing::is_word(token, "WARNINGS")) return std::nullopt;
  token = tokens.next();
  if (routing::is_word(token, "LIMIT")) {
    const auto number = [&] { return std::strtoull(std::string(tokens.next().text).c_str(), nullptr, 10); };
    show.count = number();
    token = tokens.next();
    if (token.text == ",") {
      show.offset = std::exchange(show.count, number());
      token = tokens.next();
    } else if (routing::is_word(token, "OFFSET")) {
      show.offset = number();
      token = tokens.next();
    }
  }
  if (token.kind == routing::TokenKind::semicolon) token = tokens.next();
  if (token.kind != routing::TokenKind::end) return std::nullopt;
  return show;
}

enum class RowForm { text, binary };

// A row of SHOW WARNINGS as an execution answers it: level, code as a four-byte number, message.
protocol::Buffer binary_row(protocol::Bytes text_row) {
  protocol::Reader reader(text_row);
  protocol::Buffer out;
  protocol::put_zeros(out, 2);  // the mark of a row, and no NULLs
  protocol::put_lenenc_text(out, reader.lenenc_text());
  protocol::put_u32(out,
                    static_cast<std::uint32_t>(std::strtoul(std::string(reader.lenenc_text()).c_str(), nullptr, 10)));
  protocol::put_lenenc_text(out, reader.lenenc_text());
  return out;
}

// The kept answer to SHOW WARNINGS with only the rows that `show` asks for.
protocol::Buffer select_diagnostics(const protocol::Buffer& kept, const ShowDiagnostics& show,
                                    protocol::Capabilities capabilities, RowForm form) {
  protocol::Buffer out;
  std::uint8_t sequence = 1;
  // Column count, three columns and, in the older dialect, an EOF come before the rows.
  std::size_t head = (capabilities & protocol::kDeprecateEof) != 0 ? 4 : 5;
  std::uint64_t row = 0;
  for (std::size_t at = 0; at < kept.size();) {
    const auto header = protocol::decode_header(protocol::Bytes(kept).subspan(at));
    const protocol::Bytes payload = protocol::Bytes(kept).subspan(at + protocol::kHeaderBytes, header.payload_bytes);
    at += protocol::kHeaderBytes + header.payload_bytes;
    const bool is_row = head == 0 && at < kept.size();
    if (head > 0) --head;
    if (is_row) {
      constexpr std::string_view kError = "Error";
      protocol::Reader reader(payload);
      if (show.errors_only && reader.lenenc_text() != kError) continue;
      const std::uint64_t index = row++;
      if (index < show.offset || index - show.offset >= show.count) continue;
      if (form == RowForm::binary) {
        protocol::append_message(out, binary_row(payload), sequence);
        continue;
      }
    }
    protocol::append_message(out, payload, sequence);
  }
  return out;
}

}  // namespace

void Session::keep_over(std::optional<Kept> kept, const protocol::ResultEnd& end) {
  const bool good = end.kind == protocol::ResultEnd::Kind::ok || end.kind == protocol::ResultEnd::Kind::rows;
  if (!kept || kept->show_warnings.empty() || !good || end.ok.warnings > 0 || !link(leader())->is_mariadb()) return;
  kept->row_count = end.kind == protocol::ResultEnd::Kind::rows ? -1 : static_cast<std::int64_t>(end.ok.affected_rows);
  kept_ = std::move(kept);
}

std::optional<std::string> Session::rewritten_for_kept(const std::string& sql, bool* understood) const {
  bool rewrote = false;
  *understood = true;
  std::string out =
      substitute(sql, lexer_mode_, kept_->row_count, kept_->warnings, kept_->errors, &rewrote, understood);
  if (!rewrote) return std::nullopt;
  return out;
}

std::optional<protocol::Buffer> Session::executed_show_warnings(const std::string& sql) const {
  const auto show = parse_show_diagnostics(sql, lexer_mode_);
  if (!show || kept_->show_warnings.empty()) return std::nullopt;
  return select_diagnostics(kept_->show_warnings, *show, capabilities_, RowForm::binary);
}

// nullopt: nothing kept bears on it; ask the server.
Task<std::optional<Session::Next>> Session::answer_from_kept(const StatementFacts& facts, std::string sql) {
  const Kept kept = *kept_;
  if (facts.facts.has(Fact::warnings)) {
    if (const auto show = parse_show_diagnostics(sql, lexer_mode_)) {
      if (kept.show_warnings.empty()) co_return std::nullopt;
      kept_->row_count = -1;
      co_return co_await reply_wire(select_diagnostics(kept.show_warnings, *show, capabilities_, RowForm::text));
    }
  }
  if (facts.kind == routing::StatementKind::diagnostics) {
    auto set = set_for_get_diagnostics(sql, lexer_mode_, kept, capabilities_);
    if (!set.ok()) {
      counters_.refused_statements.add();
      co_return co_await reply_err(protocol::kErrNotSupportedYet, "42000",
                                   "crossfade: " + std::string(set.status().message()));
    }
    if (!set->has_value()) co_return std::nullopt;
    auto assigned = co_await link(leader())->run(**set, worker_.reactor.now() + kStatementMax);
    if (!assigned.ok()) co_return co_await reply_lost(assigned.status(), leader());
    if (assigned->failed()) co_return co_await reply_err(assigned->last().err);
    protocol::Ok ok = assigned->last().ok;
    ok.warnings = 0;  // MySQL deprecates a character set's name that it uses itself
    co_return co_await reply_ok(std::move(ok));
  }
  bool understood = true;
  const std::optional<std::string> rewritten = rewritten_for_kept(sql, &understood);
  if (!understood) {
    co_return co_await reply_err(
        protocol::kErrNotSupportedYet, "42000",
        "crossfade: after a write the diagnostics can be read with SHOW WARNINGS, SHOW COUNT(*) "
        "WARNINGS, @@warning_count and ROW_COUNT() only");
  }
  if (!rewritten) co_return std::nullopt;
  kept_->row_count = -1;  // as after any SELECT
  if (!link(leader())->is_mariadb() && facts.kind == routing::StatementKind::select) {
    // MySQL's conditions end with the next statement that does not ask for them; asked for, the counts stay.
    kept_->show_warnings.clear();
    if (!facts.facts.has(Fact::warnings)) kept_->warnings = kept_->errors = 0;
  }
  auto leading = co_await leader_link(&facts);
  if (!leading.ok()) co_return co_await reply_lost(leading.status(), leader());
  auto captured = co_await (*leading)->run(*rewritten, worker_.reactor.now() + kStatementMax);
  if (!captured.ok()) co_return co_await reply_lost(captured.status(), leader());
  if (!(*leading)->ended_clean()) kept_.reset();  // what it left itself is asked for next
  co_return co_await reply_captured(std::move(captured->wire));
}

}  // namespace crossfade::proxy
