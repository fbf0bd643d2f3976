#include <cstdio>
#include <map>
#include <vector>

#include "nlohmann/json.hpp"
#include "shadow/canonical.h"

namespace crossfade::shadow {

namespace {

constexpr std::size_t kDepthMax = 200;

void put_quoted(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  out += '"';
}

// Writes the canonical text while the parser goes through the document. Takes the parser's events
// rather than its values: those would round 0.1000000000000000001 and 20-digit integers.
class CanonicalWriter : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return scalar(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override {
    const std::optional<std::string> number = canonical_number(text);
    return number && scalar(*number);
  }
  bool string(string_t& value) override {
    std::string text;
    put_quoted(text, value);
    return scalar(std::move(text));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(true); }
  bool key(string_t& value) override {
    open_.back().key = std::move(value);
    return true;
  }
  bool end_object() override {
    std::string text = "{";
    for (const auto& [key, value] : open_.back().members) {
      if (text.size() > 1) {
        text += ',';
      }
      put_quoted(text, key);
      text += ':';
      text += value;
    }
    return close(text + "}");
  }
  bool start_array(std::size_t) override { return open(false); }
  bool end_array() override { return close("[" + open_.back().elements + "]"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  const std::string& text() const { return text_; }

 private:
  struct Container {
    bool object = false;
    std::string key;
    std::map<std::string, std::string> members;
    std::string elements;
  };

  bool open(bool object) {
    if (open_.size() == kDepthMax) {
      return false;
    }
    open_.emplace_back();
    open_.back().object = object;
    return true;
  }
  bool close(std::string text) {
    open_.pop_back();
    return scalar(std::move(text));
  }
  bool scalar(std::string text) {
    if (open_.empty()) {
      text_ = std::move(text);
      return true;
    }
    Container& container = open_.back();
    if (container.object) {
      container.members[container.key] = std::move(text);
    } else {
      container.elements += (container.elements.empty() ? "" : ",") + text;
    }
    return true;
  }

  std::vector<Container> open_;
  std::string text_;
};

}  // namespace

std::optional<std::string> canonical_json(std::string_view text) {
  CanonicalWriter writer;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &writer)) {
    return std::nullopt;
  }
  return writer.text();
}

}  // namespace crossfade::shadow
