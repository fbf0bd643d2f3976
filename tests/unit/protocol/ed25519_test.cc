#include "protocol/ed25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <memory>

namespace crossfade::protocol {
namespace {

std::string base64(const Buffer& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()))));
  return text;
}

// By OpenSSL's own implementation of RFC 8032.
bool verified(const Buffer& public_key, const Buffer& signature, const Buffer& message) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

// The manual's example: CREATE USER ... IDENTIFIED VIA ed25519 USING 'ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY'.
TEST(Ed25519, GivesThePublicKeyOfMariadbsManual) {
  EXPECT_EQ(base64(ed25519_public_key("secret").value()), "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=");
}

TEST(Ed25519, EverySignatureVerifiesUnderItsKeyAndNoOther) {
  for (int i = 0; i < 50; ++i) {
    const std::string password(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    Buffer nonce(32, static_cast<std::uint8_t>(i));
    const Buffer answer = ed25519_answer(password, nonce).value();
    EXPECT_EQ(answer.size(), 64u);
    EXPECT_TRUE(verified(ed25519_public_key(password).value(), answer, nonce)) << i;
    EXPECT_FALSE(verified(ed25519_public_key(password + "x").value(), answer, nonce)) << i;
    nonce[i % 32] ^= 1;
    EXPECT_FALSE(verified(ed25519_public_key(password).value(), answer, nonce)) << i;
  }
}

}  // namespace
}  // namespace crossfade::protocol
