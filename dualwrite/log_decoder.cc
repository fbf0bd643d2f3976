#include "dualwrite/log_decoder.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dualwrite/ascii_case.h"
#include "dualwrite/gtid_events.h"
#include "dualwrite/log_compression.h"
#include "dualwrite/log_event_header.h"
#include "dualwrite/log_place.h"
#include "dualwrite/query_event.h"
#include "dualwrite/rows_event.h"
#include "dualwrite/table_map.h"
#include "dualwrite/table_maps.h"
#include "dualwrite/transaction_assembly.h"

namespace crossfade::dualwrite {

using protocol::Reader;

namespace {

using Items = std::vector<LogItem>;

absl::Status cut_off() { return absl::InvalidArgumentError("cut off"); }
absl::Status not_followed(const char* why) { return absl::UnimplementedError(why); }

}  // namespace

struct LogDecoder::State {
  explicit State(LogDecoderOptions given)
      : options(std::move(given)),
        checksum(options.checksums ? Checksum::crc32 : Checksum::none),
        place(options.start),
        assembly(options.start, options.known_from, options.earlier,
                 {.kept_bytes = options.kept_bytes_max, .at_savepoint_bytes = options.at_savepoint_bytes_max}) {}

  absl::Status take(Bytes event, Items* out);
  absl::Status pump(Items* out);
  absl::Status stop(const EventHeader& header, const LogPosition& at, const absl::Status& reason);

  absl::Status dispatch(const FramedEvent& event, Items* out);
  absl::Status outer(const FramedEvent& event, Items* out);
  absl::Status name(absl::StatusOr<GtidEvent> gtid, const EventHeader& header, Items* out);
  absl::Status format_description(const FramedEvent& event, Items* out);
  absl::Status rotate(const FramedEvent& event, Items* out);
  absl::Status heartbeat(const FramedEvent& event, Items* out);
  absl::Status query(const FramedEvent& event, QueryPacking packing, Items* out);
  absl::Status map_table(Bytes body);
  absl::Status rows(RowsLayout layout, Bytes body, Items* out);
  absl::Status prepare(Bytes body, Items* out);
  absl::Status open_payload(Bytes body, Items* out);
  absl::Status end_transaction(absl::Status status);

