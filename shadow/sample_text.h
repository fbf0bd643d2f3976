// How cell values and statement texts may be shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crossfade::shadow {

// Valid UTF-8 without control characters, at most bytes_max long plus "...": every other byte is
// written as "\x0a". So that a report can be dumped as JSON and shown on a terminal.
std::string printable(std::string_view text, std::size_t bytes_max);

struct SampleText {
  bool plaintext = false;
  std::uint64_t salt = 0;
};
// "NULL"; "'10.00'" in plaintext, cut at 256 bytes; else "#3f9a1c2b (12 bytes)": the salted hash
// tells equal values from different ones and says no more.
std::string sample_text(const std::optional<std::string>& value, const SampleText& options);

}  // namespace crossfade::shadow
