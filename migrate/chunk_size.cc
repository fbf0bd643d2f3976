#include "migrate/chunk_size.h"

#include <algorithm>

namespace crossfade::migrate {

void ChunkSizer::observe(const ChunkCost& cost) {
  // A chunk that was cut short by the table's end tells little.
  if (cost.rows == 0 || cost.rows * 2 < rows_) return;
  using Seconds = std::chrono::duration<double>;
  const double locked = Seconds(cost.locked) / Seconds(limits_.lock_time);
  const double whole = Seconds(cost.locked + cost.written) / Seconds(limits_.time);
  // Each as the share of its limit that was used.
  double used = std::max({locked, whole, 1e-6});
  if (cost.bytes > 0) used = std::max(used, static_cast<double>(cost.bytes) / static_cast<double>(limits_.bytes_max));
  const double factor = std::clamp(1.0 / used, 0.5, 2.0);
  const auto rows = static_cast<std::size_t>(static_cast<double>(cost.rows) * factor);
  rows_ = std::clamp<std::size_t>(rows, 1, limits_.rows_max);
}

void ChunkSizer::shrink() { rows_ = std::max<std::size_t>(1, rows_ / 2); }

}  // namespace crossfade::migrate
