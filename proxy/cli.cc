#include "proxy/cli.h"

#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"
#include "proxy/cli_admin.h"
#include "proxy/cli_backfill.h"
#include "proxy/cli_feed.h"
#include "proxy/cli_load.h"
#include "proxy/cli_migrate.h"
#include "proxy/cli_verify.h"
#include "proxy/counts/log.h"
#include "proxy/misspelling.h"
#include "proxy/settings/config_file.h"
#include "proxy/status_table.h"
#include "shadow/report.h"

namespace crossfade::proxy {
namespace {

constexpr int kOk = 0;
constexpr int kError = 1;

// A configuration that can serve, or nothing and every problem said.
std::optional<config::Config> load_checked(const std::string& path, std::ostream& err) {
  absl::StatusOr<config::Config> config = load_config_file(path);
  if (!config.ok()) {
    std::string problems(config.status().message());
    if (!problems.ends_with('\n')) problems += '\n';
    err << problems;
    return std::nullopt;
  }
  const std::vector<std::string> problems = find_problems(*config, path);
  for (const std::string& problem : problems) err << problem << "\n";
  if (!problems.empty()) return std::nullopt;
  return *std::move(config);
}

int serve(const std::string& config_file, const CliContext& context) {
  const std::optional<config::Config> config = load_checked(config_file, context.err);
  if (!config.has_value()) return kError;
  set_up_logging(config->log_format);
  return context.serve(*config);
}

int check(const std::string& config_file, const CliContext& context) {
  const std::optional<config::Config> config = load_checked(config_file, context.err);
  if (!config.has_value()) return kError;
  context.out << "ok: " << config_file << " and " << config->flags_file << ": " << config->listen.size()
              << (config->listen.size() == 1 ? " listener, " : " listeners, ") << config->users.size()
              << (config->users.size() == 1 ? " user" : " users") << ", old " << config->old_backend.address.text()
              << ", new " << config->new_backend.address.text() << "\n";
  return kOk;
}

int remove(const std::string& config_file, const CliContext& context) {
  const std::optional<config::Config> config = load_checked(config_file, context.err);
  if (!config.has_value()) return kError;
  const absl::Status removed = context.remove_triggers(*config);
  if (!removed.ok()) {
    context.err << "crossfade: " << std::string(removed.message()) << "\n";
    return kError;
  }
  context.out << "removed: triggers and control tables on " << config->old_backend.address.text() << "\n";
  return kOk;
}

int preflight(const std::string& config_file, const PreflightOrder& order, const CliContext& context) {
  const std::optional<config::Config> config = load_checked(config_file, context.err);
  if (!config.has_value()) return kError;
  return context.preflight(*config, order, context.out, context.err);
}

int load(const std::string& config_file, const LoadOrder& order, const CliContext& context) {
  const std::optional<config::Config> config = load_checked(config_file, context.err);
  if (!config.has_value()) return kError;
  return context.load(*config, order, context.out, context.err);
}

int fail(const absl::Status& status, const CliContext& context) {
  context.err << "crossfade: " << std::string(status.message()) << "\n";
  return kError;
}

int status(const AdminOptions& options, const CliContext& context) {
  const absl::StatusOr<nlohmann::json> answer = ask_admin(options, "/status");
  if (!answer.ok()) return fail(answer.status(), context);
  context.out << (options.format == "json" ? answer->dump(2) + "\n" : status_table(*answer));
  return kOk;
}

int report(const AdminOptions& options, const CliContext& context) {
  const absl::StatusOr<nlohmann::json> answer = ask_admin(options, "/report");
  if (!answer.ok()) return fail(answer.status(), context);
  context.out << (options.format == "json" ? answer->dump(2) + "\n" : shadow::report_table(*answer));
  return shadow::report_exit_code(*answer);
}

struct ReleaseOptions {
  std::string table;
  bool overwrite = false;
};

int release(const AdminOptions& options, const ReleaseOptions& wanted, const CliContext& context) {
  const nlohmann::json order = {{"table", wanted.table}, {"overwrite", wanted.overwrite}};
  const absl::StatusOr<nlohmann::json> answer = ask_admin(options, "/tables/release", order);
  if (!answer.ok()) return fail(answer.status(), context);
  context.out << (options.format == "json" ? answer->dump(2) : answer->value("text", "")) << "\n";
  return kOk;
}

CLI::App* add_config_verb(CLI::App& app, const std::string& name, const std::string& about, std::string& file) {
  CLI::App* verb = app.add_subcommand(name, about);
  verb->add_option("-c,--config", file, "The configuration, crossfade.yaml")->required()->type_name("FILE");
  return verb;
}

CLI::App* add_preflight_verb(CLI::App& app, std::string& file, PreflightOrder& order) {
  CLI::App* verb = add_config_verb(
      app, "preflight", "Look at both servers: what stands in the way of a migration, and what to do about it", file);
  verb->add_option("--tables", order.tables, "Only these: SCHEMA or SCHEMA.TABLE, several with commas")
      ->delimiter(',')
      ->type_name("TABLES");
  verb->add_option("--exclude", order.excluded, "Without these")->delimiter(',')->type_name("TABLES");
  verb->add_flag("--quick", order.quick, "Do not count rows: definitions, settings and rights alone");
  verb->add_option_function<std::uint32_t>(
          "--count-time", [&order](std::uint32_t seconds) { order.count_time = std::chrono::seconds(seconds); },
          "Seconds that one counting statement may take on old; 30")
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  verb->add_option_function<std::string>(
          "-f,--format",
          [&order](const std::string& format) {
            order.format = format == "json" ? PreflightOrder::Format::json : PreflightOrder::Format::table;
          },
          "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  CLI::Option* fix = verb->add_flag("--fix-schema", order.fix_schema,
                                    "Print the DDL that makes on new what is missing there, from old's definitions");
  verb->add_flag("--execute", order.execute, "With --fix-schema: run it on new")->needs(fix);
  verb->add_flag("--indexes-later", order.indexes_later,
                 "With --fix-schema: secondary indexes are for after the copy, printed and not run")
      ->needs(fix);
  verb->add_flag("--triggers", order.triggers, "With --fix-schema: triggers and events, too; refused until new leads")
      ->needs(fix);
  verb->footer(
      "Nothing is written, unless --execute is given. Rows are counted on old, each statement for --count-time at "
      "most.\nExit code 0: nothing stands in the way, 4: something does, 1: error.\n\n"
      "Examples:\n  crossfade preflight --config crossfade.yaml\n"
      "  crossfade preflight --config crossfade.yaml --tables shop,crm.people --quick --format json\n"
      "  crossfade preflight --config crossfade.yaml --fix-schema\n"
      "  crossfade preflight --config crossfade.yaml --fix-schema --execute --indexes-later");
  return verb;
}

CLI::App* add_release_verb(CLI::App& app, AdminOptions& admin, ReleaseOptions& to_release) {
  CLI::App* tables_verb = app.add_subcommand("tables", "Decide about tables that no longer follow");
  tables_verb->require_subcommand(1);
  CLI::App* release_verb =
      add_admin_verb(*tables_verb, "release", "Let a stopped table catch up, from where it stopped", admin);
  release_verb->add_option("table", to_release.table, "SCHEMA.TABLE, as status shows it under parked")
      ->required()
      ->type_name("TABLE");
  release_verb->add_flag("--overwrite", to_release.overwrite,
                         "Write rows that do not fit as the leader has them; each is a line in the ledger");
  release_verb->footer(
      "Without --overwrite a row that does not fit stops the table again. Exit code 1 and the reason where it cannot "
      "go on.\n\n"
      "Examples:\n  crossfade tables release shop.orders\n"
      "  crossfade tables release shop.orders --overwrite --config crossfade.yaml");
  return release_verb;
}

// What of these options may be written: "--config", "-c".
std::vector<std::string> spellings(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
    for (const std::string& name : option->get_snames()) out.push_back("-" + name);
  }
  return out;
}

std::string did_you_mean(const std::string& written, const std::vector<std::string>& known) {
  const std::string meant = nearest_word(written, known);
  return meant.empty() ? "" : "; did you mean '" + meant + "'?";
}

// The option in an argument: "--config" in "--config=x", "-c" in "-cx". Empty: it is none.
std::string option_in(const std::string& argument) {
  if (argument.size() < 2 || argument[0] != '-') return "";
  return argument[1] == '-' ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
}

// "crossfade tables release"
std::string full_name(const CLI::App& app) {
  return (app.get_parent() != nullptr ? full_name(*app.get_parent()) + " " : "") + app.get_name();
}

// Which of the words is not known, and which is meant by it: said before anything that is merely missing. Empty: all
// are known.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* verb = &app;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") break;
    const std::string option = option_in(argument);
    if (option.empty()) {
      const std::vector<const CLI::App*> below = verb->get_subcommands({});
      if (below.empty()) continue;
      std::vector<std::string> verbs;
      const CLI::App* found = nullptr;
      for (const CLI::App* one : below) {
        verbs.push_back(one->get_name());
        if (verbs.back() == argument) found = one;
      }
      if (found == nullptr) {
        return "there is no verb '" + argument + "'" + did_you_mean(argument, verbs) + "\nRun " + full_name(*verb) +
               " --help for all of them.";
      }
      verb = found;
      continue;
    }
    const CLI::Option* known = verb->get_option_no_throw(option);
    if (known == nullptr) {
      return "'" + full_name(*verb) + "' has no option '" + option + "'" + did_you_mean(option, spellings(*verb)) +
             "\nRun " + full_name(*verb) + " --help for all of them.";
    }
    const bool takes_next = known->get_items_expected_max() > 0 && argument == option;
    if (takes_next) ++i;
  }
  return "";
}

}  // namespace

