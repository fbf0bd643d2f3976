#include "migrate/grants.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "dualwrite/ascii_case.h"

namespace crossfade::migrate {
namespace {

constexpr std::string_view kAll = "ALL PRIVILEGES";

// Reads a line from the left. Names are in backquotes, doubled inside; older servers use single quotes for accounts.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  bool take(std::string_view word) {
    if (!dualwrite::same_ignoring_case(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  // Up to " ON ", cut at commas that are in no parenthesis: "SELECT (`a`, `b`), INSERT".
  std::set<std::string> privileges() {
    std::set<std::string> out;
    std::string one;
    int depth = 0;
    bool quoted = false;
    while (!rest_.empty()) {
      if (!quoted && depth == 0 && rest_.starts_with(" ON ")) break;
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '`') quoted = !quoted;
      if (!quoted && c == '(') ++depth;
      if (!quoted && c == ')') --depth;
      if (!quoted && depth == 0 && c == ',') {
        add(out, one);
        one.clear();
      } else {
        one += c;
      }
    }
    add(out, one);
    return out;
  }

  std::string name() {
    if (rest_.starts_with("*")) {
      rest_.remove_prefix(1);
      return "*";
    }
    std::string out;
    if (!rest_.starts_with("`")) {
      while (!rest_.empty() && rest_.front() != '.' && rest_.front() != ' ') {
        out += rest_.front();
        rest_.remove_prefix(1);
      }
      return out;
    }
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '`' && !rest_.starts_with("`")) return out;
      if (c == '`') rest_.remove_prefix(1);
      out += c;
    }
    return out;
  }

 private:
  // The words of a privilege in upper case, names of columns as they are.
  static void add(std::set<std::string>& out, const std::string& one) {
    const std::size_t begin = one.find_first_not_of(' '), columns = one.find('(');
    if (begin == std::string::npos) return;
    std::string privilege = absl::AsciiStrToUpper(one.substr(begin, one.find_last_not_of(' ') + 1 - begin));
    if (columns != std::string::npos) privilege.replace(columns - begin, std::string::npos, one.substr(columns));
    if (privilege == "ALL") privilege = kAll;
    if (!privilege.empty() && privilege != "USAGE") out.insert(std::move(privilege));
  }

  std::string_view rest_;
};

bool has(const Grant& grant, std::string_view privilege) {
  return grant.privileges.contains(std::string(privilege)) ||
         (privilege != "GRANT OPTION" && grant.privileges.contains(std::string(kAll)));
}

bool is_global(const Grant& grant) { return grant.schema == "*" && grant.table == "*"; }
bool is_of_schema(const Grant& grant, std::string_view schema) {
  return grant.routine.empty() && grant.table == "*" && (grant.schema == "*" || matches_pattern(grant.schema, schema));
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // Where to go on when what follows the last % does not fit: at most pattern times text steps.
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && pattern[p] == '%') {
      star = ++p;
      resume = t;
    } else if (p < pattern.size() && (pattern[escaped ? p + 1 : p] == text[t] || (!escaped && pattern[p] == '_'))) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

Grants Grants::parse(const std::vector<std::string>& lines) {
  Grants out;
  for (const std::string& text : lines) {
    Line line(text);
    const bool revoked = line.take("REVOKE ");
    if (!revoked && !line.take("GRANT ")) continue;
    Grant grant;
    grant.privileges = line.privileges();
    if (!line.take(" ON ") || grant.privileges.contains("PROXY")) continue;  // of a role
    if (line.take("PROCEDURE ")) grant.routine = "PROCEDURE";
    if (line.take("FUNCTION ")) grant.routine = "FUNCTION";
    line.take("TABLE ");
    grant.schema = line.name();
    if (!line.take(".")) continue;
    grant.table = line.name();
    if (text.find(" WITH GRANT OPTION") != std::string::npos) grant.privileges.insert("GRANT OPTION");
    if (!grant.privileges.empty()) (revoked ? out.revoked_ : out.grants_).push_back(std::move(grant));
  }
  return out;
}

bool Grants::everywhere(std::string_view privilege) const {
  return std::any_of(grants_.begin(), grants_.end(),
                     [&](const Grant& grant) { return is_global(grant) && has(grant, privilege); });
}

bool Grants::is_revoked(std::string_view privilege, std::string_view schema) const {
  return std::any_of(revoked_.begin(), revoked_.end(),
                     [&](const Grant& grant) { return grant.schema == schema && has(grant, privilege); });
}

bool Grants::on_schema(std::string_view privilege, std::string_view schema) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& grant) {
    if (!is_of_schema(grant, schema) || !has(grant, privilege)) return false;
    return !is_global(grant) || !is_revoked(privilege, schema);
  });
}

bool Grants::on_table(std::string_view privilege, std::string_view schema, std::string_view table) const {
  if (on_schema(privilege, schema)) return true;
  // Of some columns: all of the table will do.
  const std::size_t columns = privilege.find(" (");
  if (columns != std::string_view::npos && on_table(privilege.substr(0, columns), schema, table)) return true;
  return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& grant) {
    return grant.routine.empty() && grant.schema == schema && grant.table == table && has(grant, privilege);
  });
}

bool Grants::on_routine(std::string_view privilege, const Grant& routine) const {
  if (on_schema(privilege, routine.schema)) return true;
  return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& grant) {
    return grant.routine == routine.routine && grant.schema == routine.schema && grant.table == routine.table &&
           has(grant, privilege);
  });
}

}  // namespace crossfade::migrate
