#include "shadow/row_pairing.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "shadow/canonical.h"
#include "shadow/digits.h"

namespace crossfade::shadow {

namespace {

using protocol::Cell;
using protocol::ResultSet;

using Row = std::vector<Cell>;
using Rows = std::vector<Row>;

Rows canonical_rows(const ResultSet& mine, const ResultSet& theirs) {
  Rows rows = mine.rows;
  for (Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i]) {
        row[i] = canonical_value(*row[i], mine.columns[i], theirs.columns[i]);
      }
    }
  }
  return rows;
}

// One text per row, different for different rows: each cell with its length, NULL as "-".
std::vector<std::string> texts_of(const Rows& rows) {
  std::vector<std::string> texts;
  texts.reserve(rows.size());
  for (const Row& row : rows) {
    std::string& text = texts.emplace_back();
    for (const Cell& cell : row) {
      text += cell ? std::to_string(cell->size()) + ":" + *cell : "-";
    }
  }
  return texts;
}

// The same of some columns only.
std::vector<std::string> texts_of(const Rows& rows, const std::vector<std::size_t>& columns) {
  Rows chosen(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const std::size_t column : columns) {
      chosen[i].push_back(rows[i][column]);
    }
  }
  return texts_of(chosen);
}

// The places among `places` whose text no other of them has.
std::unordered_map<std::string_view, std::size_t> unique_places(const std::vector<std::string>& texts,
                                                                const std::vector<std::size_t>& places) {
  std::unordered_map<std::string_view, std::size_t> counts;
  for (const std::size_t place : places) {
    ++counts[texts[place]];
  }
  std::unordered_map<std::string_view, std::size_t> unique;
  for (const std::size_t place : places) {
    if (counts.at(texts[place]) == 1) {
      unique.emplace(texts[place], place);
    }
  }
  return unique;
}

// `places`, the rows with smaller numbers first; NULL and what is no number come before all numbers.
std::vector<std::size_t> by_size(const Rows& rows, std::vector<std::size_t> places) {
  std::vector<std::vector<double>> sizes(rows.size());
  for (const std::size_t place : places) {
    for (const Cell& cell : rows[place]) {
      double size = -std::numeric_limits<double>::infinity();
      if (cell) {
        std::from_chars(cell->data(), cell->data() + cell->size(), size);
        size = std::isnan(size) ? -std::numeric_limits<double>::infinity() : size;
      }
      sizes[place].push_back(size);
    }
  }
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return sizes[a] < sizes[b]; });
  return places;
}

// Indices of the rows of `mine` that are left when each row of `theirs` has taken out one equal.
std::vector<std::size_t> without_equal(const std::vector<std::string>& mine, const std::vector<std::string>& theirs) {
  std::unordered_map<std::string_view, std::size_t> counts;
  for (const std::string& text : theirs) {
    ++counts[text];
  }
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const auto found = counts.find(mine[i]);
    if (found == counts.end() || found->second == 0) {
      left.push_back(i);
    } else {
      --found->second;
    }
  }
  return left;
}

// Row indices by first cell, for the first cells that occur once.
std::unordered_map<std::string_view, std::size_t> unique_keys(const Rows& rows) {
  constexpr std::size_t kRepeated = SIZE_MAX;
  std::unordered_map<std::string_view, std::size_t> keys;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].front()) {
      const auto [place, inserted] = keys.try_emplace(*rows[i].front(), i);
      if (!inserted) {
        place->second = kRepeated;
      }
    }
  }
  for (auto place = keys.begin(); place != keys.end();) {
    place = place->second == kRepeated ? keys.erase(place) : std::next(place);
  }
  return keys;
}

// Holds both sides in canonical form and hands each row that is left to a pair or to none.
class Pairing {
 public:
  Pairing(const ResultSet& control, const ResultSet& candidate)
      : control_(control),
        candidate_(candidate),
        control_rows_(canonical_rows(control, candidate)),
        candidate_rows_(canonical_rows(candidate, control)) {}

  RowPairing run(const RowPairingOptions& options) {
    const std::vector<std::string> control_texts = texts_of(control_rows_);
    const std::vector<std::string> candidate_texts = texts_of(candidate_rows_);
    pairing_.missing = without_equal(control_texts, candidate_texts);
    pairing_.extra = without_equal(candidate_texts, control_texts);
    if (pairing_.equal()) {
      for (std::size_t i = 0; i < control_texts.size(); ++i) {
        if (control_texts[i] != candidate_texts[i]) {
          pairing_.moved.push_back(i);
        }
      }
      return std::move(pairing_);
    }
    pair_by_key();
    pair_by_exact_columns();
    const bool one_row = control_rows_.size() == 1 && candidate_rows_.size() == 1;
    pair_by_position(options.by_position || one_row);
    pair_by_size();
    std::sort(pairing_.pairs.begin(), pairing_.pairs.end(),
              [](const RowPair& a, const RowPair& b) { return a.control < b.control; });
    return std::move(pairing_);
  }

