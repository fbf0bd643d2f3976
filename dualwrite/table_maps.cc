#include "dualwrite/table_maps.h"

#include <algorithm>
#include <utility>

#include "dualwrite/table_map.h"

namespace crossfade::dualwrite {
namespace {

// Of remembered maps, between transactions.
constexpr std::size_t kRememberedBytesMax = std::size_t{8} << 20;

}  // namespace

absl::Status TableMaps::map(Bytes body, LogMake make) {
  protocol::Reader reader(body);
  const std::uint64_t id = read_table_id(reader);
  if (reader.failed()) return absl::InvalidArgumentError("cut off");
  if (const auto found = known_.find(id); found != known_.end() && std::ranges::equal(found->second.body, body)) {
    found->second.mapped_in = transaction_;
    return absl::OkStatus();
  }
  absl::StatusOr<LogTable> table = decode_table_map(body, make);
  if (!table.ok()) return table.status();
  Known& known = known_[id];
  bytes_ += body.size() - known.body.size();
  known = {.body = Buffer(body.begin(), body.end()),
           .table = std::make_shared<const LogTable>(*std::move(table)),
           .mapped_in = transaction_};
  return absl::OkStatus();
}

std::shared_ptr<const LogTable> TableMaps::find(std::uint64_t table_id) const {
  const auto found = known_.find(table_id);
  return found != known_.end() && found->second.mapped_in == transaction_ ? found->second.table : nullptr;
}

void TableMaps::end_transaction() {
  ++transaction_;
  if (bytes_ > kRememberedBytesMax) forget();
}

void TableMaps::forget() {
  known_.clear();
  bytes_ = 0;
}

}  // namespace crossfade::dualwrite
