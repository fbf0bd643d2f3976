// One answer for the rows of a bulk execution that ran one by one, as MariaDB gives it: there the rows of an INSERT
// or REPLACE are one statement, those of an UPDATE or DELETE run one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/capabilities.h"
#include "protocol/response.h"
#include "proxy/inline/kept_diagnostics.h"
#include "routing/write_shape.h"

namespace crossfade::proxy {

class BulkAnswer {
 public:
  // As max_error_count is by default; more conditions are only counted.
  static constexpr std::size_t kConditionsMax = 64;

  explicit BulkAnswer(const routing::WriteShape& shape);

  bool is_one_statement() const { return one_statement_; }
  // What SHOW WARNINGS said after the row that add() or failed() tells of next.
  void add_condition(Condition condition);
  bool wants_conditions() const { return conditions_.size() < kConditionsMax; }
  // `generated`: the id in it is one that the server made.
  void add(const protocol::Ok& ok, bool generated);
  // The error of a row, as the bulk's: it may count the rows.
  protocol::Err failed(protocol::Err err);

  std::uint64_t rows() const { return rows_; }
  std::optional<std::uint64_t> first_generated_id() const { return first_generated_id_; }
  protocol::Ok ok() const;
  KeptDiagnostics kept(const AnswerForm& form) const;

 private:
  std::string info() const;
  std::string counted(std::string message) const;

  routing::StatementKind kind_;
  bool ignore_;
  bool one_statement_;
  std::uint64_t values_;  // rows that each execution inserts
  std::uint64_t rows_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t affected_ = 0;
  std::uint64_t warnings_ = 0;       // as SHOW COUNT(*) WARNINGS counts them
  std::uint64_t warnings_sent_ = 0;  // as the OK counts them
  std::optional<std::uint64_t> first_generated_id_;
  std::vector<Condition> conditions_;
  std::string error_sqlstate_;
  protocol::Ok last_;
};

}  // namespace crossfade::proxy
