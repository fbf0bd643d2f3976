// What the applications of these tests write, and what the backends hold of it afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/proxy_stack.h"

namespace crossfade::proxy {

inline constexpr const char* kInsert = "INSERT INTO t (id, v) VALUES (1, 10)";
inline constexpr const char* kUpdate = "UPDATE t SET v = 11 WHERE id = 1";

inline std::vector<std::string> written(support::FakeBackend& backend) { return backend.database().contents().writes; }

inline support::Reply run_autocommit(support::Client& client) { return client.query(kInsert); }

inline support::Reply run_transaction(support::Client& client) {
  for (const char* sql : {"BEGIN", kInsert, kUpdate}) {
    support::Reply reply = client.query(sql);
    if (!reply.is_ok()) return reply;
  }
  return client.query("COMMIT");
}

inline support::Reply run_prepared(support::Client& client) {
  support::Reply refused;
  const std::uint32_t statement = client.prepare("INSERT INTO t (id, v) VALUES (?, ?)", &refused);
  return statement == 0 ? refused : client.execute(statement, {1, 10});
}

}  // namespace crossfade::proxy
