// A row log: (u32 bytes | event)*, as in the golden files. Sizes and checksums are made right, so that mutations reach
// the decoders behind them. What is said keeps the decoder's order, and rows never read past their images.
#include <zlib.h>

#include <algorithm>
#include <cstdlib>

#include "dualwrite/log_decoder.h"
#include "dualwrite/log_event_header.h"

namespace {

using namespace crossfade;
using namespace crossfade::dualwrite;

void require(bool condition) {
  if (!condition) std::abort();
}

void put_at(Buffer& event, std::size_t at, std::size_t value) {
  for (std::size_t i = 0; i < 4; ++i) event[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// The decoder is told of checksums; an event without room for one stays as it is.
void mend(Buffer& event) {
  if (event.size() < kEventHeaderBytes + kChecksumBytes) return;
  put_at(event, 9, event.size());
  const std::size_t checked = event.size() - kChecksumBytes;
  if (event[4] == static_cast<std::uint8_t>(EventType::format_description)) {
    event[17] &= 0xfe;
    event[checked - 1] = 1;
  }
  put_at(event, checked, static_cast<std::size_t>(crc32_z(0, event.data(), checked)));
}

// Begin, then rows and statements, then end; advances between.
void check_order(const std::vector<LogItem>& items, bool* inside) {
  for (const LogItem& item : items) {
    if (std::holds_alternative<TransactionBegin>(item)) {
      require(!*inside);
      *inside = true;
    } else if (std::holds_alternative<TransactionEnd>(item)) {
      require(*inside);
      *inside = false;
    } else {
      require(*inside != std::holds_alternative<LogAdvance>(item));
    }
    require(item_bytes(item) > 0);
    const auto* change = std::get_if<RowsChange>(&item);
    if (change == nullptr) continue;
    for (Bytes images = change->images; !images.empty();) {
      const std::size_t before = images.size();
      if (!take_row(*change->table, &images).ok()) break;
      require(images.size() <= before);
      if (images.size() == before) break;  // a table without columns
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  protocol::Reader reader(Bytes(data, size));
  LogDecoder decoder(LogDecoderOptions{.start = {}, .step_bytes_max = 4096});
  bool inside = false;
  while (!reader.at_end() && !reader.failed()) {
    const Bytes given = reader.take(std::min<std::size_t>(reader.u32(), reader.remaining()));
    Buffer event(given.begin(), given.end());
    mend(event);
    std::vector<LogItem> items;
    absl::Status status = decoder.feed(event, &items);
    if (absl::IsAborted(status)) inside = false;
    check_order(items, &inside);
    while (status.ok() && decoder.has_more()) {
      items.clear();
      status = decoder.more(&items);
      check_order(items, &inside);
    }
    if (!status.ok() && !absl::IsAborted(status)) {
      require(!decoder.feed(event, &items).ok());
      return 0;
    }
    require(decoder.in_transaction() || !inside);
  }
  return 0;
}
