#include "dualwrite/inline/entry.h"

#include <utility>

#include "absl/status/status.h"

namespace crossfade::dualwrite {
namespace {

using protocol::Reader;

// version (1), contexts (lenenc count, each below), statements (lenenc count, each below).
// Texts are lenenc; numbers fixed; a flag byte says which optional fields follow, in its bit order.
constexpr std::uint8_t kVersion = 1;

enum ContextFlag : std::uint8_t { foreign_key_checks = 1, unique_checks = 2, has_variables = 4, context_flags_all = 7 };
enum StatementFlag : std::uint8_t {
  prepared = 1,
  found_rows = 2,
  generates_id = 4,
  has_affected = 8,
  has_insert_id = 16,
  has_timestamp = 32,
  has_seeds = 64,
  statement_flags_all = 127
};

std::uint8_t flag_if(bool condition, std::uint8_t flag) { return condition ? flag : std::uint8_t{0}; }

void put_context(Buffer& out, const StatementContext& context) {
  const int flags = flag_if(context.foreign_key_checks, foreign_key_checks) |
                    flag_if(context.unique_checks, unique_checks) | flag_if(!context.variables.empty(), has_variables);
  protocol::put_u8(out, static_cast<std::uint8_t>(flags));
  protocol::put_lenenc_text(out, context.schema);
  protocol::put_lenenc_text(out, context.sql_mode);
  protocol::put_lenenc_text(out, context.time_zone);
  protocol::put_lenenc_text(out, context.character_set_client);
  protocol::put_lenenc_text(out, context.collation_connection);
  protocol::put_u32(out, context.auto_increment_increment);
  protocol::put_u32(out, context.auto_increment_offset);
  if (context.variables.empty()) return;
  protocol::put_lenenc(out, context.variables.size());
  for (const auto& [name, value] : context.variables) {
    protocol::put_lenenc_text(out, name);
    protocol::put_lenenc_text(out, value);
  }
}

void put_statement(Buffer& out, const StatementRecord& record) {
  const int flags = flag_if(record.prepared, prepared) | flag_if(record.found_rows, found_rows) |
                    flag_if(record.generates_id, generates_id) | flag_if(record.affected.has_value(), has_affected) |
                    flag_if(record.insert_id.has_value(), has_insert_id) |
                    flag_if(record.timestamp.has_value(), has_timestamp) | flag_if(record.seeds.has_value(), has_seeds);
  protocol::put_u8(out, static_cast<std::uint8_t>(flags));
  protocol::put_u16(out, record.context);
  protocol::put_lenenc_text(out, record.table.schema);
  protocol::put_lenenc_text(out, record.table.table);
  protocol::put_lenenc_text(out, record.sql);
  if (record.prepared) protocol::put_lenenc_bytes(out, record.parameters);
  if (record.affected) protocol::put_u64(out, static_cast<std::uint64_t>(*record.affected));
  if (record.insert_id) protocol::put_u64(out, *record.insert_id);
  if (record.timestamp) protocol::put_lenenc_text(out, *record.timestamp);
  if (record.seeds) {
    protocol::put_u32(out, record.seeds->seed1);
    protocol::put_u32(out, record.seeds->seed2);
  }
}

std::string text(Reader& reader) { return std::string(reader.lenenc_text()); }

// False: the flags say something that this version does not know.
bool take_context(Reader& reader, StatementContext& context) {
  const std::uint8_t flags = reader.u8();
  context.foreign_key_checks = (flags & foreign_key_checks) != 0;
  context.unique_checks = (flags & unique_checks) != 0;
  context.schema = text(reader);
  context.sql_mode = text(reader);
  context.time_zone = text(reader);
  context.character_set_client = text(reader);
  context.collation_connection = text(reader);
  context.auto_increment_increment = reader.u32();
  context.auto_increment_offset = reader.u32();
  if ((flags & has_variables) != 0) {
    const std::uint64_t count = reader.lenenc();
    if (count == 0) return false;  // would have been written without the flag
    for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
      std::string name = text(reader);
      context.variables.emplace_back(std::move(name), text(reader));
    }
  }
  return (flags & ~context_flags_all) == 0;
}

bool take_statement(Reader& reader, StatementRecord& record) {
  const std::uint8_t flags = reader.u8();
  record.prepared = (flags & prepared) != 0;
  record.found_rows = (flags & found_rows) != 0;
  record.generates_id = (flags & generates_id) != 0;
  record.context = reader.u16();
  record.table.schema = text(reader);
  record.table.table = text(reader);
  record.sql = text(reader);
  if (record.prepared) {
    const Bytes parameters = reader.lenenc_bytes();
    record.parameters.assign(parameters.begin(), parameters.end());
  }
  if ((flags & has_affected) != 0) record.affected = static_cast<std::int64_t>(reader.u64());
  if ((flags & has_insert_id) != 0) record.insert_id = reader.u64();
  if ((flags & has_timestamp) != 0) record.timestamp = text(reader);
  if ((flags & has_seeds) != 0) {
    RandSeeds seeds;
    seeds.seed1 = reader.u32();
    seeds.seed2 = reader.u32();
    record.seeds = seeds;
  }
  return (flags & ~statement_flags_all) == 0;
}

absl::Status malformed(const char* what) { return absl::InvalidArgumentError(std::string("outbox entry: ") + what); }

}  // namespace

Buffer encode_entry(const Entry& entry) {
  Buffer out;
  protocol::put_u8(out, kVersion);
  protocol::put_lenenc(out, entry.contexts.size());
  for (const StatementContext& context : entry.contexts) put_context(out, context);
  protocol::put_lenenc(out, entry.statements.size());
  for (const StatementRecord& record : entry.statements) put_statement(out, record);
  return out;
}

absl::StatusOr<Entry> decode_entry(Bytes payload) {
  Reader reader(payload);
  if (reader.u8() != kVersion) return malformed("unknown version");
  Entry entry;
  // Each element takes bytes, so a count can be no larger than what is left: no memory for a lie.
  const std::uint64_t contexts = reader.lenenc();
  if (reader.failed() || contexts > reader.remaining()) return malformed("cut in the contexts");
  for (std::uint64_t i = 0; i < contexts && !reader.failed(); ++i) {
    if (!take_context(reader, entry.contexts.emplace_back())) return malformed("unknown context flag");
  }
  const std::uint64_t statements = reader.lenenc();
  if (reader.failed() || statements > reader.remaining()) return malformed("cut in the contexts");
  for (std::uint64_t i = 0; i < statements && !reader.failed(); ++i) {
    StatementRecord& record = entry.statements.emplace_back();
    if (!take_statement(reader, record)) return malformed("unknown statement flag");
    if (!reader.failed() && record.context >= entry.contexts.size()) return malformed("a statement without context");
  }
  if (reader.failed()) return malformed("cut in the statements");
  if (!reader.at_end()) return malformed("bytes after the end");
  if (entry.statements.empty()) return malformed("no statement");
  return entry;
}

}  // namespace crossfade::dualwrite
