// The arithmetic of the authentication plugins (manual pages "Native Authentication", "Caching_sha2
// information"). Pure but for OpenSSL's RSA padding, which draws its own randomness.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/handshake.h"

namespace crossfade::protocol {

inline constexpr std::string_view kNativePassword = "mysql_native_password";
inline constexpr std::string_view kCachingSha2Password = "caching_sha2_password";

// First byte of AuthMoreData; what follows it in caching_sha2_password.
inline constexpr std::uint8_t kMoreData = 0x01;
inline constexpr std::uint8_t kRequestPublicKey = 0x02;
inline constexpr std::uint8_t kFastAuthSuccess = 0x03;
inline constexpr std::uint8_t kFullAuthentication = 0x04;

// What a client sends: SHA1(pw) XOR SHA1(nonce + SHA1(SHA1(pw))). Empty for an empty password.
Buffer native_scramble(std::string_view password, const Nonce& nonce);
// What a client sends: SHA256(pw) XOR SHA256(SHA256(SHA256(pw)) + nonce). Empty for an empty password.
Buffer sha2_scramble(std::string_view password, const Nonce& nonce);

using NativeHash = std::array<std::uint8_t, 20>;  // SHA1(SHA1(pw)), as mysql.user stores it
NativeHash native_hash(std::string_view password);
// "*" and 40 hex digits.
std::optional<NativeHash> parse_native_hash(std::string_view text);

// Checks a scramble against a stored hash; constant time in the data.
bool verify_native(Bytes scramble, const Nonce& nonce, const NativeHash& stored);
bool verify_native_password(std::string_view password, const NativeHash& stored);
// Constant time in the data.
bool equal_passwords(std::string_view one, std::string_view other);
bool verify_sha2(Bytes scramble, const Nonce& nonce, std::string_view password);

// The password, NUL-terminated and XORed with the nonce, as full authentication sends it.
Buffer xor_with_nonce(std::string_view password_with_nul, const Nonce& nonce);

// RSA with OAEP (SHA-1) padding, as caching_sha2_password's full authentication wants it.
absl::StatusOr<Buffer> rsa_encrypt(Bytes message, std::string_view public_key_pem);

// A server's key pair (2048 bits), never stored.
class RsaKey {
 public:
  static absl::StatusOr<RsaKey> generate();
  RsaKey(RsaKey&&) noexcept;
  RsaKey& operator=(RsaKey&&) noexcept;
  ~RsaKey();
  const std::string& public_key_pem() const { return public_key_pem_; }
  absl::StatusOr<Buffer> decrypt(Bytes cipher) const;

 private:
  explicit RsaKey(void* key);
  void* key_ = nullptr;  // EVP_PKEY, owned
  std::string public_key_pem_;
};

}  // namespace crossfade::protocol
