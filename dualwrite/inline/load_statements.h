// The rows of a LOAD DATA file as INSERT statements: what both sides run in its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dualwrite/inline/key_value.h"
#include "dualwrite/inline/load_reader.h"
#include "dualwrite/table_schema.h"
#include "routing/load_data.h"
#include "routing/write_shape.h"

namespace crossfade::dualwrite {

// What a file's bytes are. The servers know more; those that are not here are refused.
enum class FileCharset : std::uint8_t { utf8mb4, utf8mb3, ascii, latin1, binary };
std::optional<FileCharset> file_charset(std::string_view name);

// Where the fields of a row go. `why`: it cannot be done, or not exactly.
struct LoadTarget {
  std::string why;
  std::string missing;                 // a column that the table does not have: the server says it better
  std::vector<const Column*> columns;  // of the fields, in their order; into the schema that was given
  routing::WriteShape shape;           // as an INSERT of one row of unknown values, for ship_verdict
  std::string head;                    // "INSERT IGNORE INTO `t` (`a`,`b`) VALUES "
  std::string trial;                   // the same with one row of ?, for the server to prepare
  std::string tail;                    // what SET gives to every row: ",1,'x'"
};
LoadTarget load_target(const routing::LoadData& load, const TableSchema& schema, FileCharset charset);

struct LoadStatement {
  std::string sql;
  std::vector<std::uint64_t> lines;  // of the file, one a row
};

// Makes statements of rows. Every value is checked before it is taken: what a server would have to
// change to store it could come out differently on the other one. What only the server can tell
// (lengths, ranges) shows as a warning when the statement runs.
class LoadStatements {
 public:
  struct Limits {
    std::size_t statement_bytes = 512 * 1024;  // soft: a row that is larger has a statement of its own
    std::size_t packet_bytes_max = 0;          // the server's: no statement is larger
    std::size_t rows_max = 10'000;             // of one statement
    std::uint64_t bytes_max = 0;               // of all statements together
  };
  // `target`, and the schema it points into, outlive this. `text`: the character set that the statement is sent in.
  enum class ClientText : std::uint8_t { utf8mb4, other };
  LoadStatements(const LoadTarget& target, FileCharset charset, ClientText text, bool no_auto_value_on_zero,
                 Limits limits);

  // InvalidArgument: the row cannot be written exactly; ResourceExhausted: there are too many. Both say
  // why, with line and column, and without a value.
  absl::Status add(const LoadRow& row);
  void finish();

  std::vector<LoadStatement> take() { return std::move(statements_); }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return bytes_; }
  // Of the AUTO_INCREMENT column, when it is one of the file's: nullopt without such a column or row.
  std::optional<IdSource> ids() const { return ids_; }

 private:
  absl::Status check(const LoadRow& row, std::size_t field);
  void append(const LoadField& field, const Column& column);

  const LoadTarget& target_;
  FileCharset charset_;
  ClientText text_;
  bool no_auto_value_on_zero_;
  Limits limits_;
  std::vector<LoadStatement> statements_;
  LoadStatement open_;
  std::string values_;  // of the row that is being added
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::optional<IdSource> ids_;
};

}  // namespace crossfade::dualwrite
