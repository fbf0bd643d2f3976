#include "dualwrite/collations.h"

#include <gtest/gtest.h>

#include "dualwrite/collation_names.h"
#include "table_samples.h"

namespace crossfade::dualwrite {
namespace {

TEST(CollationNames, AreThoseOfEachMake) {
  EXPECT_EQ(collation_name(45, true), "utf8mb4_general_ci");
  EXPECT_EQ(collation_name(255, false), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(collation_name(2304, true), "utf8mb4_uca1400_ai_ci");
  EXPECT_EQ(collation_name(3271, true), "utf32_uca1400_croatian_nopad_as_cs");
  EXPECT_EQ(collation_name(2304, false), "");
  EXPECT_EQ(collation_name(65535, true), "");
  EXPECT_EQ(collation_name(245, true), "utf8mb4_croatian_mysql561_ci");
  EXPECT_EQ(collation_name(245, false), "utf8mb4_croatian_ci");
  EXPECT_EQ(collation_name(0, true), "");
  EXPECT_EQ(charset_of(collation_name(63, true)), "binary");
  EXPECT_EQ(charset_of(collation_name(248, false)), "gb18030");
}

TEST(NearestCollation, IsTheSameWhereBothMakesHaveIt) {
  for (const char* name :
       {"utf8mb4_general_ci", "utf8mb4_unicode_520_ci", "latin1_swedish_ci", "binary", "utf8mb3_bin"}) {
    EXPECT_EQ(nearest_collation(name, kToMysql), name);
    EXPECT_EQ(nearest_collation(name, kToMariadb), name);
    EXPECT_EQ(folding(name, name, kToMysql), Folding::same);
  }
  EXPECT_EQ(nearest_collation("utf8_general_ci", kToMysql), "utf8mb3_general_ci");
}

TEST(NearestCollation, KeepsLanguageCaseAndAccents) {
  EXPECT_EQ(nearest_collation("utf8mb4_uca1400_ai_ci", kToMysql), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(nearest_collation("utf8mb4_uca1400_as_cs", kToMysql), "utf8mb4_0900_as_cs");
  EXPECT_EQ(nearest_collation("utf8mb4_uca1400_swedish_nopad_ai_ci", kToMysql), "utf8mb4_sv_0900_ai_ci");
  EXPECT_EQ(nearest_collation("utf8mb3_uca1400_ai_ci", kToMysql), "utf8mb3_unicode_520_ci");
  EXPECT_EQ(nearest_collation("utf8mb4_de_pb_0900_ai_ci", kToMariadb), "utf8mb4_uca1400_german2_nopad_ai_ci");
  EXPECT_EQ(nearest_collation("utf8mb4_0900_ai_ci", kToMariadb), "utf8mb4_unicode_520_nopad_ci");
  EXPECT_EQ(nearest_collation("utf8mb4_0900_as_cs", kToMariadb), "utf8mb4_nopad_bin");
}

TEST(NearestCollation, KnowsThatMariaDBsCroatianIsAnother) {
  EXPECT_EQ(nearest_collation("utf8mb4_croatian_ci", kToMariadb), "utf8mb4_croatian_mysql561_ci");
  EXPECT_EQ(folding("utf8mb4_croatian_ci", "utf8mb4_croatian_mysql561_ci", kToMariadb), Folding::same);
  EXPECT_EQ(folding("utf8mb4_croatian_mysql561_ci", "utf8mb4_croatian_ci", kToMysql), Folding::same);
  EXPECT_EQ(folding("utf8mb4_croatian_ci", "utf8mb4_croatian_ci", kToMysql), Folding::more);
  for (const char* both : {"latin2_croatian_ci", "cp1250_croatian_ci"}) {
    EXPECT_EQ(nearest_collation(both, kToMariadb), both);
    EXPECT_EQ(nearest_collation(both, kToMysql), both);
    EXPECT_EQ(folding(both, both, kToMysql), Folding::same);
  }
}

TEST(KeyCollation, NeverFoldsMoreThanTheLeaders) {
  for (std::uint16_t id = 1; id < 4000; ++id) {
    for (const ServerMakes makes : {kToMysql, kToMariadb}) {
      const std::string leader = collation_name(id, makes.leader_is_mariadb);
      if (leader.empty() || leader.starts_with("gb18030")) continue;
      const Folding folds = folding(leader, key_collation(leader, makes), makes);
      // What does not pad has no counterpart in MySQL but of utf8mb4.
      const bool none =
          makes.leader_is_mariadb && leader.find("nopad") != std::string::npos && !leader.starts_with("utf8mb4");
      EXPECT_EQ(folds == Folding::more, none) << leader << " -> " << key_collation(leader, makes);
    }
  }
}

TEST(Folding, OfPaddingIsMore) {
  EXPECT_EQ(folding("utf8mb4_nopad_bin", "utf8mb4_bin", kToMysql), Folding::more);
  EXPECT_EQ(folding("utf8mb4_bin", "utf8mb4_0900_bin", kToMysql), Folding::less);
  EXPECT_EQ(folding("utf8mb4_0900_ai_ci", "utf8mb4_general_ci", kToMariadb), Folding::more);
  EXPECT_EQ(folding("utf8mb4_0900_ai_ci", "utf8mb4_unicode_520_nopad_ci", kToMariadb), Folding::nearly);
  EXPECT_EQ(folding("utf8mb4_bin", "utf8mb4_general_ci", kToMysql), Folding::more);
}

TEST(Folding, AcrossCharacterSets) {
  EXPECT_EQ(folding("latin1_bin", "utf8mb4_bin", kToMysql), Folding::less);
  EXPECT_EQ(folding("latin1_swedish_ci", "utf8mb4_bin", kToMysql), Folding::less);
  EXPECT_EQ(folding("utf8_general_ci", "utf8mb3_general_ci", kToMysql), Folding::same);
  EXPECT_EQ(folding("utf8mb3_general_ci", "utf8mb4_general_ci", kToMysql), Folding::same);
  EXPECT_EQ(folding("ascii_general_ci", "utf8mb4_general_ci", kToMysql), Folding::same);
  EXPECT_EQ(folding("utf8mb4_0900_ai_ci", "utf8mb4_0900_bin", kToMysql), Folding::less);
  EXPECT_EQ(folding("utf8mb4_0900_ai_ci", "utf8mb4_bin", kToMariadb), Folding::more) << "trailing spaces";
  EXPECT_EQ(folding("utf8mb4_general_ci", "utf8mb4_0900_ai_ci", kToMysql), Folding::more);
  EXPECT_EQ(folding("latin1_swedish_ci", "utf8mb4_general_ci", kToMysql), Folding::more);
  EXPECT_EQ(folding("sjis_japanese_ci", "utf8mb4_bin", kToMysql), Folding::more) << "not carried";
}

TEST(DefaultCollation, DiffersForUtf8mb4Alone) {
  EXPECT_EQ(default_collation("UTF8MB4", true), "utf8mb4_general_ci");
  EXPECT_EQ(default_collation("utf8mb4", false), "utf8mb4_0900_ai_ci");
  EXPECT_EQ(default_collation("latin1", true), "latin1_swedish_ci");
  EXPECT_EQ(default_collation("koi8r", false), "koi8r_general_ci");
}

}  // namespace
}  // namespace crossfade::dualwrite
