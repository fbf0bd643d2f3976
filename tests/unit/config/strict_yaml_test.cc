#include "config/strict_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/lines.h"

namespace crossfade::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Kind = YamlNode::Kind;

std::vector<std::string> refused(std::string_view text) {
  Problems problems;
  parse_strict_yaml(text, problems);
  return lines(problems.take());
}

YamlNode accepted(std::string_view text) {
  Problems problems;
  std::optional<YamlNode> root = parse_strict_yaml(text, problems);
  EXPECT_THAT(lines(problems.take()), IsEmpty());
  return root.value_or(YamlNode{});
}

TEST(StrictYaml, BuildsATreeThatKnowsEveryPlace) {
  const YamlNode root = accepted("# a comment\na: 1\nlist:\n  - x\n  - {b: 'q'}\n");
  ASSERT_EQ(root.kind, Kind::map);
  ASSERT_EQ(root.entries.size(), 2u);
  const auto& [a, one] = root.entries[0];
  EXPECT_EQ(a.text, "a");
  EXPECT_EQ(a.line, 2);
  EXPECT_EQ(a.column, 1);
  EXPECT_EQ(one.text, "1");
  EXPECT_EQ(one.column, 4);
  EXPECT_FALSE(one.quoted);
  const YamlNode& list = root.entries[1].value;
  ASSERT_EQ(list.kind, Kind::sequence);
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].text, "x");
  EXPECT_EQ(list.items[0].line, 4);
  EXPECT_EQ(list.items[0].column, 5);
  const YamlNode& quoted = list.items[1].entries[0].value;
  EXPECT_EQ(quoted.text, "q");
  EXPECT_TRUE(quoted.quoted);
  EXPECT_EQ(quoted.line, 5);
  EXPECT_EQ(quoted.column, 9);
}

TEST(StrictYaml, PlacesAMissingValueAtItsKey) {
  const YamlNode root = accepted("a: 1\nb:\nc: ~\n");
  EXPECT_EQ(root.entries[1].value.kind, Kind::null);
  EXPECT_EQ(root.entries[1].value.line, 2);
  EXPECT_EQ(root.entries[1].value.column, 1);
  EXPECT_EQ(root.entries[2].value.kind, Kind::null);
  EXPECT_EQ(root.entries[2].value.line, 3);
}

TEST(StrictYaml, TakesAByteOrderMarkAndWindowsLineEnds) {
  const YamlNode root = accepted(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  ASSERT_EQ(root.entries.size(), 2u);
  EXPECT_EQ(root.entries[0].value.text, "1");
  EXPECT_EQ(root.entries[1].key.line, 2);
}

TEST(StrictYaml, TakesOneDocumentWithItsMarkers) {
  EXPECT_EQ(accepted("---\na: 1\n...\n# the end\n").entries.size(), 1u);
}

TEST(StrictYaml, RefusesAnEmptyFile) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~\n"}) {
    EXPECT_THAT(refused(text), ElementsAre("0:0: the file is empty")) << text;
  }
}

TEST(StrictYaml, RefusesADuplicateKeyAndNamesBothPlaces) {
  EXPECT_THAT(refused("a: 1\nb: 2\na: 3\n"), ElementsAre("3:1: duplicate key \"a\": it stands at 1:1 already"));
  EXPECT_THAT(refused("x: {k: 1, 'k': 2}\n"), ElementsAre("1:11: duplicate key \"k\": it stands at 1:5 already"));
}

TEST(StrictYaml, KeepsTheFirstOfTwoEqualKeys) {
  Problems problems;
  const std::optional<YamlNode> root = parse_strict_yaml("a: 1\na: 2\n", problems);
  ASSERT_TRUE(root.has_value());
  ASSERT_EQ(root->entries.size(), 1u);
  EXPECT_EQ(root->entries[0].value.text, "1");
}

TEST(StrictYaml, TakesTheSameKeyInDifferentMaps) { accepted("a: {k: 1}\nb: {k: 1}\nc: [{k: 1}, {k: 1}]\n"); }

TEST(StrictYaml, RefusesAnchorsAliasesAndMergeKeys) {
  EXPECT_THAT(refused("a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n"),
              ElementsAre("1:4: anchors (&name) are not supported: write the value out where it is needed",
                          "2:4: aliases (*name) are not supported: write the value out, or quote a text that starts "
                          "with *",
                          "4:3: merge keys (<<) are not supported: write the keys out",
                          "4:7: aliases (*name) are not supported: write the value out, or quote a text that starts "
                          "with *"));
}

TEST(StrictYaml, RefusesAnUnquotedStarAsAnAlias) {
  EXPECT_THAT(refused("hash: *2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19\n"),
              ElementsAre(StartsWith("1:7: aliases (*name) are not supported: write the value out, or quote")));
}

TEST(StrictYaml, RefusesTags) {
  EXPECT_THAT(
      refused("a: !!str 1\nb: !mine {}\nc: !!seq []\n"),
      ElementsAre("1:4: tags (!name) are not supported: remove it", "2:4: tags (!name) are not supported: remove it",
                  "3:4: tags (!name) are not supported: remove it"));
}

TEST(StrictYaml, RefusesASecondDocument) {
  EXPECT_THAT(refused("a: 1\n---\nb: 2\n"), ElementsAre("2:1: a second document starts here: a file holds one"));
  EXPECT_THAT(refused("a: 1\n---\n"), ElementsAre("2:1: a second document starts here: a file holds one"));
}

