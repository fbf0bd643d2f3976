#include "dualwrite/trigger/capture_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "captured_samples.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/trigger/changes_table.h"

namespace crossfade::dualwrite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

DefinedColumn generated(const std::string& name) {
  DefinedColumn column = defined(name, "int");
  column.generated = DefinedColumn::Generated::virtual_;
  return column;
}

DefinedKey::Part key_part(const std::string& column) {
  DefinedKey::Part part;
  part.column = column;
  return part;
}

Capture one(const std::string& type, const std::string& charset, bool mariadb) {
  return captured(
      {.leader = innodb({defined("id", "int"), defined("c", type, charset)}), .mariadb = mariadb, .number = 7});
}
// What is written of column `c` after an insert.
std::string written(const std::string& type, const std::string& charset = "", bool mariadb = true) {
  const std::string sql = one(type, charset, mariadb).create[0];
  const std::string id = "CAST(NEW.`id` AS CHAR CHARACTER SET ascii)),'n')";
  const std::size_t at = sql.rfind(id);
  constexpr std::string_view kEnd = "; END";
  EXPECT_NE(at, std::string::npos) << sql;
  EXPECT_TRUE(sql.ends_with(kEnd)) << sql;
  return sql.substr(at + id.size(), sql.size() - kEnd.size() - at - id.size());
}
std::string field(const std::string& value) { return ",IFNULL(CONCAT(LENGTH(" + value + "),':'," + value + "),'n')))"; }

TEST(CapturePlan, WhatMariaDbOnlySaysToHaveUpdatedIsToldByDoubtfulColumns) {
  TableDefinition table = innodb({defined("id", "int"), defined("a", "int"), defined("b", "int"), generated("g")});
  EXPECT_THAT(doubtful_columns(table), ElementsAre());
  table.keys.push_back({.name = "by_b", .parts = {key_part("b"), key_part("id")}, .type = "BTREE"});
  EXPECT_THAT(doubtful_columns(table), ElementsAre("b"));
  const std::string sql = captured({.leader = table, .mariadb = true, .number = 7}).create[1];
  EXPECT_THAT(sql, HasSubstr("END; IF IF(OLD.`id`<=>NEW.`id`,CONCAT(_binary'',IFNULL(CONCAT(LENGTH(CAST(OLD.`b` AS"));
  EXPECT_THAT(sql, HasSubstr(" OR IFNULL((SELECT CONCAT(_binary'',IFNULL(CONCAT(LENGTH(CAST(`t`.`b` AS"));
  EXPECT_THAT(sql, HasSubstr(",TRUE),NOT EXISTS(SELECT 1 FROM `app`.`t` WHERE `t`.`id`=OLD.`id`)) THEN INSERT INTO"));
  EXPECT_THAT(captured({.leader = table, .mariadb = false, .number = 7}).create[1], Not(HasSubstr("EXISTS")));
  table.columns[1].on_update_now = true;
  EXPECT_THAT(doubtful_columns(table), ElementsAre("a", "b"));
  table.columns[1].on_update_now = false;
  table.keys.push_back({.name = "by_g", .parts = {key_part("g")}, .type = "BTREE"});
  EXPECT_THAT(doubtful_columns(table), ElementsAre("a", "b")) << "what g is made of";
}

