// A byte stream gives the same messages, and the same failure, whole and cut into pieces.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "protocol/packet.h"

namespace {

using namespace crossfade::protocol;

constexpr std::size_t kLimit = 4096;

struct Outcome {
  std::vector<Buffer> messages;
  std::vector<std::uint8_t> sequences;
  absl::StatusCode status = absl::StatusCode::kOk;
  bool pending = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read_in_pieces(Bytes stream, std::size_t piece, std::uint8_t first_sequence) {
  MessageReader reader(kLimit);
  reader.expect_sequence(first_sequence);
  Outcome outcome;
  while (!stream.empty()) {
    Bytes input = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(input.size());
    while (true) {
      const absl::StatusOr<std::optional<Message>> message = reader.feed(input);
      if (!message.ok()) {
        outcome.status = message.status().code();
        return outcome;
      }
      if (!message->has_value()) break;
      const Message& found = **message;
      if (found.payload.size() > kLimit) std::abort();
      if (!found.wire.empty() && found.wire.size() != found.payload.size() + kHeaderBytes) std::abort();
      outcome.messages.emplace_back(found.payload.begin(), found.payload.end());
      outcome.sequences.push_back(found.first_sequence);
      outcome.sequences.push_back(found.last_sequence);
    }
    if (!input.empty()) std::abort();
  }
  outcome.pending = reader.pending();
  return outcome;
}

}  // namespace

// The first byte is the size of the pieces, the second the first sequence number.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes stream = Bytes(data, size).subspan(2);
  const Outcome whole = read_in_pieces(stream, std::max<std::size_t>(stream.size(), 1), data[1]);
  const Outcome cut = read_in_pieces(stream, std::max<std::size_t>(data[0], 1), data[1]);
  if (!(whole == cut)) std::abort();
  // What was read can be written: the messages lead back to the bytes that they came from.
  Buffer written;
  std::uint8_t sequence = data[1];
  for (const Buffer& message : whole.messages) append_message(written, message, sequence);
  if (!std::equal(written.begin(), written.end(), stream.begin())) std::abort();
  return 0;
}
