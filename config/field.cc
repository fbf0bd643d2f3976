#include "config/field.h"

#include <algorithm>
#include <optional>

namespace crossfade::config {
namespace {

constexpr std::size_t kSecretBytesMax = 4096;
constexpr const char* kNoValue = "no value: give it one or remove the key";

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// Levenshtein's, two rows at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string advice(std::string_view unknown, const std::set<std::string, std::less<>>& known) {
  std::string nearest;
  std::string all;
  std::size_t best = std::max<std::size_t>(2, unknown.size() / 3) + 1;
  for (const std::string& name : known) {
    all += (all.empty() ? "" : ", ") + name;
    const std::size_t distance = edit_distance(unknown, name);
    if (distance < best && distance < name.size()) {
      best = distance;
      nearest = name;
    }
  }
  if (!nearest.empty()) return "did you mean " + in_quotes(nearest) + "?";
  return "the keys here are " + all;
}

std::string entries_text(Bounds count) {
  if (count.min == count.max) return std::to_string(count.min) + " entries";
  return std::to_string(count.min) + " to " + std::to_string(count.max) + " entries";
}

}  // namespace

std::string Field::place() const {
  return node_ == nullptr ? "" : std::to_string(node_->line) + ":" + std::to_string(node_->column);
}

void Field::problem(const std::string& message) const {
  problems_->add({.line = node_ == nullptr ? 0 : node_->line,
                  .column = node_ == nullptr ? 0 : node_->column,
                  .message = path_.empty() ? message : path_ + ": " + message});
}

const YamlNode* Field::scalar(std::string_view wanted) const {
  if (node_ == nullptr || node_->kind == YamlNode::Kind::refused) return nullptr;
  if (node_->kind == YamlNode::Kind::scalar) return node_;
  if (node_->kind == YamlNode::Kind::null) {
    problem(kNoValue);
  } else {
    problem("must be " + std::string(wanted) + ", not a " + (node_->kind == YamlNode::Kind::map ? "map" : "list"));
  }
  return nullptr;
}

const YamlNode* Field::unquoted(std::string_view wanted) const {
  const YamlNode* value = scalar(wanted);
  if (value == nullptr || !value->quoted) return value;
  problem("must be " + std::string(wanted) + ", without quotes");
  return nullptr;
}

bool Field::text(std::string& out, std::size_t bytes_max) const {
  const YamlNode* value = scalar("a text");
  if (value == nullptr) return false;
  if (value->text.empty()) {
    problem("must not be empty");
  } else if (value->text.size() > bytes_max) {
    problem("must have at most " + std::to_string(bytes_max) + " bytes");
  } else if (has_control_character(value->text)) {
    problem("must not contain control characters");
  } else {
    out = value->text;
    return true;
  }
  return false;
}

bool Field::secret(std::string& out) const {
  const YamlNode* value = scalar("a text");
  if (value == nullptr) return false;
  if (value->text.size() > kSecretBytesMax) {
    problem("must have at most " + std::to_string(kSecretBytesMax) + " bytes");
  } else if (value->text.find('\0') != std::string::npos) {
    problem("must not contain a zero byte");
  } else {
    out = value->text;
    return true;
  }
  return false;
}

bool Field::boolean(bool& out) const {
  const YamlNode* value = unquoted("true or false");
  if (value == nullptr) return false;
  if (value->text != "true" && value->text != "false") {
    problem("must be true or false, not " + in_quotes(value->text));
    return false;
  }
  out = value->text == "true";
  return true;
}

bool Field::percent(Percent& out) const {
  const YamlNode* value = unquoted("a number");
  if (value == nullptr) return false;
  const std::optional<Percent> percent = Percent::parse(value->text);
  if (!percent.has_value()) {
    problem("must be a number from 0 to 100 with at most four decimals, not " + in_quotes(value->text));
    return false;
  }
  out = *percent;
  return true;
}

