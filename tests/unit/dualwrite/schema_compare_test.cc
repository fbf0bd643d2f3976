#include "dualwrite/schema_compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "dualwrite/column_compare.h"
#include "dualwrite/ddl.h"
#include "dualwrite/definition_text.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ServerMakes kMariadb{.leader_is_mariadb = true, .follower_is_mariadb = true};

DefinedColumn column(std::string name, std::string type, std::string column_type) {
  DefinedColumn out;
  out.name = std::move(name);
  out.data_type = std::move(type);
  out.column_type = std::move(column_type);
  out.is_unsigned = out.column_type.find("unsigned") != std::string::npos;
  return out;
}

DefinedColumn text(std::string name, std::uint64_t length, std::string collation = "utf8mb4_general_ci") {
  DefinedColumn out = column(std::move(name), "varchar", "varchar(" + std::to_string(length) + ")");
  out.length = length;
  out.charset = collation.substr(0, collation.find('_'));
  out.collation = std::move(collation);
  return out;
}

DefinedKey key(std::string name, bool unique, std::vector<std::string> columns) {
  DefinedKey out;
  out.name = std::move(name);
  out.unique = unique;
  out.type = "BTREE";
  for (std::string& each : columns)
    out.parts.push_back({.column = std::move(each), .prefix = {}, .descending = false, .expression = {}});
  return out;
}

TableDefinition table() {
  TableDefinition out;
  out.name = {.schema = "app", .table = "t"};
  out.engine = "InnoDB";
  out.charset = "utf8mb4";
  out.collation = "utf8mb4_general_ci";
  out.columns = {column("id", "int", "int(11)"), text("s", 20), column("n", "bigint", "bigint(20)")};
  out.columns[0].nullable = false;
  out.keys = {key("PRIMARY", true, {"id"}), key("u", true, {"s"}), key("n", false, {"n"})};
  return out;
}

using Change = std::function<void(TableDefinition&)>;

// The codes with their severities of what a change of the follower, or of the leader, gives.
std::vector<std::string> found(const Change& follower_change, ServerMakes makes = kToMysql,
                               const Change& leader_change = {}) {
  TableDefinition leader = table(), follower = table();
  follower.columns[0].column_type = "int";
  follower.columns[2].column_type = "bigint";
  if (follower_change) follower_change(follower);
  if (leader_change) leader_change(leader);
  std::vector<std::string> out;
  for (const SchemaFinding& finding : compare_schemas({{leader.name, leader}}, {{follower.name, follower}}, makes))
    out.push_back(std::to_string(static_cast<int>(finding.severity)) + finding.code);
  return out;
}

TEST(CompareSchemas, FindsNothingInWhatIsTheMakesOwnSpelling) {
  EXPECT_THAT(found({}), IsEmpty());
  EXPECT_THAT(found(
                  [](TableDefinition& follower) {
                    follower.columns[1].default_value = "it's";
                    follower.columns[2].default_value = "7";
                    follower.checks = {{.name = "t_chk_1", .clause = "((`n` > 3) and (length(`s`) <> 2))"}};
                  },
                  kToMysql,
                  [](TableDefinition& leader) {
                    leader.columns[1].default_value = "'it''s'";
                    leader.columns[2].default_value = "7";
                    leader.checks = {{.name = "CONSTRAINT_1", .clause = "`n` > 3 and octet_length(`s`) <> 2"}};
                  }),
              IsEmpty());
}