TEST(CapturePlan, TriggersOfAWholeTable) {
  const Capture capture =
      captured({.leader = innodb({defined("id", "int"), generated("g"), defined("a`b", "text", "latin1")}),
                .number = 7,
                .control_schema = "cf",
                .first = {.update = "own"}});
  const std::string id =
      "IFNULL(CONCAT(LENGTH(CAST(NEW.`id` AS CHAR CHARACTER SET ascii)),':',CAST(NEW.`id` AS CHAR "
      "CHARACTER SET ascii)),'n')";
  const std::string head = "CONNECTION_ID(),@@foreign_key_checks,UNIX_TIMESTAMP(NOW(6))*1000000,";
  const std::string into = "INSERT INTO `cf`.`changes`(tbl,op,cid,fk,st";
  EXPECT_EQ(capture.create[0],
            "CREATE TRIGGER `app`.`crossfade_i_7` AFTER INSERT ON `app`.`t` FOR EACH ROW BEGIN DECLARE EXIT HANDLER "
            "FOR 1054 BEGIN DECLARE EXIT HANDLER FOR 1054 " +
                into + ") VALUES(7,'K'," + head.substr(0, head.size() - 1) + "); " + into + ",ni) VALUES(7,'K'," +
                head + "CONCAT(_binary''," + id + ")); END; " + into + ",ni,nb1) VALUES(7,'I'," + head +
                "CONCAT(_binary''," + id + "),NEW.`a``b`); END");
  EXPECT_THAT(capture.create[1],
              HasSubstr("`crossfade_u_7` AFTER UPDATE ON `app`.`t` FOR EACH ROW PRECEDES `own` BEGIN DECLARE"));
  EXPECT_THAT(capture.create[1],
              HasSubstr("END; IF IF(OLD.`id`<=>NEW.`id`,TRUE,NOT EXISTS(SELECT 1 FROM `app`.`t` WHERE "
                        "`t`.`id`=OLD.`id`)) THEN INSERT INTO `cf`.`changes`(tbl,op,cid,fk,st,oi,ob1,ni,nb1) "
                        "VALUES(7,'U',"));
  EXPECT_THAT(capture.create[2], HasSubstr("(tbl,op,cid,fk,st,oi,ob1) VALUES(7,'D',"));
  EXPECT_THAT(capture.create[2], Not(HasSubstr("NEW.")));
  EXPECT_THAT(capture.drop, ElementsAre("DROP TRIGGER IF EXISTS `app`.`crossfade_i_7`",
                                        "DROP TRIGGER IF EXISTS `app`.`crossfade_u_7`",
                                        "DROP TRIGGER IF EXISTS `app`.`crossfade_d_7`"));
  EXPECT_EQ(capture.pairs, 1u);
  EXPECT_EQ(capture.table->columns.size(), 2u);
  EXPECT_TRUE(capture.table->described && capture.table->by_triggers);
  EXPECT_THAT(capture.key, ElementsAre(0));
  EXPECT_EQ(capture.refresh_lock, "SELECT COUNT(*) FROM `app`.`t` FORCE INDEX (PRIMARY) WHERE ");
  EXPECT_THAT(capture.refresh_insert, HasSubstr("(tbl,op,cid,fk,st,ni,nb1) SELECT 7,'R',CONNECTION_ID(),1,"));
  EXPECT_THAT(capture.refresh_insert, HasSubstr("`t`.`a``b` FROM `app`.`t` FORCE INDEX (PRIMARY) WHERE "));
  for (const std::string& sql : capture.create) EXPECT_THAT(sql, Not(HasSubstr("`g`"))) << "generated";
}

TEST(CapturePlan, WhatIdentifiesARowIsItsKeyAndWhatForeignKeysReferTo) {
  const Capture capture = captured({.leader = innodb({defined("id", "int"), defined("a", "int"),
                                                      defined("b", "text", "latin1"), defined("c", "int")}),
                                    .number = 7,
                                    .referenced = {{"c"}}});
  EXPECT_THAT(capture.create[2],
              HasSubstr("AS CHAR CHARACTER SET ascii)),'n'),'n',IFNULL(CONCAT(LENGTH(CAST(OLD.`c` AS"));
  std::vector<bool> identifies;
  for (const CapturedColumn& column : capture.columns) identifies.push_back(column.identifies);
  EXPECT_THAT(identifies, ElementsAre(true, false, false, true));
}

TEST(CapturePlan, EachTypeIsWrittenInItsWay) {
  const std::string text = "CAST(NEW.`c` AS CHAR CHARACTER SET ascii)";
  for (const char* type : {"tinyint", "bigint unsigned", "int(8) zerofill", "decimal(10,3)", "year(4)", "date",
                           "time(3)", "datetime(6)"}) {
    EXPECT_EQ(written(type), field(text)) << type;
    EXPECT_EQ(written(type, "", false), field(text)) << type;
  }
  for (const char* type : {"float", "double", "float(7,2)", "double unsigned"}) {
    EXPECT_EQ(written(type), field("CAST(NEW.`c`*1e0 AS CHAR CHARACTER SET ascii)")) << type;
    EXPECT_EQ(written(type, "", false),
              field("IF(NEW.`c` IS NULL,NULL,TRIM(BOTH '[' FROM TRIM(BOTH ']' FROM CAST(JSON_ARRAY(NEW.`c`*1e0) AS "
                    "CHAR CHARACTER SET ascii))))"))
        << type;
  }
  EXPECT_EQ(written("bit(13)"), field("CAST(NEW.`c` AS UNSIGNED)"));
  EXPECT_EQ(written("enum('a','b')", "utf8mb4"), field("CAST(NEW.`c` AS UNSIGNED)"));
  EXPECT_EQ(written("set('a','b')", "utf8mb4"), field("CAST(NEW.`c` AS UNSIGNED)"));
  EXPECT_EQ(written("timestamp(3)"), field("IF(NEW.`c` IS NULL,NULL,IFNULL(UNIX_TIMESTAMP(NEW.`c`),0))"));
  for (const char* type : {"char(5)", "varchar(20)", "tinytext"})
    EXPECT_EQ(written(type, "sjis"), field("CAST(NEW.`c` AS BINARY)")) << type;
  for (const char* type : {"binary(5)", "varbinary(20)", "tinyblob", "uuid", "inet6", "inet4"}) {
    EXPECT_EQ(written(type), field("CAST(NEW.`c` AS BINARY)")) << type;
  }
  for (const char* type : {"blob", "mediumblob", "longblob", "geometry", "point", "multipolygon"})
    EXPECT_EQ(written(type), "),NEW.`c`)") << type;
  for (const char* type : {"text", "mediumtext", "longtext"}) EXPECT_EQ(written(type, "utf8mb4"), "),NEW.`c`)") << type;
  for (const char* type : {"json", "vector(3)"}) EXPECT_EQ(written(type, "", false), "),NEW.`c`)") << type;
}

