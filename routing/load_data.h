// The syntax of LOAD DATA LOCAL INFILE, as far as reading the file and writing its rows needs it. No
// schema knowledge; dualwrite/load_plan joins the two.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "routing/facts.h"
#include "routing/tokenizer.h"
#include "routing/write_shape.h"

namespace crossfade::routing {

// How lines and fields are told apart (manual page "LOAD DATA Statement"). Empty: there is none.
struct FileFormat {
  std::string fields_terminated = "\t";
  std::string enclosed{};      // at most one byte
  std::string escaped = "\\";  // at most one byte
  std::string lines_starting{};
  std::string lines_terminated = "\n";
  std::uint64_t skipped_lines = 0;
  friend bool operator==(const FileFormat&, const FileFormat&) = default;
};

struct LoadData {
  bool understood = false;  // false: `why` says what was not
  std::string why;
  std::string file;  // as the client is asked for it
  bool replace = false;
  TableName table;
  std::string charset;  // lower case; empty: that of the default schema
  FileFormat format;
  std::vector<std::string> columns;  // of the fields, lower case; empty: all of the table's
  // SET column = literal; the text as written.
  struct Assigned {
    std::string column;  // lower case
    Value value;
    std::string sql;
  };
  std::vector<Assigned> assigned;
};

// Not understood, among other things: user variables among the columns, SET to anything but a literal,
// PARTITION, rows of fixed size, separators that are not ASCII, XML, and MySQL's bulk load.
LoadData parse_load_data(std::string_view sql, const LexerMode& mode);

}  // namespace crossfade::routing
