// SHOW WARNINGS and SHOW ERRORS, answered from what was kept.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "proxy/session/state/kept_diagnostics.h"
#include "routing/tokenizer.h"

namespace crossfade::proxy {

// SHOW WARNINGS | ERRORS [LIMIT [offset,] count | LIMIT count OFFSET offset]
struct ShowDiagnostics {
  enum class Level : std::uint8_t { all, errors } level = Level::all;
  std::uint64_t offset = 0;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};
// nullopt: the text is another.
std::optional<ShowDiagnostics> parse_show_diagnostics(std::string_view sql, const routing::LexerMode& mode);

enum class RowForm : std::uint8_t { text, binary };
// The kept answer to SHOW WARNINGS, framed from sequence 1, with only the rows that `show` asks for, and the session's
// status flags as they are now: what was kept may have been asked for inside a transaction that is over.
protocol::Buffer select_diagnostics(const protocol::Buffer& kept, const ShowDiagnostics& show, const AnswerForm& answer,
                                    RowForm form);

}  // namespace crossfade::proxy
