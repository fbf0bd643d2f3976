// The verb `load`: exported files become a table of `new`, by way of a staging table.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "config/config.h"
#include "migrate/delimited_reader.h"

namespace crossfade::proxy {

struct LoadOrder {
  std::string from{};   // a folder, a file, or s3://bucket/prefix
  std::string table{};  // SCHEMA.TABLE
  migrate::DelimitedFormat format{};
  std::vector<std::string> columns{};  // of the files; empty: a header names them, or all in the table's order
  bool header = false;                 // the first record of each file names its columns
  std::string endpoint{}, region{};    // of S3
  std::uint32_t parallel = 4;
  bool replace = false;  // the table may have rows: they go
  bool restart = false;  // an earlier load that is not finished is forgotten
};
// The exit code: 0 the table is there; 4 its keys do not go on, the rows are said on `err`; 1 another error. What is
// loaded stays in the staging table: the same order goes on there.
int load(const config::Config& config, const LoadOrder& order, std::ostream& out, std::ostream& err);

}  // namespace crossfade::proxy
