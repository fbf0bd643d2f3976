// What waits to be compared, in fair shares.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace crossfade::shadow {

using Moment = std::chrono::steady_clock::time_point;

// One line per digest. Whoever takes gets the next of the digest that was served longest ago, so that one statement
// with thousands waiting delays another by one turn. When there is no room left, the digest that holds most of it gives
// up its newest: a digest that holds less than its share is never turned away. At most `running_max` of one digest are
// out at a time, so that a slow statement leaves somebody to serve the others. Bounded in number and bytes; the time
// comes as an argument. Not for several threads.
template <typename Item>
class FairQueue {
 public:
  struct Options {
    std::size_t items_max = 1000;
    std::uint64_t bytes_max = UINT64_MAX;
    std::size_t running_max = SIZE_MAX;  // of one digest
  };
  enum class Full : std::uint8_t { items, bytes };
  // What had to go to make room; the fresh item itself where its digest holds most.
  struct Dropped {
    Item item;
    Full why;
  };
  struct Taken {
    std::uint64_t digest;
    Item item;
  };
  explicit FairQueue(Options options) : options_(options) {}

  // `not_before`: not to be taken earlier; within a digest the one added first goes first.
  [[nodiscard]] std::vector<Dropped> push(std::uint64_t digest, Item item, std::uint64_t bytes,
                                          Moment not_before = {}) {
    std::vector<Dropped> dropped;
    while (const std::optional<Full> full = fullness(bytes)) {
      const std::uint64_t heaviest = heaviest_with(digest, bytes, *full);
      if (heaviest == digest) {
        dropped.push_back({std::move(item), *full});
        return dropped;
      }
      Line& line = lines_.at(heaviest);
      dropped.push_back({std::move(line.entries.back().item), *full});
      remove(line, line.entries.back().bytes);
      line.entries.pop_back();
      forget_if_empty(heaviest);
    }
    Line& line = line_of(digest);
    line.entries.push_back({std::move(item), bytes, not_before});
    line.bytes += bytes;
    bytes_ += bytes;
    ++items_;
    return dropped;
  }
  // Its digest counts it as running until done().
  std::optional<Taken> take(Moment now) {
    auto next = lines_.end();
    for (auto line = lines_.begin(); line != lines_.end(); ++line) {
      const bool due = may_run(line->second) && line->second.entries.front().not_before <= now;
      if (due && (next == lines_.end() || line->second.turn < next->second.turn)) {
        next = line;
      }
    }
    if (next == lines_.end()) {
      return std::nullopt;
    }
    Line& line = next->second;
    Taken taken{next->first, std::move(line.entries.front().item)};
    remove(line, line.entries.front().bytes);
    line.entries.pop_front();
    ++line.running;
    line.turn = ++turns_;
    return taken;
  }
  void done(std::uint64_t digest) {
    const auto found = lines_.find(digest);
    if (found != lines_.end() && found->second.running > 0) {
      --found->second.running;
      forget_if_empty(digest);
    }
  }
  // When take() will give something; nullopt: not before a push() or a done().
  std::optional<Moment> next_due() const {
    std::optional<Moment> due;
    for (const auto& [digest, line] : lines_) {
      if (may_run(line) && (!due || line.entries.front().not_before < *due)) {
        due = line.entries.front().not_before;
      }
    }
    return due;
  }
  std::size_t size() const { return items_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Item item;
    std::uint64_t bytes;
    Moment not_before;
  };
  struct Line {
    std::deque<Entry> entries = {};
    std::uint64_t bytes = 0;
    std::size_t running = 0;
    std::uint64_t turn = 0;  // when it was served last
  };

  std::optional<Full> fullness(std::uint64_t more) const {
    if (items_ >= options_.items_max) return Full::items;
    if (more > options_.bytes_max || bytes_ > options_.bytes_max - more) return Full::bytes;
    return std::nullopt;
  }
  bool may_run(const Line& line) const { return !line.entries.empty() && line.running < options_.running_max; }
  // Who holds most, the fresh item counted in.
  std::uint64_t heaviest_with(std::uint64_t digest, std::uint64_t bytes, Full full) const {
    const auto weight = [&](const Line& line) { return full == Full::items ? line.entries.size() : line.bytes; };
    const auto own = lines_.find(digest);
    std::uint64_t most = (own == lines_.end() ? 0 : weight(own->second)) + (full == Full::items ? 1 : bytes);
    std::uint64_t heaviest = digest;
    for (const auto& [other, line] : lines_) {
      if (other != digest && weight(line) > most) {
        most = weight(line);
        heaviest = other;
      }
    }
    return heaviest;
  }
  // A fresh one queues up behind all others.
  Line& line_of(std::uint64_t digest) {
    const auto [place, inserted] = lines_.try_emplace(digest);
    if (inserted) place->second.turn = ++turns_;
    return place->second;
  }
  void remove(Line& line, std::uint64_t bytes) {
    line.bytes -= bytes;
    bytes_ -= bytes;
    --items_;
  }
  void forget_if_empty(std::uint64_t digest) {
    const auto found = lines_.find(digest);
    if (found != lines_.end() && found->second.entries.empty() && found->second.running == 0) lines_.erase(found);
  }

  Options options_;
  std::unordered_map<std::uint64_t, Line> lines_;  // with something waiting or running: no more than items and runs
  std::size_t items_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace crossfade::shadow
