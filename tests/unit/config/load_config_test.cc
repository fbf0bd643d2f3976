#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/unit/config/lines.h"

namespace crossfade::config {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Kind = SecretSource::Kind;

// Six lines: what a test appends starts at line 7.
constexpr const char* kLeast = R"(listen: [{ address: "0.0.0.0:3306" }]
backends: { old: { address: "db-old:3306" }, new: { address: "db-new:3306" } }
control: { old: { user: cf, password: a }, new: { user: cf, password: b } }
users: [{ name: app, password: secret }]
flags: { file: flags.yaml }
# appended below
)";

// kLeast with one of its lines (1 to 5) replaced.
std::string with_line(int number, const std::string& line) {
  std::string result;
  std::string_view rest = kLeast;
  for (int i = 1; !rest.empty(); ++i) {
    const std::size_t end = rest.find('\n') + 1;
    result += i == number ? line + "\n" : std::string(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return result;
}

std::vector<std::string> refused(const std::string& yaml) {
  const Loaded<Config> loaded = load_config(yaml, "/etc/crossfade");
  EXPECT_EQ(loaded.value.has_value(), loaded.problems.empty());
  return lines(loaded.problems);
}
std::vector<std::string> refused_below(const std::string& yaml) { return refused(kLeast + yaml); }

Config accepted(const std::string& yaml, std::string_view directory = "/etc/crossfade") {
  Loaded<Config> loaded = load_config(yaml, directory);
  EXPECT_THAT(lines(loaded.problems), IsEmpty());
  return loaded.value.value_or(Config{});
}

TEST(LoadConfig, GivesEveryDefault) {
  const Config config = accepted(kLeast);
  ASSERT_EQ(config.listen.size(), 1u);
  EXPECT_EQ(config.listen[0].address.text(), "0.0.0.0:3306");
  EXPECT_EQ(config.listen[0].tls.mode, ListenTls::Mode::disabled);
  EXPECT_EQ(config.admin.address.text(), "127.0.0.1:6080");
  EXPECT_EQ(config.admin.token_file, "");
  EXPECT_EQ(config.state_dir, "/var/lib/crossfade");
  EXPECT_EQ(config.old_backend.address.text(), "db-old:3306");
  EXPECT_EQ(config.new_backend.address.text(), "db-new:3306");
  EXPECT_EQ(config.new_backend.tls.mode, BackendTls::Mode::disabled);
  EXPECT_EQ(config.new_backend.connect_timeout, milliseconds(5000));
  EXPECT_EQ(config.control.schema, "crossfade");
  EXPECT_EQ(config.control.new_account.user, "cf");
  EXPECT_EQ(config.control.new_account.password.value, "b");
  ASSERT_EQ(config.users.size(), 1u);
  EXPECT_EQ(config.users[0].name, "app");
  EXPECT_EQ(config.users[0].password.kind, Kind::literal);
  EXPECT_FALSE(config.users[0].old_account.has_value());
  EXPECT_FALSE(config.users[0].new_account.has_value());
  EXPECT_EQ(config.flags_file, "/etc/crossfade/flags.yaml");
  EXPECT_EQ(config.dual_write.ack_timeout, milliseconds(2000));
  EXPECT_EQ(config.dual_write.poll_interval, milliseconds(50));
  EXPECT_EQ(config.reads.consistency, config::ReadConfig::Consistency::session);
  EXPECT_EQ(config.reads.read_your_writes_timeout, milliseconds(200));
  EXPECT_EQ(config.reads.max_lag, milliseconds(2000));
  EXPECT_EQ(config.shadow.connections, 4u);
  EXPECT_EQ(config.shadow.idle_timeout, milliseconds(10'000));
  EXPECT_EQ(config.shadow.queue_max, 1000u);
  EXPECT_EQ(config.shadow.queue_bytes_max, 64ull << 20);
  EXPECT_EQ(config.shadow.recording_bytes_max, 1ull << 20);
  EXPECT_EQ(config.shadow.deadline, milliseconds(5000));
  EXPECT_EQ(config.shadow.rechecks, 3u);
  EXPECT_EQ(config.shadow.recheck_delay, milliseconds(100));
  EXPECT_EQ(config.shadow.samples_per_digest_max, 5u);
  EXPECT_EQ(config.shadow.digests_max, 2000u);
  EXPECT_FALSE(config.shadow.plaintext_samples);
  EXPECT_EQ(config.limits.connections_max, 10000u);
  EXPECT_EQ(config.limits.packet_bytes_max, 64ull << 20);
  EXPECT_EQ(config.limits.prepared_statements_max, 16382u);
  EXPECT_EQ(config.limits.login_timeout, milliseconds(8000));
  EXPECT_EQ(config.limits.drain_timeout, milliseconds(10000));
  EXPECT_EQ(config.threads, 0u);
  EXPECT_EQ(config.log_format, Config::LogFormat::text);
}

TEST(LoadConfig, ReadsEveryKey) {
  const Config config = accepted(R"(
listen:
  - { address: "[::]:3306", tls: { mode: preferred, cert: tls.crt, key: /keys/tls.key } }
  - { address: "unix:/run/crossfade.sock" }
admin: { address: "0.0.0.0:6080", token_file: admin.token }
state_dir: state
backends:
  old: { address: "unix:/run/old.sock", connect_timeout: 1s }
  new: { address: "db-new:3307", tls: { mode: required, ca: new-ca.pem } }
control:
  schema: cf_control
  old: { user: cf, password_env: CF_OLD }
  new: { user: cf2, password_file: new.password }
users:
  - { name: app, password_env: APP_PASSWORD, new: { user: app_new } }
  - { name: batch, password: "", old: { password_env: _OLD1 } }
  - name: hashed
    native_hash: "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
    old: { password: one }
    new: { user: other, password_file: /run/secrets/two }
flags: { file: flags.yaml }
dual_write: { feed: log, ack_timeout: 3s, ddl: refuse, repair: auto, check_rows_percent: 0.5, poll_interval: 10ms }
reads: { consistency: strict, read_your_writes_timeout: 0ms, max_lag: 5m }
shadow: { connections: 8, idle_timeout: 30s, queue_max: 10, queue_bytes_max: 1MiB, recording_bytes_max: 512KiB, deadline: 1s, rechecks: 0,
          recheck_delay: 1s, samples_per_digest_max: 0, digests_max: 7, plaintext_samples: true }
limits: { connections_max: 5, packet_bytes_max: 1000000, prepared_statements_max: 9, login_timeout: 1m, drain_timeout: 0s }
threads: 2
log: { format: json }
)");
  ASSERT_EQ(config.listen.size(), 2u);
  EXPECT_EQ(config.listen[0].tls.mode, ListenTls::Mode::preferred);
  EXPECT_EQ(config.listen[0].tls.cert, "/etc/crossfade/tls.crt");
  EXPECT_EQ(config.listen[0].tls.key, "/keys/tls.key");
  EXPECT_TRUE(config.listen[1].address.is_unix);
  EXPECT_EQ(config.admin.token_file, "/etc/crossfade/admin.token");
  EXPECT_EQ(config.state_dir, "/etc/crossfade/state");
  EXPECT_EQ(config.old_backend.connect_timeout, milliseconds(1000));
  EXPECT_EQ(config.new_backend.tls.mode, BackendTls::Mode::required);
  EXPECT_EQ(config.new_backend.tls.ca, "/etc/crossfade/new-ca.pem");
  EXPECT_EQ(config.control.schema, "cf_control");
  EXPECT_EQ(config.control.old_account.password.kind, Kind::environment);
  EXPECT_EQ(config.control.old_account.password.value, "CF_OLD");
  EXPECT_EQ(config.control.new_account.user, "cf2");
  EXPECT_EQ(config.control.new_account.password.kind, Kind::file);
  EXPECT_EQ(config.control.new_account.password.value, "/etc/crossfade/new.password");
  ASSERT_EQ(config.users.size(), 3u);
  EXPECT_EQ(config.users[1].password.kind, Kind::literal);
  EXPECT_EQ(config.users[1].password.value, "");
  EXPECT_EQ(config.users[2].native_hash, "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
  EXPECT_EQ(config.users[2].password.kind, Kind::none);
  EXPECT_EQ(config.users[2].old_account->user, "hashed");
  EXPECT_EQ(config.users[2].new_account->user, "other");
  EXPECT_EQ(config.reads.consistency, config::ReadConfig::Consistency::strict);
  EXPECT_EQ(config.reads.read_your_writes_timeout, milliseconds(0));
  EXPECT_EQ(config.reads.max_lag, milliseconds(300'000));
  EXPECT_EQ(config.shadow.recording_bytes_max, 512ull << 10);
  EXPECT_EQ(config.shadow.rechecks, 0u);
  EXPECT_TRUE(config.shadow.plaintext_samples);
  EXPECT_EQ(config.limits.packet_bytes_max, 1'000'000u);
  EXPECT_EQ(config.limits.drain_timeout, milliseconds(0));
  EXPECT_EQ(config.threads, 2u);
  EXPECT_EQ(config.log_format, Config::LogFormat::json);
}

TEST(LoadConfig, CompletesAnAccountFromItsUser) {
  const Config config =
      accepted(with_line(4, "users: [{ name: app, password_env: P, old: { user: other }, new: { password: own } }]"));
  EXPECT_EQ(config.users[0].old_account->user, "other");
  EXPECT_EQ(config.users[0].old_account->password.kind, Kind::environment);
  EXPECT_EQ(config.users[0].old_account->password.value, "P");
  EXPECT_EQ(config.users[0].new_account->user, "app");
  EXPECT_EQ(config.users[0].new_account->password.kind, Kind::literal);
  EXPECT_EQ(config.users[0].new_account->password.value, "own");
}

TEST(LoadConfig, ResolvesRelativePathsAgainstTheDirectory) {
  EXPECT_EQ(accepted(kLeast, "/a").flags_file, "/a/flags.yaml");
  EXPECT_EQ(accepted(kLeast, "/a/").flags_file, "/a/flags.yaml");
  EXPECT_EQ(accepted(kLeast, "").flags_file, "flags.yaml");
  EXPECT_EQ(accepted(with_line(5, "flags: { file: /b/f.yaml }"), "/a").flags_file, "/b/f.yaml");
}

TEST(LoadConfig, NamesEveryMissingKey) {
  EXPECT_THAT(refused("threads: 1\n"),
              ElementsAre("1:1: listen: this key is missing", "1:1: backends: this key is missing",
                          "1:1: control: this key is missing", "1:1: users: this key is missing",
                          "1:1: flags: this key is missing"));
  EXPECT_THAT(refused("listen: [{}]\nbackends: {}\ncontrol: {}\nusers: [{}]\nflags: {}\n"),
              ElementsAre("1:10: listen[0].address: this key is missing", "2:11: backends.old: this key is missing",
                          "2:11: backends.new: this key is missing", "3:10: control.old: this key is missing",
                          "3:10: control.new: this key is missing", "4:9: users[0].name: this key is missing",
                          "4:9: users[0]: needs password, password_env, password_file or native_hash",
                          "5:8: flags.file: this key is missing"));
}

TEST(LoadConfig, RefusesEmptyLists) {
  EXPECT_THAT(refused(with_line(1, "listen: []")), ElementsAre("1:9: listen: must not be empty"));
  EXPECT_THAT(refused(with_line(4, "users: []")), ElementsAre("4:8: users: must not be empty"));
}

TEST(LoadConfig, NeedsCertAndKeyWhenClientsMayUseTls) {
  for (const char* tls : {"{ mode: preferred }", "{ mode: required, cert: c }", "{ mode: required, key: k }"}) {
    EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", tls: " + std::string(tls) + " }]")),
                ElementsAre("1:33: listen[0].tls: needs cert and key, unless mode is disabled"));
  }
  accepted(with_line(1, "listen: [{ address: \"a:1\", tls: { mode: disabled, cert: c } }]"));
}

TEST(LoadConfig, NeedsAModeWhereTlsIsGiven) {
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", tls: { cert: c, key: k } }]")),
              ElementsAre("1:33: listen[0].tls.mode: this key is missing"));
  EXPECT_THAT(refused(with_line(2,
                                "backends: { old: { address: \"a:1\", tls: { ca: x } }, new: { address: \"b:1\", "
                                "tls: { mode: always } } }")),
              ElementsAre("2:41: backends.old.tls.mode: this key is missing",
                          "2:90: backends.new.tls.mode: must be one of disabled, preferred, required, not \"always\""));
}

TEST(LoadConfig, TakesPortZeroForListeningAndNotForABackend) {
  const Config config = accepted(with_line(1, "listen: [{ address: \"127.0.0.1:0\" }, { address: \"127.0.0.1:0\" }]") +
                                 "admin: { address: \"127.0.0.1:0\" }\n");
  EXPECT_EQ(config.listen[1].address.port, 0);
  EXPECT_EQ(config.admin.address.port, 0);
  EXPECT_THAT(
      refused(with_line(2, "backends: { old: { address: \"a:0\" }, new: { address: \"b:1\" } }")),
      ElementsAre("2:29: backends.old.address: the port must be a whole number from 1 to 65535, in plain digits"));
}

TEST(LoadConfig, RefusesTheSameAddressTwice) {
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\" }, { address: \"A:1\" }]")),
              ElementsAre("1:41: listen[1].address: \"A:1\" is listed twice"));
  EXPECT_THAT(refused(with_line(2, "backends: { old: { address: \"db:1\" }, new: { address: \"DB:1\" } }")),
              ElementsAre("2:55: backends.new.address: old and new must not be the same server"));
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"127.0.0.1:6080\" }]")),
              ElementsAre("1:1: admin and listen must not share the address 127.0.0.1:6080"));
  EXPECT_THAT(refused_below("admin: { address: \"0.0.0.0:3306\", token_file: t }\n"),
              ElementsAre("7:8: admin: admin and listen must not share the address 0.0.0.0:3306"));
}

