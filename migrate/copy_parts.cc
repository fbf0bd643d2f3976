#include "migrate/copy_parts.h"

#include <algorithm>
#include <charconv>

#include "dualwrite/sql_text.h"

namespace crossfade::migrate {

using dualwrite::quote_name;
using dualwrite::quote_text;

namespace {

constexpr std::uint32_t kPartsMax = 1024;

std::string part_table(std::string_view schema) { return quote_name(schema) + ".`job_part`"; }

std::string quoted_bytes(std::string_view bytes) {
  return bytes.empty() ? std::string("''") : "0x" + dualwrite::hex(protocol::as_bytes(bytes));
}

std::optional<std::uint64_t> whole_number(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (!cell) return std::nullopt;
  const char* end = cell->data() + cell->size();
  const auto read = std::from_chars(cell->data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string part_setup_statement(std::string_view schema) {
  return "CREATE TABLE IF NOT EXISTS " + part_table(schema) +
         "(`job` BIGINT UNSIGNED NOT NULL,`table_schema` VARCHAR(64) NOT NULL,`table_name` VARCHAR(64) NOT NULL,"
         "`part` INT UNSIGNED NOT NULL,`key_name` TEXT NOT NULL,`place` LONGBLOB NOT NULL,`end_place` LONGBLOB NOT "
         "NULL,`done` BOOLEAN NOT NULL,`rows` BIGINT UNSIGNED NOT NULL,`bytes` BIGINT UNSIGNED NOT NULL,"
         "`chunks` BIGINT UNSIGNED NOT NULL,PRIMARY KEY(`job`,`table_schema`,`table_name`,`part`)"
         ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
}

std::string replace_parts(std::string_view schema, std::uint64_t job, const TableRef& table,
                          const std::vector<PartRecord>& parts) {
  std::string out = "REPLACE INTO " + part_table(schema) +
                    "(`job`,`table_schema`,`table_name`,`part`,`key_name`,`place`,`end_place`,`done`,`rows`,`bytes`,"
                    "`chunks`) VALUES ";
  for (const PartRecord& part : parts) {
    out += (part == parts.front() ? "(" : ",(") + std::to_string(job) + "," + quote_text(table.schema) + "," +
           quote_text(table.table) + "," + std::to_string(part.number) + "," + quote_text(part.key) + "," +
           quoted_bytes(part.place) + "," + quoted_bytes(part.end) + "," + (part.done ? "1" : "0") + "," +
           std::to_string(part.rows) + "," + std::to_string(part.bytes) + "," + std::to_string(part.chunks) + ")";
  }
  return out;
}

std::string delete_parts(std::string_view schema, std::uint64_t job, const TableRef& table) {
  return "DELETE FROM " + part_table(schema) + " WHERE `job`=" + std::to_string(job) +
         " AND `table_schema`=" + quote_text(table.schema) + " AND `table_name`=" + quote_text(table.table);
}

std::string forget_parts(std::string_view schema, std::uint64_t before) {
  return "DELETE FROM " + part_table(schema) + " WHERE `job`<" + std::to_string(before);
}

std::string select_parts(std::string_view schema, std::uint64_t job) {
  return "SELECT `table_schema`,`table_name`,`part`,`key_name`,`place`,`end_place`,`done`,`rows`,`bytes`,`chunks` "
         "FROM " +
         part_table(schema) + " WHERE `job`=" + std::to_string(job) + " ORDER BY `table_schema`,`table_name`,`part`";
}

absl::StatusOr<std::map<TableRef, std::vector<PartRecord>>> parts_from(const protocol::ResultSet& result) {
  std::map<TableRef, std::vector<PartRecord>> out;
  const auto wrong = [] { return absl::InternalError("the control table `job_part` is not as this version makes it"); };
  for (const auto& row : result.rows) {
    if (row.size() != 10) return wrong();
    std::vector<std::uint64_t> numbers;
    for (const std::size_t i : {2, 6, 7, 8, 9}) {
      const std::optional<std::uint64_t> value = whole_number(row[i]);
      if (!value) return wrong();
      numbers.push_back(*value);
    }
    std::vector<PartRecord>& parts = out[{.schema = row[0].value_or(""), .table = row[1].value_or("")}];
    if (numbers[0] >= kPartsMax) return wrong();
    // A number that was never written is one of a part that has not begun.
    for (auto number = static_cast<std::uint32_t>(parts.size()); number < numbers[0]; ++number) {
      parts.push_back({.number = number, .done = true});
    }
    parts.push_back({.number = static_cast<std::uint32_t>(numbers[0]),
                     .key = row[3].value_or(""),
                     .place = row[4].value_or(""),
                     .end = row[5].value_or(""),
                     .done = numbers[1] != 0,
                     .rows = numbers[2],
                     .bytes = numbers[3],
                     .chunks = numbers[4]});
  }
  return out;
}

CopyParts::CopyParts(const TableRecord& table, std::vector<PartRecord> written) {
  if (written.empty()) {
    written.push_back({.number = 0,
                       .key = table.key,
                       .place = table.place,
                       .rows = table.rows,
                       .bytes = table.bytes,
                       .chunks = table.chunks});
  }
  for (PartRecord& part : written) {
    Part& made = parts_.emplace_back();
    made.read = part;
    made.written = std::move(part);
  }
}

void CopyParts::begin_again() {
  for (Part& part : parts_) part = {.read = part.written, .written = part.written};
  chunks_ahead_ = kChunksAhead;
}

std::optional<std::uint32_t> CopyParts::next() const {
  for (const Part& part : parts_) {
    if (!part.read.done && !part.reading) return part.read.number;
  }
  return std::nullopt;
}

bool CopyParts::all_read() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.read.done; });
}

bool CopyParts::all_written() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.written.done; });
}

