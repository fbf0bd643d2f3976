#include "protocol/ip_address.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace crossfade::protocol {
namespace {

std::optional<unsigned> number(std::string_view text, int base, std::size_t digits_max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || text.size() > digits_max || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes = {};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
    const std::string_view part = text.substr(0, dot);
    const auto value = number(part, 10, 3);
    if (!value || *value > 255 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*value);
    if (i < 3) text = text.substr(dot + 1);
  }
  return bytes;
}

// Groups between colons, without a "::"; the last may be an IPv4 address.
bool append_groups(std::string_view text, std::vector<std::uint8_t>& out) {
  while (!text.empty()) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(part);
      if (!v4) return false;
      out.insert(out.end(), v4->begin(), v4->end());
      return true;
    }
    const auto group = number(part, 16, 4);
    if (!group || out.size() > 16) return false;
    out.push_back(static_cast<std::uint8_t>(*group >> 8));
    out.push_back(static_cast<std::uint8_t>(*group));
    if (colon == std::string_view::npos) return true;
    text = text.substr(colon + 1);
    if (text.empty()) return false;
  }
  return true;
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::vector<std::uint8_t> head, tail;
  const std::size_t gap = text.find("::");
  if (!append_groups(text.substr(0, gap), head)) return std::nullopt;
  if (gap != std::string_view::npos && !append_groups(text.substr(gap + 2), tail)) return std::nullopt;
  const std::size_t given = head.size() + tail.size();
  if (gap == std::string_view::npos ? given != 16 : given > 14) return std::nullopt;
  std::array<std::uint8_t, 16> bytes = {};
  std::copy(head.begin(), head.end(), bytes.begin());
  std::copy(tail.begin(), tail.end(), bytes.end() - static_cast<std::ptrdiff_t>(tail.size()));
  return bytes;
}

}  // namespace

IpAddress IpAddress::from_bytes(Bytes bytes) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  IpAddress address;
  if (bytes.size() == 4) {
    std::copy(kMapped.begin(), kMapped.end(), address.bits_.begin());
    std::copy(bytes.begin(), bytes.end(), address.bits_.begin() + 12);
  } else {
    std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 16), address.bits_.begin());
  }
  address.v4_ = std::equal(kMapped.begin(), kMapped.end(), address.bits_.begin());
  return address;
}

// RFC 5952: lower case, no leading zeros, the longest run of zero groups (two or more) as "::".
std::string IpAddress::text() const {
  if (v4_) {
    std::string out;
    for (const std::uint8_t byte : bytes()) out += (out.empty() ? "" : ".") + std::to_string(byte);
    return out;
  }
  std::array<unsigned, 8> groups;
  for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(bits_[2 * i]) << 8 | bits_[2 * i + 1];
  std::size_t run_at = 8, run = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > run) {
      run_at = i;
      run = length;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8;) {
    if (i == run_at) {
      out += "::";
      i += run;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out += ':';
    char hex[5];
    const auto end = std::to_chars(hex, hex + sizeof hex, groups[i], 16).ptr;
    out.append(hex, end);
    ++i;
  }
  return out;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto v4 = parse_v4(text);
    if (!v4) return std::nullopt;
    return IpAddress::from_bytes(*v4);
  }
  const auto v6 = parse_v6(text.substr(0, text.find('%')));
  if (!v6) return std::nullopt;
  return IpAddress::from_bytes(*v6);
}

bool IpNetwork::contains(const IpAddress& other) const {
  if (address.is_v4() != other.is_v4()) return false;
  const Bytes mine = address.bytes();
  const Bytes theirs = other.bytes();
  for (unsigned bit = 0; bit < prefix_bits; bit += 8) {
    const unsigned left = std::min(8u, prefix_bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xff00u >> left);
    if (((mine[bit / 8] ^ theirs[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpNetwork network;
  network.address = *address;
  network.prefix_bits = static_cast<unsigned>(8 * address->bytes().size());
  if (slash == std::string_view::npos) return network;
  const auto bits = number(text.substr(slash + 1), 10, 3);
  if (!bits || *bits > network.prefix_bits) return std::nullopt;
  network.prefix_bits = *bits;
  return network;
}

}  // namespace crossfade::protocol
