// What the first byte of a server's message says where a command's answer, or the end of its rows, is expected.
#pragma once

#include <cstdint>

namespace crossfade::protocol {

inline constexpr std::uint8_t kOkByte = 0x00;
inline constexpr std::uint8_t kEofByte = 0xfe;
inline constexpr std::uint8_t kErrByte = 0xff;
inline constexpr std::uint32_t kEofBytes = 5;  // payload of an EOF: the byte, warnings, status

}  // namespace crossfade::protocol
