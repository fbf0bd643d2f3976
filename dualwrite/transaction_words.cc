#include "dualwrite/transaction_words.h"

#include <algorithm>
#include <utility>

namespace crossfade::dualwrite {
namespace {

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_word(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) { return upper(a) == b; });
}
bool begins_with(std::string_view text, std::string_view word) { return is_word(text.substr(0, word.size()), word); }

Control xa_control(std::string_view sql) {
  constexpr struct {
    std::string_view text;
    ControlWord word;
  } kWords[] = {{"XA START ", ControlWord::xa_start},
                {"XA END ", ControlWord::xa_end},
                {"XA COMMIT ", ControlWord::xa_commit},
                {"XA ROLLBACK ", ControlWord::xa_rollback}};
  for (const auto& [text, word] : kWords) {
    if (!begins_with(sql, text)) continue;
    std::string_view rest;
    if (std::optional<Xid> xid = parse_xid(sql.substr(text.size()), &rest); xid && rest.empty()) {
      return {.word = word, .xid = std::move(xid)};
    }
  }
  return {.word = ControlWord::unknown_xa};
}

}  // namespace

Control control_of(std::string_view sql) {
  if (is_word(sql, "BEGIN")) return {.word = ControlWord::begin};
  if (is_word(sql, "COMMIT")) return {.word = ControlWord::commit};
  if (is_word(sql, "ROLLBACK")) return {.word = ControlWord::rollback};
  if (begins_with(sql, "SAVEPOINT ") || begins_with(sql, "RELEASE SAVEPOINT ")) return {.word = ControlWord::savepoint};
  if (begins_with(sql, "ROLLBACK TO ")) return {.word = ControlWord::rollback_to};
  if (begins_with(sql, "XA ")) return xa_control(sql);
  return {};
}

bool starts_transaction(std::string_view sql) {
  constexpr std::string_view kEnd = "START TRANSACTION";
  return begins_with(sql, "CREATE TABLE ") && sql.size() > kEnd.size() &&
         begins_with(sql.substr(sql.size() - kEnd.size()), kEnd);
}

}  // namespace crossfade::dualwrite
