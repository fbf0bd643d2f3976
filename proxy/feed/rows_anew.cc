#include <algorithm>

#include "absl/strings/ascii.h"
#include "dualwrite/cascades.h"
#include "dualwrite/collation_names.h"
#include "dualwrite/log_decoder.h"
#include "dualwrite/sql_text.h"
#include "dualwrite/trigger/changes_table.h"
#include "protocol/error_codes.h"
#include "proxy/feed/rows_anew.h"
#include "proxy/feed/server_answers.h"

namespace crossfade::proxy {

using dualwrite::ChangeImage;
using dualwrite::DdlAnalysis;
using dualwrite::ImageSide;
using dualwrite::LoggedStatement;
using dualwrite::TableDefinition;
using dualwrite::TableRef;

namespace {

constexpr auto kCaptureAgainMax = std::chrono::minutes(10);
constexpr std::size_t kRowsBytesMax = std::size_t{1} << 30;
constexpr std::size_t kKeysAtOnce = 50;

TimePoint while_locked() { return Clock::now() + kCaptureAgainMax; }

bool is_table(const TableDefinition& definition) {
  return definition.kind != TableDefinition::Kind::view && definition.kind != TableDefinition::Kind::sequence;
}

// Can rows be found by what the key was?
bool has_key_of(const dualwrite::Capture& capture, const TableDefinition& definition) {
  return std::all_of(capture.key.begin(), capture.key.end(),
                     [&](std::size_t at) { return definition.column(capture.table->columns[at].name) != nullptr; });
}

// Where the row was found before the change, and where after it. NotFound: that is not known.
absl::StatusOr<std::vector<ChangeImage>> conditions_of(const dualwrite::ChangeHead& head,
                                                       const std::vector<protocol::Cell>& row,
                                                       const LeaderCapture::CapturePtr& capture) {
  if (!capture) return absl::NotFoundError("its number is not known");
  const auto change = dualwrite::captured_identity(head, row, *capture);
  if (!change.ok()) return absl::NotFoundError(change.status().message());
  std::vector<ChangeImage> out;
  ImageSide side = change->change.kind == dualwrite::RowsKind::insert ? ImageSide::after : ImageSide::before;
  dualwrite::Bytes images = change->change.images;
  while (!images.empty()) {
    const auto image = dualwrite::take_row(*capture->table, &images);
    if (!image.ok()) return image.status();
    auto condition = dualwrite::key_condition(*capture, *image);
    if (!condition.ok()) return condition.status();
    out.push_back({.id = head.id, .side = side, .condition = *std::move(condition)});
    side = ImageSide::after;
  }
  return out;
}

// (`id` = 1) OR (`id` = 2) ..
std::vector<std::string> joined(const std::set<std::string>& keys) {
  std::vector<std::string> out;
  std::size_t count = 0;
  for (const std::string& key : keys) {
    if (count++ % kKeysAtOnce == 0) {
      out.push_back("(" + key + ")");
    } else {
      out.back() += " OR (" + key + ")";
    }
  }
  return out;
}

}  // namespace

// What of its tables is there now.
std::vector<TableRef> RowsAnew::tables_now(const LeaderCapture::Found& found) const {
  std::vector<TableRef> out;
  for (const TableRef& table : setting_.analysis.tables) {
    const auto definition = found.tables.find(table);
    if (definition != found.tables.end() && is_table(definition->second)) out.push_back(table);
  }
  return out;
}

bool RowsAnew::is_captured_as_is(const LeaderCapture::Found& found) const {
  return std::all_of(setting_.analysis.tables.begin(), setting_.analysis.tables.end(),
                     [&](const TableRef& table) { return setting_.capture.is_as_captured(table, found); });
}

// `read`: nobody writes to these either, but they stay as they are.
Task<absl::Status> RowsAnew::lock(std::vector<TableRef> tables, std::vector<TableRef> read) {
  if (tables.empty()) co_return absl::OkStatus();
  TableLock all{
      .changes = setting_.schema, .write = std::move(tables), .read = std::move(read), .patience = setting_.patience};
  LockOutcome outcome = co_await lock_tables(setting_.link, std::move(all));
  blocked_ = outcome.blocked;
  locked_out_ = absl::IsAborted(outcome.status);
  co_return outcome.status;
}

// Until UNLOCK TABLES nobody writes to its tables, nor to `changes`.
Task<absl::Status> RowsAnew::capture_again(FoundPtr found, Said said) {
  const std::vector<TableRef> tables = tables_now(*found);
  const absl::Status locked =
      co_await lock(tables, dualwrite::dependent_tables(found->tables, setting_.analysis.tables));
  if (!locked.ok()) co_return locked;
  const absl::Status reduced = co_await reduce(found, said);
  if (!reduced.ok()) co_return reduced;
  auto written = co_await touched(found);
  if (!written.ok()) co_return written.status();
  if (said.times == 0) {
    absl::Status told = co_await spell_out(tables);
    if (told.ok())
      told = co_await run(
          dualwrite::insert_done(setting_.schema, statement_, setting_.intent, setting_.link.is_mariadb()));
    if (!told.ok()) co_return told;
  }
  const absl::Status begun = co_await begin_anew(found, *written, said);
  if (!begun.ok()) co_return begun;
  const absl::Status captured = co_await setting_.capture.capture_anew(setting_.link, setting_.analysis.tables, found);
  if (absl::IsUnavailable(captured)) co_return absl::AbortedError(std::string(captured.message()));
  if (!captured.ok()) co_return captured;
  const absl::Status renumbered = co_await renumber(found, said);
  if (!renumbered.ok()) co_return renumbered;
  const absl::Status moved = co_await move_behind(found, *written);
  if (!moved.ok()) co_return moved;
  co_return co_await refresh(found, *written);
}

// What CREATE TABLE .. SELECT has made the leader alone can say; its rows are written down as rows.
Task<absl::Status> RowsAnew::spell_out(std::vector<TableRef> made) {
  if (!setting_.analysis.verb.starts_with("CREATE") || made.size() != 1) co_return absl::OkStatus();
  if (absl::AsciiStrToUpper(statement_.sql).find("SELECT") == std::string::npos) co_return absl::OkStatus();
  std::string question = "SHOW CREATE TABLE " + dualwrite::quote_name(made.front());
  auto shown = co_await setting_.link.query_rows(std::move(question), 2, while_locked());
  if (!shown.ok()) co_return shown.status();
  for (const auto& row : *shown) {
    statement_.schema = made.front().schema;
    statement_.sql = row[1].value_or("");
    statement_.client_collation = dualwrite::collation_id("utf8mb4_general_ci", setting_.link.is_mariadb());
  }
  co_return absl::OkStatus();
}

// Of these numbers ("0,7"), from that id on, in order.
Task<absl::StatusOr<std::vector<std::vector<protocol::Cell>>>> RowsAnew::changes_of(std::string numbers,
                                                                                    std::uint64_t first) {
  std::string question = dualwrite::select_changes(setting_.schema, setting_.capture.pairs()) +
                         " WHERE id>=" + std::to_string(first) + " AND tbl IN (" + numbers +
                         ") AND op IN ('I','U','D','K','F','O') AND " +
                         dualwrite::every_change(setting_.schema, setting_.link.is_mariadb()) + " ORDER BY id";
  auto results = co_await setting_.link.query(std::move(question), while_locked(), kRowsBytesMax);
  if (!results.ok()) co_return results.status();
  co_return std::move(results->front().rows);
}

Task<absl::StatusOr<RowsAnew::Touched>> RowsAnew::touched(FoundPtr found) {
  Touched out;
  for (const TableRef& table : setting_.analysis.tables) {
    for (const std::uint32_t number : setting_.capture.numbers_of(table)) out.numbers += "," + std::to_string(number);
  }
  auto rows = co_await changes_of(out.numbers, setting_.intent + 1);
  if (!rows.ok()) co_return rows.status();
  for (auto& row : *rows) {
    auto head = dualwrite::change_head(row);
    if (!head.ok()) co_return head.status();
    const LeaderCapture::CapturePtr capture = setting_.capture.find(head->table);
    // Of a row in a new shape under the old number the key alone is asked for.
    auto conditions = conditions_of(*head, row, capture);
    const bool identity = head->kind == dualwrite::ChangeKind::identity;
    if (identity) out.identities.push_back({.id = head->id, .row = std::move(row), .capture = capture});
    if (absl::IsNotFound(conditions.status())) {
      out.unknown = true;
      continue;
    }
    if (!conditions.ok()) co_return conditions.status();
    for (ChangeImage& image : *conditions) out.keys[capture].insert(std::move(image.condition));
  }
  const absl::Status noted = co_await note_dependents(found, out);
  if (!noted.ok()) co_return noted;
  co_return out;
}

// What refers to a row that came and went while the row was known by its key alone finds nothing on the follower; nor
// does that cascade there. So these rows are written over what is there, and then written down as they are, or are not,
// in the end.
Task<absl::Status> RowsAnew::note_dependents(FoundPtr found, Touched& touched) {
  if (touched.identities.empty()) co_return absl::OkStatus();
  for (const TableRef& table : dualwrite::dependent_tables(found->tables, setting_.analysis.tables)) {
    for (const std::uint32_t number : setting_.capture.numbers_of(table)) {
      touched.dependent_numbers += "," + std::to_string(number);
    }
  }
  auto rows = co_await changes_of(touched.dependent_numbers, touched.identities.front().id);
  if (!rows.ok()) co_return rows.status();
  for (const auto& row : *rows) {
    auto head = dualwrite::change_head(row);
    if (!head.ok()) co_return head.status();
    const LeaderCapture::CapturePtr capture = setting_.capture.find(head->table);
    if (!capture || !setting_.capture.is_as_captured(capture->name, *found)) {
      co_return absl::AbortedError("a table that refers to it is being changed, too");
    }
    // Of these another schema change takes care, or has.
    const bool is_identity =
        head->kind == dualwrite::ChangeKind::identity || head->kind == dualwrite::ChangeKind::followed_identity;
    if (is_identity) continue;
    auto conditions = conditions_of(*head, row, capture);
    if (!conditions.ok()) co_return conditions.status();
    auto& images = touched.dependents[capture];
    images.insert(images.end(), std::make_move_iterator(conditions->begin()),
                  std::make_move_iterator(conditions->end()));
  }
  co_return absl::OkStatus();
}

// A table without all its triggers is new, or was left so by a proxy that died here; or it has lost its key. Then rows
// may be gone from it that nobody has noted: the follower begins it anew. So it does where an earlier try was to write
// down all rows, and may not have come to that.
Task<absl::Status> RowsAnew::begin_anew(FoundPtr found, const Touched& touched, Said said) {
  anew_.clear();
  const std::vector<TableRef> tables = tables_now(*found);
  const bool lost_keys = std::any_of(touched.keys.begin(), touched.keys.end(), [&](const auto& each) {
    return std::none_of(tables.begin(), tables.end(),
                        [&](const TableRef& table) { return has_key_of(*each.first, found->tables.at(table)); });
  });
  const bool begun = said.times > 1 || (said.times == 1 && said.replaced);
  for (const TableRef& table : tables) {
    if (has_all_triggers(table, *found) && !touched.unknown && !lost_keys && !begun) continue;
    anew_.insert(table);
    // Nothing of a new one has been written yet, unless by a try before this.
    if (said.times == 0 && !setting_.capture.live_capture(table)) continue;
    const absl::Status stopped = co_await stop_dependents(found, table);
    if (!stopped.ok()) co_return stopped;
    LoggedStatement emptied = statement_;
    emptied.sql = "TRUNCATE TABLE " + dualwrite::quote_name(table);
    emptied.client_collation = dualwrite::collation_id("utf8mb4_general_ci", setting_.link.is_mariadb());
    emptied.no_foreign_key_checks = true;
    emptied.error = 0;
    const absl::Status told =
        co_await run(dualwrite::insert_done(setting_.schema, emptied, setting_.intent, setting_.link.is_mariadb()));
    if (!told.ok()) co_return told;
  }
  co_return absl::OkStatus();
}

// What still has to be done of them on the follower is done in the shape that the table has now.
Task<absl::Status> RowsAnew::follow_identities(FoundPtr found, const Touched& touched) {
  const std::vector<TableRef> tables = tables_now(*found);
  if (!anew_.empty() || tables.empty()) co_return absl::OkStatus();  // they are in what is written down anew
  for (const Touched::Identity& each : touched.identities) {
    const bool same_name = std::find(tables.begin(), tables.end(), each.capture->name) != tables.end();
    const LeaderCapture::CapturePtr now =
        setting_.capture.live_capture(same_name ? each.capture->name : tables.front());
    if (!now) continue;
    auto head = dualwrite::change_head(each.row);
    auto row = dualwrite::captured_identity(*head, each.row, *each.capture);
    if (!row.ok()) co_return row.status();
    const auto nothing = dualwrite::leaves_nothing_to_do(*row, *each.capture);
    if (nothing.ok() && *nothing) continue;
    auto images = dualwrite::repack_identity(each.row, *each.capture, *now);
    if (!images.ok()) co_return images.status();
    std::string sql = dualwrite::follow_identity(setting_.schema, each.id, now->number, *images);
    const absl::Status followed = co_await run(std::move(sql));
    if (!followed.ok()) co_return followed;
  }
  co_return absl::OkStatus();
}

// What was written by keys alone came behind the statement, and so did all that was written since: it goes behind what
// says that the statement has run. The rows themselves come first, so that what refers to them finds them.
Task<absl::Status> RowsAnew::move_behind(FoundPtr found, const Touched& touched) {
  if (touched.identities.empty()) co_return absl::OkStatus();
  const bool cascades = std::any_of(touched.identities.begin(), touched.identities.end(), [this](const auto& each) {
    return each.capture && setting_.capture.is_referenced(each.capture->number);
  });
  // Which rows were deleted, and with them what hangs on them, nobody knows: what is left here stops the table.
  if (touched.unknown && cascades) co_return absl::OkStatus();
  auto last = co_await query_number(setting_.link, "SELECT MAX(id) FROM " + changes(), while_locked());
  if (!last.ok()) co_return last.status();
  const dualwrite::MovedChanges which{.first = touched.identities.front().id,
                                      .last = *last,
                                      .intent = setting_.intent,
                                      .numbers = touched.numbers,
                                      .dependents = touched.dependent_numbers,
                                      .rows_are_anew = !anew_.empty() && anew_.size() == tables_now(*found).size()};
  absl::Status done = co_await run("SET SESSION autocommit=0");
  if (done.ok()) done = co_await follow_identities(found, touched);
  if (done.ok()) done = co_await refresh(found, touched);
  std::vector<std::string> moving = dualwrite::move_changes(setting_.schema, setting_.capture.pairs(), which);
  if (done.ok()) done = co_await run(std::move(moving.front()));
  if (done.ok()) done = co_await delete_gone(touched);
  if (done.ok()) done = co_await refresh_dependents(touched);
  if (done.ok()) done = co_await run(std::move(moving.back()));
  if (done.ok()) done = co_await run("COMMIT");
  if (done.ok()) done = co_await run("SET SESSION autocommit=1");
  co_return done;
}

// What the old triggers wrote since the intent, by its key; of a table that had none everything.
Task<absl::Status> RowsAnew::refresh(FoundPtr found, const Touched& touched) {
  for (const TableRef& table : tables_now(*found)) {
    std::vector<std::string> conditions;
    if (anew_.contains(table)) {
      conditions.emplace_back("TRUE");
    } else {
      for (const auto& [capture, keys] : touched.keys) {
        if (!has_key_of(*capture, found->tables.at(table))) continue;
        for (std::string& condition : joined(keys)) conditions.push_back(std::move(condition));
      }
    }
    const absl::Status written = co_await refresh_rows(table, std::move(conditions));
    if (!written.ok()) co_return written;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> RowsAnew::refresh_rows(TableRef table, std::vector<std::string> conditions) {
  const LeaderCapture::CapturePtr live = setting_.capture.live_capture(table);
  if (!live) co_return absl::OkStatus();
  for (const std::string& condition : conditions) {
    const absl::Status written =
        co_await run(live->refresh_insert + "(" + condition + ")" + std::string(dualwrite::kRefreshEnd));
    if (!written.ok()) co_return written;
  }
  co_return absl::OkStatus();
}

// What was written last goes first: it may refer to what was written before.
Task<absl::Status> RowsAnew::delete_gone(const Touched& touched) {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (const auto& [capture, images] : touched.dependents) {
    for (const ChangeImage& image : images) {
      all.emplace_back(image.id,
                       dualwrite::insert_gone(setting_.schema, setting_.capture.pairs(), image, capture->name));
    }
  }
  std::sort(all.begin(), all.end(), std::greater<>());
  for (auto& [id, sql] : all) {
    const absl::Status written = co_await run(std::move(sql));
    if (!written.ok()) co_return written;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> RowsAnew::refresh_dependents(const Touched& touched) {
  for (const auto& [capture, images] : touched.dependents) {
    std::set<std::string> keys;
    for (const ChangeImage& image : images) keys.insert(image.condition);
    const absl::Status written = co_await refresh_rows(capture->name, joined(keys));
    if (!written.ok()) co_return written;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> RowsAnew::capture_all(FoundPtr found) {
  if (tables_now(*found).empty()) co_return absl::OkStatus();
  std::string numbers;
  for (const TableRef& table : setting_.analysis.tables) {
    for (const std::uint32_t number : setting_.capture.numbers_of(table)) {
      numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
    }
  }
  const std::vector<TableRef> none;
  const absl::Status locked = co_await lock(setting_.analysis.tables, none);
  if (!locked.ok()) co_return locked;
  const absl::Status captured = co_await setting_.capture.capture_anew(setting_.link, setting_.analysis.tables, found);
  if (!captured.ok()) co_return captured;
  for (const TableRef& table : setting_.analysis.tables) {
    // One that still cannot be captured is stopped again.
    const std::vector<std::string> everything(1, "TRUE");
    const absl::Status written = co_await refresh_rows(table, everything);
    if (!written.ok()) co_return absl::UnavailableError(std::string(written.message()));
  }
  if (numbers.empty()) co_return absl::OkStatus();
  const absl::Status done = co_await run("DELETE FROM " + changes() + " WHERE tbl IN (" + numbers + ")");
  co_return done.ok() ? done : absl::UnavailableError(std::string(done.message()));
}

}  // namespace crossfade::proxy
