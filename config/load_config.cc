#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "config/address.h"
#include "config/field.h"
#include "config/load.h"

namespace crossfade::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kKiB = 1ull << 10;
constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kGiB = 1ull << 30;
constexpr std::uint64_t kListenMax = 64;
constexpr std::uint64_t kUsersMax = 10000;
constexpr std::uint64_t kNetworksMax = 1000;

template <typename Mode>
constexpr std::array<std::pair<std::string_view, Mode>, 3> kTlsModes{
    {{"disabled", Mode::disabled}, {"preferred", Mode::preferred}, {"required", Mode::required}}};
constexpr std::array<std::pair<std::string_view, TlsVersion>, 2> kTlsVersions{
    {{"TLSv1.2", TlsVersion::tls12}, {"TLSv1.3", TlsVersion::tls13}}};
constexpr std::array<std::pair<std::string_view, ListenTls::ClientCert>, 3> kClientCerts{
    {{"none", ListenTls::ClientCert::none},
     {"optional", ListenTls::ClientCert::optional},
     {"required", ListenTls::ClientCert::required}}};
constexpr std::array<std::pair<std::string_view, bool ListenCompression::*>, 2> kListenCompressions{
    {{"zlib", &ListenCompression::zlib}, {"zstd", &ListenCompression::zstd}}};
constexpr std::array<std::pair<std::string_view, BackendCompression>, 3> kBackendCompressions{
    {{"none", BackendCompression::none}, {"zlib", BackendCompression::zlib}, {"zstd", BackendCompression::zstd}}};
constexpr std::array<std::pair<std::string_view, Config::LogFormat>, 2> kLogFormats{
    {{"text", Config::LogFormat::text}, {"json", Config::LogFormat::json}}};

constexpr std::array<std::pair<std::string_view, bool>, 2> kRequirements{{{"x509", true}, {"none", false}}};

// Reads one crossfade.yaml: what its members share is the directory that relative paths start from.
class ConfigReader {
 public:
  explicit ConfigReader(std::string_view directory) : directory_(directory) {}

  Config read(const Field& root);

 private:
  bool read_path(const Field& field, std::string& out) const;
  void read_listen(const Field& field, std::vector<Listen>& out) const;
  void read_listen_tls(const Field& field, ListenTls& out) const;
  void read_backend_tls(const Field& field, BackendTls& out) const;
  void read_listen_compression(const Field& field, ListenCompression& out) const;
  void read_admin(const Field& field, Admin& out) const;
  void read_backends(const Field& field, Config& config) const;
  // Returns the address's field.
  Field read_backend(const Field& field, BackendConfig& out) const;
  bool read_secret(MapReader& map, SecretSource& out) const;
  void read_control(const Field& field, Control& out) const;
  void read_users(const Field& field, Config& config) const;
  User read_user(const Field& field, std::map<std::string, std::string>& seen) const;
  void read_user_account(const Field& field, const User& user, std::optional<Account>& out) const;
  void read_flags_source(const Field& field, std::string& out) const;

  std::string directory_;
};

constexpr std::array<std::pair<std::string_view, DualWriteConfig::Feed>, 3> kFeeds{
    {{"auto", DualWriteConfig::Feed::automatic},
     {"log", DualWriteConfig::Feed::log},
     {"trigger", DualWriteConfig::Feed::trigger}}};
constexpr std::array<std::pair<std::string_view, DualWriteConfig::Ddl>, 2> kDdls{
    {{"follow", DualWriteConfig::Ddl::follow}, {"refuse", DualWriteConfig::Ddl::refuse}}};

constexpr std::array<std::pair<std::string_view, DualWriteConfig::Repair>, 2> kRepairs{
    {{"off", DualWriteConfig::Repair::off}, {"auto", DualWriteConfig::Repair::automatic}}};

