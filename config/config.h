// crossfade.yaml as values: how this proxy is wired. Every default stands here and nowhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/backend.h"
#include "config/percent.h"
#include "protocol/ip_address.h"

namespace crossfade::config {

// Where a secret comes from; exactly one of the three is given.
struct SecretSource {
  enum class Kind : std::uint8_t { none, literal, environment, file };
  Kind kind = Kind::none;
  std::string value;  // the literal, the variable's name, or the path
};

// host:port, [v6]:port, or unix:/path
struct Address {
  std::string host;        // for unix: the path
  std::uint16_t port = 0;  // 0 for unix
  bool is_unix = false;
  std::string text() const;  // as written
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };

struct ListenTls {
  enum class Mode : std::uint8_t { disabled, preferred, required };
  Mode mode = Mode::disabled;
  std::string cert;  // PEM file paths
  std::string key;
  TlsVersion version_min = TlsVersion::tls12;
  enum class ClientCert : std::uint8_t { none, optional, required };
  ClientCert client_cert = ClientCert::none;
  std::string client_ca;  // who signs them
  std::string place;      // "12:5": where it stands in the file
};

// Whose word on a client's address is taken: from these a PROXY header must come first, from others it may not.
struct ProxyProtocol {
  std::vector<protocol::IpNetwork> networks;
  bool unix_clients = false;  // whoever can open the listener's unix socket
};

// What a listener's clients may ask for; both, as the servers offer it.
struct ListenCompression {
  bool zlib = true;
  bool zstd = true;
};

struct Listen {
  Address address;
  ListenTls tls;
  ListenCompression compression;
  ProxyProtocol proxy_protocol;
  std::optional<std::uint32_t> socket_mode;  // of a unix socket's file; not given: by the umask
};

struct BackendTls {
  enum class Mode : std::uint8_t { disabled, preferred, required };
  Mode mode = Mode::disabled;
  std::string ca;    // PEM; empty with `required`: encrypt, but do not verify
  std::string cert;  // our own, PEM; empty: none is shown
  std::string key;
  TlsVersion version_min = TlsVersion::tls12;
  std::string place;
};
enum class BackendCompression : std::uint8_t { none, zlib, zstd };
struct BackendConfig {
  Address address;
  BackendTls tls;
  BackendCompression compression = BackendCompression::none;
  std::chrono::milliseconds connect_timeout{5000};
  bool proxy_protocol = false;  // tell it the client's address in a PROXY header, version 2
};

struct Account {
  std::string user;
  SecretSource password;
};
struct Control {
  std::string schema = "crossfade";
  Account old_account;
  Account new_account;
};

// One application user: what clients log in with, and what we log in to each backend with: the same,
// unless an account says otherwise. An account is complete: what the file leaves out of it is the user's.
struct User {
  std::string name;
  SecretSource password;    // or:
  std::string native_hash;  // "*" and 40 hex digits; then `old_account` and `new_account` need passwords
  std::optional<Account> old_account;
  std::optional<Account> new_account;
  std::uint32_t connections_max = 0;  // 0: no limit of its own
  bool certificate_required = false;  // require: x509
};

// `users.from_client`: users that are not listed log in with what the leader takes from them.
struct LearnedUsers {
  bool enabled = false;
  std::chrono::milliseconds cache_ttl{std::chrono::minutes(10)};  // from the full authentication
  std::uint32_t cache_entries_max = 10000;
};

struct DualWriteConfig {
  std::chrono::milliseconds ack_timeout{2000};
  // Where the follower's changes come from; `automatic`: the log if the leader is set up for it, else triggers if the
  // account may make them.
  enum class Feed : std::uint8_t { automatic, log, trigger };
  Feed feed = Feed::automatic;
  enum class Ddl : std::uint8_t { follow, refuse };
  Ddl ddl = Ddl::follow;
  // What becomes of tables with open rows in the ledger; `automatic`: they are compared, and what differs is written
  // anew, without anybody asking for it.
  enum class Repair : std::uint8_t { off, automatic };
  Repair repair = Repair::off;
  Percent check_rows_percent =
      Percent::from_ppm(10000);                 // of feed log: of changed rows, compared with the follower's before
  std::chrono::milliseconds poll_interval{50};  // of feed trigger: between looks at what was captured
};

struct ReadConfig {
  // What a read of the follower must see: what its own session has written, or all that anybody had committed on the
  // leader when it came.
  enum class Consistency : std::uint8_t { session, strict };
  Consistency consistency = Consistency::session;
  std::chrono::milliseconds read_your_writes_timeout{200};  // then the leader answers
  std::chrono::milliseconds max_lag{2000};                  // past it reads stay with the leader
};

struct ShadowConfig {
  std::uint32_t connections = 4;                   // to a backend, over all users
  std::chrono::milliseconds idle_timeout{10'000};  // of such a connection
  std::uint32_t queue_max = 1000;                  // waiting comparisons
  std::uint64_t queue_bytes_max = 64ull << 20;
  std::uint64_t recording_bytes_max = 1ull << 20;  // of one answer; past it: too_large
  std::chrono::milliseconds deadline{5000};
  std::uint32_t rechecks = 3;
  std::chrono::milliseconds recheck_delay{100};
  std::uint32_t samples_per_digest_max = 5;
  std::uint32_t digests_max = 2000;
  bool plaintext_samples = false;  // cells in the clear; /status shows it
};

struct Limits {
  std::uint32_t connections_max = 10000;
  std::uint64_t packet_bytes_max = 64ull << 20;
  std::uint32_t prepared_statements_max = 16382;   // per session
  std::chrono::milliseconds login_timeout{8000};   // below the backends' connect_timeout, which runs meanwhile
  std::chrono::milliseconds drain_timeout{10000};  // SIGTERM: transactions may finish this long
};

struct Admin {
  Address address{.host = "127.0.0.1", .port = 6080};
  std::string token_file;  // empty: no token (loopback only)
};

struct Config {
  std::vector<Listen> listen;
  Admin admin;
  std::string state_dir = "/var/lib/crossfade";
  BackendConfig old_backend;
  BackendConfig new_backend;
  Control control;
  std::vector<User> users;
  LearnedUsers learned_users;
  std::string flags_file;
  DualWriteConfig dual_write;
  ReadConfig reads;
  ShadowConfig shadow;
  Limits limits;
  std::uint32_t threads = 0;  // 0: one per core
  enum class LogFormat : std::uint8_t { text, json };
  LogFormat log_format = LogFormat::text;

  const BackendConfig& backend(Backend which) const { return which == Backend::old_db ? old_backend : new_backend; }
  const Account& control_account(Backend which) const {
    return which == Backend::old_db ? control.old_account : control.new_account;
  }
};

}  // namespace crossfade::config
