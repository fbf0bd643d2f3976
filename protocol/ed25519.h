// MariaDB's client_ed25519 (its manual page "Authentication Plugin - ed25519").
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::protocol {

inline constexpr std::string_view kEd25519 = "client_ed25519";

// What a client answers: the 64 bytes of an Ed25519 signature (RFC 8032) of the server's nonce. The key is
// not a random seed but the password itself, of any length: SHA512(password) takes the place of SHA512(seed).
absl::StatusOr<Buffer> ed25519_answer(std::string_view password, Bytes nonce);

}  // namespace crossfade::protocol