TEST(CompareSchemas, FindsWhatCannotBeCarried) {
  EXPECT_THAT(found([](TableDefinition& t) {
                t.columns.pop_back();
                t.keys.pop_back();
              }),
              ElementsAre("2column_missing", "1index_missing"));
  EXPECT_THAT(found([](TableDefinition& t) { t.columns.push_back(column("x", "int", "int")); }),
              ElementsAre("2column_extra"));
  EXPECT_THAT(found([](TableDefinition& t) { t.columns[2].nullable = false; }), ElementsAre("2not_null"));
  EXPECT_THAT(found([](TableDefinition& t) { t.columns[2].generated = DefinedColumn::Generated::stored; }),
              ElementsAre("2generated_on_follower"));
  EXPECT_THAT(found([](TableDefinition& t) { t.keys[0] = key("PRIMARY", true, {"n"}); }),
              ElementsAre("2primary_key_differs"));
  EXPECT_THAT(found([](TableDefinition& t) { t.keys.push_back(key("v", true, {"n"})); }),
              ElementsAre("2unique_key_extra"));
  EXPECT_THAT(found([](TableDefinition& t) { t.engine = "MyISAM"; }), ElementsAre("2engine_not_transactional"));
  EXPECT_THAT(found([](TableDefinition& t) { t.checks = {{.name = "c", .clause = "(`n` > 1)"}}; }),
              ElementsAre("2check_extra"));
  // Whatever else the leader checks.
  EXPECT_THAT(found([](TableDefinition& t) { t.checks = {{.name = "c", .clause = "(`n` > 1)"}}; }, kToMysql,
                    [](TableDefinition& t) { t.checks = {{.name = "c", .clause = "`n` > 0"}}; }),
              ElementsAre("2check_extra", "1check_missing"));
  EXPECT_THAT(found([](TableDefinition& t) { t.kind = TableDefinition::Kind::view; }), ElementsAre("2kind_differs"));
}

TEST(CompareSchemas, AllowsAUniqueKeyThatTheLeadersImplies) {
  EXPECT_THAT(found([](TableDefinition& t) { t.keys.push_back(key("v", true, {"n", "id"})); }), IsEmpty());
  // A prefix is unique where the whole is not.
  EXPECT_THAT(found([](TableDefinition& t) { t.keys[1].parts[0].prefix = 5; }),
              ElementsAre("2unique_key_extra", "1unique_key_missing"));
}

TEST(CompareSchemas, FindsAKeyThatFoldsMore) {
  const auto collate = [](const char* collation) {
    return [collation](TableDefinition& t) { t.columns[1].collation = collation; };
  };
  EXPECT_THAT(found(collate("utf8mb4_general_ci"), kToMysql, collate("utf8mb4_bin")),
              ElementsAre("2key_collation_folds_more", "1collation_differs"));
  EXPECT_THAT(found(collate("utf8mb4_bin")), ElementsAre("1collation_differs"));
  EXPECT_THAT(found(collate("utf8mb4_unicode_520_nopad_ci"), kToMariadb, collate("utf8mb4_0900_ai_ci")),
              ElementsAre("0key_collation_nearly"));
}

TEST(CompareSchemas, MindsTriggersMoreWhereRowsGoBySql) {
  EXPECT_THAT(found([](TableDefinition& t) { t.triggers = {"tr"}; }), ElementsAre("1trigger_on_follower"));
  EXPECT_THAT(found([](TableDefinition& t) {
                t.triggers = {"tr"};
                t.columns[1] = text("s", 30);
              }),
              ElementsAre("2trigger_on_follower", "0type_wider"));
  EXPECT_THAT(found({}, kToMysql, [](TableDefinition& t) { t.triggers = {"tr"}; }), ElementsAre("1trigger_missing"));
  // Those that feed the follower are no part of the table.
  EXPECT_THAT(found({}, kToMysql, [](TableDefinition& t) { t.triggers = {"crossfade_i_7"}; }), IsEmpty());
}

TEST(CompareSchemas, MindsCascadesOfALeaderThatDoesNotLogThem) {
  const auto foreign = [](const char* on_delete) {
    return [on_delete](TableDefinition& t) {
      t.foreign_keys.resize(1);
      t.foreign_keys[0] = {.name = "f",
                           .columns = {"n"},
                           .parent = {"app", "p"},
                           .parent_columns = {"id"},
                           .on_update = "RESTRICT",
                           .on_delete = on_delete};
    };
  };
  EXPECT_THAT(found(foreign("NO ACTION"), kToMysql, foreign("RESTRICT")), IsEmpty());
  EXPECT_THAT(found(foreign("CASCADE"), kToMysql, foreign("RESTRICT")), ElementsAre("2cascade_differs"));
  EXPECT_THAT(found(foreign("CASCADE"), kToMariadb, foreign("RESTRICT")), ElementsAre("1cascade_differs"));
  EXPECT_THAT(found({}, kToMysql, foreign("CASCADE")), ElementsAre("2cascade_one_side"));
  EXPECT_THAT(found({}, kToMysql, foreign("RESTRICT")), ElementsAre("1foreign_key_missing"));
  EXPECT_THAT(found({}, kToMariadb, foreign("CASCADE")), ElementsAre("1foreign_key_missing"));
  EXPECT_THAT(found(foreign("RESTRICT")), ElementsAre("2foreign_key_extra"));
}

