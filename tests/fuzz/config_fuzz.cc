// Any bytes as either file: no crash, a value exactly when there are no problems, and places within the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

template <typename Value>
void check(const crossfade::config::Loaded<Value>& loaded, std::string_view text) {
  require(loaded.value.has_value() == loaded.problems.empty());
  for (const crossfade::config::Problem& problem : loaded.problems) {
    require(!problem.message.empty());
    require(problem.line >= 0 && static_cast<std::size_t>(problem.line) <= text.size() + 3);
    require(problem.line == 0 || problem.column > 0);
  }
  crossfade::config::describe(loaded.problems, "file.yaml");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(crossfade::config::load_config(text, "/etc/crossfade"), text);
  const crossfade::config::Loaded<crossfade::config::Flags> flags = crossfade::config::load_flags(text);
  check(flags, text);
  if (flags.value.has_value()) require(crossfade::config::describe_changes(*flags.value, *flags.value).empty());
  return 0;
}