int run_cli(int argc, const char* const* argv, const CliContext& context) {
  CLI::App app("Crossfade moves applications from one MySQL-compatible database to another without stopping them.",
               "crossfade");
  app.require_subcommand(1);
  app.set_version_flag("--version", "crossfade " + context.version);
  app.footer(
      "Examples:\n  crossfade check --config crossfade.yaml\n  crossfade preflight --config crossfade.yaml\n  "
      "crossfade serve --config crossfade.yaml\n"
      "  crossfade status");

  std::string config_file;
  AdminOptions admin;
  CLI::App* serve_verb = add_config_verb(app, "serve", "Run the proxy", config_file);
  serve_verb->footer(
      "SIGTERM drains and ends, SIGHUP reads the flags, passwords and certificates again.\n\n"
      "Example:\n  crossfade serve --config /etc/crossfade/crossfade.yaml");
  CLI::App* check_verb = add_config_verb(
      app, "check", "Check the configuration, its flags, secrets and certificates; nothing is connected to",
      config_file);
  check_verb->footer(
      "Exit code 1 and every problem with file:line:column when there are any.\n\n"
      "Example:\n  crossfade check --config /etc/crossfade/crossfade.yaml");
  PreflightOrder look;
  CLI::App* preflight_verb = add_preflight_verb(app, config_file, look);
  CLI::App* remove_verb =
      add_config_verb(app, "remove-triggers",
                      "Remove what feed `trigger` has made on the leader, when no proxy runs any more", config_file);
  remove_verb->footer("Example:\n  crossfade remove-triggers --config /etc/crossfade/crossfade.yaml");
  CLI::App* status_verb = add_admin_verb(app, "status", "Show what a running proxy is doing", admin);
  status_verb->footer(
      "Examples:\n  crossfade status\n  crossfade status --admin 10.0.0.7:6080 --token-file admin.token\n"
      "  crossfade status --config crossfade.yaml --format json");
  CLI::App* report_verb = add_admin_verb(app, "report", "Show what the shadow comparisons have found", admin);
  report_verb->footer(
      "Exit code 0: no differences, 4: differences, 8: too few samples to tell, 1: error.\n\n"
      "Examples:\n  crossfade report\n  crossfade report --config crossfade.yaml --format json");
  ReleaseOptions to_release;
  CLI::App* release_verb = add_release_verb(app, admin, to_release);
  BackfillVerbs backfill_verbs(app, admin);
  LoadOrder to_load;
  CLI::App* load_verb =
      add_config_verb(app, "load", "Load exported files into a table of new, by way of a staging table", config_file);
  add_load_options(*load_verb, to_load);
  VerifyVerbs verify_verbs(app, admin);
  RepairVerb repair_verb(app, admin);
  MigrateVerb migrate_verb(app, admin);
  FeedVerbs feed_verbs(app, admin);
  CLI::App* version_verb = app.add_subcommand("version", "Print the version");
  version_verb->footer("Example:\n  crossfade version");

  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    context.err << app.help();
    return kError;
  }
  if (const std::string unknown = unknown_word(app, arguments); !unknown.empty()) {
    context.err << "crossfade: " << unknown << "\n";
    return kError;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, context.out, context.err) == 0 ? kOk : kError;
  }
  if (serve_verb->parsed()) return serve(config_file, context);
  if (check_verb->parsed()) return check(config_file, context);
  if (preflight_verb->parsed()) return preflight(config_file, look, context);
  if (remove_verb->parsed()) return remove(config_file, context);
  if (status_verb->parsed()) return status(admin, context);
  if (report_verb->parsed()) return report(admin, context);
  if (release_verb->parsed()) return release(admin, to_release, context);
  if (load_verb->parsed()) return load(config_file, to_load, context);
  if (backfill_verbs.parsed()) return backfill_verbs.run(context);
  if (verify_verbs.parsed()) return verify_verbs.run(context);
  if (repair_verb.parsed()) return repair_verb.run(context);
  if (migrate_verb.parsed()) return migrate_verb.run(context);
  if (feed_verbs.parsed()) return feed_verbs.run(context);
  context.out << "crossfade " << context.version << "\n";
  return kOk;
}

}  // namespace crossfade::proxy
