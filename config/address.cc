#include "config/address.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "config/quantity.h"

namespace crossfade::config {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kUnixPathMax = 107;  // sun_path without its terminating NUL
constexpr std::size_t kHostMax = 253;      // of a name in DNS
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

bool consists_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_v6(std::string_view host) {
  const std::size_t zone = host.find('%');
  if (zone != std::string_view::npos && !consists_of(host.substr(zone + 1), kNameCharacters)) return false;
  const std::string_view bits = host.substr(0, zone);
  return std::count(bits.begin(), bits.end(), ':') >= 2 && consists_of(bits, std::string(kHexDigits) + ":.");
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

absl::StatusOr<Address> parse_unix(std::string_view path) {
  if (path.size() < 2 || path[0] != '/') {
    return absl::InvalidArgumentError("the path of a unix socket must be absolute, like unix:/run/crossfade.sock");
  }
  if (path.size() > kUnixPathMax) {
    return absl::InvalidArgumentError("the path of a unix socket has at most " + std::to_string(kUnixPathMax) +
                                      " bytes");
  }
  return Address{.host = std::string(path), .port = 0, .is_unix = true};
}

absl::StatusOr<Address> parse(std::string_view text, std::uint64_t port_min) {
  if (text.starts_with(kUnixPrefix)) return parse_unix(text.substr(kUnixPrefix.size()));
  const std::size_t colon = text.rfind(':');
  const bool brackets = text.starts_with('[');
  if (colon == std::string_view::npos || (brackets && text.ends_with(']'))) {
    return absl::InvalidArgumentError("the port is missing: write host:port, [::1]:3306 or unix:/path");
  }
  std::string_view host = text.substr(0, colon);
  if (brackets) {
    if (!host.ends_with(']') || !is_v6(host.substr(1, host.size() - 2))) {
      return absl::InvalidArgumentError("not an IPv6 address in brackets with a port, like [::1]:3306");
    }
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return absl::InvalidArgumentError("an IPv6 address goes in brackets, like [::1]:3306");
  } else if (!consists_of(host, kNameCharacters) || host.size() > kHostMax) {
    return absl::InvalidArgumentError("not a host name or IP address: write host:port, [::1]:3306 or unix:/path");
  }
  const absl::StatusOr<std::uint64_t> port = parse_number(text.substr(colon + 1), {port_min, 65535});
  if (!port.ok()) return absl::InvalidArgumentError("the port " + std::string(port.status().message()));
  return Address{.host = std::string(host), .port = static_cast<std::uint16_t>(*port), .is_unix = false};
}

}  // namespace

std::string Address::text() const {
  if (is_unix) return std::string(kUnixPrefix) + host;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

absl::StatusOr<Address> parse_address(std::string_view text) { return parse(text, 1); }

absl::StatusOr<Address> parse_listen_address(std::string_view text) { return parse(text, 0); }

bool is_local(const Address& address) {
  if (address.is_unix || address.host == "::1" || lower(address.host) == "localhost") return true;
  // All digits, so that the name 127.example.com is none.
  return address.host.starts_with("127.") && consists_of(address.host, std::string(kDigits) + ".");
}

bool same_address(const Address& a, const Address& b) {
  if (a.is_unix || b.is_unix) return a.is_unix == b.is_unix && a.host == b.host;
  return a.port == b.port && lower(a.host) == lower(b.host);
}

}  // namespace crossfade::config
