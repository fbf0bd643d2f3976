#include "proxy/migrate/load.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <utility>

#include "dualwrite/sql_text.h"
#include "migrate/exported_names.h"
#include "nlohmann/json.hpp"
#include "proxy/backend/definitions.h"
#include "proxy/counts/metrics.h"
#include "proxy/feed/leader_record.h"
#include "proxy/feed/server_answers.h"
#include "proxy/migrate/load_worker.h"
#include "proxy/migrate/progress_line.h"
#include "proxy/migrate/server_pair.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

using dualwrite::quote_name;
using dualwrite::TableRef;
using migrate::LoadedFile;
using migrate::LoadRecord;
using migrate::LoadState;

namespace {

constexpr int kLoaded = 0, kLoadFailed = 1, kKeysRefused = 4;
constexpr std::uint16_t kErrDuplicate = 1062;
constexpr auto kShowProgress = std::chrono::milliseconds(500);
constexpr std::size_t kLockNameMax = 64;  // MySQL's
constexpr std::string_view kS3 = "s3://";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<std::unique_ptr<FileStore>> store_of(const LoadOrder& order) {
  if (!order.from.starts_with(kS3)) return local_files(order.from);
  const std::string rest = order.from.substr(kS3.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  S3Place place{.bucket = rest.substr(0, slash),
                .prefix = rest.substr(std::min(slash + 1, rest.size())),
                .endpoint = order.endpoint,
                .region = order.region.empty() ? environment("AWS_REGION") : order.region,
                .access_key = environment("AWS_ACCESS_KEY_ID"),
                .secret_key = environment("AWS_SECRET_ACCESS_KEY"),
                .session_token = environment("AWS_SESSION_TOKEN")};
  if (place.bucket.empty()) return absl::InvalidArgumentError("--from s3://BUCKET/PREFIX is wanted");
  if (place.access_key.empty() || place.secret_key.empty()) {
    return absl::InvalidArgumentError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are wanted in the environment");
  }
  if (place.region.empty()) place.region = "us-east-1";
  if (place.endpoint.empty()) place.endpoint = "https://s3." + place.region + ".amazonaws.com";
  while (place.endpoint.ends_with('/')) place.endpoint.pop_back();
  return s3_files(std::move(place));
}

// Columns of a file can be told by their place or by a header: a load that goes on must mean the same.
std::string options_text(const LoadOrder& order) {
  return nlohmann::json{{"from", order.from},
                        {"format", order.format.kind == migrate::DelimitedFormat::Kind::csv ? "csv" : "tsv"},
                        {"delimiter", std::string(1, order.format.delimiter)},
                        {"null", order.format.null_mark},
                        {"columns", order.columns},
                        {"header", order.header}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Loading {
 public:
  Loading(VerbContext context, Metrics& metrics, const LoadOrder& order, FileStore& files, ProgressLine& line)
      : context_(context),
        metrics_(metrics),
        order_(order),
        files_(files),
        line_(line),
        schema_(context.config.control.schema) {}

  const std::vector<std::string>& left_out() const { return left_out_; }
  // The rows that are in the table; AlreadyExists: its keys do not go on.
  Task<absl::StatusOr<std::uint64_t>> run() {
    absl::Status status = co_await begin();
    if (status.ok() && load_.state == LoadState::loading) status = co_await load_rows();
    if (status.ok() && load_.state == LoadState::keys) status = co_await add_keys();
    if (status.ok() && load_.state == LoadState::swapping) status = co_await swap();
    if (!status.ok()) co_return status;
    std::uint64_t rows = 0;
    for (const LoadedFile& file : manifest_) rows += file.rows;
    co_return rows;
  }

 private:
  Task<absl::StatusOr<protocol::ResultSet>> ask(std::string sql) {
    auto results = co_await link_->query(std::move(sql), Clock::now() + kStatementMax);
    if (!results.ok()) co_return results.status();
    co_return results->empty() ? protocol::ResultSet() : std::move(results->front());
  }

  Task<absl::StatusOr<bool>> exists(TableRef table) {
    auto kind = co_await ask_table_kind(*link_, std::move(table), soon());
    if (!kind.ok()) co_return kind.status();
    co_return *kind != TableKind::none;
  }

  // One load of a table at a time; the table, the files, and what an earlier run of the same has done.
  Task<absl::Status> begin() {
    const std::size_t dot = order_.table.find('.');
    load_.table = {.schema = order_.table.substr(0, dot),
                   .table = order_.table.substr(std::min(dot, order_.table.size() - 1) + 1)};
    auto opened = co_await open_control_link(context_, config::Backend::new_db);
    if (!opened.ok()) co_return opened.status();
    link_ = *std::move(opened);
    auto record = co_await read_leader(*link_, schema_);
    if (!record.ok()) co_return record.status();
    if (record->new_leads) co_return absl::FailedPreconditionError("'new' leads: its tables are no longer replaced");
    const std::string name = ("crossfade_load_" + order_.table).substr(0, kLockNameMax);
    // A process that was killed may hold it until its server has seen that.
    std::string lock = "SELECT GET_LOCK(" + dualwrite::quote_text(name) + ",10)";
    auto locked = co_await ask(std::move(lock));
    if (!locked.ok()) co_return locked.status();
    if (first_cell(*locked) != "1") co_return absl::AbortedError("another load of this table is under way");
    std::string session = std::string(kLoadSession);
    auto prepared = co_await ask(std::move(session));
    if (!prepared.ok()) co_return prepared.status();
    for (std::string& sql : migrate::load_setup_statements(schema_)) {
      auto made = co_await ask(std::move(sql));
      if (!made.ok()) co_return made.status();
    }
    auto found = co_await ask(migrate::select_load(schema_, load_.table));
    if (!found.ok()) co_return found.status();
    auto before = migrate::load_from(*found, load_.table);
    if (!before.ok()) co_return before.status();
    const bool goes_on = *before && (*before)->state != LoadState::done && !order_.restart;
    load_.options = options_text(order_);
    if (goes_on && (*before)->options != load_.options) {
      co_return absl::InvalidArgumentError(
          "an earlier load of this table, of " + (*before)->options +
          ", is not finished: the same command goes on with it, --restart begins anew");
    }
    if (goes_on) load_ = **before;
    const absl::Status planned = co_await make_plan();
    if (!planned.ok()) co_return planned;
    if (load_.state == LoadState::loading) {
      auto listed = files_.list();
      if (!listed.ok()) co_return listed.status();
      left_out_ = std::move(listed->no_data);
      if (listed->files.empty()) {
        co_return absl::NotFoundError(order_.from + " has no files" +
                                      (left_out_.empty() ? "" : " of rows: " + migrate::left_out_text(left_out_)));
      }
      std::vector<ListedFile> files = std::move(listed->files);
      if (goes_on) co_return co_await resume(std::move(files));
      co_return co_await start(std::move(files));
    }
    co_return co_await read_manifest();
  }

  Task<absl::Status> make_plan() {
    const dualwrite::DefinitionScope all{.tables = {}, .excluded_schemas = {schema_}};
    auto defined = co_await ask_definitions(*link_, all);
    if (!defined.ok()) co_return defined.status();
    const auto found = defined->find(load_.table);
    if (found == defined->end()) co_return absl::NotFoundError("new has no table " + order_.table);
    table_ = found->second;
    auto shown = co_await ask("SHOW CREATE TABLE " + quote_name(load_.table));
    if (!shown.ok()) co_return shown.status();
    auto plan = migrate::plan_staging(first_cell(*shown, 1), table_, *defined);
    if (!plan.ok()) co_return plan.status();
    plan_ = *std::move(plan);
    co_return absl::OkStatus();
  }

  Task<absl::Status> check_rows() {
    auto row = co_await ask("SELECT 1 FROM " + quote_name(load_.table) + " LIMIT 1");
    if (!row.ok()) co_return row.status();
    if (row->rows.empty() || order_.replace) co_return absl::OkStatus();
    co_return absl::InvalidArgumentError("table " + order_.table +
                                         " has rows: --replace puts the files' in their place");
  }

  Task<absl::Status> start(std::vector<ListedFile> listed) {
    const absl::Status may = co_await check_rows();
    if (!may.ok()) co_return may;
    auto made = co_await ask("DROP TABLE IF EXISTS " + quote_name(plan_.staging));
    for (std::size_t i = 0; made.ok() && i < plan_.make.size(); ++i) made = co_await ask(plan_.make[i]);
    if (made.ok()) made = co_await ask("BEGIN");
    if (made.ok()) made = co_await ask(migrate::insert_load(schema_, load_));
    if (!made.ok()) co_return made.status();
    load_.id = made->end.ok.last_insert_id;
    std::uint32_t number = 0;
    for (ListedFile& file : listed) {
      manifest_.push_back(
          {.number = number++, .name = std::move(file.name), .size = file.size, .tag = std::move(file.tag)});
      if (made.ok()) made = co_await ask(migrate::insert_loaded_file(schema_, load_.id, manifest_.back()));
    }
    if (made.ok()) made = co_await ask("COMMIT");
    co_return made.status();
  }

  Task<absl::Status> read_manifest() {
    auto kept = co_await ask(migrate::select_loaded_files(schema_, load_.id));
    if (!kept.ok()) co_return kept.status();
    auto files = migrate::loaded_files_from(*kept);
    if (!files.ok()) co_return files.status();
    manifest_ = *std::move(files);
    co_return absl::OkStatus();
  }

  Task<absl::Status> resume(std::vector<ListedFile> listed) {
    auto taken = co_await ask(migrate::take_over_load(schema_, load_.id));
    if (!taken.ok()) co_return taken.status();
    const absl::Status read = co_await read_manifest();
    if (!read.ok()) co_return read;
    bool same = listed.size() == manifest_.size();
    for (std::size_t i = 0; same && i < listed.size(); ++i) {
      same = listed[i].name == manifest_[i].name && listed[i].size == manifest_[i].size &&
             listed[i].tag == manifest_[i].tag;
    }
    if (same) co_return absl::OkStatus();
    co_return absl::InvalidArgumentError("the files are not those of the earlier load: --restart begins anew");
  }

  Task<absl::Status> load_rows() {
    const VerbContext& c = context_;
    constexpr auto kNew = static_cast<std::size_t>(config::Backend::new_db);
    LoadWork work{.order = order_,
                  .files = files_,
                  .schema = schema_,
                  .load = load_.id,
                  .plan = plan_,
                  .table = table_,
                  .link = link_options_of(c.config, config::Backend::new_db, c.credentials.backend_tls[kNew],
                                          c.credentials.control[kNew])};
    work.link.statements = LinkOptions::Statements::multiple;
    for (const LoadedFile& file : manifest_) {
      if (!file.done) work.waiting.push_back(file);
    }
    work.files_left.store(work.waiting.size());
    const std::size_t count = std::min<std::size_t>(order_.parallel, std::max<std::size_t>(1, work.waiting.size()));
    std::vector<std::thread> threads;
    std::atomic<std::size_t> running{count};
    for (std::size_t i = 0; i < count; ++i) {
      Counters& counters = metrics_.make();
      threads.emplace_back([&work, &counters, &running] {
        load_files(work, counters);
        running.fetch_sub(1);
      });
    }
    const TimePoint begun = Clock::now();
    while (running.load() > 0) {
      co_await context_.reactor.sleep_for(kShowProgress);
      const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
      line_.show(std::to_string(work.rows.load()) + " rows, " +
                 std::to_string(static_cast<std::uint64_t>(static_cast<double>(work.rows.load()) / seconds)) +
                 " rows/s, " + std::to_string(work.files_left.load()) + " files left");
    }
    for (std::thread& thread : threads) thread.join();
    if (!work.status.ok()) co_return work.status;
    const absl::Status read = co_await read_manifest();
    if (!read.ok()) co_return read;
    co_return co_await move_to(LoadState::keys);
  }

  Task<absl::Status> move_to(LoadState state) {
    auto moved = co_await ask(migrate::update_load(schema_, load_.id, state));
    if (moved.ok()) load_.state = state;
    co_return moved.status();
  }

  // They are the proof that the rows are what the table's keys say.
  Task<absl::Status> add_keys() {
    const dualwrite::DefinitionScope scope{.tables = {plan_.staging}, .excluded_schemas = {}};
    auto defined = co_await ask_definitions(*link_, scope);
    if (!defined.ok()) co_return defined.status();
    const auto staging = defined->find(plan_.staging);
    if (staging == defined->end()) co_return absl::NotFoundError("the staging table is gone: --restart begins anew");
    const bool has_keys = !staging->second.keys.empty();
    if (!has_keys && !plan_.add_keys.empty()) {
      line_.show("adding keys");
      std::string sql = plan_.add_keys;
      auto added = co_await ask(std::move(sql));
      if (!added.ok()) {
        const absl::Status& why = added.status();
        if (!link_->alive() || !absl::IsFailedPrecondition(why)) co_return why;
        std::string said = std::string(why.message());
        if (said.starts_with(std::to_string(kErrDuplicate))) {
          const std::string rows = co_await duplicates();
          said += rows;
        }
        co_return absl::AlreadyExistsError("the keys of " + order_.table + " do not go on: " + said);
      }
    }
    co_return co_await move_to(LoadState::swapping);
  }

  Task<std::string> duplicates() {
    std::string out;
    for (const dualwrite::DefinedKey& key : table_.keys) {
      std::string sql = key.unique ? migrate::select_duplicates(plan_.staging, key) : std::string();
      if (sql.empty()) continue;
      auto found = co_await ask(std::move(sql));
      if (!found.ok()) continue;
      for (const std::vector<protocol::Cell>& row : found->rows) {
        out += "\n  key " + key.name + ": ";
        for (std::size_t i = 0; i + 1 < row.size(); ++i) out += (i == 0 ? "" : ", ") + row[i].value_or("NULL");
        out += " is there " + row.back().value_or("?") + " times";
      }
    }
    co_return out;
  }

  Task<absl::Status> swap() {
    auto there = co_await exists(plan_.staging);
    if (!there.ok()) co_return there.status();
    if (*there) {
      const absl::Status may = co_await check_rows();
      if (!may.ok()) co_return may;
      auto dropped = co_await ask("DROP TABLE IF EXISTS " + quote_name(plan_.replaced));
      if (dropped.ok()) dropped = co_await ask(plan_.swap);
      if (!dropped.ok()) co_return dropped.status();
    }
    auto dropped = co_await ask("DROP TABLE IF EXISTS " + quote_name(plan_.replaced));
    if (!dropped.ok()) co_return dropped.status();
    auto counted = co_await ask("ANALYZE TABLE " + quote_name(load_.table));
    if (!counted.ok()) co_return counted.status();
    co_return co_await move_to(LoadState::done);
  }

  VerbContext context_;
  Metrics& metrics_;
  const LoadOrder& order_;
  FileStore& files_;
  ProgressLine& line_;
  std::string schema_;
  std::unique_ptr<BackendLink> link_;
  LoadRecord load_;
  dualwrite::TableDefinition table_;
  migrate::StagingPlan plan_;
  std::vector<LoadedFile> manifest_;
  std::vector<std::string> left_out_;
};

Task<void> run_loading(Loading& loading, Reactor& reactor, absl::StatusOr<std::uint64_t>& out) {
  out = co_await loading.run();
  reactor.stop();
}

}  // namespace

int load(const config::Config& config, const LoadOrder& order, std::ostream& out, std::ostream& err) {
  const auto failed = [&err](const absl::Status& status, int code) {
    err << "crossfade: " << std::string(status.message()) << "\n";
    return code;
  };
  const std::size_t dot = order.table.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == order.table.size()) {
    return failed(absl::InvalidArgumentError("--table SCHEMA.TABLE is wanted"), kLoadFailed);
  }
  const auto credentials = read_credentials(config);
  if (!credentials.ok()) return failed(credentials.status(), kLoadFailed);
  auto files = store_of(order);
  if (!files.ok()) return failed(files.status(), kLoadFailed);
  Metrics metrics;
  Reactor reactor;
  ProgressLine line(err, isatty(STDERR_FILENO) == 1);
  const VerbContext context{
      .reactor = reactor, .counters = metrics.make(), .config = config, .credentials = *credentials};
  Loading loading(context, metrics, order, **files, line);
  absl::StatusOr<std::uint64_t> rows = absl::UnknownError("it did not end");
  reactor.spawn(run_loading(loading, reactor, rows));
  reactor.run();
  line.clear();
  if (!rows.ok()) return failed(rows.status(), absl::IsAlreadyExists(rows.status()) ? kKeysRefused : kLoadFailed);
  out << "loaded " << *rows << " rows into " << order.table << "\n";
  if (!loading.left_out().empty()) out << migrate::left_out_text(loading.left_out()) << "\n";
  return kLoaded;
}

}  // namespace crossfade::proxy
