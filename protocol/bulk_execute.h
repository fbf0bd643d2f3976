// MariaDB's COM_STMT_BULK_EXECUTE (its manual, "COM_STMT_BULK_EXECUTE"): one prepared statement, rows of parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/prepared.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

inline constexpr std::uint16_t kBulkSendsTypes = 128;

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

}  // namespace crossfade::protocol
