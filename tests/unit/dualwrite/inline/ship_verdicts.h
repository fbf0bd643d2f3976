// Verdicts over statements, and the tables that they are about.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "dualwrite/inline/determinism.h"
#include "routing/classify.h"

namespace crossfade::dualwrite {

inline Column column(std::string name, ColumnClass type) {
  Column out;
  out.name = std::move(name);
  out.type = type;
  return out;
}

// CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, s VARCHAR(20))
inline TableSchema plain() {
  TableSchema schema;
  schema.columns = {column("id", ColumnClass::integer), column("a", ColumnClass::integer),
                    column("s", ColumnClass::text)};
  schema.columns[0].auto_increment = true;
  schema.columns[0].nullable = false;
  schema.primary_key = {"id"};
  return schema;
}

// PRIMARY KEY (k VARCHAR, n INT), v INT
inline TableSchema composite() {
  TableSchema schema;
  schema.columns = {column("k", ColumnClass::text), column("n", ColumnClass::integer),
                    column("v", ColumnClass::integer)};
  schema.primary_key = {"k", "n"};
  return schema;
}

inline ShipVerdict judge(const std::string& sql, const TableSchema& schema,
                         const std::vector<protocol::Parameter>* parameters = nullptr,
                         const WriterSession& session = {}) {
  const routing::LexerMode mode;
  return ship_verdict(routing::classify(sql, mode), routing::parse_write(sql, mode), &schema, session, parameters);
}

inline bool ships(const std::string& sql, const TableSchema& schema = plain()) {
  const ShipVerdict verdict = judge(sql, schema);
  EXPECT_EQ(verdict.shippable, verdict.refusal.empty()) << sql;
  return verdict.shippable;
}

inline std::string refusal(const std::string& sql, const TableSchema& schema = plain()) {
  const ShipVerdict verdict = judge(sql, schema);
  EXPECT_FALSE(verdict.shippable) << sql;
  return verdict.refusal;
}

// One column of each class, named after it.
inline TableSchema every_class() {
  TableSchema schema;
  const std::vector<std::pair<const char*, ColumnClass>> all = {
      {"i", ColumnClass::integer}, {"d", ColumnClass::decimal}, {"f", ColumnClass::floating},
      {"s", ColumnClass::text},    {"b", ColumnClass::binary},  {"at", ColumnClass::temporal},
      {"j", ColumnClass::json},    {"bits", ColumnClass::bit},  {"e", ColumnClass::enum_set},
      {"tm", ColumnClass::time},   {"y", ColumnClass::year},    {"p", ColumnClass::other},
      {"day", ColumnClass::date}};
  for (const auto& one : all) schema.columns.push_back(column(one.first, one.second));
  schema.primary_key = {"i"};
  return schema;
}

}  // namespace crossfade::dualwrite
