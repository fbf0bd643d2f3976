#include "shadow/report_rows.h"

#include <charconv>
#include <cstdio>
#include <utility>

#include "shadow/json_fields.h"

namespace crossfade::shadow {

namespace {

using nlohmann::json;

template <typename Kind, std::size_t kSize>
json counts_json(const std::array<std::uint64_t, kSize>& counts) {
  json result = json::object();
  for (std::size_t i = 0; i < kSize; ++i) {
    if (counts[i] != 0) {
      result[std::string(name(static_cast<Kind>(i)))] = counts[i];
    }
  }
  return result;
}

template <typename Kind, std::size_t kSize>
std::optional<Kind> kind_named(std::string_view text) {
  for (std::size_t i = 0; i < kSize; ++i) {
    if (name(static_cast<Kind>(i)) == text) {
      return static_cast<Kind>(i);
    }
  }
  return std::nullopt;
}

template <typename Kind, std::size_t kSize>
bool read_counts(const json* object, std::array<std::uint64_t, kSize>& counts) {
  if (object == nullptr || !object->is_object()) {
    return false;
  }
  for (auto item = object->begin(); item != object->end(); ++item) {
    const std::optional<Kind> kind = kind_named<Kind, kSize>(item.key());
    const std::optional<std::uint64_t> count = as_count(item.value());
    if (!kind || !count) {
      return false;
    }
    counts[static_cast<std::size_t>(*kind)] = *count;
  }
  return true;
}

// Moves the value out when there is one, and says whether there was.
template <typename Value>
bool read(std::optional<Value> value, Value& target) {
  if (value) {
    target = std::move(*value);
  }
  return value.has_value();
}

std::optional<std::uint64_t> parse_digest(const std::optional<std::string>& text) {
  std::uint64_t digest = 0;
  if (!text || text->size() != 18 || text->compare(0, 2, "0x") != 0) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text->data() + 2, text->data() + text->size(), digest, 16);
  return error == std::errc() && end == text->data() + text->size() ? std::optional<std::uint64_t>(digest)
                                                                    : std::nullopt;
}

// A row that an earlier version kept has other latencies, which measured something else: they begin anew.
std::optional<Histogram> histogram_field(const json& object, const char* key) {
  if (field(object, key) == nullptr && field(object, "old_latency") != nullptr) {
    return Histogram();
  }
  const std::optional<std::string> text = text_field(object, key);
  return text ? Histogram::decode(*text) : std::nullopt;
}

std::optional<Sample> sample_from_json(const json& object) {
  Sample sample;
  const std::optional<std::string> verdict = text_field(object, "verdict");
  const std::optional<std::uint64_t> rechecks = count_field(object, "rechecks");
  if (!verdict || !rechecks || *rechecks > UINT32_MAX) {
    return std::nullopt;
  }
  sample.rechecks = static_cast<std::uint32_t>(*rechecks);
  const bool complete =
      read(kind_named<Verdict, kVerdicts>(*verdict), sample.verdict) && read(integer_field(object, "at"), sample.at) &&
      read(count_field(object, "row"), sample.row) && read(text_field(object, "row_key"), sample.row_key) &&
      read(text_field(object, "column"), sample.column) && read(text_field(object, "control"), sample.control) &&
      read(text_field(object, "candidate"), sample.candidate) && read(text_field(object, "detail"), sample.detail);
  return complete ? std::optional<Sample>(std::move(sample)) : std::nullopt;
}

bool read_samples(const json* list, std::vector<Sample>& samples) {
  if (list == nullptr || !list->is_array()) {
    return false;
  }
  for (const json& item : *list) {
    std::optional<Sample> sample = sample_from_json(item);
    if (!sample) {
      return false;
    }
    samples.push_back(std::move(*sample));
  }
  return true;
}

}  // namespace

std::string digest_id(std::uint64_t digest) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(digest));
  return text;
}

json verdicts_json(const DigestReport& digest) { return counts_json<Verdict>(digest.verdicts); }
json skips_json(const DigestReport& digest) { return counts_json<SkipReason>(digest.skips); }

json samples_json(const DigestReport& digest) {
  json list = json::array();
  for (const Sample& sample : digest.samples) {
    json item = json::object();
    item["verdict"] = std::string(name(sample.verdict));
    item["at"] = sample.at;
    item["row"] = sample.row;
    item["row_key"] = sample.row_key;
    item["column"] = sample.column;
    item["control"] = sample.control;
    item["candidate"] = sample.candidate;
    item["detail"] = sample.detail;
    item["rechecks"] = sample.rechecks;
    list.push_back(std::move(item));
  }
  return list;
}

json to_json(const DigestReport& digest) {
  json row = json::object();
  row["digest"] = digest_id(digest.digest);
  row["text"] = digest.text;
  row["tables"] = digest.tables;
  row["calls"] = digest.calls;
  row["verdicts"] = verdicts_json(digest);
  row["skips"] = skips_json(digest);
  row["old_first_byte"] = digest.old_latency.first_byte.encode();
  row["old_last_byte"] = digest.old_latency.last_byte.encode();
  row["new_first_byte"] = digest.new_latency.first_byte.encode();
  row["new_last_byte"] = digest.new_latency.last_byte.encode();
  row["samples"] = samples_json(digest);
  row["first_at"] = digest.first_at;
  row["last_at"] = digest.last_at;
  row["last_difference_at"] = digest.last_difference_at;
  return row;
}

std::optional<DigestReport> digest_from_json(const json& row) {
  DigestReport digest;
  const bool complete =
      read(parse_digest(text_field(row, "digest")), digest.digest) && read(text_field(row, "text"), digest.text) &&
      read(text_field(row, "tables"), digest.tables) && read(count_field(row, "calls"), digest.calls) &&
      read_counts<Verdict>(field(row, "verdicts"), digest.verdicts) &&
      read_counts<SkipReason>(field(row, "skips"), digest.skips) &&
      read(histogram_field(row, "old_first_byte"), digest.old_latency.first_byte) &&
      read(histogram_field(row, "old_last_byte"), digest.old_latency.last_byte) &&
      read(histogram_field(row, "new_first_byte"), digest.new_latency.first_byte) &&
      read(histogram_field(row, "new_last_byte"), digest.new_latency.last_byte) &&
      read_samples(field(row, "samples"), digest.samples) && read(integer_field(row, "first_at"), digest.first_at) &&
      read(integer_field(row, "last_at"), digest.last_at) &&
      read(integer_field(row, "last_difference_at"), digest.last_difference_at);
  return complete ? std::optional<DigestReport>(std::move(digest)) : std::nullopt;
}

}  // namespace crossfade::shadow
