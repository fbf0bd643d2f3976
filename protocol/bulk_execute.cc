#include "protocol/bulk_execute.h"

#include "protocol/command.h"

namespace crossfade::protocol {

// 0xfa statement_id(4) flags(2) [type(1) flags(1)]*n rows
absl::StatusOr<BulkExecute> decode_bulk_execute(Bytes payload, std::uint16_t parameters,
                                                std::vector<ParameterType>& known_types) {
  Reader reader(payload);
  const std::uint8_t command = reader.u8();
  BulkExecute bulk;
  bulk.statement_id = reader.u32();
  bulk.flags = reader.u16();
  if (reader.failed() || command != static_cast<std::uint8_t>(CommandByte::stmt_bulk_execute)) {
    return absl::InvalidArgumentError("malformed COM_STMT_BULK_EXECUTE");
  }
  if ((bulk.flags & kBulkSendsTypes) == 0) {
    if (known_types.size() != parameters) {
      return absl::InvalidArgumentError("COM_STMT_BULK_EXECUTE: parameter types were never bound");
    }
    bulk.types = known_types;
  } else {
    bulk.types.resize(parameters);
    for (ParameterType& type : bulk.types) {
      type.type = reader.u8();
      type.flags = reader.u8();
    }
    if (reader.failed()) {
      return absl::InvalidArgumentError("COM_STMT_BULK_EXECUTE is too short for its parameters");
    }
    known_types = bulk.types;
  }
  bulk.rows = reader.rest();
  return bulk;
}

Buffer encode_bulk_execute(const BulkExecute& bulk) {
  Buffer out;
  out.reserve(7 + 2 * bulk.types.size() + bulk.rows.size());
  put_u8(out, static_cast<std::uint8_t>(CommandByte::stmt_bulk_execute));
  put_u32(out, bulk.statement_id);
  put_u16(out, bulk.flags | kBulkSendsTypes);
  for (const ParameterType& type : bulk.types) {
    put_u8(out, type.type);
    put_u8(out, type.flags);
  }
  put_bytes(out, bulk.rows);
  return out;
}

}  // namespace crossfade::protocol
