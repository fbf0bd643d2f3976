// The parts of a table that is being copied: ranges of its key that are read side by side, each with a place of its
// own, and what of them is kept in the control schema of the follower.
//
// A table begins as one part from its beginning to its end. A part without an end is divided at a border a little ahead
// of its place: it keeps what lies before, another one takes what lies behind, and is the one without an end then. So
// borders are rows that were there, whatever the key's type and however its values are spread. One that has ended takes
// a new range when there is one, and goes on counting: there are never more parts than readers.
//   all written parts together have every row that may be missing on the follower
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "migrate/chunk_key.h"
#include "migrate/job_control.h"

namespace crossfade::migrate {

struct PartRecord {
  std::uint32_t number = 0;
  std::string key{};    // ChunkKey::signature, in whose order its places are
  std::string place{};  // pack_place(): its rows up to there are on the follower
  std::string end{};    // pack_place(): it has the rows up to there; empty: all to the table's end
  bool done = false;
  std::uint64_t rows = 0, bytes = 0, chunks = 0;  // of all the ranges that it has had

  bool operator==(const PartRecord&) const = default;
};

std::string part_setup_statement(std::string_view schema);  // CREATE TABLE IF NOT EXISTS
std::string replace_parts(std::string_view schema, std::uint64_t job, const TableRef& table,
                          const std::vector<PartRecord>& parts);
std::string delete_parts(std::string_view schema, std::uint64_t job, const TableRef& table);
// Those of earlier jobs, which nobody goes on with any more.
std::string forget_parts(std::string_view schema, std::uint64_t before);
std::string select_parts(std::string_view schema, std::uint64_t job);
absl::StatusOr<std::map<TableRef, std::vector<PartRecord>>> parts_from(const protocol::ResultSet& result);

// What a chunk has read of a part.
struct PartRead {
  std::string key{};      // ChunkKey::signature
  std::string through{};  // pack_place()
  bool at_end = false;    // the part has no rows behind it
  std::uint64_t rows = 0, bytes = 0;
};

class CopyParts {
 public:
  CopyParts() = default;
  // As they are written. None are: the table is one part, from where `table` is.
  CopyParts(const TableRecord& table, std::vector<PartRecord> written);

  bool empty() const { return parts_.empty(); }
  // What has not been written is read again, by whoever comes.
  void begin_again();

  // One that has rows to be read and no reader.
  std::optional<std::uint32_t> next() const;
  void set_reading(std::uint32_t number, bool reading) { parts_[number].reading = reading; }
  bool is_read(std::uint32_t number) const { return parts_[number].read.done; }
  bool all_read() const;
  bool all_written() const;
  std::size_t reading() const;  // parts that have a reader
  // That have one, or are to have one.
  std::size_t unfinished() const;
  // The next rows of a part, up to its border if it has one.
  absl::StatusOr<KeyRange> range_of(std::uint32_t number, const ChunkKey& key) const;
  // False: its places are of another key.
  bool go_by(std::string_view key) const;

  // How many rows ahead of its place a part is to be divided. 0: it is not to be.
  std::size_t rows_ahead(std::uint32_t number, std::size_t chunk_rows) const;
  // Before the border is looked for: another part is wanted.
  void begin_division(std::uint32_t number);
  // Empty: there are not so many rows.
  void set_border(std::uint32_t number, std::string border);
  // It is as it was before.
  void give_up_division(std::uint32_t number);

  // What is to be written with a chunk that has been read: the part, and that which takes what is behind its border.
  std::vector<PartRecord> behind(std::uint32_t number, const PartRead& read) const;
  // The chunk's marker is there. Only now a new part may be read: its own chunks come behind the one that tells of it.
  void take_read(std::uint32_t number, const std::vector<PartRecord>& records);
  // The chunk is on the follower, and so are these.
  void take_written(const std::vector<PartRecord>& records);

  std::vector<PartRecord> written() const;
  // The table with what its parts have written.
  TableRecord counted(TableRecord table) const;

 private:
  struct Part {
    PartRecord read, written;
    bool reading = false;
    bool promised = false;  // to be what is behind another's border
    std::optional<std::uint32_t> heir{};
    std::string border{};
  };
  static constexpr std::size_t kChunksAhead = 8;

  std::vector<Part> parts_;  // by number
  std::size_t chunks_ahead_ = kChunksAhead;
};

}  // namespace crossfade::migrate