  LogDecoderOptions options;
  Checksum checksum;
  std::optional<FormatDescription> format;
  bool begun = false;  // an event was seen
  bool dead = false;
  LogPlace place;
  TransactionAssembly assembly;
  TableMaps tables;
  std::optional<TransactionPayload> payload;  // being given
  EventHeader payload_header;
};

LogDecoder::LogDecoder(LogDecoderOptions options) : state_(std::make_unique<State>(std::move(options))) {}
LogDecoder::~LogDecoder() = default;
LogDecoder::LogDecoder(LogDecoder&&) noexcept = default;
LogDecoder& LogDecoder::operator=(LogDecoder&&) noexcept = default;

const LogPosition& LogDecoder::position() const { return state_->assembly.position(); }
const LogPosition& LogDecoder::resume_from() const { return state_->assembly.resume_from(); }
bool LogDecoder::in_transaction() const { return !state_->assembly.between(); }
const LogPosition& LogDecoder::last_undone() const { return state_->assembly.last_undone(); }
bool LogDecoder::has_more() const { return state_->payload.has_value(); }

absl::Status LogDecoder::feed(Bytes event, Items* out) {
  State& s = *state_;
  if (s.dead) return absl::FailedPreconditionError("the row log was stopped at before");
  if (s.payload) return absl::FailedPreconditionError("the last event has not been given whole");
  const LogPosition at = s.place.end();
  const absl::Status status = s.take(event, out);
  return status.ok() || absl::IsAborted(status) ? status : s.stop(peek_header(event), at, status);
}

absl::Status LogDecoder::more(Items* out) {
  State& s = *state_;
  if (s.dead || !s.payload) return absl::FailedPreconditionError("there is no more to give");
  const absl::Status status = s.pump(out);
  return status.ok() ? status : s.stop(s.payload_header, s.place.start(), status);
}

absl::Status LogDecoder::State::stop(const EventHeader& header, const LogPosition& at, const absl::Status& reason) {
  dead = true;
  payload.reset();
  if (absl::IsUnknown(reason)) return reason;
  return absl::FailedPreconditionError(at.text() + ": " + event_name(header.type) + ": " +
                                       std::string(reason.message()));
}

absl::Status LogDecoder::State::take(Bytes bytes, Items* out) {
  const absl::StatusOr<FramedEvent> event = open_event(bytes, checksum);
  if (!event.ok()) return event.status();
  const auto type = static_cast<EventType>(event->header.type);
  if (!begun && type != EventType::rotate && type != EventType::format_description) {
    return absl::FailedPreconditionError("the dump does not begin with a ROTATE");
  }
  // A heartbeat has the place of the log's end, not its own.
  const bool is_heartbeat = type == EventType::heartbeat || type == EventType::heartbeat_v2;
  if (!is_heartbeat && !place.artificial(event->header)) {
    if (absl::Status status = place.pass(event->header); !status.ok()) return status;
  }
  absl::Status status = outer(*event, out);
  begun = true;
  return status;
}

// What a compressed transaction cannot hold.
absl::Status LogDecoder::State::outer(const FramedEvent& event, Items* out) {
  switch (static_cast<EventType>(event.header.type)) {
    case EventType::rotate:
      return rotate(event, out);
    case EventType::format_description:
      return format_description(event, out);
    case EventType::heartbeat:
    case EventType::heartbeat_v2:
      return heartbeat(event, out);
    case EventType::stop:
      if (!assembly.between()) return absl::FailedPreconditionError("the log ends inside of a transaction");
      assembly.advance(place, out);
      return absl::OkStatus();
    case EventType::gtid:
    case EventType::anonymous_gtid:
      return name(decode_mysql_gtid(event), event.header, out);
    case EventType::tagged_gtid:
      return name(decode_tagged_gtid(event), event.header, out);
    case EventType::mariadb_gtid:
      return name(decode_mariadb_gtid(event), event.header, out);
    case EventType::previous_gtids:
    case EventType::binlog_checkpoint:
    case EventType::gtid_list:
    case EventType::start_encryption:  // the dump is plain
      if (!place.artificial(event.header)) assembly.advance(place, out);
      return absl::OkStatus();
    case EventType::transaction_payload:
      payload_header = event.header;
      return open_payload(event.body, out);
    default:
      if (!format) return absl::FailedPreconditionError("it comes before the format description");
      return dispatch(event, out);
  }
}

// What stands in a transaction, or is one.
absl::Status LogDecoder::State::dispatch(const FramedEvent& event, Items* out) {
  if (const std::optional<RowsLayout> layout = rows_layout(event.header.type)) return rows(*layout, event.body, out);
  switch (static_cast<EventType>(event.header.type)) {
    case EventType::query:
      return query(event, QueryPacking::plain, out);
    case EventType::query_compressed:
      return query(event, QueryPacking::compressed, out);
    case EventType::table_map:
      return map_table(event.body);
    case EventType::xid:
      return end_transaction(assembly.commit(place, out));
    case EventType::xa_prepare:
      return prepare(event.body, out);
    // Values that a statement behind them used, comments, and what concerns groups of servers.
    case EventType::intvar:
    case EventType::rand:
    case EventType::user_var:
    case EventType::ignorable:
    case EventType::rows_query:
    case EventType::annotate_rows:
    case EventType::transaction_context:
    case EventType::view_change:
      assembly.advance(place, out);
      return absl::OkStatus();
    case EventType::begin_load_query:
    case EventType::append_block:
    case EventType::delete_file:
    case EventType::execute_load_query:
      return not_followed("LOAD DATA was logged as a statement; set binlog_format=ROW and connect all clients anew");
    case EventType::partial_update_rows:
      return not_followed(
          "parts of JSON values were logged; set binlog_row_value_options='' and connect all clients anew");
    case EventType::incident:
      return not_followed("the leader says that its log has lost something; copy the tables anew");
    default:
      return not_followed("it is not known, or must not stand here");
  }
}

absl::Status LogDecoder::State::end_transaction(absl::Status status) {
  tables.end_transaction();
  return status;
}

absl::Status LogDecoder::State::name(absl::StatusOr<GtidEvent> gtid, const EventHeader& header, Items* out) {
  if (!gtid.ok()) return gtid.status();
  if (!format) return absl::FailedPreconditionError("it comes before the format description");
  tables.end_transaction();
  return assembly.name(*std::move(gtid), header.timestamp, place, out);
}

absl::Status LogDecoder::State::format_description(const FramedEvent& event, Items* out) {
  absl::StatusOr<FormatDescription> found = decode_format_description(event.body);
  if (!found.ok()) return found.status();
  if (!assembly.between()) return absl::FailedPreconditionError("a file begins inside of a transaction");
  const bool of_start = options.start_file_time != 0 && place.file() == options.start.file;
  if (of_start && event.header.timestamp != options.start_file_time) {
    return absl::FailedPreconditionError("the leader's file " + place.file() +
                                         " is not the one that was followed: its logs began anew (RESET MASTER)");
  }
  place.made(event.header.timestamp);
  format = *found;
  checksum = found->checksum;
  tables.forget();
  if (!place.artificial(event.header)) assembly.advance(place, out);
  return absl::OkStatus();
}

// u64 offset | text file
absl::Status LogDecoder::State::rotate(const FramedEvent& event, Items* out) {
  Reader reader(event.body);
  const std::uint64_t offset = reader.u64();
  std::string file(reader.rest_text());
  if (reader.failed() || file.empty()) return cut_off();
  const bool artificial = place.artificial(event.header);
  if (!begun && !options.start.file.empty() && (file != place.file() || offset != place.end().offset)) {
    return absl::FailedPreconditionError("the dump begins at " + file + ":" + std::to_string(offset) +
                                         ", which was not asked for");
  }
  if (artificial && file == place.file()) return absl::OkStatus();
  if (!artificial && !assembly.between()) {
    return absl::FailedPreconditionError("the file ends inside of a transaction");
  }
  // A leader that died has written no end: the dump alone says that the next file begins.
  const bool was_said = assembly.abandon();
  const std::string cut_at = place.end().text();
  tables.forget();
  place.jump(std::move(file), offset);
  assembly.advance(place, out);
  if (!was_said) return absl::OkStatus();
  return absl::AbortedError("the leader died while it wrote the transaction that is cut off at " + cut_at);
}

// The offset is in the header, the body is the file; version 2: (u8 field | lenenc bytes | value)*, 1: file, 2: lenenc
// offset.
absl::Status LogDecoder::State::heartbeat(const FramedEvent& event, Items* out) {
  if (!assembly.between()) return absl::OkStatus();
  std::uint64_t offset = event.header.next_position;
  std::string_view file = protocol::as_text(event.body);
  if (event.header.type == static_cast<std::uint8_t>(EventType::heartbeat_v2)) {
    Reader reader(event.body);
    for (std::uint8_t field = reader.u8(); field != 0 && !reader.failed(); field = reader.u8()) {
      Reader value(reader.lenenc_bytes());
      if (field == 1) file = value.rest_text();
      if (field == 2) offset = value.lenenc();
      if (value.failed()) return cut_off();
    }
    if (reader.failed()) return cut_off();
  }
  if (file != place.file()) return absl::OkStatus();
  place.reach(static_cast<std::uint32_t>(offset));
  assembly.advance(place, out);
  return absl::OkStatus();
}

absl::Status LogDecoder::State::query(const FramedEvent& event, QueryPacking packing, Items* out) {
  const absl::StatusOr<QueryEvent> query = decode_query(event.body, packing);
  if (!query.ok()) return query.status();
  if (const Control control = control_of(query->sql); control.word != ControlWord::none) {
    absl::Status status = assembly.control(control, event.header.timestamp, place, out);
    return assembly.between() ? end_transaction(std::move(status)) : status;
  }
  absl::StatusOr<LoggedStatement> statement = logged_statement(*query, format->mariadb);
  if (!statement.ok()) return statement.status();
  statement->timestamp = event.header.timestamp;
  // ALTER DATABASE may leave its name out, and means this schema.
  const bool alters = ascii_lower(std::string_view(statement->sql).substr(0, 5)) == "alter";
  if ((event.header.flags & kEventSuppressesUse) != 0 && !alters) statement->schema.clear();
  tables.forget();  // their definitions may be others from here on
  using enum TransactionAssembly::StatementKind;
  const auto kind = !format->mariadb && starts_transaction(query->sql) ? opens : whole;
  return assembly.statement(*std::move(statement), kind, place, out);
}

absl::Status LogDecoder::State::map_table(Bytes body) {
  if (!assembly.takes_rows()) return absl::FailedPreconditionError("it stands outside of a transaction");
  if (absl::Status status = tables.map(body, format->mariadb ? LogMake::mariadb : LogMake::mysql); !status.ok()) {
    return status;
  }
  Reader reader(body);
  if (tables.find(read_table_id(reader))->has_triggers) assembly.note_triggers();
  return absl::OkStatus();
}

absl::Status LogDecoder::State::rows(RowsLayout layout, Bytes body, Items* out) {
  Reader reader(body);
  const std::uint64_t table_id = read_table_id(reader);
  if (reader.failed()) return cut_off();
  if (!assembly.takes_rows()) return absl::FailedPreconditionError("rows outside of a transaction");
  std::shared_ptr<const LogTable> table = tables.find(table_id);
  if (!table && ends_statement_only(table_id)) return absl::OkStatus();
  if (!table) return absl::FailedPreconditionError("its table was not mapped in this transaction");
  absl::StatusOr<RowsChange> change = decode_rows(layout, body, std::move(table));
  if (!change.ok()) return change.status();
  return assembly.rows(*std::move(change), out);
}

// u8 commits at once | xid
absl::Status LogDecoder::State::prepare(Bytes body, Items* out) {
  Reader reader(body);
  const bool commits = reader.u8() != 0;
  const std::optional<Xid> xid = read_prepared_xid(reader);
  if (!xid) return cut_off();
  using enum TransactionAssembly::Prepare;
  return end_transaction(assembly.prepare(*xid, commits ? commit : keep, place, out));
}

absl::Status LogDecoder::State::open_payload(Bytes body, Items* out) {
  if (!format) return absl::FailedPreconditionError("it comes before the format description");
  absl::StatusOr<TransactionPayload> opened = TransactionPayload::open(body);
  if (!opened.ok()) return opened.status();
  payload = *std::move(opened);
  return pump(out);
}

absl::Status LogDecoder::State::pump(Items* out) {
  for (std::size_t bytes = 0; bytes < options.step_bytes_max;) {
    const std::size_t had = out->size();
    const absl::StatusOr<std::optional<Bytes>> next = payload->next();
    if (!next.ok()) return next.status();
    if (!*next) {
      payload.reset();
      return absl::OkStatus();
    }
    const absl::StatusOr<FramedEvent> event = open_event(**next, Checksum::none);
    if (!event.ok()) return event.status();
    absl::Status status = dispatch(*event, out);
    if (!status.ok()) {
      return absl::Status(status.code(), event_name(event->header.type) + ": " + std::string(status.message()));
    }
    for (std::size_t i = had; i < out->size(); ++i) bytes += item_bytes((*out)[i]);
  }
  return absl::OkStatus();
}

}  // namespace crossfade::dualwrite