bool Field::whole_number(std::uint64_t& out, Bounds bounds) const {
  const YamlNode* value = unquoted("a number");
  if (value == nullptr) return false;
  const absl::StatusOr<std::uint64_t> number = parse_number(value->text, bounds);
  if (!number.ok()) {
    problem(std::string(number.status().message()) + ", not " + in_quotes(value->text));
    return false;
  }
  out = *number;
  return true;
}

bool Field::duration(std::chrono::milliseconds& out, DurationBounds bounds) const {
  const YamlNode* value = scalar("a duration");
  if (value == nullptr) return false;
  const absl::StatusOr<std::chrono::milliseconds> duration = parse_duration(value->text, bounds);
  if (!duration.ok()) {
    problem(std::string(duration.status().message()) + ", not " + in_quotes(value->text));
    return false;
  }
  out = *duration;
  return true;
}

bool Field::size(std::uint64_t& out, Bounds bounds) const {
  const YamlNode* value = scalar("a size");
  if (value == nullptr) return false;
  const absl::StatusOr<std::uint64_t> size = parse_size(value->text, bounds);
  if (!size.ok()) {
    problem(std::string(size.status().message()) + ", not " + in_quotes(value->text));
    return false;
  }
  out = *size;
  return true;
}

std::vector<Field> Field::list(Bounds count) const {
  if (node_ == nullptr || node_->kind == YamlNode::Kind::refused) return {};
  if (node_->kind == YamlNode::Kind::null) {
    problem(kNoValue);
    return {};
  }
  if (node_->kind != YamlNode::Kind::sequence) {
    problem("must be a list");
    return {};
  }
  const std::vector<YamlNode>& items = node_->items;
  if (items.size() < count.min || items.size() > count.max) {
    problem(items.empty() ? "must not be empty" : "must have " + entries_text(count));
    return {};
  }
  std::vector<Field> fields;
  fields.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    fields.emplace_back(&items[i], path_ + "[" + std::to_string(i) + "]", *problems_);
  }
  return fields;
}

MapReader Field::map() const { return MapReader(*this); }

MapReader::MapReader(const Field& field) : field_(field) {
  const YamlNode* node = field.node_;
  if (node == nullptr || node->kind == YamlNode::Kind::refused) return;
  if (node->kind == YamlNode::Kind::map) {
    node_ = node;
  } else if (node->kind == YamlNode::Kind::null) {
    problem(kNoValue);
  } else {
    problem("must be a map of keys and values");
  }
}

MapReader::~MapReader() {
  if (node_ == nullptr) return;
  for (const auto& [key, value] : node_->entries) {
    if (known_.contains(key.text)) continue;
    Field(&key, field_.path_, *field_.problems_)
        .problem("unknown key " + in_quotes(key.text) + ": " + advice(key.text, known_));
  }
}

Field MapReader::child(std::string_view key, const YamlNode* node) const {
  return Field(node, (field_.path_.empty() ? "" : field_.path_ + ".") + std::string(key), *field_.problems_);
}

Field MapReader::optional(std::string_view key) {
  known_.emplace(key);
  if (node_ == nullptr) return child(key, nullptr);
  for (const auto& [name, value] : node_->entries) {
    if (name.text == key) return child(key, &value);
  }
  return child(key, nullptr);
}

Field MapReader::required(std::string_view key) {
  Field field = optional(key);
  if (node_ != nullptr && !field.given()) {
    Field(node_, field.path_, *field_.problems_).problem("this key is missing");
  }
  return field;
}

std::vector<std::pair<std::string, Field>> MapReader::all(Bounds count) {
  if (node_ == nullptr) return {};
  std::vector<std::pair<std::string, Field>> fields;
  for (const auto& [key, value] : node_->entries) {
    known_.insert(key.text);
    fields.emplace_back(key.text, child(key.text, &value));
  }
  if (fields.size() >= count.min && fields.size() <= count.max) return fields;
  problem(fields.empty() ? "must not be empty" : "must have " + entries_text(count));
  return {};
}

}  // namespace crossfade::config
