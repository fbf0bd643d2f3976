// The few values that a question of ours asked for.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/rows.h"

namespace crossfade::proxy {

// Of the first row; empty where it is NULL or there is none.
inline std::string first_cell(const protocol::ResultSet& result, std::size_t column = 0) {
  if (result.rows.empty() || result.rows.front().size() <= column) return {};
  return result.rows.front()[column].value_or("");
}

inline std::uint64_t to_number(const protocol::Cell& cell) {
  std::uint64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

inline std::uint64_t first_number(const std::vector<protocol::Cell>& row) {
  return row.empty() ? 0 : to_number(row.front());
}
inline std::uint64_t first_number(const protocol::ResultSet& result) {
  return result.rows.empty() ? 0 : first_number(result.rows.front());
}

}  // namespace crossfade::proxy