TEST(LoadConfig, NeedsATokenWhereOthersReachTheAdminAddress) {
  EXPECT_THAT(refused_below("admin: { address: \"0.0.0.0:6080\" }\n"),
              ElementsAre("7:19: admin.address: others than this machine can reach it, so token_file is needed"));
  accepted(std::string(kLeast) + "admin: { address: \"[::1]:6080\" }\n");
  accepted(std::string(kLeast) + "admin: { address: \"unix:/run/admin.sock\" }\n");
}

TEST(LoadConfig, RefusesMoreThanOneSecretOrNone) {
  EXPECT_THAT(refused(with_line(3, "control: { old: { user: a, password: x, password_env: Y }, new: { user: b } }")),
              ElementsAre("3:17: control.old: give only one of password, password_env and password_file",
                          "3:65: control.new: needs password, password_env or password_file"));
  EXPECT_THAT(refused(with_line(4, "users: [{ name: a, password_file: x, password_env: Y }]")),
              ElementsAre("4:9: users[0]: give only one of password, password_env and password_file"));
}

TEST(LoadConfig, RefusesWhatCannotNameAnEnvironmentVariable) {
  for (const char* name : {"1A", "A-B", "A B", "A=B"}) {
    EXPECT_THAT(refused(with_line(4, "users: [{ name: a, password_env: " + std::string(name) + " }]")),
                ElementsAre("4:34: users[0].password_env: not the name of an environment variable"));
  }
}

