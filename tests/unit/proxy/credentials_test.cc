#include "proxy/users/credentials.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/proxy/temp_dir.h"
#include "tests/unit/proxy/test_certificate.h"

namespace crossfade::proxy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kOld = 0;
constexpr std::size_t kNew = 1;

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    const auto file = [this](const std::string& name) {
      return config::SecretSource{.kind = config::SecretSource::Kind::file, .value = directory_.file(name)};
    };
    for (const std::string name : {"app", "app-new", "control-old", "control-new"})
      directory_.write(name, name + " 1\n");
    config_.control.old_account = {.user = "crossfade", .password = file("control-old")};
    config_.control.new_account = {.user = "crossfade", .password = file("control-new")};
    config::User app;
    app.name = "app";
    app.password = file("app");
    app.new_account = config::Account{.user = "app2", .password = file("app-new")};
    config_.users = {app};
    const TestCertificate made = make_certificate(directory_, "ca", "DNS:db.example");
    config_.new_backend.tls.mode = config::BackendTls::Mode::required;
    config_.new_backend.tls.ca = made.cert_file;
    config_.new_backend.tls.place = "7:3";
    auto read = read_credentials(config_);
    EXPECT_TRUE(read.ok()) << read.status();
    users_.list(std::move(read->users));
    for (const auto which : {config::Backend::old_db, config::Backend::new_db}) {
      control_.set(which, read->control[static_cast<std::size_t>(which)]);
      backend_tls_.set(which, read->backend_tls[static_cast<std::size_t>(which)]);
    }
  }

  // What was logged.
  std::string read_again() {
    std::ostringstream log;
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
    read_credentials_again(config_, {.users = users_, .control = control_, .backend_tls = backend_tls_});
    spdlog::set_default_logger(before);
    return log.str();
  }

  TempDir directory_;
  config::Config config_;
  UserDirectory users_{{}, {}};
  PerBackend<KnownUser::Credential> control_;
  PerBackend<std::shared_ptr<const TlsContext>> backend_tls_;
};

TEST_F(CredentialsTest, AreReadFromTheirFiles) {
  EXPECT_EQ(control_[kOld].password, "control-old 1");
  EXPECT_EQ(control_[kNew].password, "control-new 1");
  const auto app = users_.listed("app");
  ASSERT_NE(app, nullptr);
  EXPECT_EQ(app->secret.password, "app 1");
  EXPECT_EQ(app->backend[kOld].password, "app 1");
  EXPECT_EQ(app->backend[kNew].user, "app2");
  EXPECT_EQ(app->backend[kNew].password, "app-new 1");
  EXPECT_EQ(backend_tls_[kOld], nullptr);
  EXPECT_NE(backend_tls_[kNew], nullptr);
}

TEST_F(CredentialsTest, WhatWasReplacedIsInForceAndTheLogHasNoSecret) {
  for (const std::string name : {"app", "app-new", "control-old", "control-new"}) directory_.write(name, name + " 2\n");
  const auto before = backend_tls_[kNew];
  const std::string log = read_again();
  EXPECT_EQ(control_[kOld].password, "control-old 2");
  EXPECT_EQ(control_[kNew].password, "control-new 2");
  EXPECT_EQ(users_.listed("app")->secret.password, "app 2");
  EXPECT_EQ(users_.listed("app")->backend[kNew].password, "app-new 2");
  EXPECT_NE(backend_tls_[kNew], before);
  EXPECT_THAT(log, AllOf(HasSubstr("backend=old control_password=reloaded"), HasSubstr("user=app password=reloaded"),
                         HasSubstr("backend=new control_password=reloaded"), HasSubstr("backend=new tls=reloaded"),
                         Not(HasSubstr(" 2\n")), Not(HasSubstr("app 2")), Not(HasSubstr("control-old 2"))));
}

TEST_F(CredentialsTest, WhatIsTheSameIsNotSaidToBeReplaced) {
  EXPECT_THAT(read_again(), Not(HasSubstr("password=")));
  EXPECT_EQ(users_.listed("app")->secret.password, "app 1");
}

TEST_F(CredentialsTest, WhatCannotBeReadStaysAsItWasWithTheReason) {
  for (const std::string name : {"app-new", "control-old"}) std::filesystem::remove(directory_.file(name));
  directory_.write("control-new", "control-new 2\n");
  directory_.write("ca.crt", "broken");
  const auto before = backend_tls_[kNew];
  const std::string log = read_again();
  EXPECT_EQ(control_[kOld].password, "control-old 1");
  EXPECT_EQ(control_[kNew].password, "control-new 2");
  ASSERT_NE(users_.listed("app"), nullptr);
  EXPECT_EQ(users_.listed("app")->backend[kNew].password, "app-new 1");
  EXPECT_EQ(backend_tls_[kNew], before);
  EXPECT_THAT(log, AllOf(HasSubstr("backend=old control_password=kept why="), HasSubstr("control-old"),
                         HasSubstr("user=app password=kept why="), HasSubstr("backend=new tls=kept at=7:3 why=")));
}

TEST_F(CredentialsTest, AUserKeepsTheCountOfItsConnections) {
  const auto before = users_.listed("app");
  UserSlot slot;
  ASSERT_TRUE(slot.take(*before));
  directory_.write("app", "app 2\n");
  read_again();
  EXPECT_NE(users_.listed("app"), before);
  EXPECT_EQ(users_.listed("app")->connections->load(), 1u);
  slot.release();
  EXPECT_EQ(users_.listed("app")->connections->load(), 0u);
}

}  // namespace
}  // namespace crossfade::proxy
