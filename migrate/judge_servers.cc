#include "migrate/judge_servers.h"

#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/ascii.h"
#include "dualwrite/collations.h"
#include "dualwrite/session_text.h"
#include "dualwrite/sql_text.h"

namespace crossfade::migrate {
namespace {

// "10.11" and "9": what the tests run with.
constexpr std::uint32_t kMariadbTested = 101100;
constexpr std::uint32_t kMysqlTested = 90000;

// Variables whose difference changes what a statement answers or whether it passes. How `new` should be is `old`'s
// value.
struct Alike {
  std::string_view name;
  std::string_view why;
};
constexpr std::array kAlike = {
    Alike{"group_concat_max_len", "GROUP_CONCAT is cut at another length"},
    Alike{"div_precision_increment", "quotients have another number of digits"},
    Alike{"default_week_format", "WEEK() counts otherwise"},
    Alike{"lc_time_names", "names of days and months are in another language"},
    Alike{"explicit_defaults_for_timestamp", "TIMESTAMP columns are made with other defaults"},
    Alike{"innodb_ft_min_token_size", "full-text searches find other words"},
    Alike{"ft_min_word_len", "full-text searches of other engines find other words"},
    Alike{"auto_increment_increment", "new ids have other distances"},
    Alike{"auto_increment_offset", "new ids begin elsewhere"},
};
// Where less on `new` than on `old` refuses what works today.
constexpr std::array kAtLeast = {
    Alike{"max_allowed_packet", "a statement or a row that `old` takes is refused"},
    Alike{"max_connections", "clients that fit on `old` may not fit"},
    Alike{"innodb_page_size", "a row that fits into a page of `old` may not fit"},
};

bool is_on(const std::string& value) {
  const std::string upper = absl::AsciiStrToUpper(value);
  return upper == "ON" || upper == "1";
}

// "old is MariaDB 10.11.6-MariaDB"
std::string make_and_version(const ServerFacts& server) {
  return std::string(server.mariadb ? "MariaDB " : "MySQL ") + server.version;
}

std::string set_global(const ServerFacts& server, const std::string& name, const std::string& value) {
  return "on " + std::string(config::name(server.which)) + (server.mariadb ? " (and in its configuration file)" : "") +
         ": " + (server.mariadb ? "SET GLOBAL " : "SET PERSIST ") + name + "=" + value;
}

bool is_number(const std::string& value) {
  return !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
}

class Pair {
 public:
  explicit Pair(const ServerPair& pair) : old_(pair.old_server), new_(pair.new_server), is_one_(pair.is_one_server) {}

  Findings judge() {
    identity();
    versions();
    for (const Alike& each : kAlike) alike(each);
    for (const Alike& each : kAtLeast) at_least(each);
    sql_mode();
    isolation();
    time_zone();
    server_collation();
    lower_case_names();
    writable();
    follower_settings();
    return std::move(out_);
  }

 private:
  void find(Severity severity, std::string object, std::string code, std::string reason, std::string advice) {
    out_.push_back({.severity = severity,
                    .object = std::move(object),
                    .code = std::move(code),
                    .reason = std::move(reason),
                    .advice = std::move(advice)});
  }
  static std::string both(const std::string& on_old, const std::string& on_new) {
    return on_old + " on old, " + on_new + " on new";
  }
  bool has_both(std::string_view name) const { return !old_.variable(name).empty() && !new_.variable(name).empty(); }

  void identity() {
    if (is_one_)
      find(Severity::blocker, "old and new", "same_server", "both addresses lead to one server",
           "set backends.new.address to the server that is to be migrated to");
    for (const ServerFacts* server : {&old_, &new_}) {
      const std::string which(config::name(server->which));
      if (!server->is_replica) {
        find(Severity::note, which, "replica_not_known", "the control account may not ask whether it is a replica",
             "on " + which + ": GRANT " +
                 (server->mariadb ? "REPLICA MONITOR ON *.*" : "SELECT ON performance_schema.*") + " TO " +
                 server->control.account);
      } else if (*server->is_replica && server == &new_) {
        find(Severity::blocker, which, "is_replica", "it replicates from another server: rows would arrive twice",
             server->mariadb ? "on new: STOP ALL SLAVES; RESET SLAVE ALL" : "on new: STOP REPLICA; RESET REPLICA ALL");
      } else if (*server->is_replica) {
        find(Severity::warning, which, "is_replica",
             "it replicates from another server: what comes from there is followed only where it is logged here",
             "let old be the source itself, or see that log_replica_updates (log_slave_updates) is ON");
      }
    }
  }

