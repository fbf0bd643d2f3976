// decode_entry takes any bytes; what it takes survives another round.
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "dualwrite/inline/apply_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade::dualwrite;
  const Bytes bytes(data, size);
  const absl::StatusOr<Entry> entry = decode_entry(bytes);
  if (entry.ok()) {
    const absl::StatusOr<Entry> again = decode_entry(encode_entry(*entry));
    if (!again.ok() || !(*again == *entry)) std::abort();
  }
  OutboxRow row;
  row.payload.assign(bytes.begin(), bytes.end());
  row.at = "1.5";
  row.affected = 1;
  row.insert_id = 1;
  const Joined joined = join_rows({row});
  if (!entry.ok() && !joined.transactions.empty()) std::abort();
  std::optional<StatementContext> current;
  const std::size_t commands = plan_commands(joined.transactions, FollowerTraits{}, current).size();
  if (!joined.transactions.empty() && commands < joined.transactions[0].entry.statements.size()) std::abort();
  return 0;
}
