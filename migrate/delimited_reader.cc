#include "migrate/delimited_reader.h"

#include <utility>

namespace crossfade::migrate {

namespace {

// Of an escaped byte in TSV.
char unescaped(char byte) {
  switch (byte) {
    case '0':
      return '\0';
    case 'b':
      return '\b';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'Z':
      return '\x1a';
    default:
      return byte;
  }
}

}  // namespace

absl::Status DelimitedReader::wrong(std::uint64_t line, std::string_view what) const {
  return absl::InvalidArgumentError("line " + std::to_string(line) + ": " + std::string(what));
}

absl::Status DelimitedReader::feed(std::string_view bytes, std::vector<DelimitedRecord>* out) {
  const bool csv = format_.kind == DelimitedFormat::Kind::csv;
  for (const char byte : bytes) {
    ++at_;
    if (++record_bytes_ > format_.record_bytes_max) {
      return wrong(begun_on_, "a record of more than " + std::to_string(format_.record_bytes_max) +
                                  " bytes: is it of another format, or a quote not closed?");
    }
    absl::Status status = csv ? take_csv(byte, out) : take_tsv(byte, out);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DelimitedReader::take_csv(char byte, std::vector<DelimitedRecord>* out) {
  if (byte == '\n') ++line_;
  switch (state_) {
    case State::quoted:
      if (byte == '"')
        state_ = State::quote_in_quoted;
      else
        field_ += byte;
      return absl::OkStatus();
    case State::carriage_return:
      if (byte != '\n') return wrong(line_, "a carriage return outside of quotes that ends no line");
      end_record(out);
      return absl::OkStatus();
    case State::quote_in_quoted:
      if (byte == '"') {
        field_ += byte;
        state_ = State::quoted;
        return absl::OkStatus();
      }
      break;
    case State::field_begins:
      if (byte == '"') {
        was_quoted_ = true;
        state_ = State::quoted;
        return absl::OkStatus();
      }
      break;
    case State::plain:
    case State::escaped:
      break;
  }
  if (byte == format_.delimiter) {
    end_field();
  } else if (byte == '\n') {
    end_record(out);
  } else if (byte == '\r') {
    state_ = State::carriage_return;
  } else if (state_ == State::quote_in_quoted) {
    return wrong(line_, "something follows the quote that closes a field");
  } else if (byte == '"') {
    return wrong(line_, "a quote within a field that does not begin with one");
  } else {
    field_ += byte;
    state_ = State::plain;
  }
  return absl::OkStatus();
}

absl::Status DelimitedReader::take_tsv(char byte, std::vector<DelimitedRecord>* out) {
  if (byte == '\n') ++line_;
  if (state_ == State::escaped) {
    is_null_ = byte == 'N' && field_.empty() && !has_escapes_;
    field_ += unescaped(byte);
    has_escapes_ = true;
    state_ = State::plain;
    return absl::OkStatus();
  }
  if (byte == format_.delimiter) {
    end_field();
  } else if (byte == '\n') {
    end_record(out);
  } else if (byte == '\\') {
    is_null_ = false;
    state_ = State::escaped;
  } else {
    is_null_ = false;
    field_ += byte;
    state_ = State::plain;
  }
  return absl::OkStatus();
}

void DelimitedReader::end_field() {
  const bool csv = format_.kind == DelimitedFormat::Kind::csv;
  const bool is_marked = !was_quoted_ && !has_escapes_ && field_ == format_.null_mark;
  const bool is_null = csv ? is_marked : is_null_ || is_marked;
  fields_.push_back(is_null ? protocol::Cell() : protocol::Cell(std::move(field_)));
  field_.clear();
  was_quoted_ = is_null_ = has_escapes_ = false;
  state_ = State::field_begins;
}

void DelimitedReader::end_record(std::vector<DelimitedRecord>* out) {
  end_field();
  out->push_back({.fields = std::move(fields_), .line = begun_on_, .end = at_, .next_line = line_});
  fields_.clear();
  record_bytes_ = 0;
  begun_on_ = line_;
}

absl::Status DelimitedReader::finish(std::vector<DelimitedRecord>* out) {
  if (state_ == State::quoted) return wrong(begun_on_, "a quote is not closed until the end of the file");
  if (state_ == State::escaped) return wrong(line_, "the file ends behind a backslash");
  const bool nothing = state_ == State::field_begins && fields_.empty();
  if (!nothing) end_record(out);
  return absl::OkStatus();
}

}  // namespace crossfade::migrate
