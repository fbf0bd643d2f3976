// The verb `preflight`: both servers are read, nothing is written; with `fix_schema` what is missing on `new` is made.
#pragma once

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

#include "config/config.h"

namespace crossfade::proxy {

struct PreflightOrder {
  std::vector<std::string> tables{};  // SCHEMA or SCHEMA.TABLE; empty: all
  std::vector<std::string> excluded{};
  bool quick = false;                   // rows are not counted
  bool new_is_to_be_empty = false;      // tables of `new` with rows are in the way
  std::chrono::seconds count_time{30};  // of one counting statement
  enum class Format : std::uint8_t { table, json } format = Format::table;
  bool fix_schema = false;
  bool execute = false;        // of `fix_schema`: runs it on `new`
  bool indexes_later = false;  // of `fix_schema`: secondary indexes are for after the copy
  bool triggers = false;       // of `fix_schema`: triggers and events, too; only where `new` leads
};
// The exit code: 0 nothing stands in the way, 4 something does, 1 an error, said on `err`. Progress goes to `err`.
int preflight(const config::Config& config, const PreflightOrder& order, std::ostream& out, std::ostream& err);

}  // namespace crossfade::proxy
