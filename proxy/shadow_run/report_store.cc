#include "proxy/shadow_run/report_store.h"

#include <openssl/rand.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "nlohmann/json.hpp"

namespace crossfade::proxy {
namespace {

constexpr std::string_view kSchemaVersion = "1";
constexpr int kLockTimeoutMilliseconds = 2000;

// 16 hex digits: SQLite's integers are signed, and the report prints digests this way.
std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::optional<std::uint64_t> from_hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

std::string text_of(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text == nullptr ? std::string()
                         : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
}

class SqliteReportStore final : public ReportStore {
 public:
  explicit SqliteReportStore(std::string path) : path_(std::move(path)) {}
  SqliteReportStore(const SqliteReportStore&) = delete;
  SqliteReportStore& operator=(const SqliteReportStore&) = delete;
  ~SqliteReportStore() override { sqlite3_close_v2(database_); }

  absl::Status begin() {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path_.c_str(), &database_, flags, nullptr) != SQLITE_OK) return failure("open");
    sqlite3_busy_timeout(database_, kLockTimeoutMilliseconds);
    // A report lost to a power cut may lose its last minute, but is never torn. The lock is kept, so that
    // a second proxy on the same directory is told, rather than the two overwriting each other's counts.
    for (const char* pragma :
         {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL"}) {
      if (absl::Status done = execute(pragma); !done.ok()) return done;
    }
    if (absl::Status sound = check_soundness(); !sound.ok()) return sound;
    if (absl::Status made = execute("BEGIN IMMEDIATE"); !made.ok()) return made;
    absl::Status ready = prepare_schema();
    absl::Status ended = execute(ready.ok() ? "COMMIT" : "ROLLBACK");
    return ready.ok() ? ended : ready;
  }

  std::uint64_t hash_salt() const override { return hash_salt_; }

  absl::Status load_into(shadow::Report& report) override {
    absl::StatusOr<StatementHandle> select = prepare("SELECT digest, json FROM digests ORDER BY digest");
    if (!select.ok()) return select.status();
    int step = 0;
    while ((step = sqlite3_step(select->get())) == SQLITE_ROW) {
      const nlohmann::json row = nlohmann::json::parse(text_of(select->get(), 1), nullptr, false);
      std::optional<shadow::DigestReport> digest;
      if (!row.is_discarded()) digest = shadow::digest_from_json(row);
      if (!digest.has_value()) {
        return absl::DataLossError(path_ + ": the row of digest " + text_of(select->get(), 0) +
                                   " cannot be understood; move the file away to start a new report");
      }
      report.restore(*std::move(digest));
    }
    return step == SQLITE_DONE ? absl::OkStatus() : failure("read");
  }

  absl::Status save(const std::vector<const shadow::DigestReport*>& digests) override {
    if (digests.empty()) return absl::OkStatus();
    if (absl::Status begun = execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
    absl::Status saved = upsert(digests);
    absl::Status ended = execute(saved.ok() ? "COMMIT" : "ROLLBACK");
    return saved.ok() ? ended : saved;
  }

 private:
  absl::Status failure(const std::string& what) const {
    const int code = database_ == nullptr ? SQLITE_NOMEM : sqlite3_errcode(database_);
    std::string message = "report database " + path_ + " (" + what +
                          "): " + (database_ == nullptr ? "out of memory" : sqlite3_errmsg(database_));
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
      return absl::UnavailableError(message + "; another crossfade uses this state_dir");
    }
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
      return absl::DataLossError(message + "; move the file away to start a new report");
    }
    return absl::InternalError(message);
  }

  absl::Status execute(const char* sql) {
    return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus() : failure(sql);
  }

