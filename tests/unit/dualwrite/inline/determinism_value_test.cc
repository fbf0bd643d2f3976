#include <gtest/gtest.h>

#include "dualwrite/inline/determinism.h"
#include "protocol/response.h"
#include "ship_verdicts.h"

namespace crossfade::dualwrite {
namespace {

using protocol::ColumnType;
using protocol::Parameter;

// Which columns of every_class() take the value, in its order; inserts and updates agree.
std::string taken_by(const std::string& value) {
  const TableSchema schema = every_class();
  std::string out;
  for (const Column& one : schema.columns) {
    const bool taken = judge("INSERT INTO t(" + one.name + ") VALUES (" + value + ")", schema).shippable;
    const bool set = judge("UPDATE t SET " + one.name + " = " + value + " WHERE i = 1", schema).shippable;
    EXPECT_EQ(taken, set) << value << " for " << one.name;
    out += taken ? 'y' : '-';
  }
  return out;
}

TEST(ShipVerdict, TakesLiteralsThatFitTheirColumn) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"7", "yyyy---y--y--"},
      {"1.5", "-yy----------"},
      {"1e3", "--y----------"},
      {"-0e0", "-------------"},
      {"TRUE", "y------------"},
      {"NULL", "yyyyyyyyyyyyy"},
      {"DEFAULT", "yyyyyyyyyyyyy"},
      {"'7'", "yyyyy-yyy-y--"},
      {"'07'", "---yy-yyy----"},
      {"'-0'", "---yy-yyy----"},
      {"'1.5'", "-yyyy-yyy----"},
      {"'1e3'", "--yyy-yyy----"},
      {"'-1.5E-300'", "--yyy-yyy----"},
      {"'1e3x'", "---yy-yyy----"},
      {"'-0e0'", "---yy-yyy----"},
      {"'.5'", "---yy-yyy----"},
      {"x'41'", "---yy--y-----"},
      {"0x41", "---yy--y-----"},
      {"b'1'", "---yy--y-----"},
      {"'2024-02-29'", "---yyyyyy---y"},
      {"'2024-02-29 23:59:59.000'", "---yyyyyy---y"},
      {"'2024-02-29T10:00:00'", "---yy-yyy----"},
      {"'2024-13-01'", "---yy-yyy----"},
      {"'2024-2-9'", "---yyyyyy---y"},
      {"'2024-2-9 1:2:3'", "---yyyyyy---y"},
      {"'2024-12-31 23:59:59.123456'", "---yyyyyy----"},
      {"'2024-2-9 1:2:3.5'", "---yyyyyy----"},
      {"'2024-2-9 1:2:3.1234567'", "---yy-yyy----"},
      {"'2024-2-9 1:2'", "---yy-yyy----"},
      {"'2024-2-9 24:2:3'", "---yy-yyy----"},
      {"'2024-13-9'", "---yy-yyy----"},
      {"'2024-2-'", "---yy-yyy----"},
      {"'24-2-9'", "---yy-yyy----"},
      {"'2024-2-9x'", "---yy-yyy----"},
      {"'2024-02-29 10:11:12.123456'", "---yyyyyy----"},
      {"'2024-02-29 10:11:12.1234567'", "---yy-yyy----"},
      {"'2024-02-29 10:11'", "---yy-yyy----"},
      {"'-10:11:12.5'", "---yy-yyyy---"},
      {"'1:60:00'", "---yy-yyy----"},
      {"'1.2.3.4'", "---yy-yyy----"},
  };
  for (const auto& one : table) EXPECT_EQ(taken_by(one.first), one.second) << one.first;
}

TEST(ShipVerdict, TakesExpressionsThatAreTheSameEverywhere) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"NOW()", "-----y---y--y"},
      {"CURRENT_TIMESTAMP", "-----y---y--y"},
      {"NOW(6) + INTERVAL 1 DAY", "-----y---y---"},
      {"DATE_ADD(NOW(), INTERVAL -1 MONTH)", "-----y---y--y"},
      {"NOW(0) + INTERVAL 1 MICROSECOND", "-----y---y---"},
      {"CURTIME() + INTERVAL 1 MONTH", "-------------"},
      {"CURTIME()", "-------------"},
      {"-f", "-------------"},
      {"f - 1", "--y----------"},
      {"i * -2", "yyyyy--------"},
      {"NOW() + 1", "-------------"},
      {"COALESCE(NOW(), 1)", "-------------"},
      {"CEIL(NOW())", "-------------"},
      {"UNIX_TIMESTAMP()", "y------------"},
      {"UNIX_TIMESTAMP('2024-01-01')", "-------------"},
      {"i + 1", "yyyyy--------"},
      {"i + 1.5", "yyy----------"},
      {"i + 1e0", "-------------"},
      {"i + x'41'", "-------------"},
      {"CONCAT(s, x'41')", "-------------"},
      {"i % 1.5", "-------------"},
      {"i % 3", "yyyyy--------"},
      {"i & 3", "-------------"},
      {"~i", "-------------"},
      {"i + '5'", "-------------"},
      {"-s", "-------------"},
      {"s", "---yy--------"},
      {"f", "--y----------"},
      {"d", "yyy----------"},
      {"at", "-----y-------"},
      {"CONCAT(s, '-', i)", "---yy--------"},
      {"CONCAT(s, 'it\\'s')", "-------------"},
      {"CONCAT(s, '\\n')", "---yy--------"},
      {"CONCAT(s, d)", "-------------"},
      {"LENGTH(CONCAT(s, 'x'))", "yyyyy--------"},
      {"CASE WHEN s = 'x' THEN 1 ELSE i END", "yyyyy--------"},
      {"GREATEST(i, 5)", "yyy----------"},
      {"s LIKE 'x%'", "-------------"},
      {"SHA1(s)", "-------------"},
      {"unknown_column + 1", "-------------"},
  };
  for (const auto& one : table) EXPECT_EQ(taken_by(one.first), one.second) << one.first;
}