TEST(CapturePlan, CompressedColumnsAreWhatTheyWereCompressedFrom) {
  const Capture varchar = one("varchar(20) /*M!100301 COMPRESSED*/", "latin1", true);
  EXPECT_EQ(varchar.table->columns[1].type, static_cast<std::uint8_t>(LogType::varchar));
  EXPECT_TRUE(stored_form(varchar.table->columns[1], true).ok());
}

TEST(CapturePlan, ColumnsAreDescribedAsTheRowLogWould) {
  DefinedColumn text = defined("c", "varchar(20)", "latin1");
  text.collation = "latin1_swedish_ci";
  DefinedColumn members = defined("e", "enum('a','\xc3\xa4')", "latin1");
  members.collation = "latin1_swedish_ci";
  const Capture capture = captured({.leader = innodb({defined("id", "bigint unsigned"), text, members})});
  const std::vector<LogColumn>& columns = capture.table->columns;
  EXPECT_TRUE(columns[0].in_primary_key && columns[0].is_unsigned && !columns[0].nullable);
  EXPECT_EQ(columns[1].collation, 8);
  EXPECT_EQ(columns[1].metadata, 20);
  EXPECT_EQ(columns[2].members.size(), 0u) << "in the column's own bytes they are not known";
  EXPECT_EQ(capture.columns[2].members, 2u);
}