TEST(LoadConfig, NeverShowsASecret) {
  const std::string yaml =
      with_line(4, "users: [{ name: a, password: { x: hunter2 } }, { name: b, native_hash: hunter2 }]");
  for (const std::string& line : refused(yaml)) EXPECT_THAT(line, ::testing::Not(HasSubstr("hunter2")));
  EXPECT_FALSE(refused(yaml).empty());
}

TEST(LoadConfig, BoundsAPassword) {
  const auto with = [](const std::string& password) {
    return with_line(4, "users: [{ name: a, password: \"" + password + "\" }]");
  };
  EXPECT_EQ(accepted(with(std::string(4096, 'x'))).users[0].password.value.size(), 4096u);
  EXPECT_THAT(refused(with(std::string(4097, 'x'))),
              ElementsAre("4:30: users[0].password: must have at most 4096 bytes"));
  EXPECT_THAT(refused(with("a\\0b")), ElementsAre("4:30: users[0].password: must not contain a zero byte"));
  EXPECT_EQ(accepted(with("a\\tb")).users[0].password.value, "a\tb");
}

TEST(LoadConfig, RefusesAUserNamedTwice) {
  EXPECT_THAT(
      refused(with_line(4, "users: [{ name: a, password: x }, { name: A, password: x }, { name: a, password: y }]")),
      ElementsAre("4:69: users[2].name: \"a\" is users[0].name already"));
}

