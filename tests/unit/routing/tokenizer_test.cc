#include "routing/tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossfade::routing {
namespace {

// Kind letter and text of each token: "w:SELECT n:1".
std::string cut(std::string_view sql, const LexerMode& mode = {}) {
  Tokenizer tokenizer(sql, mode);
  std::string out;
  for (std::size_t i = 0; i <= sql.size() + 1; ++i) {
    const Token token = tokenizer.next();
    if (token.kind == TokenKind::end) return out;
    if (!out.empty()) out += ' ';
    out += "ewqsnuvpo;!"[static_cast<std::size_t>(token.kind)];
    out += ':';
    out += token.text;
    EXPECT_EQ(sql.substr(token.offset, token.text.size()), token.text);
  }
  ADD_FAILURE() << "more tokens than bytes";
  return out;
}

TEST(Tokenizer, CutsWordsNumbersAndOperators) {
  EXPECT_EQ(cut("SELECT a,b FROM t WHERE a>=1"), "w:SELECT w:a o:, w:b w:FROM w:t w:WHERE w:a o:>= n:1");
  EXPECT_EQ(cut("a<=>b <> != || && << >> := -> ->>"), "w:a o:<=> w:b o:<> o:!= o:|| o:&& o:<< o:>> o::= o:-> o:->>");
  EXPECT_EQ(cut(""), "");
  EXPECT_EQ(cut(" \t\r\n\v\f"), "");
  EXPECT_EQ(cut("a;?"), "w:a ;:; p:?");
}

TEST(Tokenizer, TellsNumbersFromNamesThatBeginWithDigits) {
  EXPECT_EQ(cut("1 1.5 .5 5. 1e5 1E-5 1.5e+3 0x1F 0b01"), "n:1 n:1.5 n:.5 n:5. n:1e5 n:1E-5 n:1.5e+3 n:0x1F n:0b01");
  EXPECT_EQ(cut("1abc 0xZZ 0X1F 0b12 1e 1ea"), "w:1abc w:0xZZ w:0X1F w:0b12 w:1e w:1ea");
  EXPECT_EQ(cut("1.5e"), "!:1.5e");
  EXPECT_EQ(cut("5--1"), "n:5 o:- o:- n:1");
}

TEST(Tokenizer, CutsQualifiedNames) {
  EXPECT_EQ(cut("a.b"), "w:a o:. w:b");
  EXPECT_EQ(cut("a.1b"), "w:a o:. w:1b");
  EXPECT_EQ(cut("a.5"), "w:a o:. w:5");
  EXPECT_EQ(cut("`a`.`b``c`"), "q:`a` o:. q:`b``c`");
  EXPECT_EQ(cut("$a b$ \xc3\xa4\xc3\xa0"), "w:$a w:b$ w:\xc3\xa4\xc3\xa0");
}

TEST(Tokenizer, RefusesALatinBlankInsideAName) {
  EXPECT_EQ(cut("a\xa0"
                "FOR"),
            "!:a\xa0"
            "FOR");
}

TEST(Tokenizer, CutsStrings) {
  EXPECT_EQ(cut("'a''b' \"c\"\"d\" 'e\\'f'"), "s:'a''b' s:\"c\"\"d\" s:'e\\'f'");
  EXPECT_EQ(cut("'a' 'b'"), "s:'a' s:'b'");
  EXPECT_EQ(cut("x'4F' X'' b'01' n'a\\'b' _utf8mb4'x'"), "s:x'4F' s:X'' s:b'01' s:n'a\\'b' w:_utf8mb4 s:'x'");
  EXPECT_EQ(cut("x'4'"), "!:x'4'");
  EXPECT_EQ(cut("x'4G'"), "!:x'4G'");
  EXPECT_EQ(cut("b'02'"), "!:b'02'");
  EXPECT_EQ(cut(std::string("'a\0b'", 5)), "s:" + std::string("'a\0b'", 5));
}

TEST(Tokenizer, FollowsTheSqlModeInStrings) {
  const LexerMode ansi{.ansi_quotes = true};
  const LexerMode plain{.no_backslash_escapes = true};
  EXPECT_EQ(cut("\"a\"", ansi), "q:\"a\"");
  EXPECT_EQ(cut("\"a\\\"", ansi), "q:\"a\\\"");
  EXPECT_EQ(cut("'a\\'", plain), "s:'a\\'");
  EXPECT_EQ(cut("'a\\'"), "!:'a\\'");
}

TEST(Tokenizer, CutsVariables) {
  EXPECT_EQ(cut("@a @a.b @'x y' @`q` @\"d\""), "u:@a u:@a.b u:@'x y' u:@`q` u:@\"d\"");
  EXPECT_EQ(cut("@@a @@global.b @@`c`"), "v:@@a v:@@global.b v:@@`c`");
  EXPECT_EQ(cut("@@ a"), "!:@@ a");
  EXPECT_EQ(cut("@@global.`x"), "!:@@global.`x");
}

TEST(Tokenizer, SkipsComments) {
  EXPECT_EQ(cut("a -- b\nc"), "w:a w:c");
  EXPECT_EQ(cut("a --b"), "w:a o:- o:- w:b");
  EXPECT_EQ(cut("a --"), "w:a");
  EXPECT_EQ(cut("a # b\nc"), "w:a w:c");
  EXPECT_EQ(cut("a/**/b/* ' */c"), "w:a w:b w:c");
  EXPECT_EQ(cut("a /* /* */ b */"), "w:a w:b o:* o:/");
  EXPECT_EQ(cut("SELECT /*+ MAX_EXECUTION_TIME(1) */ 1"), "w:SELECT n:1");
}

TEST(Tokenizer, GivesTheTokensOfExecutableComments) {
  const LexerMode mariadb;
  const LexerMode mysql{.mariadb = false, .server_version = 90704};
  EXPECT_EQ(cut("a /*! b */ c"), "w:a w:b w:c");
  EXPECT_EQ(cut("/*!50000 b*/"), "w:b");
  EXPECT_EQ(cut("/*!100100 b*/"), "w:b");
  EXPECT_EQ(cut("/*!999999 b*/c"), "w:c");
  EXPECT_EQ(cut("/*!80000 b*/c", mariadb), "w:c");
  EXPECT_EQ(cut("/*!50699 b*/c", mariadb), "w:b w:c");
  EXPECT_EQ(cut("/*!50700 b*/c", mariadb), "w:c");
  EXPECT_EQ(cut("/*!99999 b*/c", mariadb), "w:c");
  EXPECT_EQ(cut("/*!80000 b*/c", mysql), "w:b w:c");
  EXPECT_EQ(cut("/*!090704 b*/c", mysql), "w:b w:c");
  EXPECT_EQ(cut("/*!90705 b*/c", mysql), "w:c");
  EXPECT_EQ(cut("/*M!100100 b*/c", mariadb), "w:b w:c");
  EXPECT_EQ(cut("/*M!80000 b*/c", mariadb), "w:b w:c");
  EXPECT_EQ(cut("/*M! b*/c", mysql), "w:c");
  EXPECT_EQ(cut("/*!123 b*/"), "n:123 w:b");
  EXPECT_EQ(cut("/*! a /* in */ b */ c"), "w:a w:b w:c");
  EXPECT_EQ(cut("/*!999999 a /* in */ b */ c"), "w:c");
}

TEST(Tokenizer, EndsWithOneErrorWhereTheTextBreaks) {
  for (const std::string_view sql : {"'a", "\"a", "`a", "@'a", "x'41", "/* a", "/*! a", "/*!999999 a", "n'a"}) {
    Tokenizer tokenizer(sql, {});
    Token token = tokenizer.next();
    while (token.kind != TokenKind::error && token.kind != TokenKind::end) token = tokenizer.next();
    EXPECT_EQ(token.kind, TokenKind::error) << sql;
    EXPECT_EQ(tokenizer.next().kind, TokenKind::end) << sql;
  }
  EXPECT_EQ(cut(std::string_view("a\0b", 3)), "w:a !:" + std::string("\0b", 2));
  EXPECT_EQ(cut(std::string_view("a -- \0b", 7)), "w:a !:" + std::string("\0b", 2));
}

TEST(Tokenizer, RemembersComments) {
  Tokenizer tokenizer("/*+ h */ /* one */ a /* two */ /*! b */", {});
  while (tokenizer.next().kind != TokenKind::end) {
  }
  EXPECT_EQ(tokenizer.first_comment(), " one ");
  EXPECT_TRUE(tokenizer.saw_comment());
  EXPECT_TRUE(tokenizer.saw_executable_comment());
}

TEST(Tokenizer, AHintThatSetsVariablesIsMoreThanAComment) {
  for (const auto& [sql, executable] :
       {std::pair("SELECT /*+ MAX_EXECUTION_TIME(9) set_var (sql_mode='') */ 1", true),
        std::pair("SELECT /*+ NO_ICP(t) */ 1", false), std::pair("SELECT /* SET_VAR(sql_mode='') */ 1", false)}) {
    Tokenizer tokenizer(sql, {});
    while (tokenizer.next().kind != TokenKind::end) {
    }
    EXPECT_EQ(tokenizer.saw_executable_comment(), executable) << sql;
  }
}

TEST(Tokenizer, UndoesQuotesOfNames) {
  EXPECT_EQ(plain_name("`a``b`"), "a`b");
  EXPECT_EQ(plain_name("\"a\"\"b\""), "a\"b");
  EXPECT_EQ(plain_name("ab"), "ab");
  EXPECT_EQ(plain_name("``"), "");
}

TEST(Tokenizer, ComparesWordsWithoutCase) {
  EXPECT_TRUE(is_word({TokenKind::word, "sElect", 0}, "SELECT"));
  EXPECT_FALSE(is_word({TokenKind::quoted_name, "SELECT", 0}, "SELECT"));
  EXPECT_FALSE(is_word({TokenKind::word, "SELECTS", 0}, "SELECT"));
}

LexerMode of(MultiByte charset) {
  LexerMode mode;
  mode.multi_byte = charset;
  return mode;
}

TEST(Tokenizer, KeepsCharactersOfSeveralBytesWhole) {
  const LexerMode gbk = of(MultiByte::gbk);
  // A backslash, a backtick, a bracket or a bar in second place is none.
  EXPECT_EQ(cut("'\x95\\' ;", gbk), "s:'\x95\\' ;:;");
  EXPECT_EQ(cut("'\x95\\' ;"), "!:'\x95\\' ;");
  EXPECT_EQ(cut("'a\\\\\x95\\', 'b'", gbk), "s:'a\\\\\x95\\' o:, s:'b'");
  EXPECT_EQ(cut("a\x95[b.\x95|", gbk), "w:a\x95[b o:. w:\x95|");
  EXPECT_EQ(cut("\x95`", gbk), "w:\x95`");
  EXPECT_EQ(cut("`\x95|`", gbk), "q:`\x95|`");
  EXPECT_EQ(cut("N'\x95\\' @'\x95\\'", gbk), "s:N'\x95\\' u:@'\x95\\'");
  EXPECT_EQ(cut("/* \x95 */ 1 -- \x95\n 2", gbk), "n:1 n:2");     // comments end by bytes
  EXPECT_EQ(cut("'\xb1\\'", of(MultiByte::sjis)), "!:'\xb1\\'");  // katakana is one byte, and the backslash is one
  EXPECT_EQ(cut("'\x95\\'", of(MultiByte::sjis)), "s:'\x95\\'");
  EXPECT_EQ(cut("'\xa5\\'", of(MultiByte::big5)), "s:'\xa5\\'");
  EXPECT_EQ(cut("'\x81\x30\x81\x30\x95\\'", of(MultiByte::gb18030)), "s:'\x81\x30\x81\x30\x95\\'");
}

TEST(Tokenizer, GivesUpWhereBytesAreNoCharacterOrServersGoByBytes) {
  const LexerMode gbk = of(MultiByte::gbk);
  for (const std::string_view sql : {"'\x95'", "'\x80'", "'\xff'", "`\x95`", "\x95'", "\x80x", "'\\\x95\\'", "`\x95``",
                                     "@\x95\\", "@a\xb0\xa1", "@@\xb0\xa1", "'\x95"}) {
    EXPECT_EQ(cut(sql, gbk), "!:" + std::string(sql));
  }
  EXPECT_EQ(cut("'\x81\x30\x81'", of(MultiByte::gb18030)), "!:'\x81\x30\x81'");
  EXPECT_EQ(cut("'\x95'", of(MultiByte::big5)), "!:'\x95'");
}

}  // namespace
}  // namespace crossfade::routing
