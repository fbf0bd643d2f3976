// Capability and server status flags (manual pages "Capabilities Flags", "Server Status").
#pragma once

#include <cstdint>

namespace crossfade::protocol {

using Capabilities = std::uint32_t;

inline constexpr Capabilities kLongPassword = 1u << 0;  // absent from a MariaDB server's greeting
inline constexpr Capabilities kFoundRows = 1u << 1;
inline constexpr Capabilities kLongFlag = 1u << 2;
inline constexpr Capabilities kConnectWithDb = 1u << 3;
inline constexpr Capabilities kCompress = 1u << 5;
inline constexpr Capabilities kLocalFiles = 1u << 7;
inline constexpr Capabilities kIgnoreSpace = 1u << 8;
inline constexpr Capabilities kProtocol41 = 1u << 9;
inline constexpr Capabilities kInteractive = 1u << 10;
inline constexpr Capabilities kTls = 1u << 11;
inline constexpr Capabilities kTransactions = 1u << 13;
inline constexpr Capabilities kSecureConnection = 1u << 15;
inline constexpr Capabilities kMultiStatements = 1u << 16;
inline constexpr Capabilities kMultiResults = 1u << 17;
inline constexpr Capabilities kPsMultiResults = 1u << 18;
inline constexpr Capabilities kPluginAuth = 1u << 19;
inline constexpr Capabilities kConnectAttributes = 1u << 20;
inline constexpr Capabilities kPluginAuthLenenc = 1u << 21;
inline constexpr Capabilities kExpiredPasswords = 1u << 22;
inline constexpr Capabilities kSessionTrack = 1u << 23;
inline constexpr Capabilities kDeprecateEof = 1u << 24;

// What the proxy itself can carry from end to end. kTls is added per listener.
inline constexpr Capabilities kSupported = kLongPassword | kFoundRows | kLongFlag | kConnectWithDb | kIgnoreSpace |
                                           kProtocol41 | kInteractive | kTransactions | kSecureConnection |
                                           kMultiStatements | kMultiResults | kPsMultiResults | kPluginAuth |
                                           kConnectAttributes | kPluginAuthLenenc | kSessionTrack | kDeprecateEof;

// Flags that change the bytes of a response, or how statements run: a backend connection asks for
// exactly what its client asked for.
inline constexpr Capabilities kMirrored =
    kFoundRows | kIgnoreSpace | kInteractive | kSessionTrack | kDeprecateEof | kPsMultiResults | kMultiResults;

inline constexpr std::uint16_t kStatusInTransaction = 0x0001;
inline constexpr std::uint16_t kStatusAutocommit = 0x0002;
inline constexpr std::uint16_t kStatusMoreResults = 0x0008;
inline constexpr std::uint16_t kStatusCursorExists = 0x0040;
inline constexpr std::uint16_t kStatusLastRowSent = 0x0080;
inline constexpr std::uint16_t kStatusNoBackslashEscapes = 0x0200;
inline constexpr std::uint16_t kStatusMetadataChanged = 0x0400;
inline constexpr std::uint16_t kStatusInReadOnlyTransaction = 0x2000;
inline constexpr std::uint16_t kStatusSessionStateChanged = 0x4000;

}  // namespace crossfade::protocol