TEST(CompareSchemas, WarnsOfWhatWillDifferOnceTheFollowerLeads) {
  EXPECT_THAT(found([](TableDefinition& t) { std::swap(t.columns[1], t.columns[2]); }), ElementsAre("1column_order"));
  EXPECT_THAT(found([](TableDefinition& t) { t.columns[2].default_value = "8"; }), ElementsAre("1default_differs"));
  EXPECT_THAT(found([](TableDefinition& t) { t.columns[2].invisible = true; }), ElementsAre("1invisible_differs"));
  EXPECT_THAT(found({}, kToMysql, [](TableDefinition& t) { t.columns[0].auto_increment = true; }),
              ElementsAre("1auto_increment_missing"));
  EXPECT_THAT(found([](TableDefinition& t) { t.partitioned = true; }), ElementsAre("1partitioning_differs"));
  EXPECT_THAT(found([](TableDefinition& t) { t.collation = "utf8mb4_bin"; }), ElementsAre("1table_collation_differs"));
}

TEST(CompareSchemas, SaysHowToMakeAMissingTable) {
  const TableDefinition leader = table();
  const auto findings = compare_schemas({{leader.name, leader}}, {}, kToMysql);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].code, "table_missing");
  EXPECT_THAT(findings[0].advice, HasSubstr("CREATE TABLE `app`.`t`"));
  EXPECT_EQ(compare_schemas({}, {{leader.name, leader}}, kToMysql)[0].code, "table_extra");
}

TEST(CompareSchemas, RefusesASystemVersionedTable) {
  EXPECT_THAT(found({}, kToMysql, [](TableDefinition& t) { t.kind = TableDefinition::Kind::system_versioned; }),
              ElementsAre("2system_versioned"));
}

