// A table by its two names, as the server that was asked spells them.
#pragma once

#include <string>

namespace crossfade::dualwrite {

struct TableRef {
  std::string schema;
  std::string table;
  friend auto operator<=>(const TableRef&, const TableRef&) = default;
};

}  // namespace crossfade::dualwrite
