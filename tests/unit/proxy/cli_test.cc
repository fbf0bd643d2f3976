#include "proxy/cli.h"

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "proxy/admin/admin.h"
#include "shadow/report.h"
#include "spdlog/spdlog.h"
#include "tests/unit/proxy/temp_dir.h"
#include "tests/unit/proxy/test_certificate.h"

namespace crossfade::proxy {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class CliTest : public ::testing::Test {
 protected:
  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "crossfade");
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    std::ostringstream out;
    std::ostringstream err;
    const auto serve = [this](const config::Config& config) {
      ++served_;
      served_state_dir_ = config.state_dir;
      return 7;
    };
    const auto log = spdlog::default_logger();
    const auto preflight = [this](const config::Config&, const PreflightOrder& order, std::ostream&, std::ostream&) {
      ordered_ = order;
      return 4;
    };
    const int code = run_cli(static_cast<int>(argv.size()), argv.data(),
                             {.version = "9.8.7", .out = out, .err = err, .serve = serve, .preflight = preflight});
    spdlog::set_default_logger(log);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  // A good configuration; `extra` is added at its end.
  std::string write_config(const std::string& extra = "", const std::string& listen_tls = "") {
    directory_.write("flags.yaml", "version: 1\n");
    directory_.write("control.password", "c0ntrol\n");
    return directory_.write("crossfade.yaml",
                            "listen:\n"
                            "  - { address: \"127.0.0.1:3306\"" +
                                listen_tls +
                                " }\n"
                                "state_dir: state\n"
                                "backends:\n"
                                "  old: { address: \"db-old:3306\" }\n"
                                "  new: { address: \"db-new:3306\" }\n"
                                "control:\n"
                                "  old: { user: crossfade, password_file: control.password }\n"
                                "  new: { user: crossfade, password_file: control.password }\n"
                                "users:\n"
                                "  - { name: app, password: s3cret }\n"
                                "flags: { file: flags.yaml }\n" +
                                extra);
  }

  void start_admin(const json& status, const json& report, const std::string& token = "") {
    auto server = AdminServer::start({.host = "127.0.0.1", .port = 0}, token,
                                     {.status = [status] { return status; },
                                      .report = [report] { return report; },
                                      .flags = [] { return json::object(); },
                                      .metrics = [] { return std::string(); },
                                      .ready = [] { return true; },
                                      .started = [] { return true; },
                                      .release = [](const ReleaseOrder& order) -> absl::StatusOr<std::string> {
                                        if (order.table == "gone") return absl::NotFoundError("gone is not stopped");
                                        return order.schema + "." + order.table +
                                               (order.overwrite ? " overwritten" : " released");
                                      }});
    ASSERT_TRUE(server.ok());
    admin_ = *std::move(server);
  }
  std::string admin_address() const { return "127.0.0.1:" + std::to_string(admin_->port()); }

  TempDir directory_;
  std::unique_ptr<AdminServer> admin_;
  std::string out_;
  std::string err_;
  int served_ = 0;
  std::string served_state_dir_;
  std::optional<PreflightOrder> ordered_;
};

TEST_F(CliTest, PrintsItsVersion) {
  EXPECT_EQ(run({"version"}), 0);
  EXPECT_EQ(out_, "crossfade 9.8.7\n");
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(out_, "crossfade 9.8.7\n");
}

TEST_F(CliTest, HelpsEverywhereWithAnExample) {
  EXPECT_EQ(run({"--help"}), 0);
  for (const std::string verb : {"serve", "check", "status", "report", "version"}) {
    EXPECT_THAT(out_, HasSubstr("  " + verb));
  }
  for (const std::string verb : {"serve", "check", "status", "report", "version"}) {
    EXPECT_EQ(run({verb, "--help"}), 0);
    EXPECT_THAT(out_, AllOf(HasSubstr("Example"), HasSubstr("crossfade " + verb))) << verb;
    EXPECT_THAT(err_, IsEmpty());
  }
}

