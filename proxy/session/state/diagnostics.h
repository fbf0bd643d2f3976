// What SHOW WARNINGS, ROW_COUNT() and the like would be about, and which side would know.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "config/backend.h"
#include "protocol/response_tracker.h"
#include "proxy/session/state/kept_diagnostics.h"

namespace crossfade::proxy {

// Kept diagnostics are of a statement that the leader has not seen: one that the proxy refused in its own words, or a
// read that the other side answered and whose conditions were fetched from there. Asks nobody.
//
// Invariant: kept() is of the client's last statement, or nullptr: then answered_by() has its diagnostics.
class Diagnostics {
 public:
  using Make = AnswerForm::Make;

  explicit Diagnostics(config::Backend leader) : answered_by_(leader) {}

  const KeptDiagnostics* kept() const { return kept_ ? &*kept_ : nullptr; }
  config::Backend answered_by() const { return answered_by_; }

  // A backend has the next word: nothing of what was kept bears on it.
  void forget() { kept_.reset(); }
  void note_answer_of(config::Backend which) { answered_by_ = which; }
  std::optional<KeptDiagnostics> take() { return std::exchange(kept_, std::nullopt); }
  void keep(KeptDiagnostics kept) { kept_ = std::move(kept); }
  void keep(std::optional<KeptDiagnostics> kept) { kept_ = std::move(kept); }

  // A statement that gives rows came between; one that gives none.
  void note_rows_given() { set_row_count(-1); }
  void note_no_rows_changed() { set_row_count(0); }
  // The conditions are gone, but not how many there were; and that, too.
  void drop_conditions() {
    if (kept_) kept_->show_warnings.clear();
  }
  void drop_counts() {
    if (kept_) kept_->warnings = kept_->errors = 0;
  }
  // MariaDB keeps its conditions over a statement without tables that has none of its own: those of `before`.
  void keep_over(std::optional<KeptDiagnostics> before, const protocol::ResultEnd& end, Make make);
  // On both makes a command that is no statement, and succeeds, leaves the conditions of the last statement;
  // ROW_COUNT() is by its own answer.
  void keep_over_command(Diagnostics before, const protocol::ResultEnd& end);

 private:
  void set_row_count(std::int64_t count) {
    if (kept_) kept_->row_count = count;
  }

  std::optional<KeptDiagnostics> kept_;
  config::Backend answered_by_;
};

}  // namespace crossfade::proxy
