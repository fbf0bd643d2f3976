// A LOAD DATA that runs as INSERT statements: what they have done so far, and what the client hears of
// it, which is what the one statement would have said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dualwrite/inline/load_statements.h"
#include "protocol/response.h"
#include "protocol/wire.h"

namespace crossfade::proxy {

// What a session's LOAD DATA hangs on besides the statement.
struct LoadVariables {
  bool local_infile = false;  // of the server: it refuses by itself otherwise
  std::string charset;        // of the default schema
  std::size_t warnings_max = 0;
  std::uint64_t packet_bytes_max = 0;
};

class LoadOutcome {
 public:
  enum class Duplicates : std::uint8_t { skipped, replaced };
  // `warnings_max`: how many SHOW WARNINGS gives afterwards; `capabilities`: of the connection that runs
  // the statements.
  LoadOutcome(Duplicates duplicates, std::size_t warnings_max, protocol::Capabilities capabilities)
      : duplicates_(duplicates), warnings_max_(warnings_max), capabilities_(capabilities) {}

  // One statement has run. `shown`: the server's whole answer to SHOW WARNINGS, when there were any. Gives
  // why the rows are not what the file says: the server had to change a value. Empty: they are.
  std::string add(const dualwrite::LoadStatement& statement, const protocol::Ok& ok, const protocol::Buffer& shown);

  // With info "Records: 3  Deleted: 0  Skipped: 1  Warnings: 1"; the status flags are the caller's.
  protocol::Ok ok(std::uint16_t status) const;
  std::uint64_t affected() const { return affected_; }
  std::uint64_t warnings() const { return warnings_; }
  std::uint64_t first_insert_id() const { return first_insert_id_; }
  // The answer to SHOW WARNINGS, framed from sequence 1; empty without warnings.
  protocol::Buffer show_warnings() const;

 private:
  Duplicates duplicates_;
  std::size_t warnings_max_;
  protocol::Capabilities capabilities_;
  std::uint64_t rows_ = 0;
  std::uint64_t affected_ = 0;
  std::uint64_t warnings_ = 0;
  std::uint64_t first_insert_id_ = 0;
  // Payloads of the packets before, of, and after the rows of SHOW WARNINGS.
  std::vector<protocol::Buffer> head_;
  std::vector<protocol::Buffer> shown_;
  protocol::Buffer terminator_;
};

}  // namespace crossfade::proxy
