// Captured tables and rows of `changes` for tests.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dualwrite/trigger/capture_plan.h"
#include "dualwrite/trigger/captured_row.h"
#include "tests/unit/dualwrite/table_samples.h"

namespace crossfade::dualwrite {

inline TableDefinition innodb(std::vector<DefinedColumn> columns) {
  TableDefinition table = table_of(std::move(columns));
  table.engine = "InnoDB";
  return table;
}

inline Capture captured(CaptureRequest request) {
  auto capture = plan_capture(request);
  EXPECT_TRUE(capture.ok()) << capture.status();
  return *std::move(capture);
}

// What select_changes() gives of one row.
struct ChangesRow {
  std::uint64_t id = 1;
  std::uint32_t table = 7;
  std::string op = "I";
  std::uint64_t connection = 30;
  bool foreign_keys = true;
  std::int64_t statement = 1700000000000000;
  protocol::Cell before = std::nullopt;
  protocol::Cell after = std::nullopt;
  std::vector<protocol::Cell> big = {};

  std::vector<protocol::Cell> cells() const {
    std::vector<protocol::Cell> out = {
        std::to_string(id),       std::to_string(table),     op,     std::to_string(connection),
        foreign_keys ? "1" : "0", std::to_string(statement), before, after};
    out.insert(out.end(), big.begin(), big.end());
    return out;
  }
};

inline absl::StatusOr<CapturedRow> read(const ChangesRow& row, const Capture& capture) {
  const std::vector<protocol::Cell> cells = row.cells();
  const auto head = change_head(cells);
  if (!head.ok()) return head.status();
  return captured_row(*head, cells, capture);
}

}  // namespace crossfade::dualwrite
