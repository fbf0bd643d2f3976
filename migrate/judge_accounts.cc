#include "migrate/judge_accounts.h"

#include <algorithm>
#include <array>
#include <map>

#include "dualwrite/sql_text.h"

namespace crossfade::migrate {
namespace {

enum class Make : std::uint8_t { both, mariadb, mysql };
enum class On : std::uint8_t { everything, control_schema };

// `name` as it is granted, `instead` another name that the server may print or that covers it.
struct Required {
  std::string_view name;
  Make make = Make::both;
  On on = On::everything;
  Severity severity = Severity::blocker;
  std::string_view why{};
  std::string_view instead{};
};

constexpr std::string_view kSeesObjects = "without it triggers and events are not seen";
constexpr std::string_view kDefiners = "views and routines of other definers cannot be made";
constexpr std::string_view kEvents = "rows are written by SQL, which is slower and cannot carry some columns";
constexpr std::string_view kKills = "a client's read there cannot be ended after a KILL";

constexpr std::array kByLog = {
    Required{.name = "SELECT"},
    Required{.name = "REPLICATION SLAVE"},
    Required{.name = "BINLOG MONITOR", .make = Make::mariadb, .instead = "REPLICATION CLIENT"},
    Required{.name = "REPLICATION CLIENT", .make = Make::mysql},
    Required{.name = "TRIGGER", .severity = Severity::warning, .why = kSeesObjects},
    Required{.name = "EVENT", .severity = Severity::warning, .why = kSeesObjects},
    Required{.name = "CREATE", .on = On::control_schema},
    Required{.name = "INSERT", .on = On::control_schema},
    Required{.name = "UPDATE", .on = On::control_schema},
};
constexpr std::array kByTriggers = {
    Required{.name = "SELECT"},
    Required{.name = "PROCESS"},
    Required{.name = "TRIGGER"},
    Required{.name = "LOCK TABLES"},
    Required{.name = "EVENT", .severity = Severity::warning, .why = kSeesObjects},
    Required{.name = "CREATE", .on = On::control_schema},
    Required{.name = "ALTER", .on = On::control_schema},
    Required{.name = "DROP", .on = On::control_schema},
    Required{.name = "INSERT", .on = On::control_schema},
    Required{.name = "UPDATE", .on = On::control_schema},
    Required{.name = "DELETE", .on = On::control_schema},
    Required{.name = "CREATE ROUTINE", .make = Make::mariadb, .on = On::control_schema},
    Required{.name = "ALTER ROUTINE", .make = Make::mariadb, .on = On::control_schema},
    Required{.name = "EXECUTE", .make = Make::mariadb, .on = On::control_schema},
};
constexpr std::array kFollower = {
    Required{.name = "SELECT"},
    Required{.name = "INSERT"},
    Required{.name = "UPDATE"},
    Required{.name = "DELETE"},
    Required{.name = "CREATE"},
    Required{.name = "ALTER"},
    Required{.name = "DROP"},
    Required{.name = "INDEX"},
    Required{.name = "REFERENCES"},
    Required{.name = "TRIGGER"},
    Required{.name = "CREATE VIEW"},
    Required{.name = "SHOW VIEW"},
    Required{.name = "CREATE ROUTINE"},
    Required{.name = "ALTER ROUTINE"},
    Required{.name = "EVENT", .severity = Severity::warning, .why = kSeesObjects},
    Required{.name = "BINLOG REPLAY", .make = Make::mariadb, .severity = Severity::warning, .why = kEvents},
    Required{.name = "BINLOG ADMIN",
             .make = Make::mariadb,
             .severity = Severity::warning,
             .why = "the text of row events goes into new's own log"},
    Required{.name = "REPLICATION_APPLIER",
             .make = Make::mysql,
             .severity = Severity::warning,
             .why = kEvents,
             .instead = "SUPER"},
    Required{.name = "SET USER", .make = Make::mariadb, .severity = Severity::warning, .why = kDefiners},
    Required{.name = "SET_ANY_DEFINER",
             .make = Make::mysql,
             .severity = Severity::warning,
             .why = kDefiners,
             .instead = "SUPER"},
    Required{.name = "CONNECTION ADMIN", .make = Make::mariadb, .severity = Severity::warning, .why = kKills},
    Required{.name = "CONNECTION_ADMIN",
             .make = Make::mysql,
             .severity = Severity::warning,
             .why = kKills,
             .instead = "SUPER"},
};

// What both makes grant on a schema, and call alike.
constexpr std::array<std::string_view, 18> kOfSchemas = {
    "SELECT",     "INSERT",         "UPDATE",        "DELETE",      "CREATE",  "DROP",
    "REFERENCES", "INDEX",          "ALTER",         "LOCK TABLES", "EXECUTE", "CREATE VIEW",
    "SHOW VIEW",  "CREATE ROUTINE", "ALTER ROUTINE", "EVENT",       "TRIGGER", "CREATE TEMPORARY TABLES"};
// And on the server alone.
constexpr std::array<std::string_view, 7> kOfServers = {
    "PROCESS", "RELOAD", "FILE", "SHOW DATABASES", "CREATE USER", "SHUTDOWN", "REPLICATION SLAVE"};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

template <std::size_t size>
void missing_of(const std::array<Required, size>& all, const ServerFacts& server, const std::string& control_schema,
                Findings& out) {
  // One GRANT for all that is missing of a kind.
  struct Lack {
    std::vector<std::string> names;
    std::vector<std::string> why;
  };
  std::map<std::pair<Severity, On>, Lack> lacks;
  for (const Required& each : all) {
    if (each.make != Make::both && (each.make == Make::mariadb) != server.mariadb) continue;
    const auto has = [&](std::string_view name) {
      const Grants& grants = server.control.grants;
      return !name.empty() &&
             (each.on == On::everything ? grants.everywhere(name) : grants.on_schema(name, control_schema));
    };
    if (has(each.name) || has(each.instead)) continue;
    Lack& lack = lacks[{each.severity, each.on}];
    lack.names.emplace_back(each.name);
    const std::string why(each.why);
    if (!why.empty() && std::find(lack.why.begin(), lack.why.end(), why) == lack.why.end()) lack.why.push_back(why);
  }
  for (const auto& [kind, lack] : lacks) {
    const std::string scope = kind.second == On::everything ? "*.*" : dualwrite::quote_name(control_schema) + ".*";
    out.push_back({.severity = kind.first,
                   .object = std::string(config::name(server.which)) + " account " + server.control.account,
                   .code = "control_privileges",
                   .reason = "the control account lacks " + joined(lack.names) + " on " + scope +
                             (lack.why.empty() ? "" : ": " + joined(lack.why)),
                   .advice = "on " + std::string(config::name(server.which)) + ": GRANT " + joined(lack.names) +
                             " ON " + scope + " TO " + server.control.account});
  }
}

class UserOnBothSides {
 public:
  UserOnBothSides(const ApplicationUser& user, const std::vector<SchemaFacts>& schemas)
      : before_(user.on_old), after_(user.on_new), schemas_(schemas) {}

