// Compressed parts of a row log: MariaDB's log_bin_compress and MySQL's binlog_transaction_compression.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "protocol/wire.h"

namespace crossfade::dualwrite {

// u8 0x80 | algorithm << 4 | n, n bytes of the plain size with the highest first, zlib. The size is checked against
// what zlib can do at best before memory is taken.
absl::StatusOr<protocol::Buffer> inflate_mariadb(protocol::Bytes packed);

// The largest event that any server writes is its largest packet and a little.
inline constexpr std::size_t kEventBytesMax = (std::size_t{1} << 30) + (std::size_t{1} << 20);

// A TRANSACTION_PAYLOAD: a whole transaction's events, packed as one. Gives one event at a time, so that memory does
// not grow with the transaction. The events have a header each and no checksum. (u8 field | lenenc bytes | lenenc
// value)* | u8 0 | payload. Fields: 1 bytes of the payload, 2 algorithm (0 zstd, 255 none), 3 plain bytes.
class TransactionPayload {
 public:
  static absl::StatusOr<TransactionPayload> open(protocol::Bytes body);
  TransactionPayload(TransactionPayload&&) noexcept;
  TransactionPayload& operator=(TransactionPayload&&) noexcept;
  ~TransactionPayload();

  // The next event, valid until the next call; nullopt: that was all, and it was as long as announced.
  absl::StatusOr<std::optional<protocol::Bytes>> next();

 private:
  struct Stream;
  explicit TransactionPayload(std::unique_ptr<Stream> stream);
  // Makes at least `count` bytes readable; fewer: the end.
  absl::Status fill(std::size_t count);

  std::unique_ptr<Stream> stream_;
};

}  // namespace crossfade::dualwrite
