// Fields in one text: 'n' (NULL), or decimal digits (bytes) ':' bytes; one after the other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace crossfade::dualwrite {

void put_field(std::string& out, std::optional<std::string_view> field);

// Takes fields off the front. What does not fit the form ends it: failed() from then on.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}
  // nullopt: NULL, or failed().
  std::optional<std::string_view> next();
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::nullopt_t fail() {
    failed_ = true;
    return std::nullopt;
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace crossfade::dualwrite