TEST(LoadConfig, RefusesNamesThatAreEmptyLongOrHoldControlCharacters) {
  const auto with = [](const std::string& name) {
    return with_line(4, "users: [{ name: \"" + name + "\", password: x }]");
  };
  EXPECT_THAT(refused(with("")), ElementsAre("4:17: users[0].name: must not be empty"));
  EXPECT_THAT(refused(with("a\\nb")), ElementsAre("4:17: users[0].name: must not contain control characters"));
  EXPECT_EQ(accepted(with(std::string(512, 'x'))).users[0].name.size(), 512u);
  EXPECT_THAT(refused(with(std::string(513, 'x'))), ElementsAre("4:17: users[0].name: must have at most 512 bytes"));
}

TEST(LoadConfig, NeedsBothAccountsToCarryPasswordsBesideANativeHash) {
  const std::string hash = "native_hash: \"*" + std::string(40, 'a') + "\"";
  EXPECT_THAT(refused(with_line(4, "users: [{ name: a, " + hash + ", old: { password: x } }]")),
              ElementsAre("4:9: users[0]: with native_hash, old and new need passwords of their own"));
  EXPECT_THAT(refused(with_line(4, "users: [{ name: a, " + hash + ", old: { password: x }, new: { user: b } }]")),
              ElementsAre(HasSubstr("users[0].new: needs password, password_env or password_file: the server cannot")));
  EXPECT_THAT(refused(with_line(4, "users: [{ name: a, password: x, " + hash + " }]")),
              ElementsAre("4:9: users[0]: give either a password or native_hash, not both"));
}

