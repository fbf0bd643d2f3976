#include "dualwrite/inline/load_reader.h"

#include <algorithm>

namespace crossfade::dualwrite {

void LoadReader::feed(protocol::Bytes piece) { buffer_.append(protocol::as_text(piece)); }

int LoadReader::get() {
  if (at_ < buffer_.size()) return static_cast<unsigned char>(buffer_[at_++]);
  if (finished_) {
    ++at_;
    return kEnd;
  }
  starved_ = true;
  ++at_;
  return kStarved;
}

bool LoadReader::is(int c, const std::string& separator) const {
  return !separator.empty() && c == static_cast<unsigned char>(separator.front());
}

// Its first character was read: does the rest follow? If not, nothing of it is used up.
bool LoadReader::rest_of(const std::string& separator) {
  const std::size_t before = at_;
  for (std::size_t i = 1; i < separator.size(); ++i) {
    if (get() != static_cast<unsigned char>(separator[i])) {
      at_ = before;
      return false;
    }
  }
  return true;
}

// False: the file ends first.
bool LoadReader::skip_to_start() {
  for (;;) {
    const int c = get();
    if (c < 0) return false;
    if (is(c, format_.lines_starting) && rest_of(format_.lines_starting)) return true;
    if (starved_) return false;
  }
}

int LoadReader::unescaped(int c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case '0':
      return 0;
    case 'Z':
      return 0x1a;
    case 'N':
      saw_null_ = true;
      return c;
    default:
      return c;
  }
}

// False: the line has no more fields.
bool LoadReader::read_field() {
  saw_null_ = false;
  if (line_.ended) return false;
  if (line_.seek_start) {
    line_.seek_start = false;
    if (!skip_to_start()) {
      line_.ended = line_.file_ended = true;
      return false;
    }
  }
  const int first = get();
  if (first < 0) {
    line_.ended = line_.file_ended = true;
    return false;
  }
  field_ = &row_.fields.emplace_back();
  enclosed_ = false;
  if (is(first, format_.enclosed)) {
    read_text(first);
  } else {
    unget();
    read_text(kEnd);
  }
  const bool null_word = !enclosed_ && !format_.enclosed.empty() && field_->text == "NULL";
  field_->null = null_word || (saw_null_ && field_->text.size() == 1);
  return true;
}

// What stands behind a quote within a quoted field: does it end the field?
bool LoadReader::ended_by_quote(int quote) {
  const int c = get();
  if (c == quote) {  // a doubled one
    keep(c);
    return false;
  }
  enclosed_ = true;
  if (c < 0 || (is(c, format_.lines_terminated) && rest_of(format_.lines_terminated))) {
    line_.ended = true;
    return true;
  }
  if (is(c, format_.fields_terminated) && rest_of(format_.fields_terminated)) return true;
  enclosed_ = false;
  unget();
  keep(quote);
  return false;
}

// The text of one field, up to what ends it. `quote`: what it was opened with, or kEnd.
void LoadReader::read_text(int quote) {
  const bool quoted = quote >= 0;
  for (;;) {
    int c = get();
    if (is(c, format_.escaped)) {
      const int escaped = get();
      if (escaped < 0) {
        keep(c);
        c = kEnd;
      } else if (format_.escaped != format_.enclosed || escaped == c) {
        keep(unescaped(escaped));
        continue;
      } else {
        unget();  // quotes are doubled to be kept, and escape nothing else
      }
    }
    if (c < 0) {
      // A quote that was never closed belongs to the text.
      if (quoted) field_->text.insert(field_->text.begin(), static_cast<char>(quote));
      line_.ended = line_.file_ended = true;
      return;
    }
    if (!quoted && is(c, format_.lines_terminated) && rest_of(format_.lines_terminated)) {
      line_.ended = true;
      return;
    }
    if (quoted && c == quote) {
      if (ended_by_quote(quote)) return;
      if (starved_) return;
      continue;
    }
    if (!quoted && is(c, format_.fields_terminated) && rest_of(format_.fields_terminated)) return;
    keep(c);
  }
}

// To the beginning of the next line. False: there is none.
bool LoadReader::next_line() {
  line_.cut = false;
  line_.seek_start = !format_.lines_starting.empty();
  if (line_.ended || line_.file_ended) {
    line_.ended = false;
    return !line_.file_ended;
  }
  if (format_.lines_terminated.empty()) return true;
  for (;;) {
    const int c = get();
    if (c < 0) {
      line_.file_ended = true;
      return false;
    }
    if (is(c, format_.escaped)) {
      line_.cut = true;
      if (get() < 0) return false;
      continue;
    }
    if (is(c, format_.lines_terminated) && rest_of(format_.lines_terminated)) return true;
    line_.cut = true;
  }
}

// One row, and on to the next line. False: there is no row.
bool LoadReader::read_row() {
  row_.fields.clear();
  row_.too_many = false;
  while (row_.fields.size() < columns_ && read_field()) {
    if (starved_) return false;
  }
  if (row_.fields.empty()) return false;
  const bool goes_on = next_line();
  if (!goes_on) line_.file_ended = true;
  row_.too_many = goes_on && line_.cut;
  return true;
}

void LoadReader::commit() {
  const std::size_t end = std::min(at_, buffer_.size());
  newlines_ += static_cast<std::uint64_t>(std::count(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                                                     buffer_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
  begin_ = at_ = end;
  retry_size_ = 0;
}

absl::StatusOr<std::optional<const LoadRow*>> LoadReader::next() {
  if (!begun_) {
    begun_ = true;
    to_skip_ = format_.skipped_lines;
    line_.seek_start = !format_.lines_starting.empty();
  }
  while (!line_.file_ended) {
    // A row that is read anew with every piece would take quadratic time: the next try waits for twice as much.
    if (!finished_ && buffer_.size() - begin_ < retry_size_) break;
    const Line before = line_;
    starved_ = false;
    at_ = begin_;
    const bool skipping = to_skip_ > 0;
    row_.line = newlines_ + 1;
    bool row = false;
    if (skipping) {
      if (!next_line()) line_.file_ended = true;
    } else {
      row = read_row();
    }
    if (starved_) {
      line_ = before;
      const std::size_t pending = buffer_.size() - begin_;
      if (pending > row_bytes_max_) {
        return absl::ResourceExhaustedError("line " + std::to_string(row_.line) + " takes more than " +
                                            std::to_string(row_bytes_max_) + " bytes");
      }
      buffer_.erase(0, begin_);
      begin_ = at_ = 0;
      retry_size_ = 2 * pending + 1;
      return std::nullopt;
    }
    commit();
    if (row) return &row_;
    if (!skipping) {
      line_.file_ended = true;
      break;
    }
    --to_skip_;
  }
  if (line_.file_ended || begin_ > 0) {
    buffer_.erase(0, line_.file_ended ? buffer_.size() : begin_);
    begin_ = at_ = 0;
  }
  return std::nullopt;
}

}  // namespace crossfade::dualwrite
