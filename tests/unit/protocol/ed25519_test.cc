#include "protocol/ed25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <memory>

namespace crossfade::protocol {
namespace {

std::string base64(const Buffer& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()))));
  return text;
}

// The 32 bytes that the server keeps.
Buffer public_key(const std::string& password) {
  Buffer digest(crypto_hash_sha512_BYTES);
  const Bytes bytes = as_bytes(password);
  crypto_hash_sha512(digest.data(), bytes.data(), bytes.size());
  Buffer key(crypto_core_ed25519_BYTES);
  EXPECT_EQ(crypto_scalarmult_ed25519_base(key.data(), digest.data()), 0);
  return key;
}

// By OpenSSL's own implementation of RFC 8032.
bool verified(const Buffer& key_bytes, const Buffer& signature, const Buffer& message) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key_bytes.data(), key_bytes.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

// The manual's example: CREATE USER ... IDENTIFIED VIA ed25519 USING 'ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY'.
TEST(Ed25519, GivesThePublicKeyOfMariadbsManual) {
  EXPECT_EQ(base64(public_key("secret")), "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=");
}

TEST(Ed25519, EverySignatureVerifiesUnderItsKeyAndNoOther) {
  for (int i = 0; i < 50; ++i) {
    const std::string password(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    Buffer nonce(32, static_cast<std::uint8_t>(i));
    const Buffer answer = ed25519_answer(password, nonce).value();
    EXPECT_EQ(answer.size(), 64u);
    EXPECT_TRUE(verified(public_key(password), answer, nonce)) << i;
    EXPECT_FALSE(verified(public_key(password + "x"), answer, nonce)) << i;
    nonce[i % 32] ^= 1;
    EXPECT_FALSE(verified(public_key(password), answer, nonce)) << i;
  }
}

}  // namespace
}  // namespace crossfade::protocol