TEST_F(CliTest, ReleasesATable) {
  start_admin({}, {});
  EXPECT_EQ(run({"tables", "release", "shop.t", "--admin", admin_address()}), 0);
  EXPECT_EQ(out_, "shop.t released\n");
  EXPECT_EQ(run({"tables", "release", "shop.t", "--overwrite", "--admin", admin_address(), "--format", "json"}), 0);
  EXPECT_EQ(json::parse(out_).at("text"), "shop.t overwritten");
  EXPECT_EQ(run({"tables", "release", "shop.gone", "--admin", admin_address()}), 1);
  EXPECT_THAT(err_, HasSubstr("gone is not stopped"));
  EXPECT_EQ(run({"tables", "release", "t", "--admin", admin_address()}), 1);
  EXPECT_THAT(err_, HasSubstr("schema.table"));
}

TEST_F(CliTest, PreflightPassesItsOrderAndTheExitCodeOn) {
  const std::string config = write_config();
  EXPECT_EQ(run({"preflight", "--config", config}), 4) << err_;
  ASSERT_TRUE(ordered_);
  EXPECT_TRUE(ordered_->tables.empty() && ordered_->excluded.empty() && !ordered_->quick && !ordered_->fix_schema);
  EXPECT_EQ(ordered_->count_time, std::chrono::seconds(30));
  EXPECT_EQ(run({"preflight", "--config", config, "--tables", "app,shop.t", "--exclude=app.x", "--quick",
                 "--count-time", "7", "--format", "json", "--fix-schema", "--execute", "--indexes-later"}),
            4);
  EXPECT_THAT(ordered_->tables, ::testing::ElementsAre("app", "shop.t"));
  EXPECT_THAT(ordered_->excluded, ::testing::ElementsAre("app.x"));
  EXPECT_TRUE(ordered_->quick && ordered_->fix_schema && ordered_->execute && ordered_->indexes_later);
  EXPECT_EQ(ordered_->count_time, std::chrono::seconds(7));
  EXPECT_EQ(ordered_->format, PreflightOrder::Format::json);
}

TEST_F(CliTest, PreflightRefusesWhatMakesNoSense) {
  const std::string config = write_config();
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--execute"}, {"--indexes-later"}, {"--count-time", "0"}, {"--format", "xml"}, {"--tables"}}) {
    std::vector<std::string> arguments = {"preflight", "--config", config};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(run(arguments), 1) << wrong.front();
    EXPECT_THAT(err_, Not(IsEmpty()));
  }
  EXPECT_FALSE(ordered_);
}

TEST_F(CliTest, KnowsWhatIsBelowAVerb) {
  EXPECT_EQ(run({"tables", "relaese", "shop.t"}), 1);
  EXPECT_THAT(err_, AllOf(StartsWith("crossfade: there is no verb 'relaese'; did you mean 'release'?"),
                          HasSubstr("Run crossfade tables --help")));
  EXPECT_EQ(run({"tables", "release", "shop.t", "--overwirte"}), 1);
  EXPECT_THAT(
      err_,
      StartsWith("crossfade: 'crossfade tables release' has no option '--overwirte'; did you mean '--overwrite'?"));
  EXPECT_EQ(run({"tables"}), 1);
  EXPECT_EQ(run({"tables", "release"}), 1);
  EXPECT_EQ(run({"tables", "release", "--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("crossfade tables release shop.orders"));
}

TEST_F(CliTest, AFlagBeforeAnOptionTakesNoWord) {
  EXPECT_EQ(run({"repair", "--dry-run", "--config", "nowhere.yaml"}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("nowhere.yaml"), Not(HasSubstr("there is no verb"))));
  EXPECT_EQ(run({"repair", "pasue", "--config", "nowhere.yaml"}), 1);
  EXPECT_THAT(err_, StartsWith("crossfade: there is no verb 'pasue'; did you mean 'pause'?"));
}

TEST_F(CliTest, RefusesWhatItDoesNotKnow) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{},
                                                                                         {"nonsense"},
                                                                                         {"serve"},
                                                                                         {"check"},
                                                                                         {"status", "--nonsense"},
                                                                                         {"report", "--format", "xml"},
                                                                                         {"status", "extra"}}) {
    EXPECT_EQ(run(arguments), 1);
    EXPECT_THAT(out_, IsEmpty());
    EXPECT_THAT(err_, Not(IsEmpty()));
  }
}