void read_dual_write(const Field& field, DualWriteConfig& out) {
  MapReader map = field.map();
  map.optional("ack_timeout").duration(out.ack_timeout, {milliseconds(10), minutes(10)});
  map.optional("feed").choice(out.feed, kFeeds);
  map.optional("ddl").choice(out.ddl, kDdls);
  map.optional("repair").choice(out.repair, kRepairs);
  map.optional("check_rows_percent").percent(out.check_rows_percent);
  map.optional("poll_interval").duration(out.poll_interval, {milliseconds(1), seconds(10)});
}

constexpr std::array<std::pair<std::string_view, ReadConfig::Consistency>, 2> kConsistencies{
    {{"session", ReadConfig::Consistency::session}, {"strict", ReadConfig::Consistency::strict}}};

void read_reads(const Field& field, ReadConfig& out) {
  MapReader map = field.map();
  map.optional("consistency").choice(out.consistency, kConsistencies);
  map.optional("read_your_writes_timeout").duration(out.read_your_writes_timeout, {milliseconds(0), minutes(1)});
  map.optional("max_lag").duration(out.max_lag, {milliseconds(0), hours(1)});
}

void read_shadow(const Field& field, ShadowConfig& out) {
  MapReader map = field.map();
  map.optional("connections").number(out.connections, {1, 64});
  map.optional("idle_timeout").duration(out.idle_timeout, {milliseconds(100), hours(1)});
  map.optional("queue_max").number(out.queue_max, {1, 1'000'000});
  map.optional("queue_bytes_max").size(out.queue_bytes_max, {64 * kKiB, 16 * kGiB});
  const Field recording = map.optional("recording_bytes_max");
  recording.size(out.recording_bytes_max, {kKiB, 256 * kMiB});
  map.optional("deadline").duration(out.deadline, {milliseconds(10), minutes(5)});
  map.optional("rechecks").number(out.rechecks, {0, 10});
  map.optional("recheck_delay").duration(out.recheck_delay, {milliseconds(1), minutes(1)});
  map.optional("samples_per_digest_max").number(out.samples_per_digest_max, {0, 100});
  map.optional("digests_max").number(out.digests_max, {1, 100'000});
  map.optional("plaintext_samples").boolean(out.plaintext_samples);
  if (out.recording_bytes_max > out.queue_bytes_max) {
    map.problem("recording_bytes_max (" + size_text(out.recording_bytes_max) + ") must not exceed queue_bytes_max (" +
                size_text(out.queue_bytes_max) + ")");
  }
}

void read_limits(const Field& field, Limits& out) {
  MapReader map = field.map();
  map.optional("connections_max").number(out.connections_max, {1, 100'000});
  map.optional("packet_bytes_max").size(out.packet_bytes_max, {kKiB, kGiB});
  map.optional("prepared_statements_max").number(out.prepared_statements_max, {1, 1'000'000});
  map.optional("login_timeout").duration(out.login_timeout, {milliseconds(100), minutes(5)});
  map.optional("drain_timeout").duration(out.drain_timeout, {milliseconds(0), hours(1)});
}

void read_log(const Field& field, Config& config) {
  MapReader map = field.map();
  map.optional("format").choice(config.log_format, kLogFormats);
}

void read_proxy_protocol(const Field& field, ProxyProtocol& out) {
  MapReader map = field.map();
  for (const Field& item : map.required("from").list({1, kNetworksMax})) {
    std::string text;
    if (!item.text(text)) continue;
    if (text == "unix") {
      out.unix_clients = true;
    } else if (const auto network = protocol::parse_ip_network(text)) {
      out.networks.push_back(*network);
    } else {
      item.problem(in_quotes(text) + " is not a network: write 10.0.0.0/8, fd00::/8, an address, or unix");
    }
  }
}

// "0660": the file's permissions, in octal as chmod takes them.
void read_socket_mode(const Field& field, Listen& listen) {
  std::string text;
  if (!field.text(text)) return;
  constexpr std::string_view kOctal = "01234567";
  const bool octal = text.find_first_not_of(kOctal) == std::string::npos;
  if (!octal || text.size() < 3 || text.size() > 4 || (text.size() == 4 && text[0] != '0')) {
    field.problem("must be three octal digits, like \"0660\", not " + in_quotes(text));
    return;
  }
  if (!listen.address.is_unix) field.problem("only for the address of a unix socket");
  std::uint32_t mode = 0;
  for (const char c : text) mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
  listen.socket_mode = mode;
}

bool is_identifier(std::string_view text) {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return !text.empty() && text.size() <= 64 && text.find_first_not_of(kCharacters) == std::string_view::npos;
}

bool is_system_schema(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower == "mysql" || lower == "information_schema" || lower == "performance_schema" || lower == "sys";
}

bool is_native_hash(std::string_view text) {
  return text.size() == 41 && text[0] == '*' &&
         text.substr(1).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_variable_name(std::string_view text) { return is_identifier(text) && (text[0] < '0' || text[0] > '9'); }

bool ConfigReader::read_path(const Field& field, std::string& out) const {
  std::string path;
  if (!field.text(path, 4096)) return false;
  out = path[0] == '/' || directory_.empty() ? path : directory_ + (directory_.ends_with('/') ? "" : "/") + path;
  return true;
}

void ConfigReader::read_listen_tls(const Field& field, ListenTls& out) const {
  MapReader map = field.map();
  map.required("mode").choice(out.mode, kTlsModes<ListenTls::Mode>);
  const Field cert = map.optional("cert");
  const Field key = map.optional("key");
  read_path(cert, out.cert);
  read_path(key, out.key);
  map.optional("min_version").choice(out.version_min, kTlsVersions);
  const Field client_ca = map.optional("client_ca");
  const Field client_cert = map.optional("client_cert");
  if (read_path(client_ca, out.client_ca)) out.client_cert = ListenTls::ClientCert::required;
  client_cert.choice(out.client_cert, kClientCerts);
  if (out.client_cert != ListenTls::ClientCert::none && !client_ca.given()) {
    map.problem("client_cert needs client_ca, by which the certificates are verified");
  }
  out.place = field.place();
  if (out.mode != ListenTls::Mode::disabled && (!cert.given() || !key.given())) {
    map.problem("needs cert and key, unless mode is disabled");
  }
}

void ConfigReader::read_listen_compression(const Field& field, ListenCompression& out) const {
  if (!field.given()) return;
  out = {.zlib = false, .zstd = false};
  for (const Field& item : field.list({0, kListenCompressions.size()})) {
    bool ListenCompression::*algorithm = nullptr;
    if (item.choice(algorithm, kListenCompressions)) out.*algorithm = true;
  }
}

void ConfigReader::read_listen(const Field& field, std::vector<Listen>& out) const {
  for (const Field& item : field.list({1, kListenMax})) {
    Listen listen;
    MapReader map = item.map();
    const Field address = map.required("address");
    const bool good = address.parsed(listen.address, parse_listen_address);
    read_listen_tls(map.optional("tls"), listen.tls);
    read_proxy_protocol(map.optional("proxy_protocol"), listen.proxy_protocol);
    read_socket_mode(map.optional("socket_mode"), listen);
    read_listen_compression(map.optional("compression"), listen.compression);
    const bool picked = !listen.address.is_unix && listen.address.port == 0;  // by the system, never twice the same
    const auto same = [&](const Listen& earlier) { return same_address(earlier.address, listen.address); };
    if (good && !picked && std::any_of(out.begin(), out.end(), same)) {
      address.problem(in_quotes(listen.address.text()) + " is listed twice");
    }
    out.push_back(std::move(listen));
  }
}

void ConfigReader::read_admin(const Field& field, Admin& out) const {
  MapReader map = field.map();
  const Field address = map.optional("address");
  address.parsed(out.address, parse_listen_address);
  const Field token_file = map.optional("token_file");
  read_path(token_file, out.token_file);
  if (!is_local(out.address) && !token_file.given()) {
    address.problem("others than this machine can reach it, so token_file is needed");
  }
}

void ConfigReader::read_backend_tls(const Field& field, BackendTls& out) const {
  MapReader map = field.map();
  map.required("mode").choice(out.mode, kTlsModes<BackendTls::Mode>);
  read_path(map.optional("ca"), out.ca);
  const Field cert = map.optional("cert");
  const Field key = map.optional("key");
  read_path(cert, out.cert);
  read_path(key, out.key);
  map.optional("min_version").choice(out.version_min, kTlsVersions);
  if (cert.given() != key.given()) map.problem("needs both cert and key, or none");
  out.place = field.place();
}

Field ConfigReader::read_backend(const Field& field, BackendConfig& out) const {
  MapReader map = field.map();
  Field address = map.required("address");
  address.parsed(out.address, parse_address);
  read_backend_tls(map.optional("tls"), out.tls);
  map.optional("proxy_protocol").boolean(out.proxy_protocol);
  map.optional("compression").choice(out.compression, kBackendCompressions);
  map.optional("connect_timeout").duration(out.connect_timeout, {milliseconds(10), minutes(2)});
  return address;
}

void ConfigReader::read_backends(const Field& field, Config& config) const {
  MapReader map = field.map();
  read_backend(map.required("old"), config.old_backend);
  const Field new_address = read_backend(map.required("new"), config.new_backend);
  const Address& old_db = config.old_backend.address;
  const Address& new_db = config.new_backend.address;
  if (!old_db.host.empty() && !new_db.host.empty() && same_address(old_db, new_db)) {
    new_address.problem("old and new must not be the same server");
  }
}

// password, password_env or password_file; returns whether one of them is given.
bool ConfigReader::read_secret(MapReader& map, SecretSource& out) const {
  const Field literal = map.optional("password");
  const Field environment = map.optional("password_env");
  const Field file = map.optional("password_file");
  if (literal.secret(out.value)) out.kind = SecretSource::Kind::literal;
  if (environment.text(out.value)) {
    out.kind = SecretSource::Kind::environment;
    if (!is_variable_name(out.value)) environment.problem("not the name of an environment variable");
  }
  if (read_path(file, out.value)) out.kind = SecretSource::Kind::file;
  const int count = int{literal.given()} + int{environment.given()} + int{file.given()};
  if (count > 1) map.problem("give only one of password, password_env and password_file");
  return count > 0;
}

void ConfigReader::read_control(const Field& field, Control& out) const {
  MapReader map = field.map();
  const Field schema = map.optional("schema");
  if (schema.text(out.schema)) {
    if (!is_identifier(out.schema)) schema.problem("must have 1 to 64 letters, digits or _");
    if (is_system_schema(out.schema)) schema.problem("must not be a schema of the server's own");
  }
  const auto read_account = [&](const Field& account_field, Account& account) {
    MapReader account_map = account_field.map();
    account_map.required("user").text(account.user, kUserBytesMax);
    if (!read_secret(account_map, account.password) && account_map.given()) {
      account_map.problem("needs password, password_env or password_file");
    }
  };
  read_account(map.required("old"), out.old_account);
  read_account(map.required("new"), out.new_account);
}

void ConfigReader::read_user_account(const Field& field, const User& user, std::optional<Account>& out) const {
  if (!field.given()) return;
  MapReader map = field.map();
  Account& account = out.emplace(Account{.user = user.name, .password = user.password});
  const Field account_user = map.optional("user");
  account_user.text(account.user, kUserBytesMax);
  SecretSource own;
  if (read_secret(map, own)) {
    account.password = own;
  } else if (!user.native_hash.empty() && map.given()) {
    map.problem("needs password, password_env or password_file: the server cannot be given the hash in native_hash");
  } else if (map.given() && !account_user.given()) {
    map.problem("says nothing: give it user or a password, or remove it");
  }
}

User ConfigReader::read_user(const Field& field, std::map<std::string, std::string>& seen) const {
  User user;
  MapReader map = field.map();
  const Field name = map.required("name");
  const Field hash = map.optional("native_hash");
  const Field old_field = map.optional("old");
  const Field new_field = map.optional("new");
  map.optional("connections_max").number(user.connections_max, {1, 100'000});
  map.optional("require").choice(user.certificate_required, kRequirements);
  if (name.text(user.name, kUserBytesMax)) {
    const auto [first, is_new] = seen.try_emplace(user.name, name.path());
    if (!is_new) name.problem(in_quotes(user.name) + " is " + first->second + " already");
  }
  const bool has_password = read_secret(map, user.password);
  if (hash.secret(user.native_hash) && !is_native_hash(user.native_hash)) {
    hash.problem("must be * and 40 hex digits, as mysql_native_password stores it");
  }
  if (has_password && hash.given()) map.problem("give either a password or native_hash, not both");
  if (!has_password && !hash.given() && map.given()) {
    map.problem("needs password, password_env, password_file or native_hash");
  }
  if (hash.given() && !has_password && (!old_field.given() || !new_field.given())) {
    map.problem("with native_hash, old and new need passwords of their own");
  }
  read_user_account(old_field, user, user.old_account);
  read_user_account(new_field, user, user.new_account);
  return user;
}

// A list of users, or a map with the list beside what holds for the users that are in none.
void ConfigReader::read_users(const Field& field, Config& config) const {
  std::map<std::string, std::string> seen;  // name to where it stands
  if (!field.is_map()) {
    for (const Field& item : field.list({1, kUsersMax})) config.users.push_back(read_user(item, seen));
    return;
  }
  MapReader map = field.map();
  map.required("from_client").boolean(config.learned_users.enabled);
  map.optional("cache_ttl").duration(config.learned_users.cache_ttl, {seconds(1), hours(24)});
  map.optional("cache_entries_max").number(config.learned_users.cache_entries_max, {1, 1'000'000});
  const Field list = map.optional("list");
  for (const Field& item : list.list({1, kUsersMax})) config.users.push_back(read_user(item, seen));
  if (!config.learned_users.enabled && !list.given()) {
    map.problem("nobody can log in: needs a list, unless from_client is true");
  }
}

void ConfigReader::read_flags_source(const Field& field, std::string& out) const {
  MapReader map = field.map();
  const Field etcd = map.optional("etcd");
  if (etcd.given()) {
    etcd.problem("not supported yet: use file");
    read_path(map.optional("file"), out);
  } else {
    read_path(map.required("file"), out);
  }
}

Config ConfigReader::read(const Field& root) {
  Config config;
  MapReader map = root.map();
  read_listen(map.required("listen"), config.listen);
  const Field admin = map.optional("admin");
  read_admin(admin, config.admin);
  read_path(map.optional("state_dir"), config.state_dir);
  read_backends(map.required("backends"), config);
  read_control(map.required("control"), config.control);
  read_users(map.required("users"), config);
  read_flags_source(map.required("flags"), config.flags_file);
  read_dual_write(map.optional("dual_write"), config.dual_write);
  read_reads(map.optional("reads"), config.reads);
  read_shadow(map.optional("shadow"), config.shadow);
  read_limits(map.optional("limits"), config.limits);
  map.optional("threads").number(config.threads, {0, 256});
  read_log(map.optional("log"), config);
  for (const Listen& listen : config.listen) {
    if (config.admin.address.port == 0 && !config.admin.address.is_unix) break;
    if (same_address(listen.address, config.admin.address)) {
      (admin.given() ? admin : root).problem("admin and listen must not share the address " + listen.address.text());
    }
  }
  return config;
}

}  // namespace

Loaded<Config> load_config(std::string_view yaml, std::string_view directory) {
  Problems problems;
  Config config;
  const std::optional<YamlNode> root = parse_strict_yaml(yaml, problems);
  if (root.has_value()) config = ConfigReader(directory).read(Field(&*root, "", problems));
  Loaded<Config> loaded;
  if (problems.empty()) loaded.value = std::move(config);
  loaded.problems = problems.take();
  return loaded;
}

}  // namespace crossfade::config
