// Which QUERY events steer a transaction instead of changing anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dualwrite/xid.h"

namespace crossfade::dualwrite {

enum class ControlWord : std::uint8_t {
  none,  // an ordinary statement
  begin,
  commit,
  rollback,
  savepoint,  // SAVEPOINT, RELEASE SAVEPOINT: nothing happens
  rollback_to,
  xa_start,
  xa_end,
  xa_commit,
  xa_rollback,
  unknown_xa
};
struct Control {
  ControlWord word = ControlWord::none;
  std::optional<Xid> xid = std::nullopt;  // of the xa words
};
// The servers write these texts themselves, in one spelling.
Control control_of(std::string_view sql);

// MySQL's CREATE TABLE .. SELECT is one event `CREATE TABLE .. START TRANSACTION` with rows behind it.
bool starts_transaction(std::string_view sql);

}  // namespace crossfade::dualwrite