  void versions() {
    for (const ServerFacts* server : {&old_, &new_}) {
      const std::string which(config::name(server->which));
      const std::uint32_t tested = server->mariadb ? kMariadbTested : kMysqlTested;
      find(Severity::note, which, "version", make_and_version(*server), "");
      if (server->version_number < tested)
        find(Severity::warning, which, "version_not_tested",
             make_and_version(*server) + " is older than what Crossfade is tested with (MariaDB 10.11, MySQL 9)",
             "rehearse the migration with this version first");
    }
    if (old_.mariadb == new_.mariadb && new_.version_number / 100 < old_.version_number / 100)
      find(Severity::warning, "new", "version_older", both(old_.version, new_.version) + ": new is the older one",
           "rehearse: statements and types of the newer one may be missing");
  }

  void alike(const Alike& each) {
    const std::string name(each.name);
    if (!has_both(name) || absl::AsciiStrToUpper(old_.variable(name)) == absl::AsciiStrToUpper(new_.variable(name)))
      return;
    const std::string wanted = old_.variable(name);
    find(Severity::warning, "new", "variable_differs",
         name + " is " + both(wanted, new_.variable(name)) + ": " + std::string(each.why),
         set_global(new_, name, is_number(wanted) ? wanted : "'" + wanted + "'"));
  }

  void at_least(const Alike& each) {
    const std::string name(each.name);
    if (!has_both(name) || new_.number(name) >= old_.number(name)) return;
    const bool fixed = name == "innodb_page_size";
    find(Severity::warning, "new", "variable_smaller",
         name + " is " + both(old_.variable(name), new_.variable(name)) + ": " + std::string(each.why),
         fixed ? "make new anew with --innodb-page-size=" + old_.variable(name)
               : set_global(new_, name, old_.variable(name)));
  }

  void sql_mode() {
    const auto modes = [](const std::string& text) {
      std::set<std::string> out;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        if (end > at) out.insert(text.substr(at, end - at));
        at = end + 1;
      }
      return out;
    };
    const std::string wanted = dualwrite::translate_sql_mode(
        old_.variable("sql_mode"), {.follower_is_mariadb = new_.mariadb, .leader_is_mariadb = old_.mariadb});
    if (modes(wanted) == modes(new_.variable("sql_mode"))) return;
    find(Severity::warning, "new", "sql_mode_differs",
         "sql_mode is '" + old_.variable("sql_mode") + "' on old, '" + new_.variable("sql_mode") +
             "' on new: while both run the proxy sets it alike, behind that the server's own counts",
         set_global(new_, "sql_mode", "'" + wanted + "'"));
  }

  static std::string isolation_of(const ServerFacts& server) {
    const std::string value = server.variable("transaction_isolation");
    return value.empty() ? server.variable("tx_isolation") : value;
  }

  void isolation() {
    const std::string before = isolation_of(old_), after = isolation_of(new_);
    if (before == after) return;
    const std::string name = new_.variable("transaction_isolation").empty() ? "tx_isolation" : "transaction_isolation";
    find(Severity::warning, "new", "isolation_differs", "the default isolation is " + both(before, after),
         set_global(new_, name, "'" + before + "'"));
  }

  static std::string zone_of(const ServerFacts& server) {
    const std::string zone = server.variable("time_zone");
    return zone == "SYSTEM" ? server.variable("system_time_zone") : zone;
  }

  void time_zone() {
    const std::string before = zone_of(old_), after = zone_of(new_);
    if (before != after)
      find(Severity::warning, "new", "time_zone_differs",
           "the time zone is " + both(before, after) + ": NOW() and TIMESTAMP columns read otherwise",
           old_.variable("time_zone") == "SYSTEM" ? "start new with TZ=" + before + ", or set time_zone to its offset"
                                                  : set_global(new_, "time_zone", "'" + before + "'"));
    if (old_.has_named_zones && !new_.has_named_zones)
      find(Severity::warning, "new", "time_zones_not_loaded",
           "only old knows time zones by name: CONVERT_TZ() and SET time_zone with a name fail on new",
           std::string(new_.mariadb ? "mariadb-tzinfo-to-sql" : "mysql_tzinfo_to_sql") +
               " /usr/share/zoneinfo | the client, into schema mysql of new");
  }

  void server_collation() {
    const dualwrite::ServerMakes makes{.leader_is_mariadb = old_.mariadb, .follower_is_mariadb = new_.mariadb};
    const std::string before = old_.variable("collation_server"), after = new_.variable("collation_server");
    const std::string wanted = dualwrite::nearest_collation(before, makes);
    if (wanted == after || before.empty()) return;
    find(Severity::warning, "new", "server_collation_differs",
         "collation_server is " + both(before, after) + ": schemas that name none are made with another one",
         set_global(new_, "collation_server", "'" + wanted + "'"));
  }

