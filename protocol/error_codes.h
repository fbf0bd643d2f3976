// The server error numbers that the proxy emits or interprets (MySQL "Server Error Message
// Reference"). None of the client libraries' own, from 2000 on: MariaDB's takes a packet with one of
// those for malformed, and says 2027 whatever it was about.
#pragma once

#include <cstdint>

namespace crossfade::protocol {

inline constexpr std::uint16_t kErrConnectionCount = 1040;
inline constexpr std::uint16_t kErrHandshake = 1043;
inline constexpr std::uint16_t kErrAccessDenied = 1045;
inline constexpr std::uint16_t kErrUnknownCommand = 1047;
inline constexpr std::uint16_t kErrServerShutdown = 1053;
inline constexpr std::uint16_t kErrParse = 1064;
inline constexpr std::uint16_t kErrUnknown = 1105;
inline constexpr std::uint16_t kErrPacketTooLarge = 1153;
inline constexpr std::uint16_t kErrPacketsOutOfOrder = 1156;
inline constexpr std::uint16_t kErrNewAbortingConnection = 1184;
inline constexpr std::uint16_t kErrTransactionCacheFull = 1197;
inline constexpr std::uint16_t kErrTooManyUserConnections = 1203;
inline constexpr std::uint16_t kErrLockWaitTimeout = 1205;
inline constexpr std::uint16_t kErrWrongArguments = 1210;
inline constexpr std::uint16_t kErrDeadlock = 1213;
inline constexpr std::uint16_t kErrUserLimitReached = 1226;
inline constexpr std::uint16_t kErrNotSupportedYet = 1235;
inline constexpr std::uint16_t kErrUnknownStatement = 1243;
inline constexpr std::uint16_t kErrQueryInterrupted = 1317;
inline constexpr std::uint16_t kErrTooManyPrepared = 1461;
inline constexpr std::uint16_t kErrAccessDeniedNoPassword = 1698;
inline constexpr std::uint16_t kErrMalformedPacket = 1835;
inline constexpr std::uint16_t kErrConnectionKilled = 1927;
inline constexpr std::uint16_t kErrStatementTimeout = 1969;  // MariaDB's, of max_statement_time
inline constexpr std::uint16_t kErrSecureTransportRequired = 3159;
inline constexpr std::uint16_t kErrCompressionLevel = 3923;

}  // namespace crossfade::protocol
