// What the comparisons have shown so far, by statement digest. Pure: the caller owns locking, time
// and the database; rows go out and come back as values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "shadow/diff.h"
#include "shadow/histogram.h"
#include "shadow/verdict.h"

namespace crossfade::shadow {

// How long one side took to answer, from the last byte sent to it; microseconds.
struct Latency {
  std::uint64_t first_byte = 0;
  std::uint64_t last_byte = 0;  // 0: not measured
};

// One finished comparison (or one that did not happen).
struct Comparison {
  std::uint64_t digest = 0;
  std::string digest_text;
  std::string tables;  // "shop.orders, shop.items"
  Diff diff;
  SkipReason skip = SkipReason::queue_full;  // when verdict is skipped
  Latency old_latency, new_latency;
  std::int64_t at = 0;  // unix seconds
  std::uint32_t rechecks = 0;
};

struct Sample {
  Verdict verdict = Verdict::value;
  std::int64_t at = 0;
  std::uint64_t row = 0;
  // Cells as sample_text() (see sample_text.h) shows them: hashed unless plaintext. "(no row)" where a side has none.
  std::string row_key, column, control, candidate;
  std::string detail;
  std::uint32_t rechecks = 0;
};

struct DigestReport {
  std::uint64_t digest = 0;
  std::string text;
  std::string tables;
  std::uint64_t calls = 0;  // production reads of this digest, compared or not
  std::array<std::uint64_t, kVerdicts> verdicts = {};
  std::array<std::uint64_t, kSkipReasons> skips = {};
  struct Latencies {
    Histogram first_byte, last_byte;
  };
  Latencies old_latency, new_latency;  // of reads that both sides have answered
  std::vector<Sample> samples;
  std::int64_t first_at = 0, last_at = 0;
  std::int64_t last_difference_at = 0;  // 0: never
  std::uint64_t compared() const;
  std::uint64_t differences() const;
};

using Digests = std::map<std::uint64_t, DigestReport>;

// Grows no further than digests_max digests (and one for all others) of samples_per_digest_max
// samples and bounded texts each. Every text in it is printable UTF-8, whatever came in.
// Samples are kept of differences and of precision notes; a note never drives out a difference. A fresh one of the same
// verdict, row and column replaces the one held; else it takes the place of the oldest of those whose column, and
// then whose row, others show most often. So different rows, different columns and the newest stay.
class Report {
 public:
  struct Options {
    std::uint32_t digests_max = 2000;  // past it: counted under digest 0, "(other)"
    std::uint32_t samples_per_digest_max = 5;
    bool plaintext_samples = false;
    std::uint64_t hash_salt = 0;  // random per state directory, so that hashes cannot be looked up
  };
  explicit Report(Options options) : options_(options) {}

  // Production reads, compared or not: a lookup and an addition, however many.
  void count_calls(std::uint64_t digest, std::string_view text, std::uint64_t calls);
  void add(const Comparison& comparison);

  const Digests& digests() const { return digests_; }
  // Digests changed since the last call, ascending: for the database.
  std::vector<std::uint64_t> take_changed();
  // Puts back what the database kept; replaces the digest when it is there already. Past
  // digests_max (it may have been lowered) its counts go to "(other)".
  void restore(DigestReport digest);

 private:
  DigestReport& slot(std::uint64_t digest, std::string_view text);
  Options options_;
  Digests digests_;
  std::set<std::uint64_t> changed_;
};

// A digest row to and from JSON: the form in which the database keeps it.
nlohmann::json to_json(const DigestReport& digest);
// nullopt when anything in it is missing, of another type or out of range.
std::optional<DigestReport> digest_from_json(const nlohmann::json& json);

// What it takes to call it SAFE.
inline constexpr std::uint64_t kComparedMin = 1000;  // comparisons in all
inline constexpr std::uint64_t kComparedPerDigestMin =
    20;                                          // a digest with fewer than this and than its calls is not covered
inline constexpr double kCoverageMin = 0.95;     // share of calls whose digest is covered
inline constexpr double kNotComparedMax = 0.50;  // share of attempts that came to no comparison

// The whole report: {"verdict": "SAFE|HOLD|DIVERGED", "why": "...", "coverage": {...}, "totals": {...},
// "digests": [...]}, digests by differences, then calls. DIVERGED: some digest has confirmed
// differences. HOLD: there are none, and too little was compared to say more. SAFE otherwise. JSON is the source of
// every other form.
nlohmann::json report_json(const Digests& digests);
// A table for people, from that JSON: the verdict line first, then a row per digest, then the samples.
std::string report_table(const nlohmann::json& report);
// Exit code of `crossfade report`: 0 clean, 4 differences, 8 too few samples; 1 when that is no report.
int report_exit_code(const nlohmann::json& report);

}  // namespace crossfade::shadow