TEST(StrictYaml, RefusesKeysThatAreNoWords) {
  EXPECT_THAT(refused("? [a]\n: b\n"), ElementsAre("1:3: a key must be a single word"));
  EXPECT_THAT(refused("{{a: 1}: b}\n"), ElementsAre("1:2: a key must be a single word"));
  EXPECT_THAT(refused("~: b\n"), ElementsAre("1:1: a key must be a single word"));
}

TEST(StrictYaml, RefusesTabsOnceALine) {
  EXPECT_THAT(refused("a: 1\n\tb: 2\t\t# x\nc:\t3\n"),
              ElementsAre("2:1: a tab: use spaces (in a quoted value, write \\t)",
                          "3:3: a tab: use spaces (in a quoted value, write \\t)"));
}

TEST(StrictYaml, TakesAnEscapedTabInQuotes) { EXPECT_EQ(accepted("a: \"x\\ty\"\n").entries[0].value.text, "x\ty"); }

TEST(StrictYaml, RefusesControlCharacters) {
  EXPECT_THAT(refused("a: 1\nb\x04: 2\n"), ElementsAre("2:2: a control character"));
  EXPECT_THAT(refused(std::string_view("a\0b: 1\n", 7)), ElementsAre("1:2: a control character"));
  EXPECT_THAT(refused("a: \x7F\n"), ElementsAre("1:4: a control character"));
  EXPECT_THAT(refused("a: 1\rb: 2\n"), ElementsAre("1:5: a carriage return without a line feed"));
  EXPECT_THAT(refused("a: 1\r"), ElementsAre("1:5: a carriage return without a line feed"));
}

TEST(StrictYaml, RefusesMalformedUtf8) {
  for (const char* bytes : {"\x80", "\xFF\xFE", "\xC0\xAF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE2\x82", "\xED\xA0\x80",
                            "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_THAT(refused("a: " + std::string(bytes) + "\n"), ElementsAre("1:4: not valid UTF-8"));
  }
}

TEST(StrictYaml, TakesUtf8OfEveryLength) {
  const std::string text = "\xC3\xA9\xE2\x82\xAC\xED\x9F\xBF\xEE\x80\x80\xF0\x9F\x98\x80\xF0\x90\x80\x80";
  EXPECT_EQ(accepted("a: \"" + text + "\"\n").entries[0].value.text, text);
}

TEST(StrictYaml, PlacesWhatYamlCppRefuses) {
  EXPECT_THAT(refused("a: 1\nb: [1, 2\n"), ElementsAre(StartsWith("3:1: not valid YAML: ")));
  EXPECT_THAT(refused("a: b: c\n"), ElementsAre(StartsWith("1:5: not valid YAML: ")));
}

TEST(StrictYaml, RefusesAQuoteThatIsNeverClosed) {
  for (const char* text : {"a: \"open", "a: \"open\n", "a: 'open\n", "a: \"open\nb: 1\n"}) {
    EXPECT_THAT(refused(text), ElementsAre(HasSubstr("not valid YAML: "))) << text;
  }
}

TEST(StrictYaml, KeepsWhatItFoundBeforeASyntaxError) {
  EXPECT_THAT(refused("a: 1\na: 2\nb: c: d\n"),
              ElementsAre(StartsWith("2:1: duplicate key"), StartsWith("3:5: not valid")));
}

TEST(StrictYaml, TakesOneMebibyteAndRefusesOneByteMore) {
  std::string text = "a: 1\n#";
  text.append(kYamlBytesMax - text.size(), 'x');
  accepted(text);
  text += 'x';
  EXPECT_THAT(refused(text), ElementsAre("0:0: the file is larger than 1 MiB"));
}

TEST(StrictYaml, Takes32LevelsAndRefuses33) {
  accepted(std::string(32, '[') + std::string(32, ']'));
  EXPECT_THAT(refused(std::string(33, '[') + std::string(33, ']')), ElementsAre("1:33: nested deeper than 32 levels"));
  EXPECT_THAT(refused(std::string(100'000, '[')), ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_THAT(refused(std::string(100'000, '{')), ElementsAre(HasSubstr("nested deeper than 32 levels")));
}

TEST(StrictYaml, ReadsManyKeysInReasonableTime) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(accepted(text).entries.size(), 50'000u);
}

TEST(Problems, HoldsAHundredInTheOrderOfTheFileAndSaysThatThereAreMore) {
  Problems problems;
  for (int i = 100; i > 0; --i) problems.add({.line = i, .column = 1, .message = "x"});
  EXPECT_EQ(problems.take().size(), 100u);
  EXPECT_TRUE(problems.empty());
  for (int i = 101; i > 0; --i) problems.add({.line = i, .column = 1, .message = "x"});
  const std::vector<Problem> list = problems.take();
  ASSERT_EQ(list.size(), 101u);
  EXPECT_EQ(list.front().line, 2);
  EXPECT_EQ(list.back().message, "there are more problems than are shown");
}

TEST(InQuotes, ShortensAndHidesControlCharacters) {
  EXPECT_EQ(in_quotes("plain"), "\"plain\"");
  EXPECT_EQ(in_quotes("a\nb\x1B[31m"), "\"a?b?[31m\"");
  EXPECT_EQ(in_quotes(std::string(60, 'x')), "\"" + std::string(60, 'x') + "\"");
  EXPECT_EQ(in_quotes(std::string(61, 'x')), "\"" + std::string(60, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(59, 'x') + "\xC3\xA9"), "\"" + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace crossfade::config