TEST(CompareTypes, TellsNarrowerFromWider) {
  const auto fit = [](DefinedColumn leader, DefinedColumn follower) {
    return compare_types(leader, follower, kToMysql).fit;
  };
  const auto sized = [](std::string type, std::uint64_t length) {
    DefinedColumn out = column("c", type, type);
    out.length = length;
    return out;
  };
  const auto number = [](std::string type, std::uint32_t precision, std::uint32_t scale) {
    DefinedColumn out = column("c", type, type);
    out.precision = precision;
    out.scale = scale;
    return out;
  };
  const auto moment = [](std::string type, std::uint32_t fraction) {
    DefinedColumn out = column("c", type, type);
    out.fraction = fraction;
    return out;
  };
  EXPECT_EQ(fit(column("c", "int", "int(11)"), column("c", "int", "int")), TypeFit::same);
  EXPECT_EQ(fit(column("c", "int", "int"), column("c", "bigint", "bigint")), TypeFit::converted);
  EXPECT_EQ(fit(column("c", "int", "int unsigned"), column("c", "bigint", "bigint")), TypeFit::converted);
  EXPECT_EQ(fit(column("c", "int", "int unsigned"), column("c", "int", "int")), TypeFit::narrower);
  EXPECT_EQ(fit(column("c", "int", "int"), column("c", "bigint", "bigint unsigned")), TypeFit::narrower);
  EXPECT_EQ(fit(number("decimal", 10, 2), number("decimal", 12, 3)), TypeFit::converted);
  EXPECT_EQ(fit(number("decimal", 10, 2), number("decimal", 10, 3)), TypeFit::narrower);
  EXPECT_EQ(fit(text("c", 20), text("c", 19)), TypeFit::narrower);
  EXPECT_EQ(fit(text("c", 20, "latin1_bin"), text("c", 20)), TypeFit::converted);
  EXPECT_EQ(fit(text("c", 20), text("c", 20, "utf8mb3_bin")), TypeFit::narrower);
  EXPECT_EQ(fit(sized("varbinary", 20), sized("blob", 65535)), TypeFit::converted);
  EXPECT_EQ(fit(sized("binary", 20), sized("binary", 21)), TypeFit::different);
  // As fit_column() carries them.
  EXPECT_EQ(fit(sized("binary", 20), sized("varbinary", 20)), TypeFit::converted);
  EXPECT_EQ(fit(sized("binary", 20), sized("varbinary", 19)), TypeFit::narrower);
  EXPECT_EQ(fit(sized("binary", 20), sized("blob", 65535)), TypeFit::converted);
  EXPECT_EQ(fit(sized("varbinary", 20), sized("binary", 20)), TypeFit::different);
  DefinedColumn fixed = text("c", 20);
  fixed.data_type = "char";
  fixed.column_type = "char(20)";
  EXPECT_EQ(fit(fixed, text("c", 20)), TypeFit::converted);
  EXPECT_EQ(fit(fixed, text("c", 30)), TypeFit::converted);
  EXPECT_EQ(fit(fixed, text("c", 19)), TypeFit::narrower);
  EXPECT_EQ(fit(fixed, text("c", 20, "latin1_bin")), TypeFit::narrower);
  EXPECT_EQ(fit(text("c", 20), fixed), TypeFit::different);
  EXPECT_EQ(fit(moment("datetime", 3), moment("datetime", 6)), TypeFit::converted);
  EXPECT_EQ(fit(moment("datetime", 3), moment("datetime", 0)), TypeFit::narrower);
  EXPECT_EQ(fit(moment("datetime", 3), moment("timestamp", 3)), TypeFit::different);
  EXPECT_EQ(fit(column("c", "enum", "enum('a','b')"), column("c", "enum", "enum('a','b','c')")), TypeFit::converted);
  EXPECT_EQ(fit(column("c", "enum", "enum('a','b')"), column("c", "enum", "enum('b','a')")), TypeFit::different);
  EXPECT_EQ(fit(column("c", "uuid", "uuid"), sized("binary", 16)), TypeFit::different);
  EXPECT_EQ(fit(column("c", "uuid", "uuid"), text("c", 36, "ascii_general_ci")), TypeFit::converted);
  EXPECT_EQ(fit(column("c", "inet6", "inet6"), text("c", 38, "ascii_general_ci")), TypeFit::narrower);
  EXPECT_EQ(fit(column("c", "text", "text /*M!100301 COMPRESSED*/"), column("c", "text", "text")), TypeFit::different);
  // As many characters, but a TEXT counts bytes.
  DefinedColumn latin = sized("text", 65535), utf = sized("text", 65535);
  latin.charset = "latin1";
  utf.charset = "utf8mb4";
  EXPECT_EQ(fit(latin, utf), TypeFit::narrower);
  // The same bytes in either.
  for (const char* charset : {"utf8mb3", "ascii"}) {
    latin.charset = charset;
    EXPECT_EQ(fit(latin, utf), TypeFit::converted) << charset;
  }
  EXPECT_EQ(fit(column("c", "point", "point"), column("c", "geometry", "geometry")), TypeFit::same);
  EXPECT_EQ(fit(column("c", "geometry", "geometry"), column("c", "point", "point")), TypeFit::different);
}

