#include "dualwrite/trigger/replace_merge.h"

#include <algorithm>
#include <utility>

#include "dualwrite/log_decoder.h"

namespace crossfade::dualwrite {

namespace {

const ChangeHead& head_of(const CapturedItem& item) {
  return std::visit([](const auto& each) -> const ChangeHead& { return each.head; }, item);
}

std::size_t bytes_of(const CapturedItem& item) {
  if (const auto* row = std::get_if<CapturedRow>(&item)) return row->bytes();
  return std::get<CapturedStatement>(item).statement.sql.size() + sizeof(CapturedStatement);
}

bool same_statement(const ChangeHead& left, const ChangeHead& right) {
  return left.connection == right.connection && left.statement == right.statement;
}
bool same_statement_and_table(const ChangeHead& left, const ChangeHead& right) {
  return same_statement(left, right) && left.table == right.table;
}

// How many foreign keys refer to the same in both rows, and how many no longer do.
struct Kept {
  std::size_t same = 0;
  std::size_t other = 0;
};
Kept kept(const std::vector<std::optional<std::string>>& before, const std::vector<std::optional<std::string>>& after) {
  Kept out;
  for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (before[i]) ++(before[i] == after[i] ? out.same : out.other);
  }
  return out;
}

absl::Status mixed(const CapturedRow& row, const char* why) {
  return absl::FailedPreconditionError(row.change.table->schema + "." + row.change.table->table +
                                       ": the REPLACE of row " + std::to_string(row.head.id) + " of `changes` " + why);
}

}  // namespace

absl::StatusOr<ReplaceMerge::Referenced> ReplaceMerge::referenced_by(const CapturedRow& row, const Capture& capture) {
  Bytes images = row.change.images;
  absl::StatusOr<RowImage> image = take_row(*capture.table, &images);
  if (!image.ok()) return image.status();
  Referenced out;
  for (const std::vector<std::size_t>& columns : capture.referenced) {
    std::optional<std::string>& bytes = out.emplace_back("");
    for (const std::size_t at : columns) {
      const LogValue& value = image->at(at);
      if (value.is_null) bytes.reset();
      // With their lengths in front, or of one width: they cannot run into each other.
      if (bytes) *bytes += protocol::as_text(value.bytes);
    }
  }
  return out;
}

absl::Status ReplaceMerge::add(CapturedRow row, const Capture& capture, std::vector<CapturedItem>* out) {
  close_earlier(row.head);
  const bool judged =
      !capture.referenced.empty() && (row.head.kind == ChangeKind::insert || row.head.kind == ChangeKind::delete_);
  Held held{.item = std::move(row), .unique_keys = capture.unique_keys};
  if (judged) {
    auto& own = std::get<CapturedRow>(held.item);
    absl::StatusOr<Referenced> referenced = referenced_by(own, capture);
    if (!referenced.ok()) return referenced.status();
    if (own.head.kind == ChangeKind::insert) {
      if (absl::Status status = take_insert(own, *referenced); !status.ok()) return status;
    } else {
      // One row that REPLACE writes can push out as many as there are unique keys.
      close_surplus(own.head, capture.unique_keys - 1);
      held.referenced = *std::move(referenced);
      held.open = true;
    }
  }
  put(std::move(held), out);
  return absl::OkStatus();
}

void ReplaceMerge::add(CapturedStatement statement, std::vector<CapturedItem>* out) {
  close_earlier(statement.head);
  put(Held{.item = std::move(statement)}, out);
}

// The deletes before an insert are of that insert or of none.
absl::Status ReplaceMerge::take_insert(CapturedRow& row, const Referenced& referenced) {
  if (const auto gone = let_go_.find(row.head.connection);
      gone != let_go_.end() && same_statement_and_table(gone->second.head, row.head)) {
    for (const Referenced& before : gone->second.rows) {
      if (kept(before, referenced).same > 0) return mixed(row, "came too late behind its delete");
    }
  }
  auto replaced = held_.end();
  for (auto held = held_.begin(); held != held_.end(); ++held) {
    if (!held->open || !same_statement_and_table(head_of(held->item), row.head)) continue;
    const Kept keys = kept(held->referenced, referenced);
    if (keys.same > 0 && (keys.other > 0 || replaced != held_.end())) {
      return mixed(row, "keeps what one foreign key refers to and changes what another does");
    }
    if (keys.same > 0) replaced = held;
  }
  for (Held& held : held_) {
    if (held.open && same_statement_and_table(head_of(held.item), row.head)) held.open = false;
  }
  if (replaced == held_.end()) return absl::OkStatus();
  Buffer images = std::move(std::get<CapturedRow>(replaced->item).change.images);
  bytes_ -= bytes_of(replaced->item) + images.size();
  held_.erase(replaced);
  protocol::put_bytes(images, row.change.images);
  row.change.images = std::move(images);
  row.change.kind = RowsKind::update;
  row.head.kind = ChangeKind::update;
  return absl::OkStatus();
}

void ReplaceMerge::close_earlier(const ChangeHead& head) {
  for (Held& held : held_) {
    const ChangeHead& other = head_of(held.item);
    if (held.open && other.connection == head.connection && !same_statement(other, head)) held.open = false;
  }
  if (const auto gone = let_go_.find(head.connection);
      gone != let_go_.end() && !same_statement(gone->second.head, head)) {
    let_go_.erase(gone);
  }
}

void ReplaceMerge::close_surplus(const ChangeHead& head, std::size_t open_max) {
  std::size_t open = 0;
  for (auto held = held_.rbegin(); held != held_.rend(); ++held) {
    if (held->open && same_statement_and_table(head_of(held->item), head) && ++open > open_max) held->open = false;
  }
}

void ReplaceMerge::put(Held held, std::vector<CapturedItem>* out) {
  bytes_ += bytes_of(held.item);
  held_.push_back(std::move(held));
  release(out);
  while (held_.size() > limits_.rows_max || bytes_ > limits_.bytes_max) let_go_first(out);
}

void ReplaceMerge::release(std::vector<CapturedItem>* out) {
  while (!held_.empty() && !held_.front().open) {
    bytes_ -= bytes_of(held_.front().item);
    out->push_back(std::move(held_.front().item));
    held_.pop_front();
  }
}

void ReplaceMerge::let_go_first(std::vector<CapturedItem>* out) {
  Held& first = held_.front();
  const ChangeHead& head = head_of(first.item);
  LetGo& gone = let_go_[head.connection];
  if (!same_statement_and_table(gone.head, head)) gone = {.head = head};
  gone.rows.push_back(std::move(first.referenced));
  if (gone.rows.size() > first.unique_keys) gone.rows.pop_front();
  first.open = false;
  release(out);
}

void ReplaceMerge::finish(std::vector<CapturedItem>* out) {
  for (Held& held : held_) held.open = false;
  release(out);
  let_go_.clear();
}

std::uint64_t ReplaceMerge::cut() {
  const std::uint64_t first = held_.empty() ? 0 : head_of(held_.front().item).id;
  held_.clear();
  bytes_ = 0;
  return first;
}

}  // namespace crossfade::dualwrite
