// Rows (manual pages "Text Resultset Row", "Binary Protocol Resultset Row") as cells, and a whole
// response taken apart, for the proxy's own queries and for comparison. Never used on the relay path.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/response.h"
#include "protocol/response_tracker.h"

namespace crossfade::protocol {

using Cell = std::optional<std::string>;  // nullopt: NULL

absl::StatusOr<std::vector<Cell>> decode_text_row(Bytes payload, std::size_t columns);
// Each value is rendered as the text protocol would: integers in decimal, floats shortest round trip
// (padded with zeros when the column has a fixed number of decimals), dates "YYYY-MM-DD
// hh:mm:ss[.ffffff]", times "[-]hhh:mm:ss[.ffffff]". A DATETIME's and TIME's fraction has as many
// digits as the column's decimals say (0..6). One difference stays: the text protocol rounds a FLOAT
// to six digits, here it keeps all that tell it apart.
absl::StatusOr<std::vector<Cell>> decode_binary_row(Bytes payload, const std::vector<ColumnDefinition>& columns);

struct ResultSet {
  std::vector<ColumnDefinition> columns;
  std::vector<std::vector<Cell>> rows;
  ResultEnd end;
};
// A server may answer anything. What is taken from an answer to a question of the proxy's own is asked for by its shape
// first; an answer of another shape is an Internal failure, and never read past its end.
// Of as many results as there are `columns`, each with rows of so many cells.
absl::Status expect_shape(const std::vector<ResultSet>& results, std::initializer_list<std::size_t> columns);
// The rows of its one result; or its one row.
absl::StatusOr<std::vector<std::vector<Cell>>> only_rows(std::vector<ResultSet> results, std::size_t columns);
absl::StatusOr<std::vector<Cell>> only_row(std::vector<ResultSet> results, std::size_t columns);
// The row of a result that has one, of so many cells; nullptr: it has another shape.
const std::vector<Cell>* sole_row(const ResultSet& result, std::size_t columns);
// In digits alone.
absl::StatusOr<std::uint64_t> whole_number(const Cell& cell);

// Takes a complete recorded response apart: all results of it, at least one. `wire` is packets with headers.
absl::StatusOr<std::vector<ResultSet>> decode_response(Bytes wire, ResponseKind kind, Capabilities capabilities);
// One result of a response, whose end a ResponseTracker has told; others may stand before it and behind it.
absl::StatusOr<ResultSet> decode_result(Bytes wire, ResponseKind kind, Capabilities capabilities, const ResultEnd& end);

}  // namespace crossfade::protocol
