#include "routing/bucket.h"

namespace crossfade::routing {
namespace {

constexpr std::uint32_t rotate(std::uint32_t value, unsigned by) { return (value << by) | (value >> (32 - by)); }

constexpr std::uint32_t scramble(std::uint32_t block) { return rotate(block * 0xcc9e2d51u, 15) * 0x1b873593u; }

// The hash of a text that is given in parts, as if it were one.
class Murmur3 {
 public:
  explicit Murmur3(std::uint32_t seed) : hash_(seed) {}

  void add(std::string_view bytes) {
    for (const char c : bytes) {
      block_ |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(c)) << (8 * (length_ % 4));
      if (++length_ % 4 == 0) {
        hash_ = rotate(hash_ ^ scramble(block_), 13) * 5 + 0xe6546b64u;
        block_ = 0;
      }
    }
  }

  std::uint32_t finish() const {
    std::uint32_t hash = hash_;
    if (length_ % 4 != 0) hash ^= scramble(block_);
    hash ^= length_;
    hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
    hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
    return hash ^ (hash >> 16);
  }

 private:
  std::uint32_t hash_;
  std::uint32_t block_ = 0;
  std::uint32_t length_ = 0;
};

}  // namespace

std::uint32_t murmur3_x86_32(std::string_view bytes, std::uint32_t seed) {
  Murmur3 hash(seed);
  hash.add(bytes);
  return hash.finish();
}

bool is_in_bucket(std::string_view salt, std::string_view key, config::Percent percent) {
  if (percent.none()) return false;
  if (percent.all()) return true;
  Murmur3 hash(0);
  hash.add(salt);
  hash.add(key);
  return (static_cast<std::uint64_t>(hash.finish()) * config::Percent::kWhole >> 32) < percent.ppm();
}

}  // namespace crossfade::routing
