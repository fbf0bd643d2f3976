#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "shadow/report.h"
#include "shadow/report_rows.h"

namespace crossfade::shadow {

namespace {

using nlohmann::json;

// The evidence behind the verdict, added up over the digests.
struct Evidence {
  std::uint64_t digests = 0;
  std::uint64_t digests_covered = 0;
  std::uint64_t digests_differing = 0;
  std::uint64_t calls = 0;
  std::uint64_t calls_covered = 0;
  std::uint64_t attempts = 0;
  std::uint64_t compared = 0;
  std::uint64_t differences = 0;
  std::uint64_t unconfirmed = 0;

  double coverage() const { return share(calls_covered, calls); }
  double not_compared() const { return share(attempts - compared, attempts); }
  // Rule of three: after n comparisons without a difference the rate is below 3/n with 95 % confidence.
  double upper_bound() const { return compared < 3 ? 1.0 : 3.0 / static_cast<double>(compared); }
  static double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

bool is_covered(const DigestReport& digest) {
  const std::uint64_t compared = digest.compared();
  return compared >= kComparedPerDigestMin || (compared > 0 && compared >= digest.calls);
}

Evidence evidence_of(const Digests& digests) {
  Evidence evidence;
  for (const auto& [id, digest] : digests) {
    const bool covered = is_covered(digest);
    ++evidence.digests;
    evidence.digests_covered += covered ? 1 : 0;
    evidence.digests_differing += digest.differences() > 0 ? 1 : 0;
    evidence.calls += digest.calls;
    evidence.calls_covered += covered ? digest.calls : 0;
    evidence.compared += digest.compared();
    evidence.differences += digest.differences();
    for (const std::uint64_t count : digest.verdicts) {
      evidence.attempts += count;
    }
    // What is compared less often because it differs all the time was picked and put back, and so was what the kill
    // switch met.
    const auto skipped_for = [&digest](SkipReason reason) { return digest.skips[static_cast<std::size_t>(reason)]; };
    evidence.attempts -= std::min(skipped_for(SkipReason::backed_off) + skipped_for(SkipReason::switched_off),
                                  digest.verdicts[static_cast<std::size_t>(Verdict::skipped)]);
    evidence.unconfirmed += skipped_for(SkipReason::unconfirmed);
  }
  return evidence;
}

// 12345 as "12,345".
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) {
    text.insert(i - 3, 1, ',');
  }
  return text;
}

std::string counted(std::uint64_t number, const char* noun) {
  return grouped(number) + " " + noun + (number == 1 ? "" : "s");
}

// One decimal, rounded down so that 94.96 % is not shown as the 95 % it missed; two digits below 1 %.
std::string percent(double share) {
  const double percents = share * 100.0;
  char text[32];
  if (percents >= 1.0 || percents <= 0.0) {
    std::snprintf(text, sizeof text, "%.1f %%", std::floor(percents * 10.0 + 1e-9) / 10.0);
  } else {
    std::snprintf(text, sizeof text, "%.2g %%", percents);
  }
  return text;
}

std::vector<std::string> shortfalls(const Evidence& evidence) {
  std::vector<std::string> found;
  if (evidence.compared < kComparedMin) {
    found.push_back("at least " + grouped(kComparedMin) + " compared reads are needed");
  }
  if (evidence.coverage() < kCoverageMin) {
    found.push_back("coverage of " + percent(kCoverageMin) + " is needed");
  }
  if (evidence.not_compared() > kNotComparedMax) {
    found.push_back(percent(evidence.not_compared()) + " of the reads picked for comparison were not compared");
  }
  if (evidence.unconfirmed > 0) {
    found.push_back(counted(evidence.unconfirmed, "difference") + " could not be looked at again");
  }
  return found;
}

std::string verdict_of(const Evidence& evidence) {
  if (evidence.differences > 0) {
    return "DIVERGED";
  }
  return shortfalls(evidence).empty() ? "SAFE" : "HOLD";
}

std::string why(const Evidence& evidence) {
  const bool diverged = evidence.differences > 0;
  std::string text =
      grouped(evidence.differences) + " of " + counted(evidence.compared, "compared read") + " differed (";
  text += diverged ? percent(Evidence::share(evidence.differences, evidence.compared))
                   : "95 % upper bound " + percent(evidence.upper_bound());
  text += "), ";
  text += diverged ? grouped(evidence.digests_differing) + " of " : "";
  text += counted(evidence.digests, "digest") + ", coverage " + percent(evidence.coverage());
  for (const std::string& shortfall : shortfalls(evidence)) {
    text += "; " + shortfall;
  }
  return text;
}

json coverage_json(const Evidence& evidence) {
  json coverage = json::object();
  coverage["share"] = evidence.coverage();
  coverage["calls"] = evidence.calls;
  coverage["calls_covered"] = evidence.calls_covered;
  coverage["digests"] = evidence.digests;
  coverage["digests_covered"] = evidence.digests_covered;
  coverage["not_compared_share"] = evidence.not_compared();
  return coverage;
}

json totals_json(const Digests& digests, const Evidence& evidence) {
  json verdicts = json::object();
  json skips = json::object();
  for (std::size_t i = 0; i < kVerdicts; ++i) {
    std::uint64_t sum = 0;
    for (const auto& [id, digest] : digests) {
      sum += digest.verdicts[i];
    }
    verdicts[std::string(name(static_cast<Verdict>(i)))] = sum;
  }
  for (std::size_t i = 0; i < kSkipReasons; ++i) {
    std::uint64_t sum = 0;
    for (const auto& [id, digest] : digests) {
      sum += digest.skips[i];
    }
    skips[std::string(name(static_cast<SkipReason>(i)))] = sum;
  }
  json totals = json::object();
  totals["calls"] = evidence.calls;
  totals["compared"] = evidence.compared;
  totals["differences"] = evidence.differences;
  totals["upper_bound_95"] = evidence.differences > 0 ? json(nullptr) : json(evidence.upper_bound());
  totals["verdicts"] = std::move(verdicts);
  totals["skips"] = std::move(skips);
  return totals;
}

json quantiles(const Histogram& histogram) {
  json side = json::object();
  side["p50_us"] = histogram.quantile(0.50);
  side["p95_us"] = histogram.quantile(0.95);
  side["p99_us"] = histogram.quantile(0.99);
  side["count"] = histogram.count();
  return side;
}

json latency_side(const DigestReport::Latencies& latency) {
  json side = quantiles(latency.last_byte);
  side["first_byte"] = quantiles(latency.first_byte);
  return side;
}

// New over old, to the last byte; null while one of them was never measured.
json ratio(const DigestReport& digest, double q) {
  const std::uint64_t before = digest.old_latency.last_byte.quantile(q);
  const std::uint64_t after = digest.new_latency.last_byte.quantile(q);
  return before == 0 || after == 0 ? json(nullptr) : json(Evidence::share(after, before));
}

json latency_json(const DigestReport& digest) {
  json latency = json::object();
  latency["old"] = latency_side(digest.old_latency);
  latency["new"] = latency_side(digest.new_latency);
  latency["ratio_p50"] = ratio(digest, 0.50);
  latency["ratio_p95"] = ratio(digest, 0.95);
  return latency;
}

json digest_json(const DigestReport& digest) {
  json item = json::object();
  item["id"] = digest_id(digest.digest);
  item["text"] = digest.text;
  item["tables"] = digest.tables;
  item["calls"] = digest.calls;
  item["compared"] = digest.compared();
  item["differences"] = digest.differences();
  item["verdicts"] = verdicts_json(digest);
  item["skips"] = skips_json(digest);
  item["latency"] = latency_json(digest);
  item["samples"] = samples_json(digest);
  item["first_at"] = digest.first_at;
  item["last_at"] = digest.last_at;
  item["last_difference_at"] = digest.last_difference_at;
  return item;
}

}  // namespace

json report_json(const Digests& digests) {
  const Evidence evidence = evidence_of(digests);
  std::vector<const DigestReport*> order;
  for (const auto& [id, digest] : digests) {
    order.push_back(&digest);
  }
  // Stable: digests that tie stay in the order of their ids.
  std::stable_sort(order.begin(), order.end(), [](const DigestReport* a, const DigestReport* b) {
    return std::pair(a->differences(), a->calls) > std::pair(b->differences(), b->calls);
  });
  json result = json::object();
  result["verdict"] = verdict_of(evidence);
  result["why"] = why(evidence);
  result["coverage"] = coverage_json(evidence);
  result["totals"] = totals_json(digests, evidence);
  result["digests"] = json::array();
  for (const DigestReport* digest : order) {
    result["digests"].push_back(digest_json(*digest));
  }
  return result;
}

}  // namespace crossfade::shadow
