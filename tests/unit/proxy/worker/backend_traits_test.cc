// What is known of the backends from their greetings.
#include <gtest/gtest.h>

#include "proxy/worker/worker.h"

namespace crossfade::proxy {
namespace {

protocol::Greeting greeting(std::string version, protocol::Capabilities capabilities) {
  protocol::Greeting out;
  out.server_version = std::move(version);
  out.capabilities = capabilities;
  return out;
}

TEST(BackendTraitsTable, KnowsNothingBeforeABackendHasGreeted) {
  const BackendTraitsTable table;
  for (const auto which : {config::Backend::old_db, config::Backend::new_db}) {
    EXPECT_FALSE(table.get(which).known);
    EXPECT_TRUE(table.get(which).version.empty());
  }
}

TEST(BackendTraitsTable, KeepsEachBackendsLastGreetingApart) {
  BackendTraitsTable table;
  table.set(config::Backend::old_db, greeting("5.5.5-10.11.6-MariaDB", 0));
  EXPECT_FALSE(table.get(config::Backend::new_db).known);
  table.set(config::Backend::new_db, greeting("9.7.0", protocol::kLongPassword));
  const BackendTraits old = table.get(config::Backend::old_db);
  EXPECT_TRUE(old.known);
  EXPECT_EQ(old.make, protocol::Make::mariadb);
  EXPECT_EQ(old.version, "5.5.5-10.11.6-MariaDB");
  EXPECT_EQ(old.capabilities, 0u);
  const BackendTraits fresh = table.get(config::Backend::new_db);
  EXPECT_EQ(fresh.make, protocol::Make::mysql);
  EXPECT_EQ(fresh.capabilities, protocol::kLongPassword);
  // It was replaced by another server.
  table.set(config::Backend::new_db, greeting("5.5.5-11.4.2-MariaDB", 0));
  EXPECT_EQ(table.get(config::Backend::new_db).make, protocol::Make::mariadb);
  EXPECT_EQ(table.get(config::Backend::new_db).capabilities, 0u);
  EXPECT_EQ(table.get(config::Backend::old_db).version, "5.5.5-10.11.6-MariaDB");
}

}  // namespace
}  // namespace crossfade::proxy