TEST(DefinitionText, TakesTheMakesDefaultsForTheSame) {
  const auto same = [](const char* mariadb, bool mariadb_computes, const char* mysql, bool mysql_computes,
                       const char* charset = "utf8mb4") {
    DefinedColumn a, b;
    a.default_value = mariadb;
    b.default_value = mysql;
    a.default_is_expression = mariadb_computes;
    b.default_is_expression = mysql_computes;
    a.charset = b.charset = charset;
    return same_default(a, true, b, false);
  };
  EXPECT_TRUE(same("'it''s'", false, "it's", false));
  EXPECT_TRUE(same(R"('a\\b\n')", false, "a\\b\n", false));
  EXPECT_TRUE(same("'abc'", false, "_utf8mb4'abc'", true));
  EXPECT_TRUE(same("current_timestamp()", true, "CURRENT_TIMESTAMP", true, ""));
  EXPECT_TRUE(same("uuid()", true, "uuid()", true));
  EXPECT_TRUE(same("curdate()", true, "curdate()", true, ""));
  EXPECT_TRUE(same("'ab\\0\\0'", false, "0x6162", false, ""));
  EXPECT_TRUE(same("'?x'", false, "\xf0\x9f\x98\x80x", false));
  EXPECT_FALSE(same("'abc'", false, "abd", false));
  EXPECT_FALSE(same("'uuid()'", false, "uuid()", true));
  EXPECT_FALSE(same("'?x'", false, "\xf0\x9f\x98\x80y", false));
  // MariaDB tells of all other characters, and MySQL of all.
  EXPECT_FALSE(same("'?'", false, "N", false));
  EXPECT_FALSE(same("'?'", false, "\xc3\xa9", false));
  EXPECT_FALSE(same("'N'", false, "?", false));
  EXPECT_TRUE(same("'?'", false, "?", false));
}

TEST(DefinitionText, PutsExpressionsInOneForm) {
  EXPECT_EQ(common_expression("((`A` + 1) > 2)"), common_expression("`a` + 1 > 2"));
  EXPECT_EQ(common_expression("concat(`a`,_utf8mb4'x\\'y')"), common_expression("concat(`a`,'x''y')"));
  EXPECT_NE(common_expression("`a` + 1"), common_expression("`a` + 2"));
  EXPECT_TRUE(same_but_for_order("`s` not like 'x'", "(not((`s` like _utf8mb4'x')))"));
  EXPECT_TRUE(same_but_for_order("`a` xor `b`", "((0 <> `a`) xor (0 <> `b`))"));
  EXPECT_FALSE(same_but_for_order("`a` > 1", "`a` > 2"));
}

TEST(SchemaCompare, OnlyABlockerThatIsSeenTwiceCounts) {
  TableDefinition other = table();
  other.name.table = "u";
  const std::map<TableRef, TableDefinition> sound = {{table().name, table()}, {other.name, other}};
  std::map<TableRef, TableDefinition> follower = sound;
  follower.at(other.name).columns[1].length = 10;  // this one is really so
  std::map<TableRef, TableDefinition> in_between = sound;
  in_between.at(table().name).keys.clear();  // as a server tells that could not have a look at the keys
  const auto first = compare_schemas(in_between, follower, kMariadb);
  const auto blocked = [](const std::vector<SchemaFinding>& findings, const TableRef& name) {
    return std::any_of(findings.begin(), findings.end(), [&name](const SchemaFinding& finding) {
      return finding.severity == Severity::blocker && finding.table == name;
    });
  };
  ASSERT_TRUE(blocked(first, table().name));
  ASSERT_TRUE(blocked(first, other.name));
  const auto twice = seen_twice(first, compare_schemas(sound, follower, kMariadb));
  EXPECT_FALSE(blocked(twice, table().name));
  EXPECT_TRUE(blocked(twice, other.name));
  EXPECT_EQ(seen_twice(first, first), first);
}

