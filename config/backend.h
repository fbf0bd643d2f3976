// The two backends of a migration. An identity: it never changes, whoever leads.
#pragma once

#include <cstdint>
#include <string_view>

namespace crossfade::config {

enum class Backend : std::uint8_t { old_db, new_db };

inline constexpr Backend other(Backend backend) {
  return backend == Backend::old_db ? Backend::new_db : Backend::old_db;
}
inline constexpr std::string_view name(Backend backend) { return backend == Backend::old_db ? "old" : "new"; }

}  // namespace crossfade::config
