// Decoders of OK, ERR, EOF and column definitions: whatever they accept survives encoding.
#include <cstdlib>

#include "protocol/response.h"

using namespace crossfade::protocol;

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_ok(Bytes payload, Capabilities capabilities) {
  const auto ok = decode_ok(payload, capabilities);
  if (!ok.ok()) {
    return;
  }
  const auto again = decode_ok(encode_ok(*ok, capabilities, payload[0]), capabilities);
  require(again.ok() && again->affected_rows == ok->affected_rows && again->last_insert_id == ok->last_insert_id &&
          again->status == ok->status && again->warnings == ok->warnings && again->info == ok->info &&
          again->session_state == ok->session_state);
}

void check_column(Bytes payload) {
  const auto column = decode_column(payload);
  if (!column.ok()) {
    return;
  }
  const auto again = decode_column(encode_column(*column));
  require(again.ok() && again->schema == column->schema && again->table == column->table &&
          again->org_table == column->org_table && again->name == column->name && again->org_name == column->org_name &&
          again->collation == column->collation && again->length == column->length && again->type == column->type &&
          again->flags == column->flags && again->decimals == column->decimals);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes payload(data, size);
  check_ok(payload, kProtocol41);
  check_ok(payload, kProtocol41 | kSessionTrack);
  check_column(payload);
  if (const auto err = decode_err(payload); err.ok()) {
    const auto again = decode_err(encode_err(*err));
    require(again.ok() && again->code == err->code && again->sqlstate == err->sqlstate &&
            again->message == err->message);
  }
  if (const auto eof = decode_eof(payload); eof.ok()) {
    const Buffer again = encode_eof(*eof);
    require(Buffer(payload.begin(), payload.end()) == again);
  }
  return 0;
}
