// Which QUERY events steer a transaction instead of changing anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dualwrite/xid.h"

namespace crossfade::dualwrite {

enum class ControlWord : std::uint8_t {
  none,  // an ordinary statement
  begin,
  commit,
  rollback,
  savepoint,
  release_savepoint,  // nothing happens
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
  // Of the words about savepoints, in the one spelling of all that servers take for the same. Not there: it is not all
  // ASCII, and a collation decides that.
  std::optional<std::string> savepoint = std::nullopt;
};
// The servers write these texts themselves, in one spelling but for the quotes around a savepoint's name.
Control control_of(std::string_view sql);

// MySQL's CREATE TABLE .. SELECT is one event `CREATE TABLE .. START TRANSACTION` with rows behind it.
bool starts_transaction(std::string_view sql);

}  // namespace crossfade::dualwrite
