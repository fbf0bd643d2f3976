#include "protocol/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "protocol/ip_address.h"

namespace crossfade::protocol {
namespace {

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::array<std::uint8_t, 12> kSignature2 = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t kLine1Max = 107;  // with CR LF
constexpr std::size_t kHead2 = 16;

constexpr std::uint8_t kVersion2Local = 0x20;
constexpr std::uint8_t kVersion2Proxy = 0x21;
constexpr std::uint8_t kFamilyInet = 1;
constexpr std::uint8_t kFamilyInet6 = 2;
constexpr std::uint8_t kFamilyUnix = 3;
constexpr std::uint8_t kStream = 1;

absl::Status malformed_header(const char* what) {
  return absl::InvalidArgumentError(std::string("PROXY header: ") + what);
}

// One of the two starts with the other.
bool is_prefix(Bytes input, Bytes signature) {
  const std::size_t size = std::min(input.size(), signature.size());
  return std::equal(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size), signature.begin());
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool padded = text.size() > 1 && text[0] == '0';
  if (error != std::errc() || end != text.data() + text.size() || padded) return std::nullopt;
  return port;
}

// "PROXY TCP4 192.0.2.1 198.51.100.2 56324 3306\r\n", or "PROXY UNKNOWN ...\r\n".
absl::StatusOr<std::optional<ProxyHeader>> decode_line(Bytes& input) {
  const std::string_view text = as_text(input.first(std::min(input.size(), kLine1Max)));
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) {
    if (text.size() == kLine1Max) return malformed_header("version 1: the line is too long");
    return std::nullopt;
  }
  std::vector<std::string_view> words;
  for (std::string_view left = text.substr(0, end); words.size() < 8;) {
    const std::size_t space = left.find(' ');
    words.push_back(left.substr(0, space));
    if (space == std::string_view::npos) break;
    left = left.substr(space + 1);
  }
  ProxyHeader header;
  if (words.size() >= 2 && words[1] == "UNKNOWN") {
    input = input.subspan(end + 2);
    return header;
  }
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6"))
    return malformed_header("version 1: not of six words");
  const auto source = parse_ip_address(words[2]);
  const auto destination = parse_ip_address(words[3]);
  const auto port = parse_port(words[4]);
  if (!source || !destination || !port || !parse_port(words[5]))
    return malformed_header("version 1: not an address and port");
  const bool v4 = words[1] == "TCP4";
  if (source->is_v4() != v4 || destination->is_v4() != v4)
    return malformed_header("version 1: an address of another family");
  header.kind = ProxyHeader::Kind::proxied;
  header.host = source->text();
  header.port = *port;
  input = input.subspan(end + 2);
  return header;
}

//   signature[12] | u8 version and command | u8 family and transport | u16 bytes that follow, big endian |
//   source address | destination address | source port | destination port | extensions
absl::StatusOr<std::optional<ProxyHeader>> decode_binary(Bytes& input) {
  if (input.size() < kHead2) return std::nullopt;
  const std::uint8_t command = input[12];
  const std::size_t size = static_cast<std::size_t>(input[14]) << 8 | input[15];
  if (command != kVersion2Local && command != kVersion2Proxy) return malformed_header("version 2: an unknown command");
  if (kHead2 + size > kProxyHeaderBytesMax) return malformed_header("version 2: too long");
  if (input.size() < kHead2 + size) return std::nullopt;
  const Bytes body = input.subspan(kHead2, size);
  const std::uint8_t family = input[13] >> 4;
  const std::uint8_t transport = input[13] & 0x0f;
  ProxyHeader header;
  if (command == kVersion2Proxy && family != 0) {
    if (transport != kStream) return malformed_header("version 2: not of a stream");
    const std::size_t address_bytes = family == kFamilyInet ? 4 : family == kFamilyInet6 ? 16 : 108;
    const std::size_t needed = family == kFamilyUnix ? 216 : 2 * address_bytes + 4;
    if (family > kFamilyUnix) return malformed_header("version 2: an unknown address family");
    if (body.size() < needed) return malformed_header("version 2: its addresses are cut off");
    header.kind = ProxyHeader::Kind::proxied;
    if (family == kFamilyUnix) {
      header.host = "localhost";
    } else {
      header.host = IpAddress::from_bytes(body.first(address_bytes)).text();
      header.port = static_cast<std::uint16_t>(body[2 * address_bytes] << 8 | body[2 * address_bytes + 1]);
    }
  }
  input = input.subspan(kHead2 + size);
  return header;
}

}  // namespace

absl::StatusOr<std::optional<ProxyHeader>> decode_proxy_header(Bytes& input) {
  if (input.empty()) return std::nullopt;
  if (is_prefix(input, kSignature2)) {
    if (input.size() < kSignature2.size()) return std::nullopt;
    return decode_binary(input);
  }
  if (is_prefix(input, as_bytes(kSignature1))) {
    if (input.size() < kSignature1.size()) return std::nullopt;
    return decode_line(input);
  }
  return malformed_header("there is none");
}

Buffer encode_proxy_header(const ProxyHeader& header) {
  Buffer out(kSignature2.begin(), kSignature2.end());
  const auto source = parse_ip_address(header.host);
  if (header.kind == ProxyHeader::Kind::local || !source) {
    put_u8(out, kVersion2Local);
    put_zeros(out, 3);
    return out;
  }
  const Bytes address = source->bytes();
  put_u8(out, kVersion2Proxy);
  put_u8(out, static_cast<std::uint8_t>((source->is_v4() ? kFamilyInet : kFamilyInet6) << 4 | kStream));
  put_u8(out, 0);
  put_u8(out, static_cast<std::uint8_t>(2 * address.size() + 4));
  put_bytes(out, address);
  put_zeros(out, address.size());  // where to: receivers take it from the connection
  put_u8(out, static_cast<std::uint8_t>(header.port >> 8));
  put_u8(out, static_cast<std::uint8_t>(header.port));
  put_zeros(out, 2);
  return out;
}

}  // namespace crossfade::protocol
