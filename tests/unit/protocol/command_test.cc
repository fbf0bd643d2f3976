#include "protocol/command.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace crossfade::protocol {
namespace {

TEST(CommandName, NamesKnownCommandsAsTheManualDoes) {
  EXPECT_EQ(command_name(CommandByte::query), "COM_QUERY");
  EXPECT_EQ(command_name(CommandByte::stmt_send_long_data), "COM_STMT_SEND_LONG_DATA");
  EXPECT_EQ(command_name(CommandByte::stmt_bulk_execute), "COM_STMT_BULK_EXECUTE");
  EXPECT_EQ(command_name(static_cast<CommandByte>(0x7f)), "");
}

TEST(CommandName, NamesExactlyTheListedBytes) {
  const Buffer known = {0x01, 0x13, 0x20, 0x21, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0c, 0x0d,
                        0x0e, 0x11, 0x12, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1e, 0x1f, 0xfa};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<std::uint8_t>(byte);
    const bool listed = std::find(known.begin(), known.end(), value) != known.end();
    const std::string_view name = command_name(static_cast<CommandByte>(value));
    EXPECT_EQ(name.substr(0, 4), listed ? "COM_" : "") << byte;
  }
}

TEST(EncodeCommand, PutsTheCommandByteBeforeTheBody) {
  EXPECT_EQ(encode_query("DO 0"), (Buffer{0x03, 'D', 'O', ' ', '0'}));
  EXPECT_EQ(encode_query(""), (Buffer{0x03}));
  EXPECT_EQ(encode_prepare("?"), (Buffer{0x16, '?'}));
  EXPECT_EQ(encode_simple(CommandByte::ping), (Buffer{0x0e}));
  EXPECT_EQ(encode_stmt_close(0x04030201), (Buffer{0x19, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace crossfade::protocol
