// The row log of a simulated leader, as the bytes that a MariaDB server sends; and the rows of a BINLOG statement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dualwrite/log_position.h"
#include "protocol/wire.h"
#include "tests/sim/store.h"

namespace crossfade::sim {

// Application tables: (id BIGINT PRIMARY KEY, v BIGINT, s VARCHAR(20) NULL, utf8mb4).
inline constexpr const char* kSchema = "app";
std::vector<std::string> application_tables();       // "t0", ...
bool is_application_table(const std::string& name);  // "app.t0"

struct LoggedCommit {
  dualwrite::LogPosition begin, end;
  std::string gtid;
};

class RowLog {
 public:
  RowLog() { begin_file(); }
  struct File {
    std::string name;
    std::vector<protocol::Buffer> events;  // the first is its FORMAT_DESCRIPTION
    std::vector<std::uint32_t> begins;     // beside them
    std::uint32_t end = 4;
  };
  // One transaction, durable from here on.
  LoggedCommit append(const std::vector<RowOp>& ops);
  // As FLUSH LOGS; without a farewell in the old file, as a crash.
  enum class Farewell : std::uint8_t { rotate, none };
  void next_file(Farewell farewell);
  dualwrite::LogPosition end() const { return {.file = files_.back().name, .offset = files_.back().end}; }
  const std::vector<File>& files() const { return files_; }
  // What the dump makes: not in any file.
  static protocol::Buffer artificial_rotate(const std::string& file, std::uint64_t offset);
  protocol::Buffer artificial_format(const File& file) const;
  protocol::Buffer heartbeat() const;

 private:
  void begin_file();
  void put(std::uint8_t type, const protocol::Buffer& body);
  void put_rows(const RowOp& op, std::uint64_t table_id, bool last);

  std::vector<File> files_;
  std::uint64_t next_gtid_ = 1;
};

// The changes of "BINLOG '..'" in their order, before images included; empty: a format description.
std::vector<RowOp> rows_of_binlog(const std::string& sql);

}  // namespace crossfade::sim
