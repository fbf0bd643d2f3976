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

// Servers compare the names in any case, and without spaces at their end.
std::optional<std::string> savepoint_name(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '`' || text.front() == '"') && text.back() == text.front();
  if (quoted) text = text.substr(1, text.size() - 2);
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  std::string name;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
    name += upper(c);
  }
  return name;
}

}  // namespace

Control control_of(std::string_view sql) {
  if (is_word(sql, "BEGIN")) return {.word = ControlWord::begin};
  if (is_word(sql, "COMMIT")) return {.word = ControlWord::commit};
  if (is_word(sql, "ROLLBACK")) return {.word = ControlWord::rollback};
  constexpr struct {
    std::string_view text;
    ControlWord word;
  } kWithName[] = {{"SAVEPOINT ", ControlWord::savepoint},
                   {"RELEASE SAVEPOINT ", ControlWord::release_savepoint},
                   {"ROLLBACK TO ", ControlWord::rollback_to}};
  for (const auto& [text, word] : kWithName) {
    if (begins_with(sql, text)) return {.word = word, .savepoint = savepoint_name(sql.substr(text.size()))};
  }
  if (begins_with(sql, "XA ")) return xa_control(sql);
  return {};
}

bool starts_transaction(std::string_view sql) {
  constexpr std::string_view kLastWords = "START TRANSACTION";
  return begins_with(sql, "CREATE TABLE ") && sql.size() > kLastWords.size() &&
         begins_with(sql.substr(sql.size() - kLastWords.size()), kLastWords);
}

}  // namespace crossfade::dualwrite
