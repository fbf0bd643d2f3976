// Binary JSON to text: bounded by the input, and JSON again. Text: a verdict for both makes.
#include <cstdlib>

#include "dualwrite/json_log.h"
#include "dualwrite/utf8.h"

namespace {
void require(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade;
  const protocol::Bytes bytes(data, size);
  if (const auto text = dualwrite::json_text(bytes); text.ok()) {
    require(text->size() <= 4096 + 16 * size);
    const absl::Status verdict = dualwrite::json_fits(*text, false);
    // Numbers of a DECIMAL and keys that are twice are the only things that valid text may not fit by.
    require(verdict.ok() || !dualwrite::is_utf8mb4(*text) || verdict.message() != "the text is no JSON to this server");
  }
  for (const bool mariadb : {false, true}) (void)dualwrite::json_fits(protocol::as_text(bytes), mariadb);
  return 0;
}
