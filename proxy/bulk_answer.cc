#include "proxy/bulk_answer.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace crossfade::proxy {

using routing::StatementKind;

namespace {

// The second number of "Records: 3  Duplicates: 1  Warnings: 1", in whatever language.
std::uint64_t second_number(const std::string& info) {
  constexpr const char* kDigits = "0123456789";
  const std::size_t first = info.find_first_of(kDigits);
  if (first == std::string::npos) return 0;
  const std::size_t behind = info.find_first_not_of(kDigits, first);
  if (behind == std::string::npos) return 0;
  const std::size_t second = info.find_first_of(kDigits, behind);
  return second == std::string::npos ? 0 : std::strtoull(info.c_str() + second, nullptr, 10);
}

}  // namespace

BulkAnswer::BulkAnswer(const routing::WriteShape& shape)
    : kind_(shape.kind),
      ignore_(shape.ignore),
      one_statement_(shape.kind == StatementKind::insert || shape.kind == StatementKind::replace),
      values_(std::max<std::size_t>(shape.rows.size(), 1)) {}

// "... at row 1" of the execution that comes after rows_ others.
std::string BulkAnswer::counted(std::string message) const {
  constexpr std::string_view kAt = " at row ";
  const std::size_t at = message.rfind(kAt);
  if (!one_statement_ || rows_ == 0 || at == std::string::npos) return message;
  const std::string number = message.substr(at + kAt.size());
  if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) return message;
  message.resize(at + kAt.size());
  return message + std::to_string(rows_ * values_ + std::strtoull(number.c_str(), nullptr, 10));
}

void BulkAnswer::add_condition(Condition condition) {
  if (!wants_conditions()) return;
  condition.message = counted(std::move(condition.message));
  conditions_.push_back(std::move(condition));
}

void BulkAnswer::add(const protocol::Ok& ok, bool generated) {
  warnings_ += ok.warnings;
  // MariaDB counts a warning of an UPDATE or DELETE when it comes, and all so far at the end of every row.
  warnings_sent_ += one_statement_ || rows_ == 0 ? ok.warnings : ok.warnings + warnings_;
  affected_ += ok.affected_rows;
  if (!ok.info.empty()) {
    duplicates_ += second_number(ok.info);
  } else if (kind_ == StatementKind::replace && ok.affected_rows > values_) {
    duplicates_ += ok.affected_rows - values_;
  } else if (kind_ == StatementKind::insert && ignore_ && ok.affected_rows < values_) {
    duplicates_ += values_ - ok.affected_rows;
  }
  if (generated && ok.last_insert_id != 0 && !first_generated_id_) first_generated_id_ = ok.last_insert_id;
  last_ = ok;
  ++rows_;
}

protocol::Err BulkAnswer::failed(protocol::Err err) {
  error_sqlstate_ = err.sqlstate;
  err.message = counted(std::move(err.message));
  ++warnings_;
  if (conditions_.empty() || conditions_.back().code != err.code) {
    add_condition({.level = "Error", .code = err.code, .message = err.message});
  }
  return err;
}

std::string BulkAnswer::info() const {
  const std::string warnings = "  Warnings: " + std::to_string(warnings_);
  if (kind_ == StatementKind::update) {
    const std::string changed = std::to_string(affected_);
    return "Rows matched: " + changed + "  Changed: " + changed + warnings;
  }
  if (!one_statement_) return "";
  return "Records: " + std::to_string(rows_ * values_) + "  Duplicates: " + std::to_string(duplicates_) + warnings;
}

protocol::Ok BulkAnswer::ok() const {
  protocol::Ok ok = last_;
  ok.affected_rows = affected_;
  if (first_generated_id_) ok.last_insert_id = *first_generated_id_;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint16_t>::max();
  ok.warnings = static_cast<std::uint16_t>(std::min(warnings_sent_, kMax));
  if (rows_ > 1 || kind_ == StatementKind::update) ok.info = info();
  return ok;
}

KeptDiagnostics BulkAnswer::kept(const AnswerForm& form) const {
  KeptDiagnostics kept;
  kept.row_count = -1;  // so MariaDB says after every bulk execution
  kept.warnings = warnings_;
  kept.error_sqlstate = error_sqlstate_;
  kept.errors = error_sqlstate_.empty() ? 0 : 1;
  if (!conditions_.empty()) kept.show_warnings = show_warnings_of(conditions_, form);
  return kept;
}

}  // namespace crossfade::proxy
