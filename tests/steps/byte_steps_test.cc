// Each decoder of a client's bytes: its work grows no faster than they do, in pieces of any size.
#include "protocol/bulk_execute.h"
#include "protocol/command.h"
#include "protocol/compressed_stream.h"
#include "protocol/file_packets.h"
#include "protocol/login_as_server.h"
#include "protocol/packet.h"
#include "protocol/prepared.h"
#include "protocol/proxy_protocol.h"
#include "protocol/response.h"
#include "tests/steps/texts.h"

namespace crossfade::steps {
namespace {

using protocol::Buffer;
using protocol::Bytes;

constexpr std::size_t kPieces[] = {1, 100, 16384};

std::string text_of(const Buffer& bytes) { return std::string(protocol::as_text(bytes)); }

// As many messages of `payload` bytes as fill an input.
Input messages(std::size_t payload, bool numbered) {
  return [=](std::size_t bytes) {
    Buffer out;
    const Buffer one(payload, 'a');
    std::uint8_t sequence = 0;
    do {
      if (!numbered) sequence = 0;
      protocol::append_message(out, one, sequence);
    } while (out.size() < bytes);
    return text_of(out);
  };
}

Input one_message() {
  return [](std::size_t bytes) { return messages(bytes, false)(1); };
}

const std::vector<NamedInput>& packets() {
  static const std::vector<NamedInput> all = {{"empty packets", messages(0, true)},
                                              {"packets of a byte", messages(1, true)},
                                              {"packets of 300 bytes", messages(300, true)},
                                              {"one packet", one_message()}};
  return all;
}

TEST(ByteSteps, PacketsTakeStepsByTheByte) {
  for (const std::size_t piece : kPieces) {
    expect_linear({"packets",
                   [piece](const std::string& wire) {
                     protocol::MessageReader reader(std::size_t{64} << 20);
                     for (Bytes left = protocol::as_bytes(wire); !left.empty();) {
                       Bytes input = left.first(std::min(piece, left.size()));
                       left = left.subspan(input.size());
                       for (auto message = reader.feed(input); message.ok() && message->has_value();)
                         message = reader.feed(input);
                     }
                   }},
                  packets());
    expect_linear({"file packets",
                   [piece](const std::string& wire) {
                     protocol::FilePackets reader(0);
                     for (Bytes left = protocol::as_bytes(wire); !left.empty() && !reader.ended();) {
                       Bytes input = left.first(std::min(piece, left.size()));
                       left = left.subspan(input.size());
                       while (!input.empty() && !reader.ended() && reader.feed(input).ok()) continue;
                     }
                   }},
                  packets());
  }
}

// `plain` bytes to a frame, compressed where that is asked for.
Input frames(std::size_t plain, bool compressed) {
  return [=](std::size_t bytes) {
    protocol::Codec codec;
    const protocol::Compression how{.algorithm = protocol::CompressionAlgorithm::zlib};
    std::uint32_t noise = 1;
    Buffer out;
    for (std::uint8_t sequence = 0; out.size() < bytes; ++sequence) {
      Buffer part(plain);
      for (auto& byte : part) byte = compressed ? 'a' : static_cast<std::uint8_t>((noise = noise * 1664525 + 1) >> 24);
      Buffer packed;
      const bool smaller = compressed && codec.compress(how, part, packed);
      protocol::put_u24(out, static_cast<std::uint32_t>(smaller ? packed.size() : part.size()));
      protocol::put_u8(out, sequence);
      protocol::put_u24(out, static_cast<std::uint32_t>(smaller ? plain : 0));
      protocol::put_bytes(out, smaller ? packed : part);
    }
    return text_of(out);
  };
}

TEST(ByteSteps, CompressedFramesTakeStepsByTheByte) {
  const std::vector<NamedInput> inputs = {{"empty frames", frames(0, false)},
                                          {"frames of a byte", frames(1, false)},
                                          {"frames of 10000 bytes", frames(10000, false)},
                                          {"frames that grow", frames(5000, true)},
                                          {"one frame", [](std::size_t bytes) { return frames(bytes, false)(1); }}};
  for (const std::size_t piece : kPieces) {
    expect_linear({"frames",
                   [piece](const std::string& wire) {
                     protocol::Codec codec;
                     protocol::CompressedStream stream(protocol::CompressedStream::Role::server,
                                                       {.algorithm = protocol::CompressionAlgorithm::zlib});
                     std::uint8_t into[16384];
                     for (Bytes left = protocol::as_bytes(wire); !left.empty();) {
                       const Bytes input = left.first(std::min(piece, left.size()));
                       left = left.subspan(input.size());
                       stream.put(input);
                       for (auto count = stream.read(codec, into); count.ok() && *count > 0;)
                         count = stream.read(codec, into);
                     }
                   },
                   3000},  // of the decompressed bytes, of which there are 200 to one
                  inputs);
  }
}

// What is written to a compressing client, a piece at a time: a packet waits in there until it is whole.
TEST(ByteSteps, CompressedAnswersTakeStepsByTheByte) {
  for (const std::size_t piece : {std::size_t{100}, std::size_t{16384}}) {
    expect_linear({"answers",
                   [piece](const std::string& wire) {
                     protocol::Codec codec;
                     protocol::CompressedStream stream(protocol::CompressedStream::Role::server,
                                                       {.algorithm = protocol::CompressionAlgorithm::zlib});
                     Buffer out;
                     for (Bytes left = protocol::as_bytes(wire); !left.empty();) {
                       const Bytes input = left.first(std::min(piece, left.size()));
                       left = left.subspan(input.size());
                       stream.write(codec, input, out);
                     }
                   }},
                  packets());
  }
}

protocol::LoginRequest request(std::size_t user_bytes, std::size_t attributes) {
  protocol::LoginRequest out;
  out.capabilities = protocol::kSupported & ~protocol::kTls & ~protocol::kZstdCompression;
  out.user = std::string(user_bytes, 'u');
  out.auth_plugin = protocol::kCachingSha2Password;
  out.auth_response.assign(32, 1);
  for (std::size_t i = 0; i < attributes; ++i) out.attributes.emplace_back("k", "v");
  return out;
}

TEST(ByteSteps, LoginsTakeStepsByTheByte) {
  const std::vector<NamedInput> logins = {
      {"a long name", [](std::size_t bytes) { return text_of(protocol::encode_login_request(request(bytes, 0))); }},
      {"attributes", [](std::size_t bytes) { return text_of(protocol::encode_login_request(request(1, bytes / 4))); }},
      {"no end", repeated(text_of(protocol::encode_login_request(request(1, 0))).substr(0, 32), "u")},
      {"zeros", repeated(text_of(protocol::encode_login_request(request(1, 0))).substr(0, 32), std::string(1, '\0'))}};
  const auto server = [] {
    protocol::LoginAsServer::Options options;
    options.server_version = "10.11.6-MariaDB";
    options.capabilities = protocol::kSupported & ~protocol::kTls;
    options.client_host = "10.0.0.1";
    return protocol::LoginAsServer(options);
  };
  expect_linear({"login",
                 [&server](const std::string& payload) {
                   protocol::LoginAsServer machine = server();
                   if (!machine.on_message(protocol::as_bytes(payload)).ok()) return;
                   (void)machine.set_secret(nullptr);
                   (void)machine.on_message(protocol::as_bytes(payload));
                 }},
                logins);
  const std::vector<NamedInput> changes = {
      {"a long name",
       [](std::size_t bytes) {
         protocol::ChangeUser change;
         change.user = std::string(bytes, 'u');
         return text_of(protocol::encode_change_user(change, protocol::kSupported));
       }},
      {"attributes",
       [](std::size_t bytes) {
         protocol::ChangeUser change;
         for (std::size_t i = 0; i < bytes / 4; ++i) change.attributes.emplace_back("k", "v");
         return text_of(protocol::encode_change_user(change, protocol::kSupported));
       }},
      {"zeros", repeated("\x11", std::string(1, '\0'))}};
  expect_linear({"change of user",
                 [](const std::string& payload) {
                   (void)protocol::decode_change_user(protocol::as_bytes(payload), protocol::kSupported);
                 }},
                changes);
}

std::string head_of(protocol::CommandByte command, std::size_t bytes) {
  std::string out(bytes, '\0');
  out[0] = static_cast<char>(command);
  return out;
}

// As many parameters as a statement may have, NULL or of a byte; and the strings, as long as fits.
TEST(ByteSteps, ExecutionsTakeStepsByTheByte) {
  using protocol::ColumnType;
  const auto execution = [](std::size_t parameters, ColumnType type, std::string value) {
    std::string out = head_of(protocol::CommandByte::stmt_execute, 10) + std::string((parameters + 7) / 8, '\0') + '\1';
    for (std::size_t i = 0; i < parameters; ++i) out += {static_cast<char>(type), '\0'};
    for (std::size_t i = 0; i < parameters; ++i) out += value;
    return out;
  };
  std::size_t parameters = 0;
  const std::vector<NamedInput> inputs = {{"bytes",
                                           [&](std::size_t bytes) {
                                             return execution(parameters = std::min<std::size_t>(bytes / 3, 65535),
                                                              ColumnType::tiny, "\1") +
                                                    std::string(bytes, '\0');
                                           }},
                                          {"texts",
                                           [&](std::size_t bytes) {
                                             parameters = 3;
                                             Buffer value;
                                             protocol::put_lenenc_text(value, std::string(bytes / 3, 'a'));
                                             return execution(parameters, ColumnType::var_string, text_of(value));
                                           }},
                                          {"empty texts", [&](std::size_t bytes) {
                                             return execution(parameters = std::min<std::size_t>(bytes / 3, 65535),
                                                              ColumnType::var_string, std::string(1, '\0')) +
                                                    std::string(bytes, '\0');
                                           }}};
  expect_linear({"execution",
                 [](const std::string& payload) {
                   for (const std::size_t count : {std::size_t{3}, std::min<std::size_t>(payload.size() / 6, 65535)}) {
                     std::vector<protocol::ParameterType> types;
                     (void)protocol::decode_execute(protocol::as_bytes(payload), static_cast<std::uint16_t>(count),
                                                    types, {});
                   }
                 }},
                inputs);
}

TEST(ByteSteps, BulkRowsTakeStepsByTheByte) {
  const std::string head = head_of(protocol::CommandByte::stmt_bulk_execute, 5) + std::string("\x80\0\1\0", 4);
  const std::vector<NamedInput> rows = {{"NULLs", repeated(head, "\1")},
                                        {"values", repeated(head, std::string("\0\1", 2))},
                                        {"unknown indicators", repeated(head, "\x7f")}};
  expect_linear({"bulk",
                 [](const std::string& payload) {
                   std::vector<protocol::ParameterType> types;
                   const auto bulk = protocol::decode_bulk_execute(protocol::as_bytes(payload), 1, types);
                   if (bulk.ok()) protocol::encode_bulk_execute(*bulk);
                 }},
                rows);
}

// A header that never ends, asked for again with every byte: as the session does, up to what is let in.
TEST(ByteSteps, ProxyHeadersTakeStepsByTheByte) {
  const std::vector<NamedInput> headers = {
      {"a line without an end", repeated("PROXY TCP4 ", "1")},
      {"blanks", repeated("PROXY ", " ")},
      {"a long binary header", repeated(std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\x03\xf0", 16), "a")},
      {"a half signature", repeated("\r\n\r\n", "a")}};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{512}}) {
    expect_linear({"PROXY header",
                   [piece](const std::string& wire) {
                     std::string pending;
                     for (std::size_t at = 0; at < wire.size(); at += piece) {
                       pending.append(wire, at, piece);
                       Bytes input = protocol::as_bytes(pending);
                       const auto header = protocol::decode_proxy_header(input);
                       if (!header.ok() || header->has_value()) break;
                     }
                   }},
                  headers);
  }
}

}  // namespace
}  // namespace crossfade::steps
