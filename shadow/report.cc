#include "shadow/report.h"

#include <algorithm>
#include <utility>

#include "shadow/sample_text.h"

namespace crossfade::shadow {

namespace {

constexpr std::size_t kTextBytesMax = 4096;
constexpr std::size_t kDetailBytesMax = 512;

template <typename Predicate>
std::uint64_t sum_where(const std::array<std::uint64_t, kVerdicts>& verdicts, const Predicate& predicate) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    sum += predicate(static_cast<Verdict>(i)) ? verdicts[i] : 0;
  }
  return sum;
}

bool is_same(const Sample& a, const Sample& b) {
  return a.verdict == b.verdict && a.column == b.column && a.row_key == b.row_key && a.detail == b.detail;
}

// How often others show this sample's column, and then its row.
std::pair<std::size_t, std::size_t> repetition(const std::vector<Sample>& samples, const Sample& sample,
                                               const Sample& fresh) {
  std::pair<std::size_t, std::size_t> repeated;
  const auto note = [&](const Sample& other) {
    repeated.first += other.verdict == sample.verdict && other.column == sample.column ? 1 : 0;
    repeated.second += other.row_key == sample.row_key ? 1 : 0;
  };
  note(fresh);
  for (const Sample& other : samples) {
    if (&other != &sample) {
      note(other);
    }
  }
  return repeated;
}

// Which sample makes room for `fresh`; end() when it is itself not worth keeping. Samples are in the order in which
// they came, so the first of several is the oldest.
std::vector<Sample>::iterator place_for(std::vector<Sample>& samples, const Sample& fresh) {
  const auto note =
      std::find_if(samples.begin(), samples.end(), [](const Sample& held) { return !is_difference(held.verdict); });
  if (note != samples.end() || !is_difference(fresh.verdict)) {
    return note;
  }
  return std::max_element(samples.begin(), samples.end(), [&](const Sample& a, const Sample& b) {
    return repetition(samples, a, fresh) < repetition(samples, b, fresh);
  });
}

void keep(std::vector<Sample>& samples, Sample sample, std::size_t samples_max) {
  if (samples_max == 0) {
    return;
  }
  const auto same =
      std::find_if(samples.begin(), samples.end(), [&](const Sample& held) { return is_same(held, sample); });
  if (same != samples.end()) {
    samples.erase(same);
  } else if (samples.size() >= samples_max) {
    const auto place = place_for(samples, sample);
    if (place == samples.end()) {
      return;
    }
    samples.erase(place);
  }
  samples.push_back(std::move(sample));
}

Sample sample_of(const Comparison& comparison) {
  Sample sample;
  sample.verdict = comparison.diff.verdict;
  sample.at = comparison.at;
  sample.rechecks = comparison.rechecks;
  sample.detail = printable(comparison.diff.detail, kDetailBytesMax);
  return sample;
}

Sample sample_of(const Comparison& comparison, const Difference& difference, const SampleText& shown) {
  Sample sample = sample_of(comparison);
  sample.verdict = difference.kind;
  sample.row = difference.row;
  sample.row_key = sample_text(difference.row_key, shown);
  sample.column = printable(difference.column, kDetailBytesMax);
  const bool row_extra = difference.kind == Verdict::row_extra;
  const bool row_missing = difference.kind == Verdict::row_missing;
  sample.control = row_extra ? "(no row)" : sample_text(difference.control, shown);
  sample.candidate = row_missing ? "(no row)" : sample_text(difference.candidate, shown);
  return sample;
}

