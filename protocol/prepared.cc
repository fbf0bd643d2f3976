#include "protocol/prepared.h"

#include <algorithm>
#include <cassert>

#include "protocol/command.h"
#include "protocol/response.h"

namespace crossfade::protocol {
namespace {

constexpr std::size_t kStatementIdAt = 1;
constexpr std::size_t kStatementIdBytes = 4;
constexpr std::uint8_t kDateBytesMax = 13;  // a DATETIME with a time zone offset
constexpr std::uint8_t kTimeBytesMax = 12;

// How a value of a type lies on the wire.
enum class Layout : std::uint8_t { nothing, fixed, short_prefix, lenenc };
struct Encoding {
  Layout layout = Layout::lenenc;
  std::uint8_t bytes = 0;  // fixed: the size; short_prefix: the largest size
};

Encoding encoding_of(std::uint8_t type) {
  switch (static_cast<ColumnType>(type)) {
    case ColumnType::null:
      return {.layout = Layout::nothing};
    case ColumnType::tiny:
      return {.layout = Layout::fixed, .bytes = 1};
    case ColumnType::short_:
    case ColumnType::year:
      return {.layout = Layout::fixed, .bytes = 2};
    case ColumnType::long_:
    case ColumnType::int24:
    case ColumnType::float_:
      return {.layout = Layout::fixed, .bytes = 4};
    case ColumnType::longlong:
    case ColumnType::double_:
      return {.layout = Layout::fixed, .bytes = 8};
    case ColumnType::date:
    case ColumnType::datetime:
    case ColumnType::timestamp:
      return {.layout = Layout::short_prefix, .bytes = kDateBytesMax};
    case ColumnType::time:
      return {.layout = Layout::short_prefix, .bytes = kTimeBytesMax};
    default:  // the strings; a number that is no type is for the server to refuse
      return {.layout = Layout::lenenc};
  }
}

absl::StatusOr<Bytes> take_value(Reader& reader, std::uint8_t type) {
  const Encoding encoding = encoding_of(type);
  Bytes value;
  switch (encoding.layout) {
    case Layout::nothing:
      break;
    case Layout::fixed:
      value = reader.take(encoding.bytes);
      break;
    case Layout::short_prefix: {
      const std::uint8_t bytes = reader.u8();
      if (bytes > encoding.bytes) {
        return absl::InvalidArgumentError("COM_STMT_EXECUTE: a date or time is too long");
      }
      value = reader.take(bytes);
      break;
    }
    case Layout::lenenc:
      value = reader.lenenc_bytes();
      break;
  }
  if (reader.failed()) {
    return absl::InvalidArgumentError("COM_STMT_EXECUTE: a parameter is cut short");
  }
  return value;
}

// The bytes of the value as this type must have them on the wire.
void put_value(Buffer& out, const Parameter& parameter) {
  const Encoding encoding = encoding_of(parameter.type.type);
  switch (encoding.layout) {
    case Layout::nothing:
      break;
    case Layout::fixed:
      assert(parameter.value.size() == encoding.bytes);
      put_bytes(out, parameter.value);
      break;
    case Layout::short_prefix:
      assert(parameter.value.size() <= encoding.bytes);
      put_u8(out, static_cast<std::uint8_t>(parameter.value.size()));
      put_bytes(out, parameter.value);
      break;
    case Layout::lenenc:
      put_lenenc_bytes(out, parameter.value);
      break;
  }
}

bool bit_is_set(Bytes bitmap, std::size_t index) { return (bitmap[index / 8] >> (index % 8) & 1) != 0; }

bool all_are_set(Bytes bitmap, std::size_t bits) {
  for (std::size_t i = 0; i < bits; ++i) {
    if (!bit_is_set(bitmap, i)) return false;
  }
  return true;
}

// The types to read the values by, and whether later executions may rely on them.
struct Types {
  std::vector<ParameterType> types{};
  bool bound = true;
};
absl::StatusOr<Types> take_types(Reader& reader, Bytes nulls, std::uint16_t parameters,
                                 const std::vector<ParameterType>& known_types) {
  const std::uint8_t new_types = reader.u8();
  if (reader.failed() || new_types > 1) {
    return absl::InvalidArgumentError("COM_STMT_EXECUTE: malformed new-parameters-bound flag");
  }
  if (new_types == 0) {
    if (known_types.size() == parameters) return Types{.types = known_types};
    if (!all_are_set(nulls, parameters)) {
      return absl::FailedPreconditionError("COM_STMT_EXECUTE: parameter types were never bound");
    }
    // A NULL has no value whose type would matter.
    const ParameterType null{.type = static_cast<std::uint8_t>(ColumnType::null)};
    return Types{.types = std::vector<ParameterType>(parameters, null), .bound = false};
  }
  Types out{.types = std::vector<ParameterType>(parameters)};
  for (ParameterType& type : out.types) {
    type.type = reader.u8();
    type.flags = reader.u8();
  }
  if (reader.failed()) return absl::OutOfRangeError("COM_STMT_EXECUTE is too short for the types of its parameters");
  return out;
}

absl::Status take_values(Reader& reader, Bytes nulls, const std::vector<ParameterType>& types,
                         const std::map<std::uint16_t, Buffer>& long_data, std::vector<Parameter>& out) {
  out.reserve(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    const ParameterType type = types[i];
    if (const auto sent = long_data.find(static_cast<std::uint16_t>(i)); sent != long_data.end()) {
      // As the servers do: long data is of a string or nothing.
      if (encoding_of(type.type).layout != Layout::lenenc) {
        return absl::InvalidArgumentError("COM_STMT_EXECUTE: long data was sent for a parameter that is no string");
      }
      out.push_back({.type = type, .is_null = false, .value = sent->second});
      continue;
    }
    if (bit_is_set(nulls, i)) {
      out.push_back({.type = type, .is_null = true, .value = {}});
      continue;
    }
    absl::StatusOr<Parameter> taken = take_parameter(reader, type);
    if (!taken.ok()) {
      return taken.status();
    }
    out.push_back(*std::move(taken));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Parameter> take_parameter(Reader& reader, ParameterType type) {
  if (encoding_of(type.type).layout == Layout::nothing) return Parameter{.type = type, .is_null = true};
  const absl::StatusOr<Bytes> value = take_value(reader, type.type);
  if (!value.ok()) return value.status();
  return Parameter{.type = type, .is_null = false, .value = Buffer(value->begin(), value->end())};
}

// COM_STMT_PREPARE_OK: 0x00 statement_id(4) columns(2) parameters(2) filler(1) warnings(2)
absl::StatusOr<PrepareOk> decode_prepare_ok(Bytes payload) {
  Reader reader(payload);
  const std::uint8_t header = reader.u8();
  PrepareOk ok;
  ok.statement_id = reader.u32();
  ok.columns = reader.u16();
  ok.parameters = reader.u16();
  reader.skip(1);
  ok.warnings = reader.u16();
  if (reader.failed() || !reader.at_end() || header != 0x00) {
    return absl::InvalidArgumentError("malformed answer to COM_STMT_PREPARE");
  }
  return ok;
}

// COM_STMT_EXECUTE: 0x17 statement_id(4) cursor_flags(1) iterations(4), and when there are parameters:
//                   null_bitmap((n+7)/8) new_types(1) [type(1) flags(1)]*n values
// A parameter has no value when its bit is set, its type is NULL, or it was sent as long data; like
// the servers, long data wins over the bit.
absl::StatusOr<Execute> decode_execute(Bytes payload, std::uint16_t parameters, std::vector<ParameterType>& known_types,
                                       const std::map<std::uint16_t, Buffer>& long_data) {
  Reader reader(payload);
  const std::uint8_t command = reader.u8();
  Execute execute;
  execute.statement_id = reader.u32();
  execute.cursor_flags = reader.u8();
  reader.skip(4);  // always one iteration; the servers do not look either
  if (reader.failed() || command != static_cast<std::uint8_t>(CommandByte::stmt_execute)) {
    return absl::InvalidArgumentError("malformed COM_STMT_EXECUTE");
  }
  if (parameters > 0) {
    const Bytes nulls = reader.take((parameters + std::size_t{7}) / 8);
    absl::StatusOr<Types> taken = take_types(reader, nulls, parameters, known_types);
    if (!taken.ok()) {
      return taken.status();
    }
    if (absl::Status status = take_values(reader, nulls, taken->types, long_data, execute.parameters); !status.ok()) {
      return status;
    }
    if (taken->bound) known_types = std::move(taken->types);
  }
  // What comes behind is nobody's: the servers do not look, and Node's mariadb sends a flag although nothing is bound.
  return execute;
}

Buffer encode_execute(const Execute& execute) {
  Buffer out;
  put_u8(out, static_cast<std::uint8_t>(CommandByte::stmt_execute));
  put_u32(out, execute.statement_id);
  put_u8(out, execute.cursor_flags);
  put_u32(out, 1);
  if (execute.parameters.empty()) {
    return out;
  }
  const std::size_t nulls_at = out.size();
  put_zeros(out, (execute.parameters.size() + 7) / 8);
  put_u8(out, 1);
  for (std::size_t i = 0; i < execute.parameters.size(); ++i) {
    const Parameter& parameter = execute.parameters[i];
    if (parameter.is_null) {
      std::uint8_t& byte = out[nulls_at + i / 8];
      byte = static_cast<std::uint8_t>(byte | 1u << (i % 8));
    }
    put_u8(out, parameter.type.type);
    put_u8(out, parameter.type.flags);
  }
  for (const Parameter& parameter : execute.parameters) {
    if (!parameter.is_null) {
      put_value(out, parameter);
    }
  }
  return out;
}

std::optional<std::uint32_t> statement_id_of(Bytes payload) {
  Reader reader(payload);
  reader.skip(kStatementIdAt);
  const std::uint32_t id = reader.u32();
  return reader.failed() ? std::nullopt : std::optional<std::uint32_t>(id);
}

void replace_statement_id(std::span<std::uint8_t> payload, std::uint32_t statement_id) {
  assert(payload.size() >= kStatementIdAt + kStatementIdBytes);
  Buffer id;
  put_u32(id, statement_id);
  std::copy(id.begin(), id.end(), payload.begin() + kStatementIdAt);
}

}  // namespace crossfade::protocol
