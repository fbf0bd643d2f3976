// MariaDB's COM_STMT_BULK_EXECUTE (its manual, "COM_STMT_BULK_EXECUTE"): one prepared statement, rows of parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/prepared.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

inline constexpr std::uint16_t kBulkUnitResults = 64;  // an answer for each row: of newer servers, by agreement
inline constexpr std::uint16_t kBulkSendsTypes = 128;

// What stands before each parameter of a row.
enum class BulkIndicator : std::uint8_t { value = 0, null = 1, default_ = 2, ignore = 3 };

struct BulkExecute {
  std::uint32_t statement_id = 0;
  std::uint16_t flags = 0;
  std::vector<ParameterType> types;
  Bytes rows;  // a view into the payload
};
// As with decode_execute(), `known_types` are those of the last execution, and are updated. The rows are not looked at.
absl::StatusOr<BulkExecute> decode_bulk_execute(Bytes payload, std::uint16_t parameters,
                                                std::vector<ParameterType>& known_types);
// With its types, whether or not it had come with them.
Buffer encode_bulk_execute(const BulkExecute& bulk);

struct BulkRow {
  std::vector<Parameter> parameters;                // NULL where there is an indicator of the other kind
  std::optional<BulkIndicator> instead_of_a_value;  // the first parameter that is DEFAULT or IGNORE
};
// The row that begins where `reader` stands in BulkExecute::rows; until it is at its end.
absl::StatusOr<BulkRow> take_bulk_row(Reader& reader, const std::vector<ParameterType>& types);

}  // namespace crossfade::protocol