TEST(CreateStatements, PutIndexesAndForeignKeysApart) {
  TableDefinition definition = table();
  definition.columns[0].auto_increment = true;
  definition.columns[1].default_value = "'it''s'";
  definition.columns[2].comment = "a\\b";
  definition.comment = "c'd";
  definition.foreign_keys.resize(1);
  definition.foreign_keys[0] = {.name = "f",
                                .columns = {"n"},
                                .parent = {"app", "p"},
                                .parent_columns = {"id"},
                                .on_update = "CASCADE",
                                .on_delete = "SET NULL"};
  const auto made = create_statements(definition, kToMysql);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->table,
            "CREATE TABLE `app`.`t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `s` varchar(20) CHARACTER SET "
            "utf8mb4 COLLATE "
            "utf8mb4_general_ci NULL DEFAULT 'it''s',\n  `n` bigint(20) NULL COMMENT 'a\\\\b',\n  PRIMARY KEY "
            "(`id`)\n) ENGINE=InnoDB DEFAULT "
            "CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='c''d'");
  const auto is = [](const char* name, const char* sql) {
    return AllOf(Field(&NamedStatement::name, name), Field(&NamedStatement::sql, sql));
  };
  EXPECT_THAT(made->indexes, ElementsAre(is("u", "ALTER TABLE `app`.`t` ADD UNIQUE KEY `u` (`s`)"),
                                         is("n", "ALTER TABLE `app`.`t` ADD KEY `n` (`n`)")));
  EXPECT_THAT(made->foreign_keys,
              ElementsAre(is("f",
                             "ALTER TABLE `app`.`t` ADD CONSTRAINT `f` FOREIGN KEY (`n`) REFERENCES `app`.`p` "
                             "(`id`) ON DELETE SET NULL ON UPDATE CASCADE")));
}

TEST(CreateStatements, LeaveOutWhatMariadbHasNot) {
  TableDefinition definition = table();
  definition.keys[1].parts[0].column.clear();
  definition.keys[1].parts[0].expression = "lower(`s`)";
  const auto made = create_statements(definition, {.leader_is_mariadb = false, .follower_is_mariadb = true});
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_EQ(made->indexes.size(), 1u);
  EXPECT_EQ(made->indexes[0].name, "n");
}

TEST(CreateStatements, AddOneColumnInTheLeadersPlace) {
  const TableDefinition definition = table();
  EXPECT_EQ(*add_column_statement(definition, definition.columns[0], kToMysql),
            "ALTER TABLE `app`.`t` ADD COLUMN `id` int(11) NOT NULL FIRST");
  EXPECT_EQ(*add_column_statement(definition, definition.columns[1], kToMysql),
            "ALTER TABLE `app`.`t` ADD COLUMN `s` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL "
            "AFTER `id`");
}

TEST(CreateStatements, MindTheUniqueKeysThatComeLater) {
  TableDefinition definition = table();
  definition.columns[1] = text("S", 20, "utf8mb4_uca1400_german2_ai_ci");
  EXPECT_THAT(create_statements(definition, kToMysql)->table, HasSubstr("COLLATE utf8mb4_bin"));
  definition.keys[1].unique = false;
  EXPECT_THAT(create_statements(definition, kToMysql)->table, HasSubstr("COLLATE utf8mb4_de_pb_0900_ai_ci"));
}

TEST(CreateStatements, IdsOfASequenceAreCountedByTheTableOnMysql) {
  TableDefinition definition = table();
  definition.columns[0].default_value = "nextval(`app`.`s`)";
  definition.columns[0].default_is_expression = true;
  EXPECT_THAT(create_statements(definition, kToMysql)->table, HasSubstr("`id` int(11) NOT NULL AUTO_INCREMENT,"));
  EXPECT_THAT(create_statements(definition, kMariadb)->table, HasSubstr("nextval(`app`.`s`)"));
  TableDefinition follower = table();
  follower.columns[0].auto_increment = true;
  const auto found = compare_schemas({{definition.name, definition}}, {{follower.name, follower}}, kToMysql);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].code, "sequence_as_auto_increment");
  EXPECT_EQ(found[0].severity, Severity::note);
  // Of what is no key it cannot be.
  definition.columns[2].default_value = definition.columns[0].default_value;
  definition.columns[2].default_is_expression = true;
  definition.columns[0].default_value.reset();
  definition.keys.resize(1);
  EXPECT_FALSE(create_statements(definition, kToMysql).ok());
}

TEST(CreateStatements, RefuseWhatTheFollowerCannotHave) {
  TableDefinition definition = table();
  definition.columns.push_back(column("u", "varchar", "varchar(9) /*M!100301 COMPRESSED*/"));
  EXPECT_FALSE(create_statements(definition, kToMysql).ok());
  EXPECT_TRUE(create_statements(definition, kMariadb).ok());
  definition.kind = TableDefinition::Kind::sequence;
  EXPECT_FALSE(create_statements(definition, kMariadb).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