std::string refusal(const CaptureRequest& request) {
  const auto capture = plan_capture(request);
  EXPECT_EQ(capture.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(capture.status().message());
}

TEST(CapturePlan, RefusesWhatCannotBeCapturedAndSaysWhatToDo) {
  const TableDefinition good = innodb({defined("id", "int"), defined("c", "int")});
  TableDefinition table = good;
  table.keys.clear();
  EXPECT_THAT(refusal({.leader = table}), HasSubstr("ADD PRIMARY KEY"));
  table = good;
  table.engine = "MyISAM";
  EXPECT_THAT(refusal({.leader = table}), HasSubstr("ENGINE=InnoDB"));
  for (const auto kind :
       {TableDefinition::Kind::view, TableDefinition::Kind::sequence, TableDefinition::Kind::system_versioned}) {
    table = good;
    table.kind = kind;
    EXPECT_THAT(refusal({.leader = table}), HasSubstr("it is "));
  }
  table = good;
  table.columns[0].generated = DefinedColumn::Generated::stored;
  EXPECT_THAT(refusal({.leader = table}), HasSubstr("primary key has the generated column"));
  EXPECT_THAT(refusal({.leader = innodb({defined("id", "int"), defined("c", "year(2)")})}), HasSubstr("YEAR(4)"));
  EXPECT_THAT(refusal({.leader = innodb({defined("id", "int"), defined("c", "xmltype")})}), HasSubstr("not known"));
}

TEST(CapturePlan, TakesAsManyBigColumnsAsARowHolds) {
  std::vector<DefinedColumn> columns = {defined("id", "int")};
  for (std::size_t i = 0; i < kBigPairsMax; ++i) columns.push_back(defined("b" + std::to_string(i), "blob"));
  EXPECT_EQ(captured({.leader = innodb(columns)}).pairs, kBigPairsMax);
  columns.push_back(defined("more", "blob"));
  EXPECT_THAT(refusal({.leader = innodb(columns)}), HasSubstr("91 columns"));
}

TEST(CapturePlan, ReferencedColumnsAreThoseOfEveryForeignKey) {
  TableDefinition child = innodb({defined("id", "int")});
  child.name.table = "child";
  DefinedForeignKey key;
  key.parent = {.schema = "app", .table = "t"};
  key.parent_columns = {"u"};
  child.foreign_keys = {key};
  key.parent.table = "other";
  child.foreign_keys.push_back(key);
  const std::map<TableRef, TableDefinition> all = {{child.name, child}};
  EXPECT_THAT(referenced_columns(all, {.schema = "app", .table = "t"}), ElementsAre(ElementsAre("u")));
  EXPECT_TRUE(referenced_columns(all, {.schema = "app2", .table = "t"}).empty());
}

TEST(CaptureFingerprint, ChangesWithWhatTheTriggersDependOn) {
  const TableDefinition table = innodb({defined("id", "int"), defined("c", "varchar(20)", "latin1")});
  const std::string print = capture_fingerprint(table);
  const auto changed = [&](auto change) {
    TableDefinition other = table;
    change(other);
    return capture_fingerprint(other) != print;
  };
  EXPECT_TRUE(changed([](auto& t) { t.columns[1].name = "d"; }));
  EXPECT_TRUE(changed([](auto& t) { t.columns[1].column_type = "varchar(21)"; }));
  EXPECT_TRUE(changed([](auto& t) { t.columns[1].collation = "latin1_german1_ci"; }));
  EXPECT_TRUE(changed([](auto& t) { t.columns[1].nullable = false; }));
  EXPECT_TRUE(changed([](auto& t) { t.columns[1].generated = DefinedColumn::Generated::stored; }));
  EXPECT_TRUE(changed([](auto& t) { std::swap(t.columns[0], t.columns[1]); }));
  EXPECT_TRUE(changed([](auto& t) { t.columns.pop_back(); }));
  EXPECT_TRUE(changed([](auto& t) { t.keys[0].parts[0].column = "c"; }));
  EXPECT_TRUE(changed([](auto& t) { t.keys.clear(); }));
  EXPECT_TRUE(changed([](auto& t) { t.engine = "MyISAM"; }));
  EXPECT_FALSE(changed([](auto& t) { t.engine = "INNODB"; }));
  EXPECT_FALSE(changed([](auto& t) { t.comment = "x"; }));
  EXPECT_FALSE(changed([](auto& t) { t.columns[1].default_value = "x"; }));
  EXPECT_FALSE(changed([](auto& t) { t.triggers = {"own"}; }));
  EXPECT_FALSE(changed([](auto& t) { t.rows_estimate = 5; }));
}

TEST(CaptureTriggers, AreKnownByName) {
  EXPECT_TRUE(is_capture_trigger("crossfade_i_7"));
  EXPECT_TRUE(is_capture_trigger("crossfade_u_1234567890"));
  EXPECT_EQ(capture_number("crossfade_u_1234567890"), 1234567890u);
  EXPECT_EQ(capture_number("crossfade_u_x7"), 0u);
  for (const char* name :
       {"crossfade_i_", "crossfade_x_7", "crossfade_i_7x", "Xcrossfade_i_7", "crossfade_", "crossfade_i7", ""}) {
    EXPECT_FALSE(is_capture_trigger(name)) << name;
  }
}

TEST(FirstTriggers, AreTheFirstOfEachEventThatAreNotOurs) {
  const auto first = first_triggers({{"INSERT", "crossfade_i_3"}, {"INSERT", "a"}, {"INSERT", "b"}, {"DELETE", "c"}});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->insert, "a");
  EXPECT_EQ(first->update, "");
  EXPECT_EQ(first->delete_, "c");
  EXPECT_FALSE(first_triggers({{"INSERT"}}).ok());
}

TEST(KeyCondition, FindsTheRowOfAnImage) {
  TableDefinition table = innodb({defined("id", "int"), defined("name", "varchar(9)", "latin1"), defined("u", "uuid")});
  table.keys[0] = key_over("PRIMARY", {"id", "name", "u"});
  for (DefinedColumn& column : table.columns) column.nullable = false;
  const Capture capture = captured({.leader = table, .number = 7});
  const auto row = read({.after = "1:53:a'b16:0123456789abcdef"}, capture);
  ASSERT_TRUE(row.ok()) << row.status();
  Bytes images = row->change.images;
  const auto condition = key_condition(capture, *take_row(*capture.table, &images));
  ASSERT_TRUE(condition.ok()) << condition.status();
  EXPECT_EQ(*condition, "`id` = 5 AND `name` = _latin1 x'612762' AND `u` = x'30313233343536373839616263646566'");
  EXPECT_FALSE(key_condition(capture, {}).ok());
}

}  // namespace
}  // namespace crossfade::dualwrite
