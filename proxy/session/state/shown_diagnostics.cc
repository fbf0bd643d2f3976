#include "proxy/session/state/shown_diagnostics.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "protocol/packet.h"
#include "routing/statement_prefix.h"

namespace crossfade::proxy {

namespace {

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

// The end of rows, or of columns, with the flags of the session as it is now.
protocol::Buffer ending(protocol::Bytes kept, const AnswerForm& answer) {
  constexpr std::uint16_t kSession = protocol::kStatusAutocommit | protocol::kStatusInTransaction;
  const auto now = [&](std::uint16_t status) {
    return static_cast<std::uint16_t>((status & ~(kSession | protocol::kStatusSessionStateChanged)) |
                                      (answer.status & kSession));
  };
  if ((answer.capabilities & protocol::kDeprecateEof) == 0) {
    auto eof = protocol::decode_eof(kept);
    if (!eof.ok()) return {kept.begin(), kept.end()};
    eof->status = now(eof->status);
    return protocol::encode_eof(*eof);
  }
  auto ok = protocol::decode_ok(kept, answer.capabilities);
  if (!ok.ok()) return {kept.begin(), kept.end()};
  ok->status = now(ok->status);
  ok->session_state.clear();
  return protocol::encode_ok(*ok, answer.capabilities, 0xfe);
}

bool is_asked_for(const ShowDiagnostics& show, protocol::Bytes row, std::uint64_t* index) {
  constexpr std::string_view kError = "Error";
  if (show.level == ShowDiagnostics::Level::errors && protocol::Reader(row).lenenc_text() != kError) return false;
  const std::uint64_t at = (*index)++;
  return at >= show.offset && at - show.offset < show.count;
}

}  // namespace

std::optional<ShowDiagnostics> parse_show_diagnostics(std::string_view sql, const routing::LexerMode& mode) {
  routing::Tokenizer tokens(routing::without_prefix(sql, mode), mode);
  if (!routing::is_word(tokens.next(), "SHOW")) return std::nullopt;
  ShowDiagnostics show;
  routing::Token token = tokens.next();
  const bool errors = routing::is_word(token, "ERRORS");
  if (!errors && !routing::is_word(token, "WARNINGS")) return std::nullopt;
  if (errors) show.level = ShowDiagnostics::Level::errors;
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

protocol::Buffer select_diagnostics(const protocol::Buffer& kept, const ShowDiagnostics& show, const AnswerForm& answer,
                                    RowForm form) {
  protocol::Buffer out;
  std::uint8_t sequence = 1;
  // Column count, three columns and, in the older dialect, an EOF come before the rows.
  std::size_t head = (answer.capabilities & protocol::kDeprecateEof) != 0 ? 4 : 5;
  std::uint64_t row = 0;
  for (std::size_t at = 0; at < kept.size();) {
    const auto header = protocol::decode_header(protocol::Bytes(kept).subspan(at));
    const protocol::Bytes payload = protocol::Bytes(kept).subspan(at + protocol::kHeaderBytes, header.payload_bytes);
    at += protocol::kHeaderBytes + header.payload_bytes;
    const bool is_row = head == 0 && at < kept.size();
    if (head > 0) --head;
    if (is_row && !is_asked_for(show, payload, &row)) continue;
    // An EOF behind the columns and at the end, or an OK at the end: nothing of what the keeping did to the session.
    const bool behind_columns = !is_row && payload.size() == 5 && payload[0] == 0xfe;
    if (is_row && form == RowForm::binary) {
      protocol::append_message(out, binary_row(payload), sequence);
    } else if (behind_columns || at == kept.size()) {
      protocol::append_message(out, ending(payload, answer), sequence);
    } else {
      protocol::append_message(out, payload, sequence);
    }
  }
  return out;
}

}  // namespace crossfade::proxy