TEST(LoadConfig, RefusesAMalformedNativeHash) {
  for (const std::string& hash : {std::string("*"), "*" + std::string(39, 'a'), "*" + std::string(41, 'a'),
                                  std::string(41, 'a'), "*" + std::string(40, 'g'), std::string()}) {
    EXPECT_THAT(refused(with_line(4, "users: [{ name: a, native_hash: \"" + hash +
                                         "\", old: { password: x }, new: { password: y } }]")),
                ElementsAre(HasSubstr("users[0].native_hash: must be * and 40 hex digits")));
  }
}

TEST(LoadConfig, RefusesAnAccountThatSaysNothing) {
  EXPECT_THAT(refused(with_line(4, "users: [{ name: a, password: x, old: {} }]")),
              ElementsAre("4:38: users[0].old: says nothing: give it user or a password, or remove it"));
}

TEST(LoadConfig, RefusesAControlSchemaThatIsNoIdentifierOrTheServersOwn) {
  const auto with = [](const std::string& schema) {
    return with_line(
        3, "control: { schema: \"" + schema + "\", old: { user: a, password: x }, new: { user: a, password: x } }");
  };
  EXPECT_EQ(accepted(with(std::string(64, 'x'))).control.schema.size(), 64u);
  for (const std::string& schema : {std::string("a-b"), std::string("a`b"), std::string("a.b"), std::string(65, 'x')}) {
    EXPECT_THAT(refused(with(schema)), ElementsAre("3:20: control.schema: must have 1 to 64 letters, digits or _"));
  }
  for (const char* schema : {"mysql", "MySQL", "sys", "information_schema", "performance_schema"}) {
    EXPECT_THAT(refused(with(schema)), ElementsAre("3:20: control.schema: must not be a schema of the server's own"));
  }
}

TEST(LoadConfig, RefusesEtcdForNow) {
  EXPECT_THAT(refused(with_line(5, "flags: { etcd: { endpoints: [a] } }")),
              ElementsAre("5:16: flags.etcd: not supported yet: use file"));
}

TEST(LoadConfig, RefusesOtherWaysWithSchemaChanges) {
  EXPECT_THAT(refused_below("dual_write: { ddl: both }\n"),
              ElementsAre("7:20: dual_write.ddl: must be one of follow, refuse, not \"both\""));
  EXPECT_THAT(refused_below("dual_write: { repair: on }\n"),
              ElementsAre("7:23: dual_write.repair: must be one of off, auto, not \"on\""));
}

