#include "shadow/diff.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "shadow/row_pairing.h"

namespace crossfade::shadow {

namespace {

using protocol::Cell;
using protocol::ResultEnd;
using protocol::ResultSet;

using ErrorCodes = std::pair<std::uint16_t, std::uint16_t>;
// The same refusal under another number, the smaller one first. [lab.md D5]
constexpr std::array<ErrorCodes, 4> kEquivalentErrors = {{
    {3140, 4025},  // bad JSON: MySQL's own code, MariaDB's failed CHECK
    {1005, 1824},  // foreign key that cannot be made
    {1064, 1149},  // syntax
    {1969, 3024},  // the session's own time limit
}};

bool same_error(std::uint16_t a, std::uint16_t b) {
  const ErrorCodes codes = std::minmax(a, b);
  return a == b || std::find(kEquivalentErrors.begin(), kEquivalentErrors.end(), codes) != kEquivalentErrors.end();
}

std::string describe(const ResultEnd& end) {
  switch (end.kind) {
    case ResultEnd::Kind::err:
      return "ERR " + std::to_string(end.err.code) + " (" + end.err.sqlstate + ")";
    case ResultEnd::Kind::ok:
      return "ok";
    case ResultEnd::Kind::rows:
      return "rows";
    case ResultEnd::Kind::prepared:
      return "prepared";
    case ResultEnd::Kind::local_infile:
      return "local infile";
    case ResultEnd::Kind::text:
      return "text";
    case ResultEnd::Kind::none:
      return "nothing";
  }
  return "nothing";
}

Diff with_detail(Verdict verdict, const std::string& control, const std::string& candidate) {
  Diff diff;
  diff.verdict = verdict;
  diff.detail = "control: " + control + "; candidate: " + candidate;
  return diff;
}

// Answers of which at least one is not rows.
Diff compare_ends(const ResultEnd& control, const ResultEnd& candidate) {
  const bool control_failed = control.kind == ResultEnd::Kind::err;
  const bool candidate_failed = candidate.kind == ResultEnd::Kind::err;
  if (control_failed && candidate_failed) {
    return same_error(control.err.code, candidate.err.code)
               ? Diff()
               : with_detail(Verdict::error_differs, describe(control), describe(candidate));
  }
  if (control_failed || candidate_failed) {
    const auto side = [](const ResultEnd& end) {
      return end.kind == ResultEnd::Kind::err ? describe(end) : std::string("ok");
    };
    return with_detail(Verdict::error_one_side, side(control), side(candidate));
  }
  if (control.kind != candidate.kind) {
    return with_detail(Verdict::value, describe(control), describe(candidate));
  }
  if (control.ok.affected_rows != candidate.ok.affected_rows) {
    return with_detail(Verdict::value, std::to_string(control.ok.affected_rows) + " rows affected",
                       std::to_string(candidate.ok.affected_rows) + " rows affected");
  }
  return Diff();
}

std::string differing_names(const ResultSet& control, const ResultSet& candidate) {
  for (std::size_t i = 0; i < control.columns.size(); ++i) {
    if (control.columns[i].name != candidate.columns[i].name) {
      return "column " + std::to_string(i + 1) + " has another name";
    }
  }
  return "";
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

// A computed column without an alias is named after its expression, literals and all. A name that
// looks like an identifier is an alias, or a lone literal, which cannot differ.
std::string column_name(const ResultSet& result, std::size_t column) {
  const protocol::ColumnDefinition& definition = result.columns[column];
  const bool tells_no_literal = !definition.org_name.empty() || is_identifier(definition.name);
  return tells_no_literal ? definition.name : "column " + std::to_string(column + 1);
}

std::string text_of(const Cell& cell) { return cell.value_or("NULL"); }

std::string joined(const std::vector<Cell>& row) {
  std::string text;
  for (const Cell& cell : row) {
    text += (text.empty() ? "" : ", ") + text_of(cell);
  }
  return text;
}

// Turns rows that have no equal on the other side into counts and samples.
class Differences {
 public:
  Differences(const ResultSet& control, const ResultSet& candidate, std::uint32_t samples_max)
      : control_(control), candidate_(candidate), samples_max_(samples_max) {}

  // From as many rows as there is room for, and of each a column that no other has shown, if it has one; then more of
  // the same rows.
  void add_pairs(const RowPairing& pairing, Verdict kind) {
    std::set<std::pair<std::size_t, std::size_t>> chosen;  // of pairs, and columns
    std::set<std::size_t> columns;
    const auto room = [&] { return samples_.size() + chosen.size() < samples_max_; };
    const auto concerned = [&](const RowPair& pair) { return pair.inexact_only == (kind == Verdict::precision); };
    for (std::size_t i = 0; i < pairing.pairs.size() && room(); ++i) {
      const RowPair& pair = pairing.pairs[i];
      if (concerned(pair)) {
        const auto fresh = std::find_if(pair.columns.begin(), pair.columns.end(),
                                        [&](std::size_t column) { return !columns.contains(column); });
        const std::size_t column = fresh != pair.columns.end() ? *fresh : pair.columns.front();
        chosen.emplace(i, column);
        columns.insert(column);
      }
    }
    for (std::size_t i = 0; i < pairing.pairs.size() && room(); ++i) {
      for (const std::size_t column : pairing.pairs[i].columns) {
        if (concerned(pairing.pairs[i]) && room()) {
          chosen.emplace(i, column);
        }
      }
    }
    for (const auto& [pair, column] : chosen) {
      add_cell(kind, pairing.pairs[pair].control, pairing.pairs[pair].candidate, column);
    }
  }
  // Of rows that stand at one position and are different rows.
  void add_moved(const RowPairing& pairing) {
    for (const std::size_t index : pairing.moved) {
      const std::vector<Cell>& row = control_.rows[index];
      const auto cells = std::mismatch(row.begin(), row.end(), candidate_.rows[index].begin());
      add_cell(Verdict::order, index, index, static_cast<std::size_t>(cells.first - row.begin()));
    }
  }
  void add_unpaired(const RowPairing& pairing) {
    for (const std::size_t index : pairing.missing) {
      if (full()) {
        return;
      }
      const std::vector<Cell>& row = control_.rows[index];
      add({.kind = Verdict::row_missing,
           .row = index + 1,
           .row_key = text_of(row.front()),
           .column = "",
           .control = joined(row),
           .candidate = std::nullopt});
    }
    for (const std::size_t index : pairing.extra) {
      if (full()) {
        return;
      }
      const std::vector<Cell>& row = candidate_.rows[index];
      add({.kind = Verdict::row_extra,
           .row = index + 1,
           .row_key = text_of(row.front()),
           .column = "",
           .control = std::nullopt,
           .candidate = joined(row)});
    }
  }
  std::vector<Difference> take() { return std::move(samples_); }

 private:
  bool full() const { return samples_.size() >= samples_max_; }
  void add_cell(Verdict kind, std::size_t row, std::size_t candidate_row, std::size_t column) {
    add({.kind = kind,
         .row = row + 1,
         .row_key = text_of(control_.rows[row].front()),
         .column = column_name(control_, column),
         .control = control_.rows[row][column],
         .candidate = candidate_.rows[candidate_row][column]});
  }
  void add(Difference difference) {
    if (!full()) {
      samples_.push_back(std::move(difference));
    }
  }

  const ResultSet& control_;
  const ResultSet& candidate_;
  std::uint32_t samples_max_;
  std::vector<Difference> samples_;
};

Verdict verdict_of(const RowPairing& pairing, std::uint64_t differing_rows) {
  if (differing_rows == 0) {
    return Verdict::precision;
  }
  if (pairing.extra.empty() && !pairing.missing.empty()) {
    return Verdict::row_missing;
  }
  if (pairing.missing.empty() && !pairing.extra.empty()) {
    return Verdict::row_extra;
  }
  return Verdict::value;
}

void describe_pairing(const ResultSet& control, const ResultSet& candidate, const RowPairing& pairing,
                      std::uint32_t samples_max, Diff& diff) {
  const auto differing_pairs =
      std::count_if(pairing.pairs.begin(), pairing.pairs.end(), [](const RowPair& pair) { return !pair.inexact_only; });
  diff.differing_rows = static_cast<std::uint64_t>(differing_pairs) + pairing.missing.size() + pairing.extra.size();
  diff.verdict = verdict_of(pairing, diff.differing_rows);
  Differences differences(control, candidate, samples_max);
  if (diff.verdict == Verdict::precision) {
    differences.add_pairs(pairing, Verdict::precision);
  } else {
    differences.add_pairs(pairing, Verdict::value);
    differences.add_unpaired(pairing);
  }
  diff.samples = differences.take();
}

Diff compare_rows(const ResultSet& control, const ResultSet& candidate, const DiffOptions& options) {
  if (control.columns.size() != candidate.columns.size()) {
    Diff diff = with_detail(Verdict::value, std::to_string(control.columns.size()) + " columns",
                            std::to_string(candidate.columns.size()) + " columns");
    diff.differing_rows = std::max(control.rows.size(), candidate.rows.size());
    return diff;
  }
  Diff diff;
  const std::string names = differing_names(control, candidate);
  const RowPairing pairing =
      control.rows == candidate.rows ? RowPairing() : pair_rows(control, candidate, {.by_position = options.ordered});
  if (!pairing.equal()) {
    describe_pairing(control, candidate, pairing, options.samples_max, diff);
  } else if (!pairing.moved.empty()) {
    diff.verdict = options.total_order ? Verdict::order : Verdict::order_only;
    diff.detail = "same rows in another order";
    if (options.total_order) {
      Differences differences(control, candidate, options.samples_max);
      differences.add_moved(pairing);
      diff.samples = differences.take();
      diff.differing_rows = pairing.moved.size();
    }
  } else if (!names.empty()) {
    diff.verdict = Verdict::metadata;
    diff.detail = names;
  }
  return diff;
}

// A row decoder that was given other columns than the rows have would make every index unsafe.
bool is_rectangular(const ResultSet& result) {
  return !result.columns.empty() && std::all_of(result.rows.begin(), result.rows.end(),
                                                [&](const auto& row) { return row.size() == result.columns.size(); });
}

}  // namespace

Diff compare(const Answer& control, const Answer& candidate, const DiffOptions& options) {
  Diff diff;
  const bool rows =
      control.result.end.kind == ResultEnd::Kind::rows && candidate.result.end.kind == ResultEnd::Kind::rows;
  if (control.too_large || candidate.too_large) {
    diff.verdict = Verdict::too_large;
  } else if (!rows) {
    diff = compare_ends(control.result.end, candidate.result.end);
  } else if (!is_rectangular(control.result) || !is_rectangular(candidate.result)) {
    diff.verdict = Verdict::value;
    diff.detail = "rows that do not fit their columns";
  } else {
    diff = compare_rows(control.result, candidate.result, options);
  }
  diff.control_rows = control.result.rows.size();
  diff.candidate_rows = candidate.result.rows.size();
  return diff;
}

}  // namespace crossfade::shadow