TEST(ShipVerdict, RefusesConditionsThatEachServerReadsItsOwnWay) {
  const TableSchema schema = every_class();
  EXPECT_TRUE(ships("DELETE FROM t WHERE i = 1 AND b = x'41' AND s IN ('a', x'41')", schema));
  for (const char* where : {"d = x'41'", "b <> x'41'", "NOT (b = x'41')", "at > NOW()", "at = '1.2.3.4'", "f = 1e0",
                            "s LIKE 'x%'", "d & 1", "at < CURRENT_TIMESTAMP", "CONCAT(x'41') = s"}) {
    refusal("DELETE FROM t WHERE i = 1 AND " + std::string(where), schema);
  }
}

// id INT PRIMARY KEY, v VARCHAR in utf8mb4, l VARCHAR in latin1, b VARBINARY, j JSON
TableSchema with_texts() {
  TableSchema schema;
  schema.columns = {column("id", ColumnClass::integer), column("v", ColumnClass::text), column("l", ColumnClass::text),
                    column("b", ColumnClass::binary), column("j", ColumnClass::json)};
  schema.columns[1].charset = schema.columns[4].charset = "utf8mb4";
  schema.columns[2].charset = "latin1";
  schema.primary_key = {"id"};
  return schema;
}

TEST(ShipVerdict, TextsArriveAsTheyAre) {
  const auto arrives = [](const std::string& assignment, const WriterSession& session = {}) {
    return judge("UPDATE t SET " + assignment + " WHERE id = 1", with_texts(), nullptr, session).shippable;
  };
  for (const char* good : {"v = '\xc3\xa9'", "l = '\xe2\x82\xac'", "b = '\xff'", "b = _binary'\xff'", "v = X'C3A9'",
                           "v = _latin1'\xe9'", "l = 0xff", "v = CONCAT(v, '\xc3\xa9')"}) {
    EXPECT_TRUE(arrives(good)) << good;
  }
  for (const char* bad : {"v = '\xff'", "l = '\xe6\x97\xa5'", "v = _binary'\xff'", "v = X'ff'", "v = 0xFF",
                          "v = CONCAT(v, '\xff')", "j = '\"\xff\"'", "v = b'11111111'"}) {
    EXPECT_FALSE(arrives(bad)) << bad;
  }
  EXPECT_FALSE(arrives("id = IF(v = '\xff', 1, 2)")) << "it is compared as a text";
  WriterSession bytes;
  bytes.text.client = bytes.text.connection = "binary";
  EXPECT_FALSE(arrives("j = '{}'", bytes));
  EXPECT_TRUE(arrives("v = '\xc3\xa9'", bytes));
  WriterSession chinese;
  chinese.text.client = chinese.text.connection = "gbk";
  EXPECT_FALSE(arrives("v = '\xb0\xa1'", chinese));
  chinese.text.strict = true;
  EXPECT_TRUE(arrives("v = '\xb0\xa1'", chinese));
  EXPECT_FALSE(judge("INSERT IGNORE INTO t (id, v) VALUES (1, '\xb0\xa1')", with_texts(), nullptr, chinese).shippable);
}

TEST(ShipVerdict, WhatAWhereComparesIsWellFormed) {
  EXPECT_FALSE(ships("DELETE FROM t WHERE id = 1 AND v = '\xff'", with_texts()));
  EXPECT_FALSE(ships("DELETE FROM t WHERE id = 1 AND v <> '\xff'", with_texts()));
  EXPECT_TRUE(ships("DELETE FROM t WHERE id = 1 AND v = '\xc3\xa9' AND b = '\xff'", with_texts()));
  for (const std::string text : {"\xff", "\xc3\xa9"}) {
    Parameter parameter;
    parameter.type.type = static_cast<std::uint8_t>(ColumnType::var_string);
    parameter.value = protocol::Buffer(text.begin(), text.end());
    const std::vector<Parameter> bound = {parameter};
    const ShipVerdict verdict = judge("DELETE FROM t WHERE id = 1 AND v <> ?", with_texts(), &bound);
    EXPECT_EQ(verdict.shippable, text != "\xff") << verdict.refusal;
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
