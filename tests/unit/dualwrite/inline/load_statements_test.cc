#include "dualwrite/inline/load_statements.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::HasSubstr;

TableSchema schema() {
  TableSchema table;
  table.columns = {{.name = "id", .type = ColumnClass::integer, .nullable = false, .auto_increment = true},
                   {.name = "name", .type = ColumnClass::text, .charset = "utf8mb4"},
                   {.name = "n", .type = ColumnClass::integer, .nullable = false}};
  return table;
}

routing::LoadData load(std::vector<std::string> columns) {
  routing::LoadData out;
  out.understood = true;
  out.table.table = "t`x";
  out.columns = std::move(columns);
  return out;
}

LoadRow row(const std::vector<std::string>& fields, std::uint64_t line = 1) {
  LoadRow out;
  out.line = line;
  for (const std::string& field : fields) out.fields.push_back({field, field == "NULL"});
  return out;
}

struct Maker {
  explicit Maker(const routing::LoadData& parsed, FileCharset charset = FileCharset::utf8mb4,
                 LoadStatements::ClientText text = LoadStatements::ClientText::other)
      : target(load_target(parsed, table, charset)), statements(target, charset, text, false, limits()) {}
  static LoadStatements::Limits limits() {
    LoadStatements::Limits out;
    out.packet_bytes_max = 200;
    out.rows_max = 3;
    out.bytes_max = 400;
    return out;
  }
  std::string add(const LoadRow& one) { return std::string(statements.add(one).message()); }
  std::vector<LoadStatement> take() {
    statements.finish();
    return statements.take();
  }

  TableSchema table = schema();
  LoadTarget target;
  LoadStatements statements;
};

TEST(LoadStatements, AreInsertsOfQuotedTextAndHex) {
  Maker maker(load({"name", "n"}));
  EXPECT_EQ(maker.add(row({"it's", "1"})), "");
  EXPECT_EQ(maker.add(row({"a\\b", "-2"})), "");
  EXPECT_EQ(maker.add(row({"NULL", "3"})), "");
  const auto made = maker.take();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].sql,
            "INSERT IGNORE INTO `t``x` (`name`,`n`) VALUES (_utf8mb4'it''s','1'),(_utf8mb4 0x615c62,'-2'),(NULL,'3')");
  EXPECT_EQ(maker.statements.ids(), std::nullopt);
}

TEST(LoadStatements, SayWhatCharacterSetOtherThanAsciiIsIn) {
  const std::string e = "\xc3\xa9";
  Maker utf8(load({"name"}));
  utf8.add(row({e}));
  EXPECT_THAT(utf8.take()[0].sql, HasSubstr("(_utf8mb4 0xc3a9)"));
  Maker raw(load({"name"}), FileCharset::utf8mb3, LoadStatements::ClientText::utf8mb4);
  raw.add(row({e}));
  EXPECT_THAT(raw.take()[0].sql, HasSubstr("('" + e + "')"));
  Maker latin1(load({"name"}), FileCharset::latin1, LoadStatements::ClientText::utf8mb4);
  latin1.add(row({"\xe9"}));
  EXPECT_THAT(latin1.take()[0].sql, HasSubstr("(_latin1 0xe9)"));
  Maker binary(load({"name"}), FileCharset::binary, LoadStatements::ClientText::utf8mb4);
  binary.add(row({e}));
  EXPECT_THAT(binary.take()[0].sql, HasSubstr("(_binary 0xc3a9)"));
}

TEST(LoadStatements, RefuseWhatDoesNotFitWithLineAndColumn) {
  Maker maker(load({"name", "n"}));
  EXPECT_EQ(maker.add(row({"a", "NULL"}, 7)), "line 7, column 'n': NULL in a column that is NOT NULL");
  EXPECT_EQ(maker.add(row({"a", "1x"}, 7)), "line 7, column 'n': its text is no plain number");
  EXPECT_EQ(maker.add(row({"a"}, 7)), "line 7, column 'n': the line has fewer than 2 fields");
  EXPECT_EQ(maker.add(row({"\xc3", "1"}, 7)),
            "line 7, column 'name': its text is not well-formed in its character set");
  LoadRow more = row({"a", "1"}, 7);
  more.too_many = true;
  EXPECT_EQ(maker.add(more), "line 7: the line has more than 2 fields");
  EXPECT_TRUE(maker.take().empty());
}

