// Reading JSON that may be anything: nothing here throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nlohmann/json.hpp"

namespace crossfade::shadow {

// nullptr when `json` is no object or has no such field.
inline const nlohmann::json* field(const nlohmann::json& json, const char* key) {
  if (!json.is_object()) {
    return nullptr;
  }
  const auto found = json.find(key);
  return found == json.end() ? nullptr : &*found;
}

inline std::optional<std::string> text_field(const nlohmann::json& json, const char* key) {
  const nlohmann::json* value = field(json, key);
  if (value == nullptr || !value->is_string()) {
    return std::nullopt;
  }
  return *value->get_ptr<const std::string*>();
}

inline std::optional<std::uint64_t> as_count(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    return *value.get_ptr<const std::uint64_t*>();
  }
  if (value.is_number_integer() && *value.get_ptr<const std::int64_t*>() >= 0) {
    return static_cast<std::uint64_t>(*value.get_ptr<const std::int64_t*>());
  }
  return std::nullopt;
}

inline std::optional<std::uint64_t> count_field(const nlohmann::json& json, const char* key) {
  const nlohmann::json* value = field(json, key);
  return value == nullptr ? std::nullopt : as_count(*value);
}

inline std::optional<std::int64_t> integer_field(const nlohmann::json& json, const char* key) {
  const nlohmann::json* value = field(json, key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->is_number_unsigned()) {
    const std::uint64_t number = *value->get_ptr<const std::uint64_t*>();
    return number <= INT64_MAX ? std::optional<std::int64_t>(static_cast<std::int64_t>(number)) : std::nullopt;
  }
  return value->is_number_integer() ? std::optional<std::int64_t>(*value->get_ptr<const std::int64_t*>())
                                    : std::nullopt;
}

}  // namespace crossfade::shadow
