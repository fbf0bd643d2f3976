#include "dualwrite/cascades.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::dualwrite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TableRef ref(const char* name) { return {.schema = "app", .table = name}; }

std::pair<const TableRef, TableDefinition> table(const char* name, const char* parent = nullptr,
                                                 const char* on_delete = "RESTRICT",
                                                 const char* on_update = "NO ACTION") {
  TableDefinition out;
  out.name = ref(name);
  if (parent != nullptr) {
    DefinedForeignKey key;
    key.parent = ref(parent);
    key.on_delete = on_delete;
    key.on_update = on_update;
    out.foreign_keys.push_back(key);
  }
  return {out.name, out};
}

TEST(DependentTables, AreFoundWhateverTheRuleAndComeBehindWhatTheyReferTo) {
  const std::map<TableRef, TableDefinition> tables = {table("z"), table("m", "Z"), table("a", "m", "CASCADE"),
                                                      table("other", "elsewhere"), table("loop", "loop")};
  EXPECT_THAT(dependent_tables(tables, {ref("z")}), ElementsAre(ref("m"), ref("a")));
  EXPECT_THAT(dependent_tables(tables, {ref("z"), ref("m")}), ElementsAre(ref("a")));
  EXPECT_THAT(dependent_tables(tables, {ref("loop")}), IsEmpty());
}

TEST(PassedOnColumns, AreThoseThatForeignKeysActOn) {
  std::map<TableRef, TableDefinition> tables = {table("p"), table("child", "p", "CASCADE", "CASCADE"),
                                                table("refused", "p", "CASCADE", "RESTRICT")};
  tables[ref("child")].foreign_keys[0].parent_columns = {"id"};
  tables[ref("refused")].foreign_keys[0].parent_columns = {"u"};
  EXPECT_THAT(passed_on_columns(tables, ref("P")), ElementsAre("id"));
  EXPECT_THAT(passed_on_columns(tables, ref("child")), IsEmpty());
}

TEST(ChangesColumns, ComparesTheImagesOfEachRow) {
  auto log_table = std::make_shared<LogTable>();
  log_table->columns = {{.name = "id", .type = 3, .nullable = false}, {.name = "v", .type = 3}};
  RowsChange update{.table = log_table, .kind = RowsKind::update};
  const auto image = [&](std::uint8_t id, std::uint8_t v) {
    for (const std::uint8_t byte : {std::uint8_t{0}, id, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}, v,
                                    std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}}) {
      update.images.push_back(byte);
    }
  };
  image(1, 1), image(1, 2);
  EXPECT_FALSE(changes_columns(update, {"ID"}));
  EXPECT_TRUE(changes_columns(update, {"v"}));
  EXPECT_FALSE(changes_columns(update, {}));
  image(2, 1), image(3, 1);
  EXPECT_TRUE(changes_columns(update, {"ID"})) << "the second row";
  update.images.pop_back();
  EXPECT_TRUE(changes_columns(update, {"id"})) << "what cannot be read may do anything";
}

}  // namespace
}  // namespace crossfade::dualwrite
