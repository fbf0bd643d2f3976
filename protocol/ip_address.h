// IP addresses as text and as bytes (RFC 4291, RFC 5952), and networks of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/wire.h"

namespace crossfade::protocol {

// An IPv4 address that is written as an IPv6 one (::ffff:10.1.2.3) is the IPv4 address.
class IpAddress {
 public:
  static IpAddress from_bytes(Bytes bytes);  // 4 or 16 of them
  bool is_v4() const { return v4_; }
  Bytes bytes() const { return v4_ ? Bytes(bits_).subspan(12) : Bytes(bits_); }
  std::string text() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bits_ = {};  // IPv4 in the mapped form
  bool v4_ = false;
};
// nullopt: not an address. A zone ("%eth0") is passed over.
std::optional<IpAddress> parse_ip_address(std::string_view text);

// "10.0.0.0/8", "fd00::/8", or an address alone.
struct IpNetwork {
  IpAddress address;
  unsigned prefix_bits = 0;
  bool contains(const IpAddress& other) const;
};
std::optional<IpNetwork> parse_ip_network(std::string_view text);

}  // namespace crossfade::protocol
