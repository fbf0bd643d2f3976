// What an account may do, from the lines of SHOW GRANTS of either make.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::migrate {

// Privileges on one thing. Names in upper case as the server prints them; "ALL PRIVILEGES" stands for every one.
struct Grant {
  std::set<std::string> privileges;
  std::string schema;   // "*" or empty with `table`: all; else a pattern with % and _ where `table` is "*"
  std::string table;    // "*": all of the schema
  std::string routine;  // "PROCEDURE", "FUNCTION": `table` is its name then; empty: a table
  friend bool operator==(const Grant&, const Grant&) = default;
};

class Grants {
 public:
  // Lines that grant roles, proxies or defaults are passed over: of roles that are active the caller asks for theirs.
  // REVOKE lines (MySQL's partial revokes) take away.
  static Grants parse(const std::vector<std::string>& lines);

  // On everything.
  bool everywhere(std::string_view privilege) const;
  // On every table of the schema; or on this table.
  bool on_schema(std::string_view privilege, std::string_view schema) const;
  bool on_table(std::string_view privilege, std::string_view schema, std::string_view table) const;
  bool on_routine(std::string_view privilege, const Grant& routine) const;
  const std::vector<Grant>& all() const { return grants_; }

 private:
  bool is_revoked(std::string_view privilege, std::string_view schema) const;
  std::vector<Grant> grants_;
  std::vector<Grant> revoked_;
};

// `text` against a pattern of GRANT: % any text, _ one character, \ before a character that means itself.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace crossfade::migrate
