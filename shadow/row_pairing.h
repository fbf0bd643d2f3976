// Which row of one answer belongs to which row of the other.
#pragma once

#include <cstddef>
#include <vector>

#include "protocol/rows.h"

namespace crossfade::shadow {

// Two rows that are the same row and yet not equal. Indices count from 0.
struct RowPair {
  std::size_t control = 0;
  std::size_t candidate = 0;
  std::vector<std::size_t> columns;  // that differ; never empty
  bool inexact_only = false;         // all of them only in digits that one side does not show
};

struct RowPairing {
  std::vector<RowPair> pairs;
  std::vector<std::size_t> missing;  // rows of the control without a partner
  std::vector<std::size_t> extra;    // rows of the candidate without a partner
  std::vector<std::size_t> moved;    // positions at which equal multisets have different rows
  bool equal() const { return pairs.empty() && missing.empty() && extra.empty(); }
};

struct RowPairingOptions {
  bool by_position = false;  // rows at one position are one row when nothing better is known
};

// Equal rows (by canonical values, as multisets) are taken out first and leave no trace but
// `moved`. Every row has as many cells as there are columns, alike on both sides; at least one.
RowPairing pair_rows(const protocol::ResultSet& control, const protocol::ResultSet& candidate,
                     const RowPairingOptions& options);

}  // namespace crossfade::shadow
