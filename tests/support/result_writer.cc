#include "tests/support/result_writer.h"

#include "protocol/prepared.h"
#include "tests/support/server_packets.h"

namespace crossfade::support {
namespace {

protocol::Buffer text_row(const std::vector<protocol::Cell>& cells) {
  protocol::Buffer row;
  for (const auto& cell : cells) {
    if (cell) {
      protocol::put_lenenc_text(row, *cell);
    } else {
      protocol::put_u8(row, 0xfb);
    }
  }
  return row;
}

protocol::Buffer binary_row(const std::vector<protocol::Cell>& cells) {
  protocol::Buffer row;
  protocol::put_u8(row, 0);
  const std::size_t bitmap = row.size();
  protocol::put_zeros(row, (cells.size() + 9) / 8);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i]) {
      protocol::put_lenenc_text(row, *cells[i]);
    } else {
      row[bitmap + (i + 2) / 8] = static_cast<std::uint8_t>(row[bitmap + (i + 2) / 8] | 1u << (i + 2) % 8);
    }
  }
  return row;
}

}  // namespace

void ResultWriter::put_definitions(std::size_t count, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < count; ++i) {
    protocol::ColumnDefinition column;
    column.name = i < names.size() ? names[i] : "?";
    column.collation = 45;
    column.type = protocol::ColumnType::var_string;
    put(protocol::encode_column(column));
  }
}

void ResultWriter::put_end_of_definitions(std::uint16_t status) {
  if (!deprecate_eof()) put(protocol::encode_eof({.warnings = 0, .status = status}));
}

void ResultWriter::put_answer(const Answer& answer, std::uint16_t status, Rows rows) {
  if (answer.err && answer.columns.empty()) {
    put(protocol::encode_err(*answer.err));
    return;
  }
  protocol::Ok ok = answer.ok;
  ok.status = static_cast<std::uint16_t>(status | (answer.ok.status & protocol::kStatusSessionStateChanged));
  if (answer.columns.empty()) {
    put(protocol::encode_ok(ok, capabilities_));
    return;
  }
  protocol::Buffer count;
  protocol::put_lenenc(count, answer.columns.size());
  put(count);
  put_definitions(answer.columns.size(), answer.columns);
  put_end_of_definitions(status);
  for (const auto& row : answer.rows) put(rows == Rows::text ? text_row(row) : binary_row(row));
  if (answer.err) {
    put(protocol::encode_err(*answer.err));
  } else if (deprecate_eof()) {
    put(protocol::encode_ok(ok, capabilities_, 0xfe));
  } else {
    put(protocol::encode_eof({.warnings = 0, .status = status}));
  }
}

void ResultWriter::put_prepared(std::uint32_t id, std::uint16_t columns, std::uint16_t parameters) {
  put(encode_prepare_ok({.statement_id = id, .columns = columns, .parameters = parameters, .warnings = 0}));
  if (parameters > 0) {
    put_definitions(parameters, {});
    put_end_of_definitions(protocol::kStatusAutocommit);
  }
  if (columns > 0) {
    put_definitions(columns, {"answered_by"});
    put_end_of_definitions(protocol::kStatusAutocommit);
  }
}

}  // namespace crossfade::support
