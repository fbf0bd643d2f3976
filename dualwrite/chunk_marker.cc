#include "dualwrite/chunk_marker.h"

#include "dualwrite/column_layout.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/log_value_text.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::string_view kMarkerTable = "marker";
constexpr std::size_t kTokenBytes = 8;

std::string full_name(std::string_view schema) { return quote_name(schema) + "." + quote_name(kMarkerTable); }

}  // namespace

std::string marker_setup_statement(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + full_name(schema) +
         "(`token` BIGINT UNSIGNED NOT NULL,`slot` INT UNSIGNED NOT NULL PRIMARY KEY) ENGINE=InnoDB";
}

std::string write_marker(std::string_view schema, std::uint32_t slot, std::uint64_t token) {
  return "INSERT INTO " + full_name(schema) + "(`token`,`slot`) VALUES(" + std::to_string(token) + "," +
         std::to_string(slot) + ") ON DUPLICATE KEY UPDATE `token`=" + std::to_string(token);
}

std::string write_captured_marker(std::string_view schema, std::uint64_t token, bool mariadb) {
  return "INSERT INTO " + changes_table(schema) + "(tbl,op,cid,fk,st,ni) VALUES(0,'M',CONNECTION_ID()," +
         every_change(schema, mariadb) + ",UNIX_TIMESTAMP(NOW(6))*1000000,'" + std::to_string(token) + "')";
}

RowsChange marker_change(std::string_view schema, std::uint64_t token) {
  auto table = std::make_shared<LogTable>();
  table->schema = schema;
  table->table = kMarkerTable;
  table->described = true;
  table->columns.push_back(
      {.name = "token", .type = static_cast<std::uint8_t>(LogType::longlong), .nullable = false, .is_unsigned = true});
  RowsChange change{.table = std::move(table), .kind = RowsKind::insert, .flags = kRowsEndOfStatement};
  change.images.push_back(0);
  for (std::size_t i = 0; i < kTokenBytes; ++i) change.images.push_back(static_cast<std::uint8_t>(token >> (8 * i)));
  return change;
}

std::optional<std::uint64_t> marker_token(const RowsChange& change, std::string_view schema) {
  if (change.table->table != kMarkerTable || change.table->schema != schema || change.kind == RowsKind::delete_) {
    return std::nullopt;
  }
  // Of an update the image after is the last.
  std::optional<std::uint64_t> token;
  Bytes images = change.images;
  while (!images.empty()) {
    const absl::StatusOr<RowImage> row = take_row(*change.table, &images);
    if (!row.ok() || row->empty() || row->front().is_null || row->front().bytes.size() != kTokenBytes)
      return std::nullopt;
    token = unsigned_of(row->front().bytes);
  }
  return token;
}

}  // namespace crossfade::dualwrite