  Findings judge() {
    for (const auto& [which, account] : {std::pair("old", &before_), std::pair("new", &after_)}) {
      if (account->refused.empty()) continue;
      out_.push_back({.severity = Severity::blocker,
                      .object = std::string(which) + " account " + account->login,
                      .code = "login_refused",
                      .reason = "the application's account cannot log in: " + account->refused,
                      .advice = std::string("on ") + which + ": CREATE USER " + dualwrite::quote_name(account->login) +
                                "@'%' IDENTIFIED BY the password that crossfade.yaml has; or correct users there"});
    }
    if (!out_.empty()) return std::move(out_);
    on_schemas();
    on_things();
    std::vector<std::string> lacks;
    for (const std::string_view privilege : kOfServers) {
      if (before_.grants.everywhere(privilege) && !after_.grants.everywhere(privilege)) lacks.emplace_back(privilege);
    }
    add(Severity::warning, lacks, "*.*");
    return std::move(out_);
  }

 private:
  void add(Severity severity, const std::vector<std::string>& lacks, const std::string& scope) {
    if (lacks.empty()) return;
    out_.push_back(
        {.severity = severity,
         .object = "new account " + after_.account,
         .code = "application_privileges",
         .reason = "the application's account may do on old, and may not on new: " + joined(lacks) + " on " + scope,
         .advice = "on new: GRANT " + joined(lacks) + " ON " + scope + " TO " + after_.account});
  }

  void on_schemas() {
    for (const SchemaFacts& schema : schemas_) {
      std::vector<std::string> lacks;
      for (const std::string_view privilege : kOfSchemas) {
        if (before_.grants.on_schema(privilege, schema.name) && !after_.grants.on_schema(privilege, schema.name))
          lacks.emplace_back(privilege);
      }
      add(Severity::blocker, lacks, dualwrite::quote_name(schema.name) + ".*");
    }
  }

  // On one table, or one routine.
  void on_things() {
    for (const Grant& grant : before_.grants.all()) {
      if (grant.table == "*") continue;
      const bool travels = std::any_of(schemas_.begin(), schemas_.end(),
                                       [&grant](const SchemaFacts& schema) { return schema.name == grant.schema; });
      if (!travels) continue;
      std::vector<std::string> lacks;
      for (const std::string& privilege : grant.privileges) {
        const bool has = grant.routine.empty() ? after_.grants.on_table(privilege, grant.schema, grant.table)
                                               : after_.grants.on_routine(privilege, grant);
        if (!has && !is_of_one_make(privilege)) lacks.push_back(privilege);
      }
      add(Severity::blocker, lacks,
          (grant.routine.empty() ? "" : grant.routine + " ") + dualwrite::quote_name(grant.schema) + "." +
              dualwrite::quote_name(grant.table));
    }
  }

  static bool is_of_one_make(const std::string& privilege) {
    return privilege == "DELETE HISTORY" || privilege == "SHOW CREATE ROUTINE";
  }

  const AccountFacts& before_;
  const AccountFacts& after_;
  const std::vector<SchemaFacts>& schemas_;
  Findings out_;
};

}  // namespace

Findings judge_control_account(const ServerFacts& server, ControlRole role, const std::string& control_schema) {
  Findings out;
  switch (role) {
    case ControlRole::leader_by_log:
      missing_of(kByLog, server, control_schema, out);
      break;
    case ControlRole::leader_by_triggers:
      missing_of(kByTriggers, server, control_schema, out);
      break;
    case ControlRole::follower:
      missing_of(kFollower, server, control_schema, out);
      break;
  }
  return out;
}

Findings judge_application_user(const ApplicationUser& user, const std::vector<SchemaFacts>& schemas) {
  return UserOnBothSides(user, schemas).judge();
}

}  // namespace crossfade::migrate
