#include <xxhash.h>

#include <algorithm>
#include <cstdio>

#include "dualwrite/character_set.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/rows_statement.h"
#include "dualwrite/sql_literal.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::size_t kShownKeyBytesMax = 200;

std::string hash_text(Bytes bytes) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
  return text;
}

// Hashed value by value: the spare bits among the NULL bits are nobody's.
std::string hash_row(const RowImage& row) {
  Buffer all;
  for (const LogValue& value : row) {
    protocol::put_u8(all, value.is_null ? 0 : 1);
    protocol::put_bytes(all, value.bytes);
  }
  return hash_text(all);
}

// Ordinals of the key, or of all columns.
std::vector<std::size_t> identifying(const TableMapping& mapping, std::size_t columns) {
  if (!mapping.key.empty()) return mapping.key;
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < columns; ++i) all.push_back(i);
  return all;
}

// A text of plain characters is shown as it is; everything else as SQL says it, which has no control characters.
absl::StatusOr<std::string> shown_value(const ColumnRoute& route, const LogValue& value) {
  absl::StatusOr<Buffer> bytes = bare_value(route, value);
  const bool plain = bytes.ok() && !value.is_null && has_ascii(route.from.charset) &&
                     route.from.kind != StoredKind::enum_ && route.from.kind != StoredKind::set &&
                     std::all_of(bytes->begin(), bytes->end(),
                                 [](std::uint8_t b) { return b >= ' ' && b < 0x7f && b != '\'' && b != '\\'; });
  if (!plain) return sql_literal(route, value);
  return "'" + std::string(protocol::as_text(*bytes)) + "'";
}

// "id=42, name='x'".
std::string shown_key(const TableMapping& mapping, const RowImage& row) {
  std::string text;
  for (const std::size_t at : mapping.key) {
    const auto column = std::find_if(mapping.columns.begin(), mapping.columns.end(),
                                     [&](const MappedColumn& candidate) { return candidate.from == at; });
    if (column == mapping.columns.end()) return {};
    absl::StatusOr<ColumnRoute> route = column_route(mapping, *column);
    if (!route.ok()) return {};
    absl::StatusOr<std::string> shown = shown_value(*route, row[at]);
    if (!shown.ok()) return {};
    text += (text.empty() ? "" : ", ") + mapping.source->columns[at].name + "=" + *shown;
  }
  return text.size() > kShownKeyBytesMax ? std::string() : text;
}

std::string key_text(const TableMapping& mapping, const RowImage& row, ShowValues values) {
  if (values == ShowValues::plaintext) {
    if (std::string text = shown_key(mapping, row); !text.empty()) return text;
  }
  RowImage key;
  for (const std::size_t at : identifying(mapping, row.size())) key.push_back(row.at(at));
  return "#" + hash_row(key);
}

absl::StatusOr<std::vector<std::size_t>> row_ends(const RowsChange& change, std::size_t rows_max) {
  std::vector<std::size_t> ends;
  Bytes rest = change.images;
  while (!rest.empty() && ends.size() < rows_max) {
    for (int i = 0; i < (change.kind == RowsKind::update ? 2 : 1); ++i) {
      absl::StatusOr<RowImage> row = take_row(*change.table, &rest);
      if (!row.ok()) return row.status();
    }
    ends.push_back(change.images.size() - rest.size());
  }
  return ends;
}

}  // namespace

absl::StatusOr<std::size_t> count_rows(const RowsChange& change) {
  absl::StatusOr<std::vector<std::size_t>> ends = row_ends(change, change.images.size());
  if (!ends.ok()) return ends.status();
  return ends->size();
}

absl::StatusOr<RowsChange> single_row(const RowsChange& change, std::size_t index) {
  absl::StatusOr<std::vector<std::size_t>> ends = row_ends(change, index + 1);
  if (!ends.ok()) return ends.status();
  if (ends->size() <= index) return absl::InvalidArgumentError("the change has no such row");
  const std::size_t begin = index == 0 ? 0 : (*ends)[index - 1];
  RowsChange row{
      .table = change.table, .kind = change.kind, .flags = change.flags, .complete = change.complete, .images = {}};
  row.images.assign(change.images.begin() + static_cast<std::ptrdiff_t>(begin),
                    change.images.begin() + static_cast<std::ptrdiff_t>((*ends)[index]));
  return row;
}

absl::StatusOr<RowIdentity> identify_row(const RowsChange& change, std::size_t index, const TableMapping& mapping,
                                         ShowValues values) {
  absl::StatusOr<RowsChange> row = single_row(change, index);
  if (!row.ok()) return row.status();
  RowIdentity identity;
  Bytes images = row->images;
  while (!images.empty()) {
    absl::StatusOr<RowImage> image = take_row(*row->table, &images);
    if (!image.ok()) return image.status();
    if (identity.key.empty()) identity.key = key_text(mapping, *image, values);
    const bool before =
        row->kind == RowsKind::delete_ || (row->kind == RowsKind::update && identity.before_hash.empty());
    (before ? identity.before_hash : identity.after_hash) = hash_row(*image);
  }
  return identity;
}

}  // namespace crossfade::dualwrite
