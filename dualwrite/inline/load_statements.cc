#include "dualwrite/inline/load_statements.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dualwrite/inline/outbox.h"
#include "dualwrite/inline/text_conversion.h"
#include "dualwrite/inline/value_check.h"

namespace crossfade::dualwrite {
namespace {

std::string at(const LoadRow& row, const Column* column = nullptr) {
  return "line " + std::to_string(row.line) + (column != nullptr ? ", column '" + column->name + "'" : "");
}

constexpr std::array<std::pair<std::string_view, FileCharset>, 6> kCharsets = {{
    {"utf8mb4", FileCharset::utf8mb4},
    {"utf8mb3", FileCharset::utf8mb3},
    {"utf8", FileCharset::utf8mb3},
    {"ascii", FileCharset::ascii},
    {"latin1", FileCharset::latin1},
    {"binary", FileCharset::binary},
}};

std::string_view name_of(FileCharset charset) {
  return std::find_if(kCharsets.begin(), kCharsets.end(), [charset](const auto& one) { return one.second == charset; })
      ->first;
}

}  // namespace

std::optional<FileCharset> file_charset(std::string_view name) {
  const auto found =
      std::find_if(kCharsets.begin(), kCharsets.end(), [name](const auto& one) { return one.first == name; });
  if (found == kCharsets.end()) return std::nullopt;
  return found->second;
}

LoadTarget load_target(const routing::LoadData& load, const TableSchema& schema, FileCharset charset) {
  LoadTarget target;
  std::vector<std::string> names = load.columns;
  if (names.empty()) {
    for (const Column& column : schema.columns) {
      if (!column.invisible) names.push_back(column.name);
    }
  }
  const auto given = [&names](const std::string& name) { return std::count(names.begin(), names.end(), name); };
  routing::WriteShape& shape = target.shape;
  shape.understood = true;
  shape.kind = load.replace ? routing::StatementKind::replace : routing::StatementKind::insert;
  shape.table = load.table;
  shape.ignore = !load.replace;
  std::vector<routing::Value>& values = shape.rows.emplace_back();
  std::string list;
  std::string marks;
  const auto add = [&](const std::string& name, routing::Value value) {
    const Column* column = schema.find(name);
    if (column == nullptr) target.missing = name;
    if (column != nullptr && column->generated) target.why = "column '" + name + "' is generated";
    list += (list.empty() ? "" : ",") + quote_name(name);
    marks += marks.empty() ? "?" : ",?";
    shape.columns.push_back(name);
    values.push_back(std::move(value));
    return column;
  };
  for (const std::string& name : names) {
    const auto index = static_cast<std::uint16_t>(values.size());
    const Column* column = add(name, {routing::ValueKind::placeholder, "?", index});
    target.columns.push_back(column);
    if (given(name) > 1) target.why = "column '" + name + "' is named twice";
    if (column != nullptr && column->type == ColumnClass::json && charset == FileCharset::binary) {
      target.why = "JSON of column '" + name + "' has no character set";
    }
  }
  for (const routing::LoadData::Assigned& one : load.assigned) {
    if (given(one.column) > 0 && target.why.empty()) target.why = "column '" + one.column + "' is in the file and SET";
    add(one.column, one.value);
    target.tail += "," + one.sql;
  }
  if (target.columns.empty()) target.why = "no column is named";
  const std::string name =
      (load.table.schema.empty() ? "" : quote_name(load.table.schema) + ".") + quote_name(load.table.table);
  target.head = (load.replace ? "REPLACE INTO " : "INSERT IGNORE INTO ") + name + " (" + list + ") VALUES ";
  target.trial = target.head + "(" + marks + ")";
  return target;
}

LoadStatements::LoadStatements(const LoadTarget& target, FileCharset charset, ClientText text,
                               bool no_auto_value_on_zero, Limits limits)
    : target_(target), charset_(charset), text_(text), no_auto_value_on_zero_(no_auto_value_on_zero), limits_(limits) {}

absl::Status LoadStatements::check(const LoadRow& row, std::size_t field) {
  const Column& column = *target_.columns[field];
  const LoadField& value = row.fields[field];
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(at(row, &column) + ": " + std::string(why));
  };
  const routing::Value literal{value.null ? routing::ValueKind::null : routing::ValueKind::text, value.text};
  if (column.auto_increment) {
    const IdSource source = id_source(literal, no_auto_value_on_zero_);
    if (source == IdSource::unclear) return refuse("its text is no plain number");
    if (ids_ && *ids_ != source) return refuse("some rows give an AUTO_INCREMENT value and some do not");
    ids_ = source;
  } else if (value.null && !column.nullable) {
    return refuse("NULL in a column that is NOT NULL");
  }
  if (value.null) return absl::OkStatus();
  const std::string_view problem = literal_problem(literal, column);
  if (!problem.empty()) return refuse(problem);
  const std::string_view conversion = conversion_problem(value.text, name_of(charset_), column.charset, false);
  if (!conversion.empty()) return refuse(conversion);
  return absl::OkStatus();
}

