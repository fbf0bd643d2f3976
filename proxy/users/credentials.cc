#include "proxy/users/credentials.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <utility>

#include "proxy/settings/secrets.h"

namespace crossfade::proxy {
namespace {

constexpr std::array kBoth = {config::Backend::old_db, config::Backend::new_db};

std::size_t index(config::Backend which) { return static_cast<std::size_t>(which); }

absl::StatusOr<KnownUser> read_user(const config::User& user) {
  KnownUser known;
  std::string password;
  if (user.native_hash.empty()) {
    auto secret = resolve_secret(user.password);
    if (!secret.ok()) return secret.status();
    password = *secret;
    known.secret.password = password;
  } else {
    known.secret.native = protocol::parse_native_hash(user.native_hash);
  }
  known.connections_max = user.connections_max;
  known.certificate_required = user.certificate_required;
  const std::optional<config::Account>* accounts[] = {&user.old_account, &user.new_account};
  for (std::size_t i = 0; i < 2; ++i) {
    KnownUser::Credential& credential = known.backend[i];
    credential = {.user = user.name, .password = password};
    if (!*accounts[i]) continue;
    credential.user = (*accounts[i])->user;
    auto secret = resolve_secret((*accounts[i])->password);
    if (!secret.ok()) return secret.status();
    credential.password = *secret;
  }
  return known;
}

absl::StatusOr<KnownUser::Credential> read_control(const config::Config& config, config::Backend which) {
  const config::Account& account = config.control_account(which);
  auto secret = resolve_secret(account.password);
  if (!secret.ok()) return secret.status();
  return KnownUser::Credential{.user = account.user, .password = *std::move(secret)};
}

absl::StatusOr<std::shared_ptr<const TlsContext>> read_tls(const config::Config& config, config::Backend which) {
  const config::BackendTls& tls = config.backend(which).tls;
  if (tls.mode == config::BackendTls::Mode::disabled) return std::shared_ptr<const TlsContext>();
  return TlsContext::client(tls);
}

bool same_secrets(const KnownUser& one, const KnownUser& other) {
  return one.secret.password == other.secret.password && one.backend[0].password == other.backend[0].password &&
         one.backend[1].password == other.backend[1].password;
}

void read_control_again(const config::Config& config, config::Backend which, CredentialsInForce in_force) {
  auto fresh = read_control(config, which);
  if (!fresh.ok()) {
    spdlog::error("backend={} control_password=kept why=\"{}\"", config::name(which),
                  std::string(fresh.status().message()));
    return;
  }
  if (fresh->password == in_force.control[index(which)].password) return;
  in_force.control.set(which, *std::move(fresh));
  spdlog::info("backend={} control_password=reloaded", config::name(which));
}

void read_tls_again(const config::Config& config, config::Backend which, CredentialsInForce in_force) {
  const config::BackendTls& configured = config.backend(which).tls;
  auto fresh = read_tls(config, which);
  if (!fresh.ok()) {
    spdlog::error("backend={} tls=kept at={} why=\"{}\"", config::name(which), configured.place,
                  std::string(fresh.status().message()));
  } else if (*fresh) {
    in_force.backend_tls.set(which, *std::move(fresh));
    spdlog::info("backend={} tls=reloaded", config::name(which));
  }
}

void read_users_again(const config::Config& config, CredentialsInForce in_force) {
  KnownUsers users;
  for (const config::User& user : config.users) {
    const std::shared_ptr<const KnownUser> before = in_force.users.listed(user.name);
    auto fresh = read_user(user);
    if (!fresh.ok()) {
      spdlog::error("user={} password=kept why=\"{}\"", user.name, std::string(fresh.status().message()));
      if (before) users.emplace(user.name, *before);
      continue;
    }
    if (before && !same_secrets(*before, *fresh)) spdlog::info("user={} password=reloaded", user.name);
    users.emplace(user.name, *std::move(fresh));
  }
  in_force.users.list(std::move(users));
}

}  // namespace

absl::StatusOr<Credentials> read_credentials(const config::Config& config) {
  Credentials out;
  for (const config::User& user : config.users) {
    auto known = read_user(user);
    if (!known.ok()) return known.status();
    out.users.emplace(user.name, *std::move(known));
  }
  for (const config::Backend which : kBoth) {
    auto control = read_control(config, which);
    if (!control.ok()) return control.status();
    out.control[index(which)] = *std::move(control);
    auto tls = read_tls(config, which);
    if (!tls.ok()) return tls.status();
    out.backend_tls[index(which)] = *std::move(tls);
  }
  return out;
}

void read_credentials_again(const config::Config& config, CredentialsInForce in_force) {
  for (const config::Backend which : kBoth) {
    read_control_again(config, which, in_force);
    read_tls_again(config, which, in_force);
  }
  read_users_again(config, in_force);
}

}  // namespace crossfade::proxy
