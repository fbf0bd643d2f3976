// The parameters of a prepared statement that came ahead of its execution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "protocol/wire.h"

namespace crossfade::proxy {

struct LongData {
  // What was wrong with a COM_STMT_SEND_LONG_DATA, which has no answer: said at each execution until COM_STMT_RESET.
  enum class Fault : std::uint8_t { none, too_large, no_such_parameter };

  std::map<std::uint16_t, protocol::Buffer> values{};  // by the parameter's index
  std::size_t bytes = 0;                               // of all values
  Fault fault = Fault::none;

  bool empty() const { return values.empty() && fault == Fault::none; }
  void forget_values() {
    values.clear();
    bytes = 0;
  }
};

}  // namespace crossfade::proxy