TEST_F(CliTest, NamesAnUnknownVerbAndTheOneThatIsMeant) {
  struct Case {
    std::string written, meant;
  };
  for (const Case& one : {Case{"serv", "serve"}, Case{"sttaus", "status"}, Case{"reprot", "report"},
                          Case{"chekc", "check"}, Case{"versions", "version"}}) {
    EXPECT_EQ(run({one.written, "--config", "x.yaml"}), 1);
    EXPECT_THAT(err_,
                StartsWith("crossfade: there is no verb '" + one.written + "'; did you mean '" + one.meant + "'?"));
    EXPECT_THAT(out_, IsEmpty());
  }
  EXPECT_EQ(run({"frobnicate"}), 1);
  EXPECT_THAT(err_, AllOf(StartsWith("crossfade: there is no verb 'frobnicate'\n"), Not(HasSubstr("did you mean"))));
  EXPECT_EQ(served_, 0);
}

TEST_F(CliTest, NamesAnUnknownOptionAndTheOneThatIsMeant) {
  EXPECT_EQ(run({"serve", "--confg", "x.yaml"}), 1);
  EXPECT_THAT(err_, StartsWith("crossfade: 'crossfade serve' has no option '--confg'; did you mean '--config'?"));
  EXPECT_EQ(run({"status", "--fromat=json"}), 1);
  EXPECT_THAT(err_, StartsWith("crossfade: 'crossfade status' has no option '--fromat'; did you mean '--format'?"));
  EXPECT_EQ(run({"--vresion"}), 1);
  EXPECT_THAT(err_, StartsWith("crossfade: 'crossfade' has no option '--vresion'; did you mean '--version'?"));
  EXPECT_EQ(run({"report", "-x"}), 1);
  EXPECT_THAT(err_, StartsWith("crossfade: 'crossfade report' has no option '-x'"));
  // A value that looks like an option is one.
  EXPECT_EQ(run({"check", "--config", "--nonsense"}), 1);
  EXPECT_THAT(err_, Not(HasSubstr("has no option")));
}

TEST_F(CliTest, WithoutAVerbItHelps) {
  EXPECT_EQ(run({}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("serve"), HasSubstr("report"), HasSubstr("Examples:")));
}

