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

TEST(CascadeChildren, AreFoundAtAnyDepth) {
  const std::map<TableRef, TableDefinition> tables = {table("p"),
                                                      table("child", "p", "CASCADE"),
                                                      table("grandchild", "child", "RESTRICT", "SET NULL"),
                                                      table("refused", "p", "RESTRICT", "NO ACTION"),
                                                      table("below_refused", "refused", "CASCADE"),
                                                      table("self", "self", "CASCADE"),
                                                      table("by_case", "P", "SET DEFAULT")};
  EXPECT_THAT(cascade_children(tables, {ref("p")}), ElementsAre(ref("by_case"), ref("child"), ref("grandchild")));
  EXPECT_THAT(cascade_children(tables, {ref("child")}), ElementsAre(ref("grandchild")));
  EXPECT_THAT(cascade_children(tables, {ref("self")}), IsEmpty());
  EXPECT_THAT(cascade_children(tables, {ref("p"), ref("child")}), ElementsAre(ref("by_case"), ref("grandchild")));
  EXPECT_THAT(cascade_children(tables, {ref("unknown")}), IsEmpty());
  EXPECT_THAT(cascade_children(tables, {}), IsEmpty());
}

TEST(CascadeChildren, ARingEnds) {
  const std::map<TableRef, TableDefinition> ring = {table("a", "c", "CASCADE"), table("b", "a", "CASCADE"),
                                                    table("c", "b", "CASCADE")};
  EXPECT_THAT(cascade_children(ring, {ref("a")}), ElementsAre(ref("b"), ref("c")));
}

}  // namespace
}  // namespace crossfade::dualwrite
