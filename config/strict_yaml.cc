#include "config/strict_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>

namespace crossfade::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr const char* kPlainTag = "?";   // yaml-cpp's for a value without quotes or tag
constexpr const char* kQuotedTag = "!";  // for quotes, | and >
constexpr const char* kNoAliases =
    "aliases (*name) are not supported: write the value out, or quote a text that starts with *";

Problem at(const YAML::Mark& mark, std::string message) {
  if (mark.is_null()) return {.line = 0, .column = 0, .message = std::move(message)};
  return {.line = mark.line + 1, .column = mark.column + 1, .message = std::move(message)};
}

// Thrown through yaml-cpp to end the reading, caught where yaml-cpp's own exceptions are.
struct Unreadable {
  Problem problem;
};

// Builds the tree from yaml-cpp's events, which, unlike its nodes, still show duplicate keys, anchors and
// aliases. Nodes under construction are owned by the stack and moved into their parent when complete.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  std::optional<YamlNode> take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (seen_document_) {
      throw Unreadable{at(mark, "a second document starts here: a file holds one")};
    }
    seen_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { complete(node(YamlNode::Kind::null, mark)); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.add(at(mark, kNoAliases));
    complete(node(YamlNode::Kind::refused, mark));
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    problems_.add(at(mark, "anchors (&name) are not supported: write the value out where it is needed"));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode scalar = node(YamlNode::Kind::scalar, mark);
    scalar.text = value;
    scalar.quoted = tag == kQuotedTag;
    complete(std::move(scalar));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::sequence, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;                            // of a map, while its value is awaited
    std::map<std::string, std::pair<int, int>> key_places;  // of a map: line and column of each key's first use
  };

  static YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode result;
    result.kind = kind;
    result.line = mark.line + 1;
    result.column = mark.column + 1;
    return result;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == kPlainTag || tag == kQuotedTag) return;
    problems_.add(at(mark, "tags (!name) are not supported: remove it"));
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (stack_.size() == kYamlDepthMax) {
      throw Unreadable{at(mark, "nested deeper than " + std::to_string(kYamlDepthMax) + " levels")};
    }
    refuse_tag(mark, tag);
    stack_.push_back(Open{.node = node(kind, mark), .key = std::nullopt, .key_places = {}});
  }

  void close() {
    YamlNode done = std::move(stack_.back().node);
    stack_.pop_back();
    complete(std::move(done));
  }

  void complete(YamlNode done) {
    if (stack_.empty()) {
      root_ = std::move(done);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(done));
    } else if (!parent.key.has_value()) {
      parent.key = std::move(done);
    } else {
      add_entry(parent, std::move(done));
    }
  }

  void add_entry(Open& parent, YamlNode value) {
    YamlNode key = *std::exchange(parent.key, std::nullopt);
    const auto problem = [&](std::string message) {
      problems_.add({.line = key.line, .column = key.column, .message = std::move(message)});
    };
    if (key.kind == YamlNode::Kind::refused) return;
    if (key.kind != YamlNode::Kind::scalar) return problem("a key must be a single word");
    if (key.text == "<<" && !key.quoted) return problem("merge keys (<<) are not supported: write the keys out");
    const auto [first, is_new] = parent.key_places.try_emplace(key.text, key.line, key.column);
    if (!is_new) {
      return problem("duplicate key " + in_quotes(key.text) + ": it stands at " + std::to_string(first->second.first) +
                     ":" + std::to_string(first->second.second) + " already");
    }
    if (value.kind == YamlNode::Kind::null) {  // yaml-cpp places a missing value at whatever follows it
      value.line = key.line;
      value.column = key.column;
    }
    parent.node.entries.push_back(YamlEntry{.key = std::move(key), .value = std::move(value)});
  }

  Problems& problems_;
  std::vector<Open> stack_;
  std::optional<YamlNode> root_;
  bool seen_document_ = false;
};

// Length of the UTF-8 character at the start of `text`; 0: malformed. Overlong forms, surrogates and
// what lies past U+10FFFF are malformed, as in RFC 3629.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// Reports, once a line, what must not be in a file at all. yaml-cpp would replace malformed UTF-8 in
// silence, which changes passwords.
void check_characters(std::string_view text, Problems& problems) {
  int line = 1;
  std::size_t line_start = 0;
  int reported_line = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text.substr(i));
    std::string message;
    if (length == 0) {
      message = "not valid UTF-8";
    } else if (c == '\t') {
      message = "a tab: use spaces (in a quoted value, write \\t)";
    } else if (c == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) {
      message = "a carriage return without a line feed";
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r') || c == '\x7F') {
      message = "a control character";
    }
    if (!message.empty() && line != reported_line) {
      problems.add({.line = line, .column = static_cast<int>(i - line_start) + 1, .message = std::move(message)});
      reported_line = line;
    }
    i += length == 0 ? 1 : length;
    if (c == '\n') {
      ++line;
      line_start = i;
    }
  }
}

}  // namespace

void Problems::add(Problem problem) {
  if (list_.size() < kProblemsMax) {
    list_.push_back(std::move(problem));
  } else {
    more_ = true;
  }
}

std::vector<Problem> Problems::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (more_) list_.push_back({.line = 0, .column = 0, .message = "there are more problems than are shown"});
  more_ = false;
  return std::exchange(list_, {});
}

std::optional<YamlNode> parse_strict_yaml(std::string_view text, Problems& problems) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kYamlBytesMax) {
    problems.add({.line = 0, .column = 0, .message = "the file is larger than 1 MiB"});
    return std::nullopt;
  }
  Problems characters;
  check_characters(text, characters);
  if (!characters.empty()) {
    for (Problem& problem : characters.take()) problems.add(std::move(problem));
    return std::nullopt;
  }
  TreeBuilder builder(problems);
  try {
    // yaml-cpp takes a quote that is never closed, unless a document's end follows.
    std::istringstream stream{std::string(text) + (text.ends_with('\n') ? "...\n" : "\n...\n")};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Unreadable& unreadable) {
    problems.add(unreadable.problem);
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    const bool unknown_alias = error.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR);
    problems.add(at(error.mark, unknown_alias ? kNoAliases : "not valid YAML: " + error.msg));
    return std::nullopt;
  }
  std::optional<YamlNode> root = builder.take_root();
  if (!root.has_value() || root->kind == YamlNode::Kind::null) {
    problems.add({.line = 0, .column = 0, .message = "the file is empty"});
    return std::nullopt;
  }
  return root;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::size_t shown = std::min(text.size(), kShownMax);
  while (shown > 0 && shown < text.size() && (static_cast<unsigned char>(text[shown]) & 0xC0) == 0x80) --shown;
  std::string result = "\"";
  for (const char c : text.substr(0, shown)) {
    result += (static_cast<unsigned char>(c) < 0x20 || c == '\x7F') ? '?' : c;
  }
  return result + (shown < text.size() ? "...\"" : "\"");
}

}  // namespace crossfade::config
