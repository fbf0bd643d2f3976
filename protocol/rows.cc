#include "protocol/rows.h"

#include <algorithm>
#include <charconv>

#include "protocol/binary_value.h"
#include "protocol/first_byte.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"

namespace crossfade::protocol {
namespace {

constexpr std::uint8_t kNullByte = 0xfb;
constexpr std::size_t kNullBitsReserved = 2;  // of the bitmap of a binary row

absl::Status malformed_rows(const std::string& what) { return absl::InvalidArgumentError("malformed row: " + what); }

// Reads the messages of one result whose end the tracker knows already.
class ResultReader {
 public:
  ResultReader(Bytes wire, ResponseKind kind, Capabilities capabilities, const ResultEnd& end)
      : wire_(wire), messages_(wire.size()), kind_(kind), capabilities_(capabilities) {
    result_.end = end;
    if (wire.size() >= kHeaderBytes) {
      messages_.expect_sequence(decode_header(wire).sequence);
    }
  }

  absl::StatusOr<ResultSet> read() {
    absl::Status status = absl::OkStatus();
    switch (kind_) {
      case ResponseKind::query:
      case ResponseKind::execute:
        status = read_result_set();
        break;
      case ResponseKind::prepare:
        status = read_prepared();
        break;
      case ResponseKind::field_list:
        status = read_columns(result_.end.columns);
        break;
      case ResponseKind::fetch:
        if (result_.end.rows > 0) {
          status = absl::InvalidArgumentError("the rows of COM_STMT_FETCH have their columns elsewhere");
        }
        break;
      case ResponseKind::ok_or_err:
      case ResponseKind::eof_or_err:
      case ResponseKind::text:
        break;
    }
    if (!status.ok()) {
      return status;
    }
    return std::move(result_);
  }

 private:
  absl::StatusOr<Bytes> next() {
    absl::StatusOr<std::optional<Message>> message = messages_.feed(wire_);
    if (!message.ok()) {
      return message.status();
    }
    if (!message->has_value()) {
      return absl::InvalidArgumentError("a response ends in the middle of a message");
    }
    return (*message)->payload;
  }

  absl::Status skip() { return next().status(); }

  // Stops early at an error.
  absl::Status read_columns(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const absl::StatusOr<Bytes> payload = next();
      if (!payload.ok()) {
        return payload.status();
      }
      if (!payload->empty() && payload->front() == kErrByte) {
        return absl::OkStatus();
      }
      absl::StatusOr<ColumnDefinition> column = decode_column(*payload);
      if (!column.ok()) {
        return column.status();
      }
      result_.columns.push_back(*std::move(column));
    }
    return absl::OkStatus();
  }

  absl::Status read_result_set() {
    if (result_.end.columns == 0) {
      return absl::OkStatus();
    }
    if (absl::Status status = skip(); !status.ok()) {
      return status;
    }
    if (absl::Status status = read_columns(result_.end.columns); !status.ok()) {
      return status;
    }
    if (result_.end.rows == 0) {
      return absl::OkStatus();
    }
    if ((capabilities_ & kDeprecateEof) == 0) {
      if (absl::Status status = skip(); !status.ok()) {
        return status;
      }
    }
    return read_rows();
  }

  absl::Status read_rows() {
    for (std::uint64_t i = 0; i < result_.end.rows; ++i) {
      const absl::StatusOr<Bytes> payload = next();
      if (!payload.ok()) {
        return payload.status();
      }
      absl::StatusOr<std::vector<Cell>> row = kind_ == ResponseKind::execute
                                                  ? decode_binary_row(*payload, result_.columns)
                                                  : decode_text_row(*payload, result_.columns.size());
      if (!row.ok()) {
        return row.status();
      }
      result_.rows.push_back(*std::move(row));
    }
    return absl::OkStatus();
  }

  // PrepareOk, the parameters and their EOF, then the columns.
  absl::Status read_prepared() {
    const absl::StatusOr<Bytes> first = next();
    if (!first.ok()) {
      return first.status();
    }
    if (result_.end.kind != ResultEnd::Kind::prepared) {
      return absl::OkStatus();
    }
    const absl::StatusOr<PrepareOk> ok = decode_prepare_ok(*first);
    if (!ok.ok()) {
      return ok.status();
    }
    const bool parameters_eof = ok->parameters > 0 && (capabilities_ & kDeprecateEof) == 0;
    const std::size_t skipped = ok->parameters + (parameters_eof ? std::size_t{1} : std::size_t{0});
    for (std::size_t i = 0; i < skipped; ++i) {
      if (absl::Status status = skip(); !status.ok()) {
        return status;
      }
    }
    return read_columns(result_.end.columns);
  }

  Bytes wire_;
  MessageReader messages_;
  ResponseKind kind_;
  Capabilities capabilities_;
  ResultSet result_;
};

}  // namespace