TEST(LoadConfig, HoldsANumberToItsBounds) {
  struct Case {
    const char* map;
    const char* key;
    const char* below;  // empty: there is none
    const char* least;
    const char* most;
    const char* above;
  };
  const Case cases[] = {
      {"backends_old", "connect_timeout", "9ms", "10ms", "2m", "120001ms"},
      {"dual_write", "ack_timeout", "9ms", "10ms", "10m", "600001ms"},
      {"dual_write", "poll_interval", "0ms", "1ms", "10s", "10001ms"},
      {"reads", "read_your_writes_timeout", "", "0ms", "1m", "60001ms"},
      {"reads", "max_lag", "", "0s", "1h", "3600001ms"},
      {"shadow", "connections", "0", "1", "64", "65"},
      {"shadow", "queue_max", "0", "1", "1000000", "1000001"},
      {"shadow", "queue_bytes_max", "65535", "1MiB", "16GiB", "17GiB"},
      {"shadow", "recording_bytes_max", "1023", "1KiB", "64MiB", "257MiB"},
      {"shadow", "deadline", "9ms", "10ms", "5m", "300001ms"},
      {"shadow", "rechecks", "", "0", "10", "11"},
      {"shadow", "recheck_delay", "0ms", "1ms", "1m", "60001ms"},
      {"shadow", "samples_per_digest_max", "", "0", "100", "101"},
      {"shadow", "digests_max", "0", "1", "100000", "100001"},
      {"limits", "connections_max", "0", "1", "100000", "100001"},
      {"limits", "packet_bytes_max", "1023", "1KiB", "1GiB", "1073741825"},
      {"limits", "prepared_statements_max", "0", "1", "1000000", "1000001"},
      {"limits", "login_timeout", "99ms", "100ms", "5m", "300001ms"},
      {"limits", "drain_timeout", "", "0ms", "1h", "3600001ms"},
  };
  for (const Case& c : cases) {
    const auto with = [&](const char* value) {
      const std::string entry = std::string(c.key) + ": " + value;
      if (std::string_view(c.map) == "backends_old") {
        return with_line(2, "backends: { old: { address: \"a:1\", " + entry + " }, new: { address: \"b:1\" } }");
      }
      return kLeast + std::string(c.map) + ": { " + entry + " }\n";
    };
    SCOPED_TRACE(c.key);
    accepted(with(c.least));
    accepted(with(c.most));
    if (*c.below != '\0') {
      EXPECT_THAT(refused(with(c.below)), ElementsAre(HasSubstr(std::string(c.key) + ": must be a")));
    }
    EXPECT_THAT(refused(with(c.above)), ElementsAre(HasSubstr(std::string(c.key) + ": must be a")));
  }
  EXPECT_EQ(accepted(std::string(kLeast) + "threads: 256\n").threads, 256u);
  EXPECT_THAT(refused_below("threads: 257\n"),
              ElementsAre("7:10: threads: must be a whole number from 0 to 256, in plain digits, not \"257\""));
}

TEST(LoadConfig, RefusesARecordingThatTheQueueCannotHold) {
  EXPECT_THAT(refused_below("shadow: { queue_bytes_max: 1MiB, recording_bytes_max: 2MiB }\n"),
              ElementsAre("7:9: shadow: recording_bytes_max (2MiB) must not exceed queue_bytes_max (1MiB)"));
}

TEST(LoadConfig, RefusesADurationWithoutAUnitAndAnOddSize) {
  EXPECT_THAT(
      refused_below("reads: { max_lag: 5 }\nlimits: { packet_bytes_max: 64MB }\n"),
      ElementsAre("7:19: reads.max_lag: must be a duration from 0ms to 1h, with its unit: ms, s, m or h, not "
                  "\"5\"",
                  "8:29: limits.packet_bytes_max: must be a size from 1KiB to 1GiB, in bytes or with a unit: B, "
                  "KiB, MiB or GiB, not \"64MB\""));
}

