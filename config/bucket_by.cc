#include "config/bucket_by.h"

#include <array>
#include <utility>

#include "absl/status/status.h"

namespace crossfade::config {
namespace {

constexpr std::string_view kHintPrefix = "hint:";
constexpr std::size_t kHintKeyMax = 64;
constexpr std::array<std::pair<std::string_view, BucketBy::Key>, 4> kWords{{
    {"session", BucketBy::Key::session},
    {"user", BucketBy::Key::user},
    {"schema", BucketBy::Key::schema},
    {"client_host", BucketBy::Key::client_host},
}};

}  // namespace

bool is_hint_key(std::string_view text) {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  return !text.empty() && text.size() <= kHintKeyMax && text.find_first_not_of(kCharacters) == std::string_view::npos;
}

absl::StatusOr<BucketBy> parse_bucket_by(std::string_view text) {
  for (const auto& [word, key] : kWords) {
    if (word == text) return BucketBy{.key = key, .hint = ""};
  }
  if (text.starts_with(kHintPrefix) && is_hint_key(text.substr(kHintPrefix.size()))) {
    return BucketBy{.key = BucketBy::Key::hint, .hint = std::string(text.substr(kHintPrefix.size()))};
  }
  return absl::InvalidArgumentError(
      "must be session, user, schema, client_host or hint:<key>, with a key of at most 64 letters, digits, _, - or .");
}

std::string bucket_by_text(const BucketBy& by) {
  for (const auto& [word, key] : kWords) {
    if (key == by.key) return std::string(word);
  }
  return std::string(kHintPrefix) + by.hint;
}

}  // namespace crossfade::config
