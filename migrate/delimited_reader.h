// Exported files as records: CSV (RFC 4180) and TSV as MySQL and MariaDB write it. Bytes in, records out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "protocol/rows.h"

namespace crossfade::migrate {

// CSV: fields are separated by `delimiter`, records by LF or CRLF; a field in double quotes may hold all of these, and
// a quote as two. One without quotes that is `null_mark` is NULL. TSV: \0 \b \n \r \t \Z \\ stand for bytes, \N alone
// in a field for NULL, and any other escaped byte for itself; a CR is a byte as any other.
struct DelimitedFormat {
  enum class Kind : std::uint8_t { csv, tsv } kind = Kind::csv;
  char delimiter = ',';
  std::string null_mark = "\\N";
  std::size_t record_bytes_max = std::size_t{64} << 20;
};

struct DelimitedRecord {
  std::vector<protocol::Cell> fields{};
  std::uint64_t line = 0;  // on which it begins, from 1
  std::uint64_t end = 0;   // bytes of the file up to behind it
  std::uint64_t next_line = 0;
};

// May be fed in pieces of any size: the records are the same.
class DelimitedReader {
 public:
  // Where the bytes come from: those of the file before them, and the line on which they begin.
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t line = 1;
  };
  explicit DelimitedReader(DelimitedFormat format) : DelimitedReader(std::move(format), Place{}) {}
  DelimitedReader(DelimitedFormat format, Place from)
      : format_(std::move(format)), at_(from.offset), line_(from.line), begun_on_(from.line) {}

  // Appends the records that are whole. InvalidArgument: "line 7: ..", never with a value of the file. Nothing may be
  // fed after that.
  absl::Status feed(std::string_view bytes, std::vector<DelimitedRecord>* out);
  // The file has ended: the last record needs no end of line.
  absl::Status finish(std::vector<DelimitedRecord>* out);

 private:
  enum class State : std::uint8_t { field_begins, plain, quoted, quote_in_quoted, carriage_return, escaped };
  absl::Status take_csv(char byte, std::vector<DelimitedRecord>* out);
  absl::Status take_tsv(char byte, std::vector<DelimitedRecord>* out);
  void end_field();
  void end_record(std::vector<DelimitedRecord>* out);
  absl::Status wrong(std::uint64_t line, std::string_view what) const;

  DelimitedFormat format_;
  State state_ = State::field_begins;
  std::vector<protocol::Cell> fields_;
  std::string field_;
  bool was_quoted_ = false;
  bool is_null_ = false;  // of TSV: the field is \N until now
  bool has_escapes_ = false;
  std::size_t record_bytes_ = 0;
  std::uint64_t at_;
  std::uint64_t line_;
  std::uint64_t begun_on_;
};

}  // namespace crossfade::migrate
