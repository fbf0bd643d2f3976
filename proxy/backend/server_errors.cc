#include "proxy/backend/server_errors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace crossfade::proxy {

bool is_of_the_server(std::uint16_t code) {
  // Below are the errors of the library under the servers: files, disks, memory.
  constexpr std::uint16_t kServersOwn = 1000;
  // Disk full, files that cannot be opened, read or written, out of memory, rights, shutting down, table full, broken
  // connections, COMMIT failed, a log's cache or a temporary file full, deadlocks and lock waits, limits of the user,
  // read only, interrupted.
  constexpr auto kCodes =
      std::to_array<std::uint16_t>({1016, 1021, 1023, 1024, 1026, 1028, 1030, 1037, 1038, 1041, 1044, 1045, 1053, 1114,
                                    1135, 1142, 1143, 1158, 1159, 1160, 1161, 1180, 1197, 1205, 1206, 1213, 1223, 1226,
                                    1227, 1290, 1317, 1534, 1598, 1836, 1878, 1927, 1969, 3024, 3169, 4031});
  return (code != 0 && code < kServersOwn) || std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

std::uint16_t server_code(const absl::Status& status) {
  const std::string message(status.message());
  std::uint16_t code = 0;
  const auto [end, error] = std::from_chars(message.data(), message.data() + message.size(), code);
  const std::string_view rest(end, static_cast<std::size_t>(message.data() + message.size() - end));
  const bool is_code = error == std::errc() && rest.starts_with(" (");
  return is_code ? code : 0;
}

absl::Status told_apart(const absl::Status& status) {
  const bool passes = absl::IsFailedPrecondition(status) && is_of_the_server(server_code(status));
  return passes ? absl::UnavailableError(std::string(status.message())) : status;
}

}  // namespace crossfade::proxy
