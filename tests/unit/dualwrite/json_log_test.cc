#include "dualwrite/json_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "log_text.h"

namespace crossfade::dualwrite {
namespace {

using protocol::Buffer;
using testing::HasSubstr;

TEST(JsonText, OfEveryDocumentIsWhatMySqlItselfShows) {
  const std::string file = file_text(std::string(CROSSFADE_GOLDEN) + "/json_documents.zlib");
  protocol::Reader head(protocol::as_bytes(file));
  Buffer all(head.u32());
  uLongf size = all.size();
  const Bytes packed = head.rest();
  ASSERT_EQ(uncompress(all.data(), &size, packed.data(), packed.size()), Z_OK);
  protocol::Reader reader(all);
  std::size_t documents = 0;
  for (; !reader.at_end() && !reader.failed(); ++documents) {
    const std::string expected(protocol::as_text(reader.take(reader.u32())));
    const Bytes binary = reader.take(reader.u32());
    const absl::StatusOr<std::string> text = json_text(binary);
    ASSERT_TRUE(text.ok()) << expected.substr(0, 200) << ": " << text.status();
    ASSERT_EQ(*text, expected);
    EXPECT_TRUE(json_fits(*text, false).ok() || text->find("base64") != std::string::npos || text->size() > 20)
        << *text << json_fits(*text, false);
    if (binary.size() > 2000) continue;
    for (std::size_t cut = 1; cut < binary.size(); ++cut) (void)json_text(binary.first(cut));
    for (std::size_t at = 0; at < binary.size(); ++at) {
      Buffer wrong(binary.begin(), binary.end());
      wrong[at] ^= 0xff;
      (void)json_text(wrong);
    }
  }
  EXPECT_GT(documents, 250u);
}

TEST(JsonText, ValuesThatOverlapAreAnErrorNotALongAnswer) {
  // An array of two elements, both of which are the array that begins two levels further in, and so on.
  Buffer document{0x02};
  constexpr std::size_t kLevels = 40;
  for (std::size_t i = 0; i < kLevels; ++i) {
    protocol::put_u16(document, 2);
    protocol::put_u16(document, static_cast<std::uint16_t>(10 * (kLevels - i)));
    for (int j = 0; j < 2; ++j) {
      protocol::put_u8(document, i + 1 < kLevels ? 0x02 : 0x04);
      protocol::put_u16(document, i + 1 < kLevels ? 10 : 0);
    }
  }
  EXPECT_THAT(std::string(json_text(document).status().message()), HasSubstr("overlap"));
}

TEST(JsonText, NestingIsLimited) {
  Buffer document{0x02};
  constexpr std::size_t kLevels = 2000;
  for (std::size_t i = 0; i < kLevels; ++i) {
    protocol::put_u16(document, 1);
    protocol::put_u16(document, static_cast<std::uint16_t>(7 * (kLevels - i)));
    protocol::put_u8(document, 0x02);
    protocol::put_u16(document, 7);
  }
  EXPECT_THAT(std::string(json_text(document).status().message()), HasSubstr("too deep"));
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string misfit(std::string_view text, bool mariadb) { return std::string(json_fits(text, mariadb).message()); }

TEST(JsonFits, NumbersThatMySqlHoldsAsWritten) {
  for (const char* text : {"0", "-0", "1", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
                           "0.1", "1.50", "1e5", "1E+5", "100000000000000000000", "1e22", "-1.7976931348623157e308",
                           "5e-324", "0e999", "0.0e-999", "0.30000000000000004", "1000000000000000000000e-21"}) {
    EXPECT_EQ(misfit(text, false), "") << text;
    EXPECT_EQ(misfit(text, true), "") << text;
  }
  for (const char* text : {"0.1234567890123456789", "18446744073709551616", "-9223372036854775809",
                           "12345678901234567.0", "1e-400", "4e-324", "123456789012345678901234567890"}) {
    EXPECT_THAT(misfit(text, false), HasSubstr("double")) << text;
    EXPECT_EQ(misfit(text, true), "") << text << ": MariaDB keeps the text";
  }
  EXPECT_THAT(misfit("1e400", false), HasSubstr("outside"));
  EXPECT_THAT(misfit("1e99999999999999999999", false), HasSubstr("outside"));
}

// What each server says to an INSERT of the text.
TEST(JsonFits, TextThatIsJsonToOneServerOnly) {
  for (const char* text : {"",
                           " ",
                           "01",
                           ".5",
                           "-",
                           "+1",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"a\tb\"",
                           "'a'",
                           "NULL",
                           "True",
                           "[1,]",
                           "{\"a\":1,}",
                           "{a:1}",
                           "[1] x",
                           "[1,2",
                           "\"a",
                           "\xef\xbb\xbf"
                           "1",
                           "tru",
                           "[1 2]",
                           "{\"a\" 1}",
                           "1e",
                           "1e+",
                           "-01",
                           "0x1",
                           "1.5.2",
                           "[]\x0b",
                           "\"a\"b\"",
                           "{1:2}",
                           "{\"a\":1 \"b\":2}",
                           "[,1]",
                           "{,}",
                           "{\"a\":1,,\"b\":2}",
                           "\"\xff\"",
                           "]",
                           "}",
                           "[}"}) {
    EXPECT_THAT(misfit(text, false), HasSubstr("no JSON")) << text;
    EXPECT_THAT(misfit(text, true), HasSubstr("no JSON")) << text;
  }
  for (const char* text : {"1.", "\"\\x\""}) {
    EXPECT_THAT(misfit(text, false), HasSubstr("no JSON")) << text;
    EXPECT_EQ(misfit(text, true), "") << text;
  }
  for (const char* text : {"null", " true ", "false", "\"\\ud83d\\ude00\\u0000\\/\"", "[]\n", "{}", "[ ]", "{ }",
                           "{\"\":1}", "{\"a\":[1,{\"b\":null}]}"}) {
    EXPECT_EQ(misfit(text, false), "") << text;
    EXPECT_EQ(misfit(text, true), "") << text;
  }
}

TEST(JsonFits, KeysThatAreTwiceOrTooLong) {
  EXPECT_THAT(misfit(R"({"a":1,"b":2,"a":1})", false), HasSubstr("key twice"));
  EXPECT_THAT(misfit(R"({"a":1,"\u0061":2})", false), HasSubstr("key twice"));
  EXPECT_EQ(misfit(R"({"a":1,"A":2,"c":{"a":1}})", false), "");
  EXPECT_EQ(misfit(R"({"a":1,"a":2})", true), "");
  EXPECT_EQ(misfit("{\"" + std::string(65535, 'k') + "\":1}", false), "");
  EXPECT_THAT(misfit("{\"" + std::string(65536, 'k') + "\":1}", false), HasSubstr("too long"));
}

TEST(JsonFits, NestingUpToEachServersLimit) {
  EXPECT_EQ(misfit(nested(31), true), "");
  EXPECT_THAT(misfit(nested(32), true), HasSubstr("too deep"));
  EXPECT_EQ(misfit(nested(100), false), "");
  EXPECT_THAT(misfit(nested(101), false), HasSubstr("too deep"));
}

}  // namespace
}  // namespace crossfade::dualwrite