std::int64_t earlier(std::int64_t a, std::int64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

void merge(const DigestReport::Latencies& from, DigestReport::Latencies& into) {
  into.first_byte.merge(from.first_byte);
  into.last_byte.merge(from.last_byte);
}

void record(const Latency& latency, DigestReport::Latencies& into) {
  into.first_byte.record(latency.first_byte);
  into.last_byte.record(latency.last_byte);
}

// Adds up everything but samples, which would need their statement's text to be understood.
void fold(const DigestReport& from, DigestReport& into) {
  into.calls += from.calls;
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    into.verdicts[i] += from.verdicts[i];
  }
  for (std::size_t i = 0; i < kSkipReasons; ++i) {
    into.skips[i] += from.skips[i];
  }
  merge(from.old_latency, into.old_latency);
  merge(from.new_latency, into.new_latency);
  into.first_at = earlier(into.first_at, from.first_at);
  into.last_at = std::max(into.last_at, from.last_at);
  into.last_difference_at = std::max(into.last_difference_at, from.last_difference_at);
}

}  // namespace

std::uint64_t DigestReport::compared() const { return sum_where(verdicts, is_compared); }
std::uint64_t DigestReport::differences() const { return sum_where(verdicts, is_difference); }

DigestReport& Report::slot(std::uint64_t digest, std::string_view text) {
  auto found = digests_.find(digest);
  if (found == digests_.end()) {
    const bool other = digests_.size() - digests_.count(0) >= options_.digests_max;
    const std::uint64_t id = other ? 0 : digest;
    found = digests_.try_emplace(id).first;
    found->second.digest = id;
    if (other) {
      found->second.text = "(other)";
    }
  }
  DigestReport& report = found->second;
  if (report.text.empty()) {
    report.text = printable(text, kTextBytesMax);
  }
  changed_.insert(report.digest);
  return report;
}

void Report::count_calls(std::uint64_t digest, std::string_view text, std::uint64_t calls) {
  slot(digest, text).calls += calls;
}

void Report::add(const Comparison& comparison) {
  DigestReport& report = slot(comparison.digest, comparison.digest_text);
  const Verdict verdict = comparison.diff.verdict;
  ++report.verdicts[static_cast<std::size_t>(verdict)];
  if (verdict == Verdict::skipped) {
    ++report.skips[static_cast<std::size_t>(comparison.skip)];
  }
  if (report.tables.empty() && report.digest == comparison.digest) {
    report.tables = printable(comparison.tables, kTextBytesMax);
  }
  // Of the same reads on both sides: a slow one that only one side finished would count for that side alone.
  if (comparison.old_latency.last_byte != 0 && comparison.new_latency.last_byte != 0) {
    record(comparison.old_latency, report.old_latency);
    record(comparison.new_latency, report.new_latency);
  }
  report.first_at = earlier(report.first_at, comparison.at);
  report.last_at = std::max(report.last_at, comparison.at);
  if (is_difference(verdict)) {
    report.last_difference_at = std::max(report.last_difference_at, comparison.at);
  } else if (verdict != Verdict::precision) {
    return;
  }
  const SampleText shown{.plaintext = options_.plaintext_samples, .salt = options_.hash_salt};
  for (const Difference& difference : comparison.diff.samples) {
    keep(report.samples, sample_of(comparison, difference, shown), options_.samples_per_digest_max);
  }
  if (comparison.diff.samples.empty()) {
    keep(report.samples, sample_of(comparison), options_.samples_per_digest_max);
  }
}

std::vector<std::uint64_t> Report::take_changed() {
  std::vector<std::uint64_t> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

void Report::restore(DigestReport digest) {
  const bool room = digests_.contains(digest.digest) || digest.digest == 0 ||
                    digests_.size() - digests_.count(0) < options_.digests_max;
  if (!room) {
    fold(digest, slot(digest.digest, digest.text));
    return;
  }
  if (digest.samples.size() > options_.samples_per_digest_max) {
    const auto surplus = digest.samples.size() - options_.samples_per_digest_max;
    digest.samples.erase(digest.samples.begin(), digest.samples.begin() + static_cast<std::ptrdiff_t>(surplus));
  }
  const std::uint64_t id = digest.digest;
  digests_.insert_or_assign(id, std::move(digest));
}

}  // namespace crossfade::shadow
