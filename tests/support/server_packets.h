// What the proxy only reads, for tests that play who writes it.
#pragma once

#include <cstdint>

#include "protocol/prepared.h"
#include "protocol/wire.h"

namespace crossfade::support {

// Eight bytes, the lowest first.
inline void put_u64(protocol::Buffer& out, std::uint64_t value) {
  protocol::put_u32(out, static_cast<std::uint32_t>(value));
  protocol::put_u32(out, static_cast<std::uint32_t>(value >> 32));
}

// The answer to COM_STMT_PREPARE, without the definitions behind it.
inline protocol::Buffer encode_prepare_ok(const protocol::PrepareOk& ok) {
  protocol::Buffer out;
  protocol::put_u8(out, 0x00);
  protocol::put_u32(out, ok.statement_id);
  protocol::put_u16(out, ok.columns);
  protocol::put_u16(out, ok.parameters);
  protocol::put_u8(out, 0);
  protocol::put_u16(out, ok.warnings);
  return out;
}

}  // namespace crossfade::support
