// How many rows the next chunk of a table takes, so that each takes about as long as it is to.
#pragma once

#include <chrono>
#include <cstddef>

namespace crossfade::migrate {

struct ChunkSizeLimits {
  std::chrono::milliseconds time{500};       // of a chunk as a whole
  std::chrono::milliseconds lock_time{100};  // of that, while its rows are locked on the leader
  std::size_t rows_first = 1000;
  std::size_t rows_max = 200000;
  std::size_t bytes_max = std::size_t{8} << 20;  // of rows; one row may have more
};

// What a chunk took. Zero time: not known yet.
struct ChunkCost {
  std::size_t rows = 0;
  std::size_t bytes = 0;
  std::chrono::microseconds locked{};
  std::chrono::microseconds written{};
};

// Grows and shrinks by half or twofold a step at most, so that one slow moment does not undo what was learned.
//   1 <= rows() <= rows_max
class ChunkSizer {
 public:
  explicit ChunkSizer(ChunkSizeLimits limits) : limits_(limits), rows_(limits.rows_first) {}
  std::size_t rows() const { return rows_; }
  void observe(const ChunkCost& cost);
  // The rows could not be locked in time.
  void shrink();

 private:
  ChunkSizeLimits limits_;
  std::size_t rows_;
};

}  // namespace crossfade::migrate