  absl::StatusOr<StatementHandle> prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr) != SQLITE_OK) return failure(sql);
    return StatementHandle(statement);
  }

  absl::Status check_soundness() {
    absl::StatusOr<StatementHandle> check = prepare("PRAGMA quick_check(1)");
    if (!check.ok()) return check.status();
    if (sqlite3_step(check->get()) != SQLITE_ROW) return failure("quick_check");
    const std::string found = text_of(check->get(), 0);
    if (found == "ok") return absl::OkStatus();
    return absl::DataLossError("report database " + path_ + " is damaged: " + found +
                               "; move the file away to start a new report");
  }

  absl::Status prepare_schema() {
    absl::Status made = execute(
        "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS digests(digest TEXT PRIMARY KEY, json TEXT NOT NULL, updated INTEGER NOT NULL)"
        " WITHOUT ROWID");
    if (!made.ok()) return made;
    absl::StatusOr<std::string> version = meta("schema_version", std::string(kSchemaVersion));
    if (!version.ok()) return version.status();
    if (*version != kSchemaVersion) {
      return absl::FailedPreconditionError("report database " + path_ + " has schema version " + *version +
                                           ", this crossfade knows " + std::string(kSchemaVersion) +
                                           "; use the newer crossfade, or another state_dir");
    }
    std::uint64_t drawn = 0;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&drawn), sizeof drawn) != 1) {
      return absl::InternalError("no random numbers for the salt of hashed samples");
    }
    absl::StatusOr<std::string> salt = meta("hash_salt", hex(drawn));
    if (!salt.ok()) return salt.status();
    const std::optional<std::uint64_t> value = from_hex(*salt);
    if (!value.has_value()) return absl::DataLossError("report database " + path_ + ": hash_salt is not a number");
    hash_salt_ = *value;
    return absl::OkStatus();
  }

  // The value kept under `key`; `fresh` is kept when there is none.
  absl::StatusOr<std::string> meta(std::string_view key, const std::string& fresh) {
    absl::StatusOr<StatementHandle> insert = prepare("INSERT OR IGNORE INTO meta(key, value) VALUES(?, ?)");
    if (!insert.ok()) return insert.status();
    bind_text(insert->get(), 1, key);
    bind_text(insert->get(), 2, fresh);
    if (sqlite3_step(insert->get()) != SQLITE_DONE) return failure("meta");
    absl::StatusOr<StatementHandle> select = prepare("SELECT value FROM meta WHERE key = ?");
    if (!select.ok()) return select.status();
    bind_text(select->get(), 1, key);
    if (sqlite3_step(select->get()) != SQLITE_ROW) return failure("meta");
    return text_of(select->get(), 0);
  }

  absl::Status upsert(const std::vector<const shadow::DigestReport*>& digests) {
    absl::StatusOr<StatementHandle> insert =
        prepare("INSERT OR REPLACE INTO digests(digest, json, updated) VALUES(?, ?, unixepoch())");
    if (!insert.ok()) return insert.status();
    for (const shadow::DigestReport* digest : digests) {
      bind_text(insert->get(), 1, hex(digest->digest));
      // A digest's text is the client's bytes and need not be UTF-8.
      bind_text(insert->get(), 2,
                shadow::to_json(*digest).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      if (sqlite3_step(insert->get()) != SQLITE_DONE) return failure("save");
      sqlite3_reset(insert->get());
    }
    return absl::OkStatus();
  }

  const std::string path_;
  sqlite3* database_ = nullptr;
  std::uint64_t hash_salt_ = 0;
};

// Only the proxy's user may read the report: it may hold samples. SQLite gives its side files the same mode.
absl::Status make_private_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "abe");
  if (file == nullptr) {
    return absl::FailedPreconditionError("cannot write " + path + ": " + std::generic_category().message(errno));
  }
  const bool is_private = fchmod(fileno(file), S_IRUSR | S_IWUSR) == 0;
  std::fclose(file);
  if (!is_private) return absl::FailedPreconditionError("cannot make " + path + " readable by its owner only");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReportStore>> ReportStore::open(const std::string& state_dir) {
  std::error_code error;
  std::filesystem::create_directories(state_dir, error);
  if (error) return absl::FailedPreconditionError("cannot make state_dir " + state_dir + ": " + error.message());
  const std::string path = (std::filesystem::path(state_dir) / kFile).string();
  if (absl::Status made = make_private_file(path); !made.ok()) return made;
  auto store = std::make_unique<SqliteReportStore>(path);
  if (absl::Status begun = store->begin(); !begun.ok()) return begun;
  return std::unique_ptr<ReportStore>(std::move(store));
}

}  // namespace crossfade::proxy
