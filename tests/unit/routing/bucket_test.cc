#include "routing/bucket.h"

#include <gtest/gtest.h>

#include <string>

namespace crossfade::routing {
namespace {

using config::Percent;

TEST(Bucket, HashesAsThePublishedVectorsSay) {
  EXPECT_EQ(murmur3_x86_32(""), 0u);
  EXPECT_EQ(murmur3_x86_32("", 1), 0x514e28b7u);
  EXPECT_EQ(murmur3_x86_32("", 0xffffffffu), 0x81f16f39u);
  EXPECT_EQ(murmur3_x86_32("test"), 0xba6bd213u);
  EXPECT_EQ(murmur3_x86_32("Hello, world!"), 0xc0363e43u);
  EXPECT_EQ(murmur3_x86_32("The quick brown fox jumps over the lazy dog"), 0x2e4ff723u);
}

TEST(Bucket, TakesNobodyAtZeroAndEverybodyAtTheWhole) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(is_in_bucket("salt", std::to_string(i), Percent::from_ppm(0)));
    EXPECT_TRUE(is_in_bucket("salt", std::to_string(i), Percent::from_ppm(1'000'000)));
  }
}

TEST(Bucket, KeepsAKeyThatIsInWhenTheShareGrows) {
  for (int i = 0; i < 2000; ++i) {
    const std::string key = std::to_string(i);
    bool was_in = false;
    for (std::uint32_t ppm = 0; ppm <= 1'000'000; ppm += 50'000) {
      const bool is_in = is_in_bucket("read_from_new", key, Percent::from_ppm(ppm));
      EXPECT_TRUE(is_in || !was_in) << key << " fell out at " << ppm;
      was_in = is_in;
    }
  }
}

TEST(Bucket, TakesAboutTheShareThatWasAsked) {
  int in = 0;
  for (int i = 0; i < 20000; ++i)
    in += is_in_bucket("read_from_new", std::to_string(i), Percent::from_ppm(100'000)) ? 1 : 0;
  EXPECT_GT(in, 1800);
  EXPECT_LT(in, 2200);
}

TEST(Bucket, DrawsAnotherShareForAnotherSalt) {
  int differing = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i);
    differing +=
        is_in_bucket("a", key, Percent::from_ppm(500'000)) != is_in_bucket("b", key, Percent::from_ppm(500'000));
  }
  EXPECT_GT(differing, 300);
}

TEST(Bucket, JoinsSaltAndKeyAsOneText) {
  const std::uint32_t hash = murmur3_x86_32("saltkey");
  const auto share = static_cast<std::uint32_t>(static_cast<std::uint64_t>(hash) * 1'000'000 >> 32);
  EXPECT_FALSE(is_in_bucket("salt", "key", Percent::from_ppm(share)));
  EXPECT_TRUE(is_in_bucket("salt", "key", Percent::from_ppm(share + 1)));
}

}  // namespace
}  // namespace crossfade::routing
