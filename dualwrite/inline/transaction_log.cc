#include "dualwrite/inline/transaction_log.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace crossfade::dualwrite {
namespace {

// More than the codec's fixed fields and length prefixes of a statement, and of a context.
constexpr std::uint64_t kStatementOverheadBytes = 96;
constexpr std::uint64_t kContextOverheadBytes = 64;

std::uint64_t bytes_of(const StatementRecord& record) {
  return record.sql.size() + record.parameters.size() + record.table.schema.size() + record.table.table.size() +
         kStatementOverheadBytes;
}

std::uint64_t bytes_of(const StatementContext& context) {
  return context.schema.size() + context.sql_mode.size() + context.time_zone.size() +
         context.character_set_client.size() + context.collation_connection.size() + kContextOverheadBytes;
}

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string fold(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), folded);
  return out;
}

}  // namespace

bool TransactionLog::fits(std::size_t statement_bytes) const {
  const std::uint64_t needed = kStatementOverheadBytes + statement_bytes;
  return needed <= bytes_max_ && bytes_ <= bytes_max_ - needed;
}

absl::Status TransactionLog::add(const StatementContext& context, StatementRecord record) {
  // The context rarely changes: the last one is looked at first.
  const auto known = std::find(entry_.contexts.rbegin(), entry_.contexts.rend(), context);
  const bool is_new = known == entry_.contexts.rend();
  const std::uint64_t needed = bytes_of(record) + (is_new ? bytes_of(context) : 0);
  if (needed > bytes_max_ || bytes_ > bytes_max_ - needed) {
    return absl::ResourceExhaustedError("the transaction's outbox entry would grow past " + std::to_string(bytes_max_) +
                                        " bytes");
  }
  if (is_new && entry_.contexts.size() > std::numeric_limits<std::uint16_t>::max()) {
    return absl::ResourceExhaustedError("the transaction changed its session variables too often");
  }
  const std::size_t index =
      is_new ? entry_.contexts.size() : static_cast<std::size_t>(std::distance(known, entry_.contexts.rend())) - 1;
  if (is_new) entry_.contexts.push_back(context);
  record.context = static_cast<std::uint16_t>(index);
  entry_.statements.push_back(std::move(record));
  bytes_ += needed;
  return absl::OkStatus();
}

std::size_t TransactionLog::find(std::string_view name) const {
  const std::string wanted = fold(name);
  std::size_t i = 0;
  while (i < savepoints_.size() && savepoints_[i].name != wanted) ++i;
  return i;
}

void TransactionLog::savepoint(std::string_view name) {
  const std::size_t old = find(name);
  if (old < savepoints_.size()) savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(old));
  savepoints_.push_back({.name = fold(name),
                         .statements = entry_.statements.size(),
                         .contexts = entry_.contexts.size(),
                         .bytes = bytes_});
}

bool TransactionLog::release(std::string_view name) {
  const std::size_t at = find(name);
  if (at == savepoints_.size()) return false;
  savepoints_.resize(at);
  return true;
}

bool TransactionLog::rollback_to(std::string_view name) {
  const std::size_t at = find(name);
  if (at == savepoints_.size()) return false;
  savepoints_.resize(at + 1);
  entry_.statements.resize(savepoints_[at].statements);
  entry_.contexts.resize(savepoints_[at].contexts);
  bytes_ = savepoints_[at].bytes;
  return true;
}

void TransactionLog::clear() {
  entry_ = Entry{};
  savepoints_.clear();
  bytes_ = 0;
}

}  // namespace crossfade::dualwrite
