#include "proxy/cli_admin.h"

#include <utility>

#include "config/address.h"
#include "config/config.h"
#include "proxy/admin/admin.h"
#include "proxy/settings/config_file.h"
#include "proxy/settings/secrets.h"

namespace crossfade::proxy {
namespace {

struct AdminTarget {
  config::Address address;
  std::string token;
};

absl::StatusOr<AdminTarget> find_admin(const AdminOptions& options) {
  AdminTarget target{.address = config::Admin().address, .token = ""};
  std::string token_file = options.token_file;
  if (!options.config_file.empty()) {
    absl::StatusOr<config::Config> config = load_config_file(options.config_file);
    if (!config.ok()) return config.status();
    target.address = config->admin.address;
    if (token_file.empty()) token_file = config->admin.token_file;
  }
  if (!options.address.empty()) {
    absl::StatusOr<config::Address> address = config::parse_address(options.address);
    if (!address.ok()) return absl::InvalidArgumentError("--admin " + std::string(address.status().message()));
    target.address = *std::move(address);
  }
  if (!token_file.empty()) {
    absl::StatusOr<std::string> token = read_token(token_file);
    if (!token.ok()) return token.status();
    target.token = *std::move(token);
  }
  return target;
}

}  // namespace

absl::StatusOr<nlohmann::json> ask_admin(const AdminOptions& options, const std::string& path,
                                         const nlohmann::json& order) {
  const absl::StatusOr<AdminTarget> target = find_admin(options);
  if (!target.ok()) return target.status();
  const absl::StatusOr<std::string> body = order.is_null()
                                               ? admin_get(target->address, target->token, path)
                                               : admin_post(target->address, target->token, path, order.dump());
  if (!body.ok()) return body.status();
  nlohmann::json answer = nlohmann::json::parse(*body, nullptr, false);
  if (!answer.is_object()) {
    return absl::InternalError("what answers at " + target->address.text() + " is not a crossfade admin server");
  }
  return answer;
}

CLI::App* add_admin_verb(CLI::App& app, const std::string& name, const std::string& about, AdminOptions& options) {
  CLI::App* verb = app.add_subcommand(name, about);
  verb->add_option("-a,--admin", options.address,
                   "The admin server; 127.0.0.1:6080 unless the configuration says otherwise")
      ->type_name("HOST:PORT");
  verb->add_option("-c,--config", options.config_file, "Take address and token from this crossfade.yaml")
      ->type_name("FILE");
  verb->add_option("--token-file", options.token_file, "File with the admin server's token")->type_name("FILE");
  verb->add_option("-f,--format", options.format, "table or json")->check(CLI::IsMember({"table", "json"}));
  return verb;
}

}  // namespace crossfade::proxy
