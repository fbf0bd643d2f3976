// The admin HTTP server: status, report, metrics, health. Boost.Beast on a thread of its own, orders on another; it
// never touches a session, it asks through the handlers, which must be thread-safe and, but for orders, quick.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "nlohmann/json.hpp"

namespace crossfade::proxy {

// Let a stopped table be caught up; see RowFeed::release().
struct ReleaseOrder {
  std::string schema, table;
  bool overwrite = false;
};

struct AdminHandlers {
  std::function<nlohmann::json()> status;
  std::function<nlohmann::json()> report;
  std::function<nlohmann::json()> flags;
  std::function<std::string()> metrics;
  std::function<bool()> ready;  // serving, not draining, leader reachable
  std::function<bool()> started;
  std::function<absl::StatusOr<std::string>(const ReleaseOrder&)> release;  // may take seconds
  struct Job {
    std::function<nlohmann::json()> status;  // how far it is
    // {"verb": "start", "options": {..}}: what was done; may take a minute.
    std::function<absl::StatusOr<std::string>(const nlohmann::json&)> order;
  };
  std::map<std::string, Job> jobs{};  // by kind: "backfill"
};

class AdminServer {
 public:
  // `token` empty: none is asked for. Otherwise every path but the health ones wants
  // "Authorization: Bearer <token>", compared in constant time.
  static absl::StatusOr<std::unique_ptr<AdminServer>> start(const config::Address& address, std::string token,
                                                            AdminHandlers handlers);
  virtual ~AdminServer() = default;
  virtual std::uint16_t port() const = 0;
  virtual void stop() = 0;
};

// For the CLI: POST a JSON text to a path; otherwise as admin_get().
absl::StatusOr<std::string> admin_post(const config::Address& address, const std::string& token,
                                       const std::string& path, std::string json);
// For the CLI: GET a path of the admin server; the body, or why not (with the HTTP status).
absl::StatusOr<std::string> admin_get(const config::Address& address, const std::string& token,
                                      const std::string& path);

}  // namespace crossfade::proxy
