#include "proxy/feed/row_stream.h"

#include "protocol/command.h"
#include "protocol/first_byte.h"
#include "protocol/response.h"

namespace crossfade::proxy {
namespace {

constexpr std::size_t kRowBufferBytes = 128 * 1024;
// Servers cap a packet at 1 GiB.
constexpr std::size_t kMessageBytesMax = (std::size_t{1} << 30) + 64;
constexpr std::uint8_t kEofHeader = 0xfe;

}  // namespace

RowStream::RowStream(BackendLink& link) : link_(link), messages_(kMessageBytesMax), buffer_(kRowBufferBytes) {
  messages_.expect_sequence(1);
  if (link.stream().is_compressed()) messages_.ignore_sequence();
}

Task<absl::StatusOr<std::unique_ptr<RowStream>>> RowStream::start(BackendLink& link, std::string sql,
                                                                  TimePoint deadline) {
  std::unique_ptr<RowStream> stream(new RowStream(link));
  protocol::Buffer wire;
  protocol::append_command(wire, protocol::encode_query(sql));
  const absl::Status sent = co_await link.send(wire, deadline);
  if (!sent.ok()) co_return sent;
  co_return stream;
}

Task<absl::StatusOr<protocol::Bytes>> RowStream::message(TimePoint deadline) {
  for (;;) {
    auto found = messages_.feed(input_);
    if (!found.ok()) co_return found.status();
    if (*found) {
      if ((*found)->payload.empty()) co_return absl::InternalError("an empty packet in an answer");
      co_return (*found)->payload;
    }
    auto got = co_await link_.stream().receive(buffer_, deadline);
    if (!got.ok()) co_return got.status();
    input_ = protocol::Bytes(buffer_.data(), *got);
  }
}

bool RowStream::is_terminator(protocol::Bytes payload) const {
  const bool deprecates_eof = (link_.capabilities() & protocol::kDeprecateEof) != 0;
  return payload[0] == kEofHeader && payload.size() < (deprecates_eof ? protocol::kPayloadBytesMax : 9);
}

Task<absl::StatusOr<protocol::Bytes>> RowStream::row(TimePoint deadline) {
  std::size_t definitions = columns_;
  while (state_ != State::ended) {
    auto payload = co_await message(deadline);
    if (!payload.ok()) co_return payload.status();
    if ((*payload)[0] == protocol::kErrByte && state_ != State::columns) {
      auto err = protocol::decode_err(*payload);
      if (!err.ok()) co_return err.status();
      state_ = State::ended;
      co_return absl::FailedPreconditionError(err_text(*err));
    }
    switch (state_) {
      case State::head:
        // More columns than one byte says are not asked for.
        if (payload->size() != 1 || (*payload)[0] == 0 || (*payload)[0] > 250) {
          co_return absl::InternalError("an answer without rows, where rows were asked for");
        }
        columns_ = (*payload)[0];
        definitions = columns_;
        state_ = State::columns;
        break;
      case State::columns:
        if (--definitions == 0) {
          const bool deprecates_eof = (link_.capabilities() & protocol::kDeprecateEof) != 0;
          state_ = deprecates_eof ? State::rows : State::columns_eof;
        }
        break;
      case State::columns_eof:
        state_ = State::rows;
        break;
      case State::rows:
        if (!is_terminator(*payload)) co_return *payload;
        state_ = State::ended;
        break;
      case State::ended:
        break;
    }
  }
  co_return protocol::Bytes();
}

Task<absl::StatusOr<std::optional<std::vector<protocol::Cell>>>> RowStream::next(TimePoint deadline) {
  auto payload = co_await row(deadline);
  if (!payload.ok()) co_return payload.status();
  if (payload->empty()) co_return std::optional<std::vector<protocol::Cell>>();
  auto cells = protocol::decode_text_row(*payload, columns_);
  if (!cells.ok()) co_return cells.status();
  co_return std::optional<std::vector<protocol::Cell>>(*std::move(cells));
}

Task<absl::Status> RowStream::skip_rest(TimePoint deadline) {
  for (;;) {
    auto payload = co_await row(deadline);
    if (!payload.ok()) co_return payload.status();
    if (payload->empty()) co_return absl::OkStatus();
  }
}

Task<absl::Status> read_stream(BackendLink& link, std::string sql, TakeRow take, TimePoint deadline) {
  auto stream = co_await RowStream::start(link, std::move(sql), deadline);
  if (!stream.ok()) co_return stream.status();
  for (;;) {
    auto row = co_await (*stream)->next(deadline);
    if (!row.ok()) co_return row.status();
    if (!*row) co_return absl::OkStatus();
    const absl::Status taken = take(**row);
    if (!taken.ok()) co_return absl::InternalError(std::string(taken.message()));
  }
}

}  // namespace crossfade::proxy