  void lower_case_names() {
    const std::string name = "lower_case_table_names";
    if (old_.variable(name) == new_.variable(name)) return;
    const bool has_upper_case = std::any_of(old_.tables.begin(), old_.tables.end(), [](const auto& table) {
      return absl::AsciiStrToLower(table.first.schema) != table.first.schema ||
             absl::AsciiStrToLower(table.first.table) != table.first.table;
    });
    find(has_upper_case ? Severity::blocker : Severity::warning, "new", "lower_case_table_names_differs",
         name + " is " + both(old_.variable(name), new_.variable(name)) +
             (has_upper_case ? ": names with upper-case letters are not the same table on both"
                             : ": statements that spell a name in another case work on one side only"),
         "make new anew with --lower-case-table-names=" + old_.variable(name));
  }

  void writable() {
    const std::string& account = new_.control.account;
    // MariaDB 12 has NO_LOCK and more beside ON.
    const auto is_read_only = [](const ServerFacts& server) {
      const std::string value = absl::AsciiStrToUpper(server.variable("read_only"));
      return !value.empty() && value != "OFF" && value != "0";
    };
    if (is_read_only(old_))
      find(Severity::warning, "old", "read_only", "it is read_only: clients cannot write",
           "on old: SET GLOBAL read_only=0");
    if (is_on(new_.variable("super_read_only")))
      return find(Severity::blocker, "new", "super_read_only", "it is super_read_only: nothing can be applied",
                  "on new, where read_only may stay: SET GLOBAL super_read_only=0");
    const bool may_pass =
        new_.mariadb
            ? new_.control.grants.everywhere("READ_ONLY ADMIN") || new_.control.grants.everywhere("READ ONLY ADMIN")
            : new_.control.grants.everywhere("CONNECTION_ADMIN") || new_.control.grants.everywhere("SUPER");
    if (is_read_only(new_) && !may_pass)
      find(Severity::blocker, "new", "read_only", "it is read_only, and the control account is bound by that",
           "on new: GRANT " + std::string(new_.mariadb ? "READ_ONLY ADMIN" : "CONNECTION_ADMIN") + " ON *.* TO " +
               account);
  }

  void follower_settings() {
    if (new_.mariadb && !new_.variable("slave_run_triggers_for_rbr").empty() &&
        new_.variable("slave_run_triggers_for_rbr") != "NO")
      find(Severity::blocker, "new", "triggers_run_for_rows",
           "slave_run_triggers_for_rbr is " + new_.variable("slave_run_triggers_for_rbr") +
               ": triggers would run for rows that have run them on old",
           set_global(new_, "slave_run_triggers_for_rbr", "'NO'"));
    const bool stores_functions = std::any_of(old_.objects.begin(), old_.objects.end(), [](const StoredObject& object) {
      return object.kind == StoredObject::Kind::function || object.kind == StoredObject::Kind::trigger;
    });
    if (stores_functions && is_on(new_.variable("log_bin")) &&
        !is_on(new_.variable("log_bin_trust_function_creators")) && !new_.control.grants.everywhere("SUPER"))
      find(Severity::warning, "new", "functions_refused",
           "stored functions and triggers are refused there (1419) while its log is on",
           set_global(new_, "log_bin_trust_function_creators", "1"));
    primary_keys();
  }

  void primary_keys() {
    const auto without = std::find_if(old_.tables.begin(), old_.tables.end(), [](const auto& table) {
      return table.second.kind == dualwrite::TableDefinition::Kind::table && table.second.primary_key() == nullptr;
    });
    const bool any = without != old_.tables.end();
    if (is_on(new_.variable("sql_require_primary_key")))
      find(any ? Severity::blocker : Severity::note, "new", "primary_key_required",
           "sql_require_primary_key is ON" +
               (any ? ": " + without->first.schema + "." + without->first.table + " cannot be made there"
                    : std::string(": tables without one cannot be made there")),
           any ? set_global(new_, "sql_require_primary_key", "0") + "; or add a primary key on old" : "");
    if (is_on(new_.variable("sql_generate_invisible_primary_key")) && any)
      find(Severity::blocker, "new", "primary_key_generated",
           "sql_generate_invisible_primary_key is ON: " + without->first.schema + "." + without->first.table +
               " would get a column that old does not have",
           set_global(new_, "sql_generate_invisible_primary_key", "0") + "; or add a primary key on old");
  }

  const ServerFacts& old_;
  const ServerFacts& new_;
  bool is_one_;
  Findings out_;
};

}  // namespace

Findings judge_servers(const ServerPair& pair) { return Pair(pair).judge(); }

}  // namespace crossfade::migrate