TEST(LoadConfig, RefusesAnUnknownLogFormat) {
  EXPECT_THAT(refused_below("log: { format: xml }\n"),
              ElementsAre("7:16: log.format: must be one of text, json, not \"xml\""));
}

TEST(LoadConfig, SuggestsTheNearestKeyOnEveryLevel) {
  EXPECT_THAT(refused_below("lisen: 1\nlimits: { conections_max: 1 }\n"),
              ElementsAre("7:1: unknown key \"lisen\": did you mean \"listen\"?",
                          "8:11: limits: unknown key \"conections_max\": did you mean \"connections_max\"?"));
  EXPECT_THAT(refused(with_line(1, "listen: [{ adress: \"a:1\" }]")),
              ElementsAre("1:10: listen[0].address: this key is missing",
                          "1:12: listen[0]: unknown key \"adress\": did you mean \"address\"?"));
}

TEST(LoadConfig, ReportsAllProblemsAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(refused("listen: [{ address: a }]\nlisten: []\nbackends: { old: 1, new: [] }\ncontrol:\nusers: x\n"
                      "flags: { file: \"\" }\nthreads: 010\nlog: { format: text, colour: true }\n"),
              ElementsAre(StartsWith("1:21: listen[0].address: the port is missing"),
                          "2:1: duplicate key \"listen\": it stands at 1:1 already",
                          "3:18: backends.old: must be a map of keys and values",
                          "3:26: backends.new: must be a map of keys and values",
                          "4:1: control: no value: give it one or remove the key", "5:8: users: must be a list",
                          "6:16: flags.file: must not be empty",
                          "7:10: threads: must be a whole number from 0 to 256, in plain digits, not \"010\"",
                          "8:22: log: unknown key \"colour\": the keys here are format"));
}

TEST(LoadConfig, ReadsUsersThatAreLearned) {
  const Config plain = accepted(with_line(4, "users: { from_client: true }"));
  EXPECT_TRUE(plain.learned_users.enabled);
  EXPECT_EQ(plain.learned_users.cache_ttl, std::chrono::minutes(10));
  EXPECT_EQ(plain.learned_users.cache_entries_max, 10000u);
  EXPECT_THAT(plain.users, IsEmpty());
  const Config full =
      accepted(with_line(4,
                         "users: { from_client: true, cache_ttl: 1s, cache_entries_max: 1, list: [{ name: app, "
                         "password: a, connections_max: 5, require: x509 }] }"));
  EXPECT_EQ(full.learned_users.cache_ttl, milliseconds(1000));
  EXPECT_EQ(full.learned_users.cache_entries_max, 1u);
  ASSERT_EQ(full.users.size(), 1u);
  EXPECT_EQ(full.users[0].connections_max, 5u);
  EXPECT_TRUE(full.users[0].certificate_required);
  const Config list = accepted(with_line(4, "users: { from_client: false, list: [{ name: app, password: a }] }"));
  EXPECT_FALSE(list.learned_users.enabled);
  EXPECT_EQ(list.users[0].connections_max, 0u);
}

TEST(LoadConfig, RefusesUsersThatLetNobodyIn) {
  EXPECT_THAT(refused(with_line(4, "users: { from_client: false }")),
              ElementsAre("4:8: users: nobody can log in: needs a list, unless from_client is true"));
  EXPECT_THAT(refused(with_line(4, "users: { list: [{ name: app, password: a }] }")), testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(4, "users: { from_client: true, cache_ttl: 999ms }")), testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(4, "users: { from_client: true, cache_entries_max: 0 }")), testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(4, "users: [{ name: app, password: a, require: ssl }]")), testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(4, "users: [{ name: app, password: a, connections_max: 0 }]")), testing::SizeIs(1));
}

