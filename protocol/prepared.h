// Prepared statements (manual pages "COM_STMT_PREPARE", "COM_STMT_EXECUTE",
// "COM_STMT_SEND_LONG_DATA", "Binary Protocol Value").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

// The first packet of a successful answer to COM_STMT_PREPARE.
struct PrepareOk {
  std::uint32_t statement_id = 0;
  std::uint16_t columns = 0;
  std::uint16_t parameters = 0;
  std::uint16_t warnings = 0;
};
absl::StatusOr<PrepareOk> decode_prepare_ok(Bytes payload);

struct ParameterType {
  std::uint8_t type = 0;   // ColumnType
  std::uint8_t flags = 0;  // 0x80: unsigned
  friend bool operator==(const ParameterType&, const ParameterType&) = default;
};
// One parameter as sent. `value` is the wire bytes of the value as the binary protocol encodes it
// (for strings: without the length prefix); empty and is_null for NULL.
struct Parameter {
  ParameterType type{};
  bool is_null = false;
  Buffer value{};
};

// A COM_STMT_EXECUTE with nothing left to look up elsewhere.
struct Execute {
  std::uint32_t statement_id = 0;
  std::uint8_t cursor_flags = 0;
  std::vector<Parameter> parameters{};
};
// `known_types` are the types of the last execution with "new parameters bound" (empty: none yet);
// it is updated when this one brings types. `long_data` holds what COM_STMT_SEND_LONG_DATA sent, by
// parameter index. Fails on a body that does not fit `parameters` parameters exactly: with OutOfRange if it ends among
// their types, with FailedPrecondition if there are values whose types were never bound.
absl::StatusOr<Execute> decode_execute(Bytes payload, std::uint16_t parameters, std::vector<ParameterType>& known_types,
                                       const std::map<std::uint16_t, Buffer>& long_data);
// A self-contained COM_STMT_EXECUTE payload: types always bound, no long data needed.
Buffer encode_execute(const Execute& execute);

// The value of a parameter that is not NULL, from where it begins.
absl::StatusOr<Parameter> take_parameter(Reader& reader, ParameterType type);

// The statement id is at the same place in every COM_STMT_* payload: bytes 1 to 4.
std::optional<std::uint32_t> statement_id_of(Bytes payload);
void replace_statement_id(std::span<std::uint8_t> payload, std::uint32_t statement_id);

}  // namespace crossfade::protocol
