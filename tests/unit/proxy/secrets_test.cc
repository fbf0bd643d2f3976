#include "proxy/settings/secrets.h"

#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/proxy/temp_dir.h"

namespace crossfade::proxy {
namespace {

using config::SecretSource;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const absl::Status& status) { return std::string(status.message()); }

TEST(Secrets, TakesALiteralAsItIs) {
  EXPECT_EQ(*resolve_secret({.kind = SecretSource::Kind::literal, .value = "s3cret\n"}), "s3cret\n");
}

TEST(Secrets, ReadsTheEnvironment) {
  setenv("CROSSFADE_TEST_SECRET", "from the environment", 1);
  EXPECT_EQ(*resolve_secret({.kind = SecretSource::Kind::environment, .value = "CROSSFADE_TEST_SECRET"}),
            "from the environment");
  unsetenv("CROSSFADE_TEST_SECRET");
  const auto missing = resolve_secret({.kind = SecretSource::Kind::environment, .value = "CROSSFADE_TEST_SECRET"});
  EXPECT_THAT(text_of(missing.status()), HasSubstr("CROSSFADE_TEST_SECRET"));
}

TEST(Secrets, AnEmptyVariableIsAnEmptySecret) {
  setenv("CROSSFADE_TEST_SECRET", "", 1);
  EXPECT_EQ(*resolve_secret({.kind = SecretSource::Kind::environment, .value = "CROSSFADE_TEST_SECRET"}), "");
  unsetenv("CROSSFADE_TEST_SECRET");
}

TEST(Secrets, DropsOneTrailingNewlineOfAFile) {
  const TempDir directory;
  for (const auto& [content, secret] : {std::pair<std::string, std::string>{"abc\n", "abc"},
                                        {"abc\r\n", "abc"},
                                        {"abc", "abc"},
                                        {" abc \n\n", " abc \n"},
                                        {"", ""}}) {
    const std::string path = directory.write("secret", content);
    EXPECT_EQ(*resolve_secret({.kind = SecretSource::Kind::file, .value = path}), secret);
  }
}

TEST(Secrets, NamesTheFileButNeverWhatIsInIt) {
  const TempDir directory;
  const auto missing = resolve_secret({.kind = SecretSource::Kind::file, .value = directory.file("none")});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(text_of(missing.status()), HasSubstr(directory.file("none")));
  const std::string big = directory.write("big", std::string(4097, 'k'));
  const auto refused = resolve_secret({.kind = SecretSource::Kind::file, .value = big});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(text_of(refused.status()), Not(HasSubstr("kkk")));
}

TEST(Secrets, WithoutASourceThereIsNone) { EXPECT_FALSE(resolve_secret({}).ok()); }

TEST(ReadFile, TakesAFileUpToTheLimitAndNoByteMore) {
  const TempDir directory;
  const std::string path = directory.write("file", std::string(10000, 'x'));
  EXPECT_EQ(read_file(path, 10000)->size(), 10000u);
  EXPECT_EQ(read_file(path, 9999).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*read_file(directory.write("none", ""), 0), "");
}

TEST(ReadFile, RefusesADirectory) {
  const TempDir directory;
  EXPECT_THAT(text_of(read_file(directory.path()).status()), HasSubstr(directory.path()));
}

TEST(ReadToken, RefusesAnEmptyOne) {
  const TempDir directory;
  EXPECT_EQ(*read_token(directory.write("token", "t0ken\n")), "t0ken");
  EXPECT_THAT(text_of(read_token(directory.write("token", "\n")).status()), HasSubstr("empty"));
  EXPECT_FALSE(read_token(directory.file("none")).ok());
}

}  // namespace
}  // namespace crossfade::proxy
