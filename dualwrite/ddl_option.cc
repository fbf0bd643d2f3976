// Options of tables: engines, character sets, and what only one make knows.
#include <algorithm>
#include <array>
#include <string_view>

#include "dualwrite/ascii_case.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/collations.h"
#include "dualwrite/ddl_translation.h"

namespace crossfade::dualwrite {
namespace {

// How rows are kept is each server's own business. UNION and SEQUENCE change what the table is.
constexpr std::array<std::string_view, 21> kDropped = {"ROW_FORMAT",
                                                       "KEY_BLOCK_SIZE",
                                                       "PAGE_CHECKSUM",
                                                       "TRANSACTIONAL",
                                                       "PAGE_COMPRESSED",
                                                       "PAGE_COMPRESSION_LEVEL",
                                                       "ENCRYPTED",
                                                       "ENCRYPTION_KEY_ID",
                                                       "IETF_QUOTES",
                                                       "COMPRESSION",
                                                       "ENCRYPTION",
                                                       "AUTOEXTEND_SIZE",
                                                       "ENGINE_ATTRIBUTE",
                                                       "SECONDARY_ENGINE",
                                                       "CHECKSUM",
                                                       "TABLE_CHECKSUM",
                                                       "PACK_KEYS",
                                                       "DELAY_KEY_WRITE",
                                                       "SECONDARY_ENGINE_ATTRIBUTE",
                                                       "INSERT_METHOD",
                                                       "NODEGROUP"};
constexpr std::array<std::string_view, 8> kKeepsRows = {"innodb", "aria",  "myisam",  "memory",
                                                        "heap",   "maria", "rocksdb", "archive"};

std::size_t value_of(const DdlText& text, std::size_t at) { return text.is_op(at, "=") ? at + 1 : at; }

// Where the value of [DEFAULT] CHARSET or CHARACTER SET is, 0: that is not here.
std::size_t charset_value(const DdlText& text, std::size_t at) {
  if (text.is(at, "DEFAULT")) ++at;
  if (text.is(at, "CHARSET")) return value_of(text, at + 1);
  return text.is(at, "CHARACTER") && text.is(at + 1, "SET") ? value_of(text, at + 2) : 0;
}

std::size_t collation_value(const DdlText& text, std::size_t at) {
  if (text.is(at, "DEFAULT")) ++at;
  return text.is(at, "COLLATE") ? value_of(text, at + 1) : 0;
}

void translate_engine(Translation& on, std::size_t value) {
  const std::string engine = ascii_lower(on.text.name(value));
  if (std::find(kKeepsRows.begin(), kKeepsRows.end(), engine) == kKeepsRows.end())
    return on.refuse("a storage engine that is not InnoDB's like");
  // Rows must become visible together with the position that they are from.
  on.text.replace(value, "InnoDB");
}

// Drops tokens [from, end) and a comma before them.
void drop(DdlText& text, std::size_t begin, std::size_t from, std::size_t end) {
  text.erase(from, end);
  if (from > begin && text.is_op(from - 1, ",")) text.erase(from - 1, from);
}

}  // namespace

std::string option_collation(const DdlText& text, std::size_t from, std::size_t to, const Translation& on) {
  const bool leader_is_mariadb = on.makes.leader_is_mariadb;
  std::string charset, collation;
  for (std::size_t at = from; at < to; at = text.after(at)) {
    if (text.is(at, "PARTITION")) break;
    if (const std::size_t value = charset_value(text, at); value != 0) charset = ascii_lower(text.name(value));
    if (const std::size_t value = collation_value(text, at); value != 0) collation = ascii_lower(text.name(value));
  }
  if (collation == "default") {
    if (charset.empty()) charset = charset_of(on.context.schema_collation);
  } else if (!collation.empty()) {
    if (collation.starts_with("uca1400_")) return (charset.empty() ? "utf8mb4" : charset) + "_" + collation;
    return collation;
  }
  return charset.empty() || charset == "default" ? "" : default_collation(charset, leader_is_mariadb);
}

void translate_options(Translation& on, std::size_t from, std::size_t to) {
  DdlText& text = on.text;
  const std::string own = option_collation(text, from, to, on);
  bool collated = false;
  std::size_t charset = 0;
  for (std::size_t at = from; at < to;) {
    const std::string word = text.upper(at);
    const std::size_t value = value_of(text, at + 1);
    if (word == "PARTITION") break;
    // MariaDB quotes the options of its engines when it prints them: `PAGE_COMPRESSED`='ON'
    if (on.to_mysql() && text.is_quoted_name(at) && text.is_op(at + 1, "=")) {
      drop(text, from, at, value + 1);
      at = value + 1;
      continue;
    }
    if (charset_value(text, at) != 0) {
      at = (charset = charset_value(text, at)) + 1;
    } else if (collation_value(text, at) != 0) {
      collated = true;
      at = collation_value(text, at);
      if (!own.empty()) text.replace(at, nearest_collation(own, on.makes));
      ++at;
    } else if (word == "ENGINE") {
      translate_engine(on, value);
      at = value + 1;
    } else if (std::find(kDropped.begin(), kDropped.end(), word) != kDropped.end()) {
      drop(text, from, at, value + 1);
      at = value + 1;
    } else if (word == "TABLESPACE" || word == "STORAGE") {
      drop(text, from, at, value + 1);
      at = value + 1;
    } else if ((word == "DATA" || word == "INDEX") && text.is(at + 1, "DIRECTORY")) {
      const std::size_t end = value_of(text, at + 2) + 1;
      drop(text, from, at, end);
      at = end;
    } else if (word == "START" && text.is(at + 1, "TRANSACTION")) {
      drop(text, from, at, at + 2);
      at += 2;
    } else if (word == "UNION" || word == "SEQUENCE") {
      on.refuse("a table that holds no rows of its own");
      at = text.after(value);
    } else if ((word == "WITH" || word == "WITHOUT") && text.is(at + 1, "SYSTEM")) {
      if (word == "WITH") on.refuse("WITH SYSTEM VERSIONING");
      drop(text, from, at, at + 3);
      at += 3;
    } else if (word == "COMMENT" || word == "CONNECTION" || word == "PASSWORD") {
      at = value + 1;
    } else {
      at = text.after(at);
    }
  }
  if (charset == 0 || collated || charset >= to) return;
  if (ascii_lower(text.name(charset)) == "utf8mb4")
    text.add_behind(charset, "COLLATE " + nearest_collation(own, on.makes));
}

}  // namespace crossfade::dualwrite
