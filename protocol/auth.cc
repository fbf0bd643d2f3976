#include "protocol/auth.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"

namespace crossfade::protocol {
namespace {

using Sha1 = std::array<std::uint8_t, SHA_DIGEST_LENGTH>;
using Sha256 = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

Sha1 sha1(Bytes bytes) {
  Sha1 digest;
  SHA1(bytes.data(), bytes.size(), digest.data());
  return digest;
}

Sha256 sha256(Bytes bytes) {
  Sha256 digest;
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}

Buffer concat(Bytes first, Bytes second) {
  Buffer both(first.begin(), first.end());
  put_bytes(both, second);
  return both;
}

// Spans of the same length.
Buffer xor_bytes(Bytes first, Bytes second) {
  Buffer out(first.begin(), first.end());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= second[i];
  return out;
}

bool equal_in_constant_time(Bytes first, Bytes second) {
  return first.size() == second.size() && CRYPTO_memcmp(first.data(), second.data(), first.size()) == 0;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct ContextFree {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using PublicKey = std::unique_ptr<EVP_PKEY, KeyFree>;
using Context = std::unique_ptr<EVP_PKEY_CTX, ContextFree>;
using Bio = std::unique_ptr<BIO, BioFree>;

// Takes OpenSSL's error queue of this thread, so that no later call trips over it.
absl::Status openssl_error(const char* what) {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return absl::InvalidArgumentError(std::string(what) + ": " + text);
}

// EVP_PKEY_encrypt and EVP_PKEY_decrypt have the same shape: once for the size, once for the bytes.
using Transform = int (*)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);

absl::StatusOr<Buffer> transform_oaep(EVP_PKEY* key, int (*begin)(EVP_PKEY_CTX*), Transform transform, Bytes input,
                                      const char* what) {
  const Context context(EVP_PKEY_CTX_new(key, nullptr));
  std::size_t size = 0;
  if (context == nullptr || begin(context.get()) <= 0 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) <= 0 ||
      transform(context.get(), nullptr, &size, input.data(), input.size()) <= 0) {
    return openssl_error(what);
  }
  Buffer output(size);
  if (transform(context.get(), output.data(), &size, input.data(), input.size()) <= 0) return openssl_error(what);
  output.resize(size);
  return output;
}

}  // namespace

Buffer native_scramble(std::string_view password, const Nonce& nonce) {
  if (password.empty()) return {};
  const Sha1 once = sha1(as_bytes(password));
  const Sha1 twice = sha1(once);
  return xor_bytes(once, sha1(concat(nonce, twice)));
}

Buffer sha2_scramble(std::string_view password, const Nonce& nonce) {
  if (password.empty()) return {};
  const Sha256 once = sha256(as_bytes(password));
  const Sha256 twice = sha256(once);
  return xor_bytes(once, sha256(concat(twice, nonce)));
}

NativeHash native_hash(std::string_view password) { return sha1(sha1(as_bytes(password))); }

std::optional<NativeHash> parse_native_hash(std::string_view text) {
  NativeHash hash = {};
  if (text.size() != 1 + 2 * hash.size() || text.front() != '*') return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const std::optional<std::uint8_t> high = hex_digit(text[1 + 2 * i]);
    const std::optional<std::uint8_t> low = hex_digit(text[2 + 2 * i]);
    if (!high || !low) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return hash;
}

// The scramble is SHA1(pw) XOR SHA1(nonce + stored): undoing the XOR gives SHA1(pw), whose SHA1 is
// what is stored.
bool verify_native(Bytes scramble, const Nonce& nonce, const NativeHash& stored) {
  if (scramble.empty()) return equal_in_constant_time(stored, native_hash(""));
  if (scramble.size() != stored.size()) return false;
  const Buffer candidate = xor_bytes(scramble, sha1(concat(nonce, stored)));
  return equal_in_constant_time(sha1(candidate), stored);
}

bool verify_native_password(std::string_view password, const NativeHash& stored) {
  return equal_in_constant_time(native_hash(password), stored);
}

bool equal_passwords(std::string_view one, std::string_view other) {
  return equal_in_constant_time(sha256(as_bytes(one)), sha256(as_bytes(other)));
}

bool verify_sha2(Bytes scramble, const Nonce& nonce, std::string_view password) {
  return equal_in_constant_time(scramble, sha2_scramble(password, nonce));
}

Buffer xor_with_nonce(std::string_view password_with_nul, const Nonce& nonce) {
  Buffer out;
  put_text(out, password_with_nul);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= nonce[i % nonce.size()];
  return out;
}

absl::StatusOr<Buffer> rsa_encrypt(Bytes message, std::string_view public_key_pem) {
  const Bio bio(BIO_new_mem_buf(public_key_pem.data(), static_cast<int>(public_key_pem.size())));
  if (bio == nullptr) return openssl_error("reading an RSA public key");
  const PublicKey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return openssl_error("reading an RSA public key");
  if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return absl::InvalidArgumentError("the server's public key is not an RSA key");
  }
  return transform_oaep(key.get(), EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, message, "RSA encryption");
}

RsaKey::RsaKey(void* key) : key_(key) {}
RsaKey::RsaKey(RsaKey&& other) noexcept
    : key_(std::exchange(other.key_, nullptr)), public_key_pem_(std::move(other.public_key_pem_)) {}
RsaKey& RsaKey::operator=(RsaKey&& other) noexcept {
  std::swap(key_, other.key_);
  std::swap(public_key_pem_, other.public_key_pem_);
  return *this;
}
RsaKey::~RsaKey() { EVP_PKEY_free(static_cast<EVP_PKEY*>(key_)); }

absl::StatusOr<RsaKey> RsaKey::generate() {
  RsaKey key(EVP_RSA_gen(2048));
  const Bio bio(BIO_new(BIO_s_mem()));
  if (key.key_ == nullptr || bio == nullptr || PEM_write_bio_PUBKEY(bio.get(), static_cast<EVP_PKEY*>(key.key_)) != 1) {
    return openssl_error("generating an RSA key");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  key.public_key_pem_.assign(text, static_cast<std::size_t>(size));
  return key;
}

absl::StatusOr<Buffer> RsaKey::decrypt(Bytes cipher) const {
  return transform_oaep(static_cast<EVP_PKEY*>(key_), EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, cipher,
                        "RSA decryption");
}

}  // namespace crossfade::protocol