TEST(LoadConfig, ReadsWhomAListenerBelieves) {
  const Config config = accepted(with_line(1,
                                           "listen: [{ address: \"unix:/s\", socket_mode: \"0660\", proxy_protocol: { "
                                           "from: [\"10.0.0.0/8\", \"::1\", unix] } }]"));
  EXPECT_EQ(config.listen[0].socket_mode, 0660u);
  ASSERT_EQ(config.listen[0].proxy_protocol.networks.size(), 2u);
  EXPECT_EQ(config.listen[0].proxy_protocol.networks[0].prefix_bits, 8u);
  EXPECT_EQ(config.listen[0].proxy_protocol.networks[1].prefix_bits, 128u);
  EXPECT_TRUE(config.listen[0].proxy_protocol.unix_clients);
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", proxy_protocol: { from: [\"10.0.0.0/33\"] } }]")),
              ElementsAre("1:53: listen[0].proxy_protocol.from[0]: \"10.0.0.0/33\" is not a network: write 10.0.0.0/8, "
                          "fd00::/8, an address, or unix"));
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", proxy_protocol: { from: [] } }]")),
              testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", proxy_protocol: {} }]")), testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", socket_mode: \"0660\" }]")), testing::SizeIs(1));
  for (const char* mode : {"66", "07777", "1660", "0668", "rw"}) {
    EXPECT_THAT(refused(with_line(1, std::string("listen: [{ address: \"unix:/s\", socket_mode: \"") + mode + "\" }]")),
                testing::SizeIs(1))
        << mode;
  }
}

TEST(LoadConfig, ReadsTheFinerPointsOfTls) {
  const std::string tls = "listen: [{ address: \"a:1\", tls: { mode: required, cert: c, key: k";
  const Config config = accepted(with_line(1, tls + ", min_version: TLSv1.3, client_ca: ca.pem } }]"));
  EXPECT_EQ(config.listen[0].tls.version_min, TlsVersion::tls13);
  EXPECT_EQ(config.listen[0].tls.client_cert, ListenTls::ClientCert::required);
  EXPECT_EQ(config.listen[0].tls.client_ca, "/etc/crossfade/ca.pem");
  EXPECT_THAT(config.listen[0].tls.place, StartsWith("1:"));
  const Config optional = accepted(with_line(1, tls + ", client_ca: ca.pem, client_cert: optional } }]"));
  EXPECT_EQ(optional.listen[0].tls.client_cert, ListenTls::ClientCert::optional);
  EXPECT_EQ(optional.listen[0].tls.version_min, TlsVersion::tls12);
  EXPECT_THAT(refused(with_line(1, tls + ", client_cert: required } }]")), testing::SizeIs(1));
  EXPECT_THAT(refused(with_line(1, tls + ", min_version: TLSv1.1 } }]")), testing::SizeIs(1));

  const std::string backends = "backends: { old: { address: \"a:1\", proxy_protocol: true, tls: { mode: required";
  const Config backend =
      accepted(with_line(2, backends + ", cert: c.pem, key: k.pem } }, new: { address: \"b:1\" } }"));
  EXPECT_EQ(backend.old_backend.tls.cert, "/etc/crossfade/c.pem");
  EXPECT_EQ(backend.old_backend.tls.key, "/etc/crossfade/k.pem");
  EXPECT_TRUE(backend.old_backend.proxy_protocol);
  EXPECT_FALSE(backend.new_backend.proxy_protocol);
  EXPECT_THAT(refused(with_line(2, backends + ", cert: c.pem } }, new: { address: \"b:1\" } }")), testing::SizeIs(1));
}

TEST(LoadConfig, CompressionIsOfferedToClientsAndAskedOfBackends) {
  const Config by_default = accepted(with_line(1, "listen: [{ address: \"a:1\" }]"));
  EXPECT_TRUE(by_default.listen[0].compression.zlib);
  EXPECT_TRUE(by_default.listen[0].compression.zstd);
  EXPECT_EQ(by_default.old_backend.compression, BackendCompression::none);
  const Config zstd = accepted(with_line(1, "listen: [{ address: \"a:1\", compression: [zstd] }]"));
  EXPECT_FALSE(zstd.listen[0].compression.zlib);
  EXPECT_TRUE(zstd.listen[0].compression.zstd);
  const Config none = accepted(with_line(1, "listen: [{ address: \"a:1\", compression: [] }]"));
  EXPECT_FALSE(none.listen[0].compression.zlib || none.listen[0].compression.zstd);
  EXPECT_THAT(refused(with_line(1, "listen: [{ address: \"a:1\", compression: [lz4] }]")), testing::SizeIs(1));
}

}  // namespace
}  // namespace crossfade::config
