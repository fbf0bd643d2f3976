// Capability and server status flags (manual pages "Capabilities Flags", "Server Status").
#pragma once

#include <cstdint>

namespace crossfade::protocol {

// Bits 0 to 31 are shared by all; bits 32 and up are MariaDB's extended ones, which exist only between two
// sides that both leave kLongPassword ("CLIENT_MYSQL") clear.
using Capabilities = std::uint64_t;

inline constexpr Capabilities kLongPassword = Capabilities{1} << 0;  // absent from a MariaDB server's greeting
inline constexpr Capabilities kFoundRows = Capabilities{1} << 1;
inline constexpr Capabilities kLongFlag = Capabilities{1} << 2;
inline constexpr Capabilities kConnectWithDb = Capabilities{1} << 3;
inline constexpr Capabilities kCompress = Capabilities{1} << 5;
inline constexpr Capabilities kLocalFiles = Capabilities{1} << 7;
inline constexpr Capabilities kIgnoreSpace = Capabilities{1} << 8;
inline constexpr Capabilities kProtocol41 = Capabilities{1} << 9;
inline constexpr Capabilities kInteractive = Capabilities{1} << 10;
inline constexpr Capabilities kTls = Capabilities{1} << 11;
inline constexpr Capabilities kTransactions = Capabilities{1} << 13;
inline constexpr Capabilities kSecureConnection = Capabilities{1} << 15;
inline constexpr Capabilities kMultiStatements = Capabilities{1} << 16;
inline constexpr Capabilities kMultiResults = Capabilities{1} << 17;
inline constexpr Capabilities kPsMultiResults = Capabilities{1} << 18;
inline constexpr Capabilities kPluginAuth = Capabilities{1} << 19;
inline constexpr Capabilities kConnectAttributes = Capabilities{1} << 20;
inline constexpr Capabilities kPluginAuthLenenc = Capabilities{1} << 21;
inline constexpr Capabilities kExpiredPasswords = Capabilities{1} << 22;
inline constexpr Capabilities kSessionTrack = Capabilities{1} << 23;
inline constexpr Capabilities kDeprecateEof = Capabilities{1} << 24;
inline constexpr Capabilities kZstdCompression = Capabilities{1} << 26;

inline constexpr Capabilities kProgress = Capabilities{1} << 32;  // progress reports, as ERR packets with code 0xffff
inline constexpr Capabilities kComMulti = Capabilities{1} << 33;
inline constexpr Capabilities kBulkOperations = Capabilities{1} << 34;    // COM_STMT_BULK_EXECUTE
inline constexpr Capabilities kExtendedMetadata = Capabilities{1} << 35;  // one more field in column definitions
inline constexpr Capabilities kCacheMetadata = Capabilities{1} << 36;     // executions may leave definitions out

// What the proxy itself can carry from end to end. kTls is added per listener.
inline constexpr Capabilities kSupported =
    kLongPassword | kFoundRows | kLongFlag | kConnectWithDb | kLocalFiles | kIgnoreSpace | kProtocol41 | kInteractive |
    kTransactions | kSecureConnection | kMultiStatements | kMultiResults | kPsMultiResults | kPluginAuth |
    kConnectAttributes | kPluginAuthLenenc | kSessionTrack | kDeprecateEof | kBulkOperations;

// Flags that change the bytes of a response, or how statements run: a backend connection asks for
// exactly what its client asked for.
inline constexpr Capabilities kMirrored = kFoundRows | kLocalFiles | kIgnoreSpace | kInteractive | kSessionTrack |
                                          kDeprecateEof | kPsMultiResults | kMultiResults | kBulkOperations;

inline constexpr std::uint16_t kStatusInTransaction = 0x0001;
inline constexpr std::uint16_t kStatusAutocommit = 0x0002;
inline constexpr std::uint16_t kStatusMoreResults = 0x0008;
inline constexpr std::uint16_t kStatusCursorExists = 0x0040;
inline constexpr std::uint16_t kStatusLastRowSent = 0x0080;
inline constexpr std::uint16_t kStatusNoBackslashEscapes = 0x0200;
inline constexpr std::uint16_t kStatusMetadataChanged = 0x0400;
inline constexpr std::uint16_t kStatusPsOutParameters = 0x1000;
inline constexpr std::uint16_t kStatusInReadOnlyTransaction = 0x2000;
inline constexpr std::uint16_t kStatusSessionStateChanged = 0x4000;

}  // namespace crossfade::protocol