// A literal that means the same under every sql_mode and, unless the statement is known to be in
// utf8mb4, in every character set of a client.
void LoadStatements::append(const LoadField& field, const Column& column) {
  if (field.null) {
    values_ += "NULL";
    return;
  }
  const bool raw =
      text_ == ClientText::utf8mb4 && (charset_ == FileCharset::utf8mb4 || charset_ == FileCharset::utf8mb3);
  const bool quotable = std::all_of(field.text.begin(), field.text.end(), [raw](char c) {
    return c != '\\' && c != '\0' && c != 0x1a && (raw || static_cast<unsigned char>(c) < 0x80);
  });
  if (quotable) {
    values_ += text_ == ClientText::utf8mb4 || column.charset.empty() ? "'" : "_utf8mb4'";
    for (const char c : field.text) {
      if (c == '\'') values_ += c;
      values_ += c;
    }
    values_ += '\'';
    return;
  }
  // Bytes are kept in a column of bytes: there they need not be a text.
  values_ += charset_ == FileCharset::binary || column.charset.empty() ? "_binary 0x"
             : charset_ == FileCharset::latin1                         ? "_latin1 0x"
                                                                       : "_utf8mb4 0x";
  values_ += hex(protocol::as_bytes(field.text));
}

absl::Status LoadStatements::add(const LoadRow& row) {
  const std::string count = std::to_string(target_.columns.size());
  if (row.fields.size() < target_.columns.size()) {
    return absl::InvalidArgumentError(at(row, target_.columns[row.fields.size()]) + ": the line has fewer than " +
                                      count + " fields");
  }
  if (row.too_many) return absl::InvalidArgumentError(at(row) + ": the line has more than " + count + " fields");
  values_ = "(";
  for (std::size_t i = 0; i < row.fields.size(); ++i) {
    if (absl::Status fit = check(row, i); !fit.ok()) return fit;
    if (i > 0) values_ += ',';
    append(row.fields[i], *target_.columns[i]);
  }
  values_ += target_.tail + ")";
  const std::size_t alone = target_.head.size() + values_.size();
  if (alone > limits_.packet_bytes_max) {
    return absl::InvalidArgumentError(at(row) + ": the row is larger than the server's max_allowed_packet");
  }
  if (!open_.lines.empty() &&
      (open_.sql.size() + values_.size() + 1 > std::min(limits_.statement_bytes, limits_.packet_bytes_max) ||
       open_.lines.size() == limits_.rows_max)) {
    finish();
  }
  bytes_ += values_.size() + (open_.lines.empty() ? target_.head.size() : 1);
  if (bytes_ > limits_.bytes_max) {
    return absl::ResourceExhaustedError(at(row) + ": the rows take more than dual_write.transaction_bytes_max");
  }
  open_.sql += open_.lines.empty() ? target_.head : ",";
  open_.sql += values_;
  open_.lines.push_back(row.line);
  ++rows_;
  return absl::OkStatus();
}

void LoadStatements::finish() {
  if (!open_.lines.empty()) statements_.push_back(std::exchange(open_, {}));
}

}  // namespace crossfade::dualwrite