 private:
  RowPair pair_of(std::size_t control, std::size_t candidate) const {
    RowPair pair{.control = control, .candidate = candidate, .columns = {}, .inexact_only = true};
    const Row& a = control_rows_[control];
    const Row& b = candidate_rows_[candidate];
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) {
        pair.columns.push_back(i);
        pair.inexact_only = pair.inexact_only && a[i] && b[i] &&
                            differ_in_digits_only(*a[i], control_.columns[i], *b[i], candidate_.columns[i]);
      }
    }
    return pair;
  }

  // A key that is unique on both sides cannot belong to a row that was taken out as equal on one
  // side only, so the partner found here is always still to be had.
  void pair_by_key() {
    const std::unordered_map<std::string_view, std::size_t> control_keys = unique_keys(control_rows_);
    const std::unordered_map<std::string_view, std::size_t> candidate_keys = unique_keys(candidate_rows_);
    pair_missing([&](std::size_t row) -> std::optional<std::size_t> {
      const Cell& key = control_rows_[row].front();
      if (!key || !control_keys.contains(*key)) {
        return std::nullopt;
      }
      const auto found = candidate_keys.find(*key);
      return found == candidate_keys.end() ? std::nullopt : std::optional<std::size_t>(found->second);
    });
  }

  // Groups whose key stands behind their averages: rows that agree in every column but those whose digits differ by
  // make, and alone do so.
  void pair_by_exact_columns() {
    std::vector<std::size_t> exact;
    for (std::size_t i = 0; i < control_.columns.size(); ++i) {
      if (!may_differ_in_digits(control_.columns[i], candidate_.columns[i])) {
        exact.push_back(i);
      }
    }
    if (exact.empty() || exact.size() == control_.columns.size()) {
      return;
    }
    const std::vector<std::string> control_texts = texts_of(control_rows_, exact);
    const std::vector<std::string> candidate_texts = texts_of(candidate_rows_, exact);
    const auto control_places = unique_places(control_texts, pairing_.missing);
    const auto candidate_places = unique_places(candidate_texts, pairing_.extra);
    pair_missing([&](std::size_t row) -> std::optional<std::size_t> {
      const auto found = candidate_places.find(control_texts[row]);
      const bool alone = control_places.contains(control_texts[row]) && found != candidate_places.end();
      return alone && pair_of(row, found->second).inexact_only ? std::optional<std::size_t>(found->second)
                                                               : std::nullopt;
    });
  }

  // Nothing but such columns, in any order: by the size of their numbers, if all of them then agree.
  void pair_by_size() {
    if (pairing_.missing.size() != pairing_.extra.size()) {
      return;
    }
    std::vector<std::size_t> control = by_size(control_rows_, pairing_.missing);
    std::vector<std::size_t> candidate = by_size(candidate_rows_, pairing_.extra);
    std::unordered_map<std::size_t, std::size_t> partners;
    for (std::size_t i = 0; i < control.size(); ++i) {
      if (!pair_of(control[i], candidate[i]).inexact_only) {
        return;
      }
      partners[control[i]] = candidate[i];
    }
    pair_missing([&](std::size_t row) { return std::optional<std::size_t>(partners.at(row)); });
  }

  // Without a reason to trust positions, only rows that agree but for their last digits are one row.
  void pair_by_position(bool trusted) {
    pair_missing([&](std::size_t row) -> std::optional<std::size_t> {
      const bool both = std::binary_search(pairing_.extra.begin(), pairing_.extra.end(), row);
      return both && (trusted || pair_of(row, row).inexact_only) ? std::optional<std::size_t>(row) : std::nullopt;
    });
  }

  // Pairs each missing row with the extra row that `partner` names for it. No partner is named twice.
  template <typename Partner>
  void pair_missing(const Partner& partner) {
    std::vector<std::size_t> unpaired;
    std::vector<std::size_t> paired;
    for (const std::size_t row : pairing_.missing) {
      const std::optional<std::size_t> other = partner(row);
      if (other) {
        pairing_.pairs.push_back(pair_of(row, *other));
        paired.push_back(*other);
      } else {
        unpaired.push_back(row);
      }
    }
    std::sort(paired.begin(), paired.end());
    std::vector<std::size_t> rest;
    std::set_difference(pairing_.extra.begin(), pairing_.extra.end(), paired.begin(), paired.end(),
                        std::back_inserter(rest));
    pairing_.missing = std::move(unpaired);
    pairing_.extra = std::move(rest);
  }

  const ResultSet& control_;
  const ResultSet& candidate_;
  Rows control_rows_;
  Rows candidate_rows_;
  RowPairing pairing_;
};

}  // namespace

RowPairing pair_rows(const ResultSet& control, const ResultSet& candidate, const RowPairingOptions& options) {
  return Pairing(control, candidate).run(options);
}

}  // namespace crossfade::shadow
