#include "protocol/response.h"

namespace crossfade::protocol {
namespace {

// The catalog and the length of the fixed tail are constants of the protocol.
constexpr std::string_view kCatalog = "def";
constexpr std::uint8_t kFixedTailBytes = 0x0c;
constexpr std::size_t kSqlstateBytes = 5;

bool carries_session_state(std::uint16_t status, Capabilities capabilities) {
  return (capabilities & kSessionTrack) != 0 && (status & kStatusSessionStateChanged) != 0;
}

// The info of an OK that has nothing after it: a length-prefixed string when one fills `rest` exactly,
// else plain text.
std::string_view last_info(Bytes rest) {
  Reader reader(rest);
  const std::string_view prefixed = reader.lenenc_text();
  return !reader.failed() && reader.at_end() ? prefixed : as_text(rest);
}

}  // namespace

// OK_Packet: header(1) affected_rows(lenenc) last_insert_id(lenenc) status(2) warnings(2)
//            [info(lenenc string) [session_state(lenenc string)]]
absl::StatusOr<Ok> decode_ok(Bytes payload, Capabilities capabilities) {
  Reader reader(payload);
  const std::uint8_t header = reader.u8();
  Ok ok;
  ok.affected_rows = reader.lenenc();
  ok.last_insert_id = reader.lenenc();
  ok.status = reader.u16();
  ok.warnings = reader.u16();
  if (reader.failed() || (header != 0x00 && header != 0xfe)) {
    return absl::InvalidArgumentError("malformed OK packet");
  }
  if (reader.at_end()) {
    return ok;
  }
  if (!carries_session_state(ok.status, capabilities)) {
    ok.info = last_info(reader.rest());
    return ok;
  }
  ok.info = reader.lenenc_text();
  if (!reader.at_end()) {
    ok.session_state = reader.lenenc_text();
  }
  // Something may follow: in schemas of utf16, ucs2 and utf32 MariaDB 10.11 puts a zero in front of the state, which
  // then reads as empty. The packet is relayed as it is.
  if (reader.failed()) {
    return absl::InvalidArgumentError("malformed session state in an OK packet");
  }
  return ok;
}

Buffer encode_ok(const Ok& ok, Capabilities capabilities, std::uint8_t header) {
  Buffer out;
  put_u8(out, header);
  put_lenenc(out, ok.affected_rows);
  put_lenenc(out, ok.last_insert_id);
  put_u16(out, ok.status);
  put_u16(out, ok.warnings);
  if (carries_session_state(ok.status, capabilities)) {
    put_lenenc_text(out, ok.info);
    put_lenenc_text(out, ok.session_state);
  } else if (!ok.info.empty()) {
    put_lenenc_text(out, ok.info);
  }
  return out;
}

// ERR_Packet: 0xff code(2) ['#' sqlstate(5)] message(rest). The SQLSTATE is missing from errors that
// a server sends before the handshake.
absl::StatusOr<Err> decode_err(Bytes payload) {
  Reader reader(payload);
  const std::uint8_t header = reader.u8();
  Err err;
  err.code = reader.u16();
  if (reader.failed() || header != 0xff) {
    return absl::InvalidArgumentError("malformed ERR packet");
  }
  if (reader.peek() == '#') {
    reader.skip(1);
    err.sqlstate = as_text(reader.take(kSqlstateBytes));
    if (reader.failed()) {
      return absl::InvalidArgumentError("an ERR packet ends in its SQLSTATE");
    }
  }
  err.message = reader.rest_text();
  return err;
}

Buffer encode_err(const Err& err) {
  Buffer out;
  put_u8(out, 0xff);
  put_u16(out, err.code);
  put_u8(out, '#');
  // A state of another length would shift the message.
  put_text(out, err.sqlstate.size() == kSqlstateBytes ? std::string_view(err.sqlstate) : "HY000");
  put_text(out, err.message);
  return out;
}

Buffer encode_err_before_greeting(std::uint16_t code, std::string_view message) {
  Buffer out;
  put_u8(out, 0xff);
  put_u16(out, code);
  put_text(out, message);
  return out;
}

// EOF_Packet: 0xfe warnings(2) status(2)
absl::StatusOr<Eof> decode_eof(Bytes payload) {
  Reader reader(payload);
  const std::uint8_t header = reader.u8();
  Eof eof;
  eof.warnings = reader.u16();
  eof.status = reader.u16();
  if (reader.failed() || !reader.at_end() || header != 0xfe) {
    return absl::InvalidArgumentError("malformed EOF packet");
  }
  return eof;
}

Buffer encode_eof(const Eof& eof) {
  Buffer out;
  put_u8(out, 0xfe);
  put_u16(out, eof.warnings);
  put_u16(out, eof.status);
  return out;
}

// Column Definition: catalog schema table org_table name org_name (lenenc strings)
//                    0x0c collation(2) length(4) type(1) flags(2) decimals(1) filler(2)
// After the filler the answer to COM_FIELD_LIST carries a default value, which is not kept.
absl::StatusOr<ColumnDefinition> decode_column(Bytes payload) {
  Reader reader(payload);
  ColumnDefinition column;
  reader.lenenc_bytes();
  column.schema = reader.lenenc_text();
  column.table = reader.lenenc_text();
  column.org_table = reader.lenenc_text();
  column.name = reader.lenenc_text();
  column.org_name = reader.lenenc_text();
  const std::uint64_t tail = reader.lenenc();
  column.collation = reader.u16();
  column.length = reader.u32();
  column.type = static_cast<ColumnType>(reader.u8());
  column.flags = reader.u16();
  column.decimals = reader.u8();
  reader.skip(2);
  if (reader.failed() || tail != kFixedTailBytes) {
    return absl::InvalidArgumentError("malformed column definition");
  }
  return column;
}

Buffer encode_column(const ColumnDefinition& column) {
  Buffer out;
  put_lenenc_text(out, kCatalog);
  put_lenenc_text(out, column.schema);
  put_lenenc_text(out, column.table);
  put_lenenc_text(out, column.org_table);
  put_lenenc_text(out, column.name);
  put_lenenc_text(out, column.org_name);
  put_lenenc(out, kFixedTailBytes);
  put_u16(out, column.collation);
  put_u32(out, column.length);
  put_u8(out, static_cast<std::uint8_t>(column.type));
  put_u16(out, column.flags);
  put_u8(out, column.decimals);
  put_zeros(out, 2);
  return out;
}

}  // namespace crossfade::protocol