TEST_F(CliTest, CheckFindsNothingWrongWithAGoodConfiguration) {
  EXPECT_EQ(run({"check", "--config", write_config()}), 0) << err_;
  EXPECT_THAT(out_, AllOf(StartsWith("ok: "), HasSubstr("1 listener, 1 user"), HasSubstr("db-new:3306")));
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(CliTest, CheckSaysAllThatIsWrongWithItsPlace) {
  const std::string path = write_config("typo: 1\nthreads: many\n");
  EXPECT_EQ(run({"check", "--config", path}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr(path + ":13:1: "), HasSubstr(path + ":14:")));
  EXPECT_THAT(err_, testing::EndsWith("\n"));
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(CliTest, CheckReadsTheFlags) {
  const std::string path = write_config();
  const std::string flags = directory_.write("flags.yaml", "version: 1\nread_from_new: { percent: 101 }\nodd: 1\n");
  EXPECT_EQ(run({"check", "--config", path}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr(flags + ":2:"), HasSubstr(flags + ":3:")));
  std::filesystem::remove(flags);
  EXPECT_EQ(run({"check", "--config", path}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr(path), HasSubstr(flags)));
}

TEST_F(CliTest, CheckFindsEveryMissingSecretAndShowsNone) {
  const std::string path = write_config("admin: { token_file: admin.token }\n");
  std::filesystem::remove(directory_.file("control.password"));
  EXPECT_EQ(run({"check", "--config", path}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("control, old"), HasSubstr("control, new"), HasSubstr("control.password"),
                          HasSubstr("admin.token"), Not(HasSubstr("s3cret"))));
}

TEST_F(CliTest, CheckFindsAnEmptyToken) {
  directory_.write("admin.token", "\n");
  EXPECT_EQ(run({"check", "--config", write_config("admin: { token_file: admin.token }\n")}), 1);
  EXPECT_THAT(err_, HasSubstr("empty"));
}

TEST_F(CliTest, CheckUsesTheCertificates) {
  const std::string tls = ", tls: { mode: required, cert: server.crt, key: server.key }";
  EXPECT_EQ(run({"check", "--config", write_config("", tls)}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("listen 127.0.0.1:3306"), HasSubstr("server.crt")));
  make_certificate(directory_, "server", "DNS:db.example");
  EXPECT_EQ(run({"check", "--config", write_config("", tls)}), 0) << err_;
}

TEST_F(CliTest, CheckSaysThatThereIsNoFile) {
  EXPECT_EQ(run({"check", "--config", directory_.file("none.yaml")}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr("none.yaml"), HasSubstr("No such file")));
}

TEST_F(CliTest, ServesAGoodConfigurationAndPassesTheExitCodeOn) {
  EXPECT_EQ(run({"serve", "--config", write_config()}), 7) << err_;
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(served_state_dir_, directory_.file("state")) << "paths are relative to the file";
}

TEST_F(CliTest, DoesNotServeABadConfiguration) {
  EXPECT_EQ(run({"serve", "--config", write_config("typo: 1\nodd: 2\n")}), 1);
  EXPECT_THAT(err_, AllOf(HasSubstr(":13:1"), HasSubstr(":14:1")));
  const std::string path = write_config();
  directory_.write("flags.yaml", "version: x\n");
  EXPECT_EQ(run({"serve", "--config", path}), 1);
  EXPECT_EQ(served_, 0);
}

TEST_F(CliTest, StatusIsATableOrJson) {
  start_admin({{"version", "9.8.7"}, {"leader", "old"}}, json::object());
  EXPECT_EQ(run({"status", "--admin", admin_address()}), 0) << err_;
  EXPECT_EQ(out_, "crossfade 9.8.7\nleader          old\n");
  EXPECT_EQ(run({"status", "--admin", admin_address(), "--format", "json"}), 0);
  EXPECT_EQ(json::parse(out_).at("leader"), "old");
}

TEST_F(CliTest, FindsAddressAndTokenInTheConfiguration) {
  start_admin({{"leader", "old"}}, json::object(), "t0ken");
  const std::string token = directory_.write("admin.token", "t0ken\n");
  const std::string path = write_config("admin: { address: \"" + admin_address() + "\", token_file: admin.token }\n");
  EXPECT_EQ(run({"status", "--config", path}), 0) << err_;
  EXPECT_EQ(run({"status", "--admin", admin_address(), "--token-file", token}), 0) << err_;
  EXPECT_EQ(run({"status", "--admin", admin_address()}), 1);
  EXPECT_THAT(err_, HasSubstr("HTTP 401"));
  EXPECT_EQ(run({"status", "--admin", admin_address(), "--token-file", directory_.file("none")}), 1);
  EXPECT_THAT(err_, HasSubstr(directory_.file("none")));
  EXPECT_EQ(run({"status", "--config", directory_.file("none.yaml")}), 1);
}

TEST_F(CliTest, SaysThatNothingAnswers) {
  start_admin(json::object(), json::object());
  const std::string address = admin_address();
  admin_.reset();
  for (const std::string verb : {"status", "report"}) {
    EXPECT_EQ(run({verb, "--admin", address}), 1);
    EXPECT_THAT(err_, AllOf(StartsWith("crossfade: "), HasSubstr(address)));
    EXPECT_THAT(out_, IsEmpty());
  }
  EXPECT_EQ(run({"status", "--admin", "no-port"}), 1);
  EXPECT_THAT(err_, HasSubstr("--admin"));
}

TEST_F(CliTest, RefusesAnAnswerThatIsNoObject) {
  start_admin(json::array(), json(5));
  EXPECT_EQ(run({"status", "--admin", admin_address()}), 1);
  EXPECT_THAT(err_, HasSubstr("not a crossfade admin server"));
  EXPECT_EQ(run({"report", "--admin", admin_address()}), 1);
}

TEST_F(CliTest, ReportExitsWithWhatWasFound) {
  shadow::Report empty({});
  const json few = shadow::report_json(empty.digests());
  start_admin(json::object(), few);
  EXPECT_EQ(run({"report", "--admin", admin_address()}), 8);
  EXPECT_EQ(out_, shadow::report_table(few));

  shadow::Report differing({});
  differing.count_calls(5, "select ?", 1);
  shadow::Comparison comparison;
  comparison.digest = 5;
  comparison.digest_text = "select ?";
  comparison.diff.verdict = shadow::Verdict::value;
  differing.add(comparison);
  start_admin(json::object(), shadow::report_json(differing.digests()));
  EXPECT_EQ(run({"report", "--admin", admin_address(), "--format", "json"}), 4);
  EXPECT_EQ(json::parse(out_), shadow::report_json(differing.digests()));
}

}  // namespace
}  // namespace crossfade::proxy