// Each cell is a lenenc string, or 0xfb for NULL.
absl::StatusOr<std::vector<Cell>> decode_text_row(Bytes payload, std::size_t columns) {
  Reader reader(payload);
  std::vector<Cell> cells;
  cells.reserve(std::min(columns, payload.size()));
  for (std::size_t i = 0; i < columns && !reader.failed(); ++i) {
    if (reader.peek() == kNullByte) {
      reader.skip(1);
      cells.emplace_back(std::nullopt);
    } else {
      cells.emplace_back(reader.lenenc_text());
    }
  }
  if (reader.failed()) {
    return malformed_rows("fewer cells than columns");
  }
  if (!reader.at_end()) {
    return malformed_rows("bytes after the last column");
  }
  return cells;
}

// 0x00 null_bitmap((columns + 7 + 2) / 8) values; the bitmap's first two bits are reserved.
absl::StatusOr<std::vector<Cell>> decode_binary_row(Bytes payload, const std::vector<ColumnDefinition>& columns) {
  Reader reader(payload);
  if (payload.empty() || reader.u8() != 0x00) {
    return malformed_rows("a binary row does not start with 0x00");
  }
  const Bytes nulls = reader.take((columns.size() + kNullBitsReserved + 7) / 8);
  if (reader.failed()) {
    return malformed_rows("the null bitmap is cut short");
  }
  std::vector<Cell> cells;
  cells.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t bit = i + kNullBitsReserved;
    if ((nulls[bit / 8] >> (bit % 8) & 1) != 0) {
      cells.emplace_back(std::nullopt);
      continue;
    }
    absl::StatusOr<std::string> value = take_binary_value(reader, columns[i]);
    if (!value.ok()) {
      return value.status();
    }
    cells.emplace_back(*std::move(value));
  }
  if (reader.failed()) {
    return malformed_rows("fewer values than columns");
  }
  if (!reader.at_end()) {
    return malformed_rows("bytes after the last column");
  }
  return cells;
}

absl::Status expect_shape(const std::vector<ResultSet>& results, std::initializer_list<std::size_t> columns) {
  const auto fits = [](const ResultSet& result, std::size_t wanted) {
    return result.end.kind == ResultEnd::Kind::rows && result.columns.size() == wanted &&
           std::all_of(result.rows.begin(), result.rows.end(),
                       [wanted](const std::vector<Cell>& row) { return row.size() == wanted; });
  };
  if (std::equal(results.begin(), results.end(), columns.begin(), columns.end(), fits)) return absl::OkStatus();
  return absl::InternalError("the server's answer has another shape than what was asked for");
}

absl::StatusOr<std::vector<std::vector<Cell>>> only_rows(std::vector<ResultSet> results, std::size_t columns) {
  if (absl::Status shape = expect_shape(results, {columns}); !shape.ok()) {
    return shape;
  }
  return std::move(results.front().rows);
}

absl::StatusOr<std::vector<Cell>> only_row(std::vector<ResultSet> results, std::size_t columns) {
  absl::StatusOr<std::vector<std::vector<Cell>>> rows = only_rows(std::move(results), columns);
  if (!rows.ok()) {
    return rows.status();
  }
  if (rows->size() != 1) {
    return absl::InternalError("the server's answer has " + std::to_string(rows->size()) + " rows instead of one");
  }
  return std::move(rows->front());
}

const std::vector<Cell>* sole_row(const ResultSet& result, std::size_t columns) {
  return result.rows.size() == 1 && result.rows.front().size() == columns ? &result.rows.front() : nullptr;
}

absl::StatusOr<std::uint64_t> whole_number(const Cell& cell) {
  std::uint64_t value = 0;
  const std::string_view text = cell ? std::string_view(*cell) : std::string_view();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return absl::InternalError("the server's answer has something else in it where a number was asked for");
}

absl::StatusOr<ResultSet> decode_result(Bytes wire, ResponseKind kind, Capabilities capabilities,
                                        const ResultEnd& end) {
  return ResultReader(wire, kind, capabilities, end).read();
}

absl::StatusOr<std::vector<ResultSet>> decode_response(Bytes wire, ResponseKind kind, Capabilities capabilities) {
  std::vector<ResultSet> results;
  ResponseTracker tracker;
  tracker.start(kind, capabilities);
  while (true) {
    const absl::StatusOr<std::size_t> used = tracker.feed(wire);
    if (!used.ok()) {
      return used.status();
    }
    if (!tracker.result_ended()) {
      return absl::InvalidArgumentError("a recorded response is not complete");
    }
    absl::StatusOr<ResultSet> result = decode_result(wire.first(*used), kind, capabilities, tracker.end());
    if (!result.ok()) {
      return result.status();
    }
    results.push_back(*std::move(result));
    wire = wire.subspan(*used);
    if (tracker.done()) {
      break;
    }
    tracker.next_result();
  }
  if (!wire.empty()) {
    return absl::InvalidArgumentError("bytes after the end of a recorded response");
  }
  return results;
}

}  // namespace crossfade::protocol