TEST(LoadStatements, TakeIdsAllFromTheFileOrAllFromTheServer) {
  Maker server(load({"id", "n"}));
  EXPECT_EQ(server.add(row({"NULL", "1"})), "");
  EXPECT_EQ(server.add(row({"0", "1"})), "");
  EXPECT_EQ(server.statements.ids(), IdSource::server);
  EXPECT_THAT(server.add(row({"5", "1"}, 3)), HasSubstr("line 3, column 'id': some rows give"));
  Maker client(load({"id", "n"}));
  EXPECT_EQ(client.add(row({"5", "1"})), "");
  EXPECT_EQ(client.statements.ids(), IdSource::client);
  EXPECT_THAT(client.add(row({"", "1"})), HasSubstr("no plain number"));
}

TEST(LoadStatements, EndWithRowsAndBytes) {
  Maker maker(load({"n"}));
  for (int i = 0; i < 7; ++i) EXPECT_EQ(maker.add(row({std::to_string(i)}, static_cast<std::uint64_t>(i) + 1)), "");
  const auto made = maker.take();
  ASSERT_EQ(made.size(), 3u);
  EXPECT_EQ(made[1].lines, (std::vector<std::uint64_t>{4, 5, 6}));
  EXPECT_EQ(maker.statements.rows(), 7u);
}

TEST(LoadStatements, RefuseARowPastTheServersPacketAndRowsPastTheLimit) {
  Maker maker(load({"name"}));
  const std::size_t head = maker.target.head.size();
  const std::size_t quotes = std::string("(_utf8mb4'')").size();
  EXPECT_EQ(maker.add(row({std::string(200 - head - quotes, 'x')})), "");
  EXPECT_THAT(maker.add(row({std::string(200 - head - quotes + 1, 'x')})), HasSubstr("max_allowed_packet"));
  EXPECT_EQ(maker.add(row({std::string(200 - head - quotes, 'x')})), "");
  EXPECT_EQ(maker.statements.bytes(), 400u);
  EXPECT_TRUE(absl::IsResourceExhausted(maker.statements.add(row({"x"}, 9))));
}

TEST(LoadTarget, NamesTheVisibleColumnsAndWhatSetGives) {
  TableSchema table = schema();
  table.columns[1].invisible = true;
  routing::LoadData all = load({});
  all.replace = true;
  EXPECT_EQ(load_target(all, table, FileCharset::utf8mb4).head, "REPLACE INTO `t``x` (`id`,`n`) VALUES ");
  routing::LoadData set = load({"n"});
  set.assigned.push_back({"name", {routing::ValueKind::text, "a"}, "'a'"});
  const LoadTarget target = load_target(set, table, FileCharset::utf8mb4);
  EXPECT_EQ(target.why, "");
  EXPECT_EQ(target.trial, "INSERT IGNORE INTO `t``x` (`n`,`name`) VALUES (?,?)");
  EXPECT_EQ(target.tail, ",'a'");
  EXPECT_EQ(target.shape.rows[0].size(), 2u);
}

TEST(LoadTarget, SaysWhatCannotBe) {
  TableSchema table = schema();
  EXPECT_EQ(load_target(load({"nix"}), table, FileCharset::utf8mb4).missing, "nix");
  EXPECT_THAT(load_target(load({"n", "n"}), table, FileCharset::utf8mb4).why, HasSubstr("named twice"));
  table.columns[2].generated = true;
  EXPECT_THAT(load_target(load({}), table, FileCharset::utf8mb4).why, HasSubstr("'n' is generated"));
  table.columns[1].type = ColumnClass::json;
  EXPECT_THAT(load_target(load({"name"}), table, FileCharset::binary).why, HasSubstr("JSON"));
}

TEST(FileCharset, KnowsFiveAndNoOther) {
  EXPECT_EQ(file_charset("utf8"), FileCharset::utf8mb3);
  EXPECT_EQ(file_charset("utf8mb4"), FileCharset::utf8mb4);
  EXPECT_EQ(file_charset("gbk"), std::nullopt);
}

}  // namespace
}  // namespace crossfade::dualwrite
