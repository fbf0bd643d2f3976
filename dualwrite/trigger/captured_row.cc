#include "dualwrite/trigger/captured_row.h"

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/chunk_marker.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/trigger/captured_value.h"
#include "dualwrite/trigger/packed_fields.h"

namespace crossfade::dualwrite {

namespace {

using protocol::Cell;

// Columns of select_changes().
enum Column : std::size_t { kId, kTable, kOp, kConnection, kForeignKeys, kStatement, kOldPacked, kNewPacked, kPairs };

absl::Status malformed_change(std::uint64_t id, const std::string& what) {
  return absl::InvalidArgumentError("row " + std::to_string(id) + " of `changes`: " + what);
}

template <typename Number>
std::optional<Number> number_of(const Cell& cell) {
  Number value{};
  if (!cell) return std::nullopt;
  const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
  if (error != std::errc() || end != cell->data() + cell->size()) return std::nullopt;
  return value;
}

std::optional<ChangeKind> kind_of(const Cell& cell) {
  if (!cell || cell->size() != 1) return std::nullopt;
  switch ((*cell)[0]) {
    case 'I':
      return ChangeKind::insert;
    case 'U':
      return ChangeKind::update;
    case 'D':
      return ChangeKind::delete_;
    case 'R':
      return ChangeKind::refresh;
    case 'K':
      return ChangeKind::identity;
    case 'F':
      return ChangeKind::followed_identity;
    case 'O':
      return ChangeKind::overwriting;
    case 'P':
      return ChangeKind::intent;
    case 'S':
      return ChangeKind::statement;
    case 'M':
      return ChangeKind::marker;
    default:
      return std::nullopt;
  }
}

enum class Side : std::size_t { before = 0, after = 1 };
enum class Columns : std::uint8_t { all, identity };

bool is_identity(ChangeKind kind) { return kind == ChangeKind::identity || kind == ChangeKind::followed_identity; }

// nullopt: without an image.
std::optional<ChangeKind> kind_by_images(const std::vector<Cell>& row) {
  const bool before = row[kOldPacked].has_value();
  const bool after = row[kNewPacked].has_value();
  if (!before && !after) return std::nullopt;
  return !before ? ChangeKind::insert : after ? ChangeKind::update : ChangeKind::delete_;
}

// One image of a row; `head` is for the errors.
class ImageReader {
 public:
  ImageReader(const ChangeHead& head, const std::vector<Cell>& row, const Capture& capture)
      : head_(head), row_(row), capture_(capture) {}

  absl::Status put(Buffer& out, Side side, Columns which) const {
    const Cell& packed = row_[kOldPacked + static_cast<std::size_t>(side)];
    if (!packed) return malformed_change(head_.id, "the image is not there (max_allowed_packet of the leader?)");
    const std::size_t nulls_at = out.size();
    protocol::put_zeros(out, (capture_.columns.size() + 7) / 8);
    FieldReader fields(*packed);
    for (std::size_t i = 0; i < capture_.columns.size(); ++i) {
      const std::size_t big = capture_.columns[i].big;
      std::optional<std::string_view> text = big == 0 ? fields.next() : big_value(big, side);
      if (fields.failed()) return malformed_change(head_.id, "a field is cut off or is none");
      const bool left_out = which == Columns::identity && !capture_.columns[i].identifies;
      if (left_out) text.reset();
      if (text) {
        absl::Status status = put_captured_value(out, capture_.table->columns[i], capture_.columns[i], *text);
        if (!status.ok()) return of_column(i, std::string(status.message()));
      } else {
        if (!capture_.table->columns[i].nullable && !left_out) return of_column(i, "NULL where none may be");
        out[nulls_at + i / 8] = static_cast<std::uint8_t>(out[nulls_at + i / 8] | (1 << (i % 8)));
      }
    }
    return fields.at_end() ? absl::OkStatus() : malformed_change(head_.id, "more fields than the table has");
  }

