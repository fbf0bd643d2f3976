#include "dualwrite/leader_record.h"

#include "dualwrite/sql_text.h"

namespace crossfade::dualwrite {
namespace {

std::string leader_table(std::string_view schema) { return quote_name(schema) + ".`leader`"; }

constexpr std::string_view kNobody = "`changing`='',`until`=NULL";

}  // namespace

std::vector<std::string> leader_setup_statements(std::string_view schema) {
  return {"CREATE TABLE IF NOT EXISTS " + leader_table(schema) +
              "(`id` INT NOT NULL PRIMARY KEY,`leader` VARCHAR(8) NOT NULL,`changing` VARCHAR(64) NOT NULL DEFAULT '',"
              "`until` DATETIME(6) NULL,`at` TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE=InnoDB "
              "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
          "INSERT IGNORE INTO " + leader_table(schema) + "(`id`,`leader`) VALUES(1,'old')"};
}

std::string count_leader_tables(std::string_view schema) {
  return "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA=" + quote_text(schema) +
         " AND TABLE_NAME='leader'";
}

std::string select_leader(std::string_view schema) {
  return "SELECT `leader`='new',`changing`,`changing`<>'' AND `until`<UTC_TIMESTAMP(6) FROM " + leader_table(schema) +
         " WHERE `id`=1";
}

absl::StatusOr<LeaderRecord> leader_from(const protocol::ResultSet& result) {
  if (result.rows.empty()) return LeaderRecord();
  const std::vector<protocol::Cell>& row = result.rows.front();
  if (row.size() != 3) return absl::InternalError("the control table `leader` is not as this version makes it");
  return LeaderRecord{.new_leads = row[0] == "1", .changing = row[1].value_or(""), .expired = row[2] == "1"};
}

std::string claim_leader_change(std::string_view schema, std::string_view who, std::chrono::seconds at_most) {
  return "UPDATE " + leader_table(schema) + " SET `changing`=" + quote_text(who) +
         ",`until`=UTC_TIMESTAMP(6)+INTERVAL " + std::to_string(at_most.count()) +
         " SECOND WHERE `id`=1 AND `leader`='old' AND `changing`=''";
}

std::string decide_new_leads(std::string_view schema, std::string_view who) {
  return "UPDATE " + leader_table(schema) + " SET `leader`='new',`at`=CURRENT_TIMESTAMP(6)," + std::string(kNobody) +
         " WHERE `id`=1 AND `leader`='old' AND `changing`=" + quote_text(who) + " AND `until`>UTC_TIMESTAMP(6)";
}

std::string give_up_leader_change(std::string_view schema, std::string_view who) {
  return "UPDATE " + leader_table(schema) + " SET " + std::string(kNobody) +
         " WHERE `id`=1 AND `changing`=" + quote_text(who);
}

std::string lock_leader_change(std::string_view schema) {
  return "GET_LOCK(" + quote_text("crossfade_leader_" + std::string(schema)) + ",0)";
}

std::string note_new_leads(std::string_view schema) {
  return "UPDATE " + leader_table(schema) + " SET `leader`='new',`at`=CURRENT_TIMESTAMP(6)," + std::string(kNobody) +
         " WHERE `id`=1 AND `leader`='old'";
}

}  // namespace crossfade::dualwrite
