// The rows of a LOAD DATA file, cut as the servers cut them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/wire.h"
#include "routing/load_data.h"

namespace crossfade::dualwrite {

struct LoadField {
  std::string text;
  bool null = false;
};

struct LoadRow {
  std::vector<LoadField> fields;  // as many as were read, at most the columns
  bool too_many = false;          // the line goes on after the last column; never said of a line without an end
  std::uint64_t line = 0;         // where it was begun to be looked for: 1 + the newlines before
};

// Fed in pieces of any size; keeps only the row that is not complete yet. How a file is cut into
// pieces never changes its rows. The rules are the servers' own (manual page "LOAD DATA Statement"),
// oddities included: a quote that is not closed is a plain character at the end of the file; the word
// NULL is a NULL only without quotes and where there could be some; `\N` is one with quotes, too.
// Flow: feed() what arrived, next() until nullopt, ...; finish() at the end, next() until nullopt.
class LoadReader {
 public:
  LoadReader(routing::FileFormat format, std::size_t columns, std::size_t row_bytes_max)
      : format_(std::move(format)), columns_(columns), row_bytes_max_(row_bytes_max) {}

  void feed(protocol::Bytes piece);
  void finish() { finished_ = true; }
  // nullopt: more must be fed, or after finish(): there is no more. The row lives until the next call.
  // ResourceExhausted when one row takes more than row_bytes_max; then the reader is done for.
  absl::StatusOr<std::optional<const LoadRow*>> next();

 private:
  // The next character, or one of these.
  static constexpr int kEnd = -1;      // of the file
  static constexpr int kStarved = -2;  // more must be fed

  int get();
  void unget() { --at_; }
  bool is(int c, const std::string& separator) const;
  bool rest_of(const std::string& separator);
  bool skip_to_start();
  bool read_field();
  void read_text(int quote);
  bool next_line();
  bool read_row();
  void keep(int c) { field_->text += static_cast<char>(c); }
  bool ended_by_quote(int quote);
  int unescaped(int c);
  void commit();

  routing::FileFormat format_;
  std::size_t columns_;
  std::size_t row_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;       // of what is not part of a row yet
  std::size_t at_ = 0;          // may stand one past the end of a finished file
  std::size_t retry_size_ = 0;  // of buffer_ behind begin_, before another try makes sense
  bool finished_ = false;
  bool starved_ = false;

  // Of the line that is being read. Kept across rows, and restored when a try starves.
  struct Line {
    bool seek_start = false;  // LINES STARTING BY is to be found first
    bool ended = false;
    bool file_ended = false;
    bool cut = false;  // something was skipped before its end
  };
  Line line_;
  bool begun_ = false;
  std::uint64_t to_skip_ = 0;
  bool saw_null_ = false;  // \N in this field
  bool enclosed_ = false;
  LoadField* field_ = nullptr;
  LoadRow row_;
  std::uint64_t newlines_ = 0;
};

}  // namespace crossfade::dualwrite