  // Of an image that this kind of row has not.
  absl::Status expect_none(Side side) const {
    bool there = row_[kOldPacked + static_cast<std::size_t>(side)].has_value();
    for (std::size_t pair = 1; kPairs + 2 * pair <= row_.size(); ++pair) there |= big_value(pair, side).has_value();
    return there ? malformed_change(head_.id, "an image that its kind has not") : absl::OkStatus();
  }

 private:
  std::optional<std::string_view> big_value(std::size_t pair, Side side) const {
    const Cell& cell = row_[kPairs + 2 * (pair - 1) + static_cast<std::size_t>(side)];
    return cell ? std::optional<std::string_view>(*cell) : std::nullopt;
  }
  absl::Status of_column(std::size_t at, const std::string& what) const {
    return malformed_change(head_.id, "column " + capture_.table->columns[at].name + " of " + capture_.name.schema +
                                          "." + capture_.name.table + ": " + what);
  }

  const ChangeHead& head_;
  const std::vector<Cell>& row_;
  const Capture& capture_;
};

bool is_statement(ChangeKind kind) { return kind == ChangeKind::intent || kind == ChangeKind::statement; }
bool is_row(ChangeKind kind) { return !is_statement(kind) && kind != ChangeKind::marker; }

RowsKind rows_kind(ChangeKind kind) {
  return kind == ChangeKind::update    ? RowsKind::update
         : kind == ChangeKind::delete_ ? RowsKind::delete_
                                       : RowsKind::insert;
}

absl::Status expect_row_of(const ChangeHead& head, const std::vector<Cell>& row, const Capture& capture) {
  if (!is_row(head.kind)) return malformed_change(head.id, "no row but a statement");
  if (head.table != capture.number) return malformed_change(head.id, "it is of another table");
  if (row.size() < kPairs + 2 * capture.pairs)
    return malformed_change(head.id, "`changes` has too few columns for its table");
  return absl::OkStatus();
}

absl::Status put_images(CapturedRow& out, const std::vector<Cell>& row, const Capture& capture, Columns which) {
  out.change.flags = kRowsEndOfStatement;
  if (out.head.no_foreign_key_checks) out.change.flags |= kRowsNoForeignKeyChecks;
  const ImageReader images(out.head, row, capture);
  for (const Side side : {Side::before, Side::after}) {
    const bool there =
        side == Side::before ? out.change.kind != RowsKind::insert : out.change.kind != RowsKind::delete_;
    absl::Status status = there ? images.put(out.change.images, side, which) : images.expect_none(side);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// The fields of a packed statement, in order; the first that is none of its kind fails all.
class StatementReader {
 public:
  explicit StatementReader(std::string_view packed) : fields_(packed) {}
  std::string text() {
    const std::optional<std::string_view> field = fields_.next();
    failed_ |= !field.has_value();
    return std::string(field.value_or(""));
  }
  template <typename Number>
  Number number() {
    const Cell cell = text();
    const std::optional<Number> value = number_of<Number>(cell);
    failed_ |= !value.has_value();
    return value.value_or(0);
  }
  bool good() const { return !failed_ && fields_.at_end(); }

 private:
  FieldReader fields_;
  bool failed_ = false;
};

absl::StatusOr<std::string> repacked(std::string_view packed, const Capture& from, const Capture& to) {
  std::map<std::string, std::string_view> fields;  // of the identity, by the column's name
  FieldReader reader(packed);
  for (std::size_t i = 0; i < from.columns.size(); ++i) {
    const CapturedColumn& column = from.columns[i];
    if (column.identifies && column.big != 0) return absl::FailedPreconditionError("a long value identifies the row");
    const auto field = column.big == 0 ? reader.next() : std::nullopt;
    if (column.identifies && field) fields.emplace(ascii_lower(from.table->columns[i].name), *field);
  }
  if (reader.failed()) return absl::InvalidArgumentError("a field is cut off or is none");
  std::string out;
  for (std::size_t i = 0; i < to.columns.size(); ++i) {
    if (to.columns[i].big != 0) continue;
    const auto field = fields.find(ascii_lower(to.table->columns[i].name));
    const bool known = field != fields.end();
    put_field(out, known ? std::optional<std::string_view>(field->second) : std::nullopt);
    if (known) fields.erase(field);
  }
  if (fields.empty()) return out;
  return absl::FailedPreconditionError("column " + fields.begin()->first + " identified the row, and is gone");
}

std::optional<IntentNote> intent_note(std::string_view packed) {
  StatementReader fields(packed);
  IntentNote note;
  note.client = fields.number<std::uint64_t>();
  note.state = fields.text();
  note.error = fields.text();
  return fields.good() ? std::optional<IntentNote>(std::move(note)) : std::nullopt;
}

}  // namespace

absl::StatusOr<ChangeHead> change_head(const std::vector<Cell>& row) {
  const auto id = row.empty() ? std::nullopt : number_of<std::uint64_t>(row[kId]);
  if (!id || *id == 0) return absl::InvalidArgumentError("a row of `changes` has no id");
  if (row.size() < kPairs || row.size() % 2 != kPairs % 2) return malformed_change(*id, "another number of columns");
  const auto table = number_of<std::uint32_t>(row[kTable]);
  const auto kind = kind_of(row[kOp]);
  const auto connection = number_of<std::uint64_t>(row[kConnection]);
  const auto foreign_keys = number_of<std::uint8_t>(row[kForeignKeys]);
  const auto statement = number_of<std::int64_t>(row[kStatement]);
  if (!table || !kind || !connection || !foreign_keys || *foreign_keys > 1 || !statement) {
    return malformed_change(*id, "a column that is none of its kind");
  }
  if (is_row(*kind) == (*table == 0)) return malformed_change(*id, "a row of no table, or a statement of one");
  return ChangeHead{.id = *id,
                    .table = *table,
                    .kind = *kind,
                    .connection = *connection,
                    .no_foreign_key_checks = *foreign_keys == 0,
                    .statement = *statement};
}

absl::StatusOr<CapturedRow> captured_row(const ChangeHead& head, const std::vector<Cell>& row, const Capture& capture) {
  if (is_identity(head.kind)) return captured_identity(head, row, capture);
  if (absl::Status status = expect_row_of(head, row, capture); !status.ok()) return status;
  CapturedRow out{.head = head, .change = {.table = capture.table}};
  if (head.kind == ChangeKind::overwriting) {
    const std::optional<ChangeKind> kind = kind_by_images(row);
    if (!kind) return malformed_change(head.id, "it has no image");
    out.head.kind = *kind;
    out.change.overwrites = true;
  }
  out.change.kind = rows_kind(out.head.kind);
  if (absl::Status status = put_images(out, row, capture, Columns::all); !status.ok()) return status;
  return out;
}

absl::StatusOr<CapturedRow> captured_identity(const ChangeHead& head, const std::vector<Cell>& row,
                                              const Capture& capture) {
  if (absl::Status status = expect_row_of(head, row, capture); !status.ok()) return status;
  CapturedRow out{.head = head, .identity_only = true, .change = {.table = capture.table}};
  if (is_identity(head.kind) || head.kind == ChangeKind::overwriting) {
    const std::optional<ChangeKind> kind = kind_by_images(row);
    if (!kind) return malformed_change(head.id, "which row it was is not known");
    out.head.kind = *kind;
  }
  out.change.kind = rows_kind(out.head.kind);
  if (absl::Status status = put_images(out, row, capture, Columns::identity); !status.ok()) return status;
  return out;
}

absl::StatusOr<RepackedIdentity> repack_identity(const std::vector<Cell>& row, const Capture& from, const Capture& to) {
  if (row.size() < kPairs) return absl::InvalidArgumentError("a row of `changes` has another number of columns");
  RepackedIdentity out;
  for (const Side side : {Side::before, Side::after}) {
    const Cell& packed = row[kOldPacked + static_cast<std::size_t>(side)];
    if (!packed) continue;
    absl::StatusOr<std::string> image = repacked(*packed, from, to);
    if (!image.ok()) return image.status();
    (side == Side::before ? out.before : out.after) = *std::move(image);
  }
  return out;
}

absl::StatusOr<bool> leaves_nothing_to_do(const CapturedRow& row, const Capture& capture) {
  if (row.change.kind == RowsKind::insert) return true;
  if (row.change.kind == RowsKind::delete_) return false;
  Bytes images = row.change.images;
  auto before = take_row(*capture.table, &images);
  if (!before.ok()) return before.status();
  auto after = take_row(*capture.table, &images);
  if (!after.ok()) return after.status();
  for (std::size_t i = 0; i < before->size(); ++i) {
    const LogValue& left = (*before)[i];
    const LogValue& right = (*after)[i];
    if (left.is_null == right.is_null &&
        (left.is_null || protocol::as_text(left.bytes) == protocol::as_text(right.bytes)))
      continue;
    return absl::FailedPreconditionError("row " + std::to_string(row.head.id) +
                                         " of `changes`: what identifies it was updated while its table lost a column");
  }
  return true;
}

absl::StatusOr<CapturedRow> captured_marker(const ChangeHead& head, const std::vector<Cell>& row,
                                            std::string_view schema) {
  const auto token = row.size() < kPairs ? std::nullopt : number_of<std::uint64_t>(row[kNewPacked]);
  if (head.kind != ChangeKind::marker || !token) return malformed_change(head.id, "no marker");
  return CapturedRow{.head = head, .change = marker_change(schema, *token)};
}

absl::StatusOr<CapturedStatement> captured_statement(const ChangeHead& head, const std::vector<Cell>& row) {
  if (!is_statement(head.kind)) return malformed_change(head.id, "no statement but a row");
  if (row.size() < kPairs || !row[kNewPacked]) return malformed_change(head.id, "the statement is not there");
  CapturedStatement out{.head = head, .statement = {}};
  StatementReader fields(*row[kNewPacked]);
  LoggedStatement& statement = out.statement;
  statement.change_id = head.id;
  statement.schema = fields.text();
  statement.sql = fields.text();
  statement.sql_mode = fields.number<std::uint64_t>();
  statement.client_collation = fields.number<std::uint16_t>();
  statement.connection_collation = fields.number<std::uint16_t>();
  statement.server_collation = fields.number<std::uint16_t>();
  statement.utf8mb4_collation = fields.number<std::uint16_t>();
  statement.database_collation = fields.number<std::uint16_t>();
  statement.no_foreign_key_checks = fields.number<std::uint8_t>() != 0;
  statement.explicit_defaults_for_timestamp = fields.number<std::uint8_t>() != 0;
  statement.timestamp = fields.number<std::uint32_t>();
  statement.auto_increment_increment = fields.number<std::uint16_t>();
  statement.auto_increment_offset = fields.number<std::uint16_t>();
  statement.time_zone = fields.text();
  if (!fields.good()) return malformed_change(head.id, "the statement is not as it was written");
  if (head.kind == ChangeKind::intent) {
    const std::optional<IntentNote> note = row[kOldPacked] ? intent_note(*row[kOldPacked]) : std::nullopt;
    if (!note) return malformed_change(head.id, "who was to run the statement is not there");
    out.note = *note;
    return out;
  }
  const auto intent = number_of<std::uint64_t>(row[kOldPacked]);
  if (!intent) return malformed_change(head.id, "the statement names no intent");
  out.intent = *intent;
  return out;
}

}  // namespace crossfade::dualwrite
