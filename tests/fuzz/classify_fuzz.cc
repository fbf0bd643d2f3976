// Any bytes: classify and make_digest agree on the id, and no broken text is called a read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/classify.h"
#include "routing/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace crossfade::routing;
  if (size == 0) return 0;
  const LexerMode mode{
      .ansi_quotes = (data[0] & 1) != 0, .no_backslash_escapes = (data[0] & 2) != 0, .mariadb = (data[0] & 4) != 0};
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  const StatementFacts facts = classify(sql, mode);
  const Digest digest = make_digest(sql, mode, 64);
  if (facts.digest != digest.id || digest.text.size() > 64) std::abort();
  if (facts.facts.has(Fact::reads_only) && facts.facts.has(Fact::unparseable)) std::abort();
  return 0;
}
