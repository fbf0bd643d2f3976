#include "protocol/ed25519.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "absl/status/status.h"

namespace crossfade::protocol {
namespace {

using Scalar = std::array<std::uint8_t, crypto_core_ed25519_SCALARBYTES>;
using Point = std::array<std::uint8_t, crypto_core_ed25519_BYTES>;
using Hash = std::array<std::uint8_t, crypto_hash_sha512_BYTES>;

Hash sha512(Bytes bytes) {
  Hash digest;
  crypto_hash_sha512(digest.data(), bytes.data(), bytes.size());
  return digest;
}

// A 512-bit number modulo the group's order.
Scalar reduced(const Hash& number) {
  Scalar scalar;
  crypto_core_ed25519_scalar_reduce(scalar.data(), number.data());
  return scalar;
}

absl::StatusOr<Point> times_base(const Scalar& scalar) {
  Point point;
  if (crypto_scalarmult_ed25519_base_noclamp(point.data(), scalar.data()) != 0) {
    return absl::InternalError("ed25519: the password gives no key");
  }
  return point;
}

struct Key {
  Scalar secret = {};
  std::array<std::uint8_t, 32> prefix = {};  // makes the signature's nonce
  Point public_key = {};
  ~Key() {
    sodium_memzero(secret.data(), secret.size());
    sodium_memzero(prefix.data(), prefix.size());
  }
};

absl::Status make_key(std::string_view password, Key& key) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  Hash expanded = sha512(as_bytes(password));
  std::copy(expanded.begin() + 32, expanded.end(), key.prefix.begin());
  expanded[0] &= 248;
  expanded[31] &= 63;
  expanded[31] |= 64;
  Hash wide = {};
  std::copy(expanded.begin(), expanded.begin() + 32, wide.begin());
  key.secret = reduced(wide);
  sodium_memzero(expanded.data(), expanded.size());
  sodium_memzero(wide.data(), wide.size());
  absl::StatusOr<Point> point = times_base(key.secret);
  if (point.ok()) key.public_key = *point;
  return point.status();
}

}  // namespace

absl::StatusOr<Buffer> ed25519_answer(std::string_view password, Bytes nonce) {
  Key key;
  if (absl::Status status = make_key(password, key); !status.ok()) return status;
  Buffer prefixed(key.prefix.begin(), key.prefix.end());
  put_bytes(prefixed, nonce);
  const Scalar r = reduced(sha512(prefixed));
  sodium_memzero(prefixed.data(), prefixed.size());
  const absl::StatusOr<Point> commitment = times_base(r);
  if (!commitment.ok()) return commitment.status();
  Buffer challenged(commitment->begin(), commitment->end());
  put_bytes(challenged, key.public_key);
  put_bytes(challenged, nonce);
  Scalar s;
  crypto_core_ed25519_scalar_mul(s.data(), reduced(sha512(challenged)).data(), key.secret.data());
  crypto_core_ed25519_scalar_add(s.data(), s.data(), r.data());
  Buffer answer(commitment->begin(), commitment->end());
  put_bytes(answer, s);
  return answer;
}

}  // namespace crossfade::protocol
