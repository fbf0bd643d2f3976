#include "protocol/auth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

// The expected scrambles were computed with Python's hashlib from the formulas of the manual.

namespace crossfade::protocol {
namespace {

constexpr std::string_view kWord = "secret";
constexpr std::string_view kPhrase = "p\xc3\xa4ss w\xc3\xb6rd";

Nonce counting_nonce() {
  Nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::uint8_t>(i + 1);
  return nonce;
}

Nonce other_nonce() {
  const std::string_view text = "k7\x0fQz0#Ab!cd%Wx9yU-~";
  Nonce nonce = {};
  std::copy(text.begin(), text.end(), nonce.begin());
  return nonce;
}

std::string hex(Bytes bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST(NativeScramble, MatchesIndependentVectors) {
  EXPECT_EQ(hex(native_scramble(kWord, counting_nonce())), "b32bb3a583e1340c0a1108d58b1be49781ad8c2f");
  EXPECT_EQ(hex(native_scramble(kPhrase, counting_nonce())), "cefb2549caadd4b344aab86e035d93d901034130");
  EXPECT_EQ(hex(native_scramble(kWord, other_nonce())), "e933cd4bf1d22fec0adc43c0d28cb64ce84e529e");
  EXPECT_TRUE(native_scramble("", counting_nonce()).empty());
}

TEST(Sha2Scramble, MatchesIndependentVectors) {
  EXPECT_EQ(hex(sha2_scramble(kWord, counting_nonce())),
            "746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9");
  EXPECT_EQ(hex(sha2_scramble(kPhrase, other_nonce())),
            "d712d980190f1cc379b4dc487d303bdf7b8d97052e752ef965b4bfc3e902177d");
  EXPECT_TRUE(sha2_scramble("", counting_nonce()).empty());
}

TEST(NativeHash, IsWhatTheServersStore) {
  EXPECT_EQ(hex(native_hash(kWord)), "14e65567abdb5135d0cfd9a70b3032c179a49ee7");
  EXPECT_EQ(parse_native_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"), native_hash(kWord));
  EXPECT_EQ(parse_native_hash("*14e65567abdb5135d0cfd9a70b3032c179a49ee7"), native_hash(kWord));
}

TEST(ParseNativeHash, RejectsEverythingElse) {
  EXPECT_FALSE(parse_native_hash(""));
  EXPECT_FALSE(parse_native_hash("14E65567ABDB5135D0CFD9A70B3032C179A49EE7"));
  EXPECT_FALSE(parse_native_hash("#14E65567ABDB5135D0CFD9A70B3032C179A49EE7"));
  EXPECT_FALSE(parse_native_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE"));
  EXPECT_FALSE(parse_native_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE70"));
  EXPECT_FALSE(parse_native_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EEG"));
  EXPECT_FALSE(parse_native_hash("*g4E65567ABDB5135D0CFD9A70B3032C179A49EE7"));
}

TEST(VerifyNative, AcceptsOnlyTheRightPasswordUnderTheRightNonce) {
  const NativeHash stored = native_hash(kWord);
  const Buffer scramble = native_scramble(kWord, counting_nonce());
  EXPECT_TRUE(verify_native(scramble, counting_nonce(), stored));
  EXPECT_FALSE(verify_native(scramble, other_nonce(), stored));
  EXPECT_FALSE(verify_native(native_scramble(kPhrase, counting_nonce()), counting_nonce(), stored));
  for (std::size_t i = 0; i < scramble.size(); ++i) {
    Buffer flipped = scramble;
    flipped[i] ^= 1;
    EXPECT_FALSE(verify_native(flipped, counting_nonce(), stored)) << i;
  }
}

TEST(VerifyNative, RejectsAScrambleOfAnotherLength) {
  Buffer scramble = native_scramble(kWord, counting_nonce());
  EXPECT_FALSE(verify_native(Bytes(scramble).first(19), counting_nonce(), native_hash(kWord)));
  scramble.push_back(0);
  EXPECT_FALSE(verify_native(scramble, counting_nonce(), native_hash(kWord)));
}

TEST(VerifyNative, AnEmptyScrambleIsOnlyGoodForAnEmptyPassword) {
  EXPECT_TRUE(verify_native({}, counting_nonce(), native_hash("")));
  EXPECT_FALSE(verify_native({}, counting_nonce(), native_hash(kWord)));
}

TEST(VerifyNativePassword, ComparesTheHashOfTheCleartext) {
  EXPECT_TRUE(verify_native_password(kWord, native_hash(kWord)));
  EXPECT_FALSE(verify_native_password("Secret", native_hash(kWord)));
  EXPECT_FALSE(verify_native_password("", native_hash(kWord)));
}

TEST(VerifySha2, AcceptsOnlyTheRightPasswordUnderTheRightNonce) {
  const Buffer scramble = sha2_scramble(kWord, counting_nonce());
  EXPECT_TRUE(verify_sha2(scramble, counting_nonce(), kWord));
  EXPECT_FALSE(verify_sha2(scramble, other_nonce(), kWord));
  EXPECT_FALSE(verify_sha2(scramble, counting_nonce(), kPhrase));
  EXPECT_FALSE(verify_sha2(scramble, counting_nonce(), ""));
  EXPECT_FALSE(verify_sha2(Bytes(scramble).first(31), counting_nonce(), kWord));
  EXPECT_FALSE(verify_sha2({}, counting_nonce(), kWord));
  EXPECT_TRUE(verify_sha2({}, counting_nonce(), ""));
}

TEST(XorWithNonce, RepeatsTheNonceAndUndoesItself) {
  const std::string_view text("abcdefghijklmnopqrstuvwx\0", 25);
  const Buffer mixed = xor_with_nonce(text, counting_nonce());
  EXPECT_EQ(hex(mixed), "60606060606060606060606060606060606060607474747c05");
  EXPECT_EQ(as_text(xor_with_nonce(as_text(mixed), counting_nonce())), text);
  EXPECT_TRUE(xor_with_nonce("", counting_nonce()).empty());
}

TEST(RsaKey, DecryptsWhatItsPublicKeyEncrypted) {
  absl::StatusOr<RsaKey> key = RsaKey::generate();
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->public_key_pem().rfind("-----BEGIN PUBLIC KEY-----\n", 0), 0u);
  const absl::StatusOr<Buffer> cipher = rsa_encrypt(as_bytes("message"), key->public_key_pem());
  ASSERT_TRUE(cipher.ok()) << cipher.status();
  EXPECT_EQ(cipher->size(), 256u);
  EXPECT_EQ(as_text(key->decrypt(*cipher).value()), "message");
  const RsaKey moved = *std::move(key);
  EXPECT_EQ(as_text(moved.decrypt(*cipher).value()), "message");
}

TEST(RsaKey, MoveAssignmentTakesTheKeyOver) {
  RsaKey first = RsaKey::generate().value();
  RsaKey second = RsaKey::generate().value();
  const std::string pem = second.public_key_pem();
  first = std::move(second);
  EXPECT_EQ(first.public_key_pem(), pem);
  EXPECT_EQ(as_text(first.decrypt(rsa_encrypt(as_bytes("x"), pem).value()).value()), "x");
}

TEST(RsaKey, RejectsBrokenCiphersAndForeignOnes) {
  const RsaKey key = RsaKey::generate().value();
  EXPECT_FALSE(key.decrypt({}).ok());
  EXPECT_FALSE(key.decrypt(Buffer(256, 0x5a)).ok());
  EXPECT_FALSE(key.decrypt(Buffer(255, 0x5a)).ok());
  const RsaKey other = RsaKey::generate().value();
  EXPECT_FALSE(key.decrypt(rsa_encrypt(as_bytes("x"), other.public_key_pem()).value()).ok());
}

TEST(RsaEncrypt, RejectsWhatIsNoRsaKeyAndMessagesThatDoNotFit) {
  EXPECT_FALSE(rsa_encrypt(as_bytes("x"), "").ok());
  EXPECT_FALSE(rsa_encrypt(as_bytes("x"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").ok());
  // A key on the curve P-256.
  const absl::Status status = rsa_encrypt(as_bytes("x"),
                                          "-----BEGIN PUBLIC KEY-----\n"
                                          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpIuRHQGmDoMjEVFibM4eadKHl+bR\n"
                                          "vsXRgAYA1HlVXFYjJHS8AvJFBJrU+X4zL1YdkXOtjbblnU8PTFFX9UvMtg==\n"
                                          "-----END PUBLIC KEY-----\n")
                                  .status();
  EXPECT_EQ(status.message(), "the server's public key is not an RSA key");
  const RsaKey key = RsaKey::generate().value();
  // OAEP with SHA-1 leaves 256 - 42 bytes.
  EXPECT_TRUE(rsa_encrypt(Buffer(214, 'x'), key.public_key_pem()).ok());
  EXPECT_FALSE(rsa_encrypt(Buffer(215, 'x'), key.public_key_pem()).ok());
}

}  // namespace
}  // namespace crossfade::protocol
