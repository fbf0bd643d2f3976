#include "proxy/settings/config_file.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "config/load.h"
#include "proxy/net/tls.h"
#include "proxy/settings/secrets.h"

namespace crossfade::proxy {
namespace {

using config::Config;
using config::SecretSource;

// Gathers problems; `path` is the configuration's, in front of each that has no place of its own.
class Findings {
 public:
  explicit Findings(std::string path) : path_(std::move(path)) {}

  // `place`: "12:5".
  void add_at(const std::string& place, const std::string& what, const absl::Status& status) {
    if (!status.ok()) lines_.push_back(path_ + ":" + place + ": " + what + ": " + std::string(status.message()));
  }
  void add(const std::string& what, const absl::Status& status) {
    if (!status.ok()) lines_.push_back(path_ + ": " + what + ": " + std::string(status.message()));
  }
  void add_lines(const std::string& lines) {
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', at), lines.size());
      if (end > at) lines_.push_back(lines.substr(at, end - at));
      at = end + 1;
    }
  }
  void secret(const std::string& what, const SecretSource& source) { add(what, resolve_secret(source).status()); }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::string path_;
  std::vector<std::string> lines_;
};

void check_flags(Findings& findings, const Config& config) {
  const absl::StatusOr<std::string> text = read_file(config.flags_file);
  if (!text.ok()) return findings.add("flags", text.status());
  const config::Loaded<config::Flags> flags = config::load_flags(*text);
  if (!flags.value.has_value()) findings.add_lines(config::describe(flags.problems, config.flags_file));
}

void check_user(Findings& findings, const config::User& user) {
  const std::string what = "user " + user.name;
  if (user.native_hash.empty()) findings.secret(what, user.password);
  // An account without a secret of its own has the user's, which is checked already.
  const auto check_account = [&](const std::string& backend, const std::optional<config::Account>& account) {
    if (!account.has_value()) return;
    const SecretSource& secret = account->password;
    if (secret.kind == user.password.kind && secret.value == user.password.value) return;
    findings.secret(what + ", " + backend, secret);
  };
  check_account("old", user.old_account);
  check_account("new", user.new_account);
}

void check_tls(Findings& findings, const Config& config) {
  for (const config::Listen& listen : config.listen) {
    if (listen.tls.mode == config::ListenTls::Mode::disabled) continue;
    findings.add_at(listen.tls.place, "listen " + listen.address.text() + ", tls",
                    TlsContext::server(listen.tls).status());
  }
  for (const config::Backend backend : {config::Backend::old_db, config::Backend::new_db}) {
    const config::BackendTls& tls = config.backend(backend).tls;
    if (tls.mode == config::BackendTls::Mode::disabled) continue;
    findings.add_at(tls.place, "backend " + std::string(config::name(backend)) + ", tls",
                    TlsContext::client(tls).status());
  }
}

}  // namespace

absl::StatusOr<Config> load_config_file(const std::string& path) {
  const absl::StatusOr<std::string> text = read_file(path);
  if (!text.ok()) return text.status();
  const std::string directory = std::filesystem::path(path).parent_path().string();
  config::Loaded<Config> loaded = config::load_config(*text, directory.empty() ? "." : directory);
  if (!loaded.value.has_value()) return absl::InvalidArgumentError(config::describe(loaded.problems, path));
  return *std::move(loaded.value);
}

std::vector<std::string> find_problems(const Config& config, const std::string& path) {
  Findings findings(path);
  check_flags(findings, config);
  if (config.admin.address.is_unix) findings.add("admin", absl::InvalidArgumentError("address must be host:port"));
  if (!config.admin.token_file.empty()) findings.add("admin", read_token(config.admin.token_file).status());
  findings.secret("control, old", config.control.old_account.password);
  findings.secret("control, new", config.control.new_account.password);
  for (const config::User& user : config.users) check_user(findings, user);
  check_tls(findings, config);
  return findings.take();
}

}  // namespace crossfade::proxy