std::size_t CopyParts::reading() const {
  return static_cast<std::size_t>(
      std::count_if(parts_.begin(), parts_.end(), [](const Part& part) { return part.reading; }));
}

std::size_t CopyParts::unfinished() const {
  return static_cast<std::size_t>(
      std::count_if(parts_.begin(), parts_.end(), [](const Part& part) { return !part.read.done || part.promised; }));
}

absl::StatusOr<KeyRange> CopyParts::range_of(std::uint32_t number, const ChunkKey& key) const {
  const Part& part = parts_[number];
  absl::StatusOr<KeyPlace> behind = parse_place(key, part.read.place);
  if (!behind.ok()) return behind.status();
  absl::StatusOr<KeyPlace> through = parse_place(key, part.border.empty() ? part.read.end : part.border);
  if (!through.ok()) return through.status();
  return KeyRange{.behind = *std::move(behind), .through = *std::move(through)};
}

bool CopyParts::go_by(std::string_view key) const {
  return std::all_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    const bool has_places = !part.read.place.empty() || !part.read.end.empty();
    return part.read.done || !has_places || part.read.key == key;
  });
}

std::size_t CopyParts::rows_ahead(std::uint32_t number, std::size_t chunk_rows) const {
  const Part& part = parts_[number];
  const bool is_whole = part.read.end.empty() && !part.read.done && !part.heir;
  return is_whole && parts_.size() < kPartsMax && chunks_ahead_ > 1 ? chunks_ahead_ * chunk_rows : 0;
}

void CopyParts::begin_division(std::uint32_t number) {
  const auto free = std::find_if(parts_.begin(), parts_.end(),
                                 [](const Part& part) { return part.read.done && !part.reading && !part.promised; });
  auto heir = static_cast<std::uint32_t>(free - parts_.begin());
  if (free == parts_.end()) {
    Part& made = parts_.emplace_back();
    made.read = made.written = {.number = heir, .done = true};
  }
  parts_[heir].promised = true;
  parts_[number].heir = heir;
}

void CopyParts::set_border(std::uint32_t number, std::string border) {
  if (border.empty()) {
    chunks_ahead_ /= 2;
    give_up_division(number);
    return;
  }
  parts_[number].border = std::move(border);
}

void CopyParts::give_up_division(std::uint32_t number) {
  Part& part = parts_[number];
  if (part.heir) parts_[*part.heir].promised = false;
  part.heir.reset();
  part.border.clear();
}

std::vector<PartRecord> CopyParts::behind(std::uint32_t number, const PartRead& read) const {
  const Part& part = parts_[number];
  PartRecord own = part.read;
  if (!part.border.empty()) own.end = part.border;
  own.key = read.key;
  own.place = read.through;
  own.done = read.at_end || (!own.end.empty() && own.place == own.end);
  own.rows += read.rows;
  own.bytes += read.bytes;
  ++own.chunks;
  std::vector<PartRecord> out = {own};
  if (!part.border.empty()) {
    PartRecord& heir = out.emplace_back(parts_[*part.heir].read);
    heir.key = read.key;
    heir.place = part.border;
    heir.end = part.read.end;
    heir.done = false;
  }
  return out;
}

void CopyParts::take_read(std::uint32_t number, const std::vector<PartRecord>& records) {
  if (records.size() > 1) give_up_division(number);
  for (const PartRecord& record : records) parts_[record.number].read = record;
}

void CopyParts::take_written(const std::vector<PartRecord>& records) {
  for (const PartRecord& record : records) parts_[record.number].written = record;
}

std::vector<PartRecord> CopyParts::written() const {
  std::vector<PartRecord> out;
  for (const Part& part : parts_) out.push_back(part.written);
  return out;
}

TableRecord CopyParts::counted(TableRecord table) const {
  if (parts_.empty()) return table;
  table.rows = table.bytes = table.chunks = 0;
  for (const Part& part : parts_) {
    table.rows += part.written.rows;
    table.bytes += part.written.bytes;
    table.chunks += part.written.chunks;
  }
  return table;
}

}  // namespace crossfade::migrate
