// Builds the packets of a response.
#pragma once

#include "protocol/packet.h"
#include "tests/support/fake_database.h"

namespace crossfade::support {

// Packets numbered from 1 on, as after a command.
class ResultWriter {
 public:
  explicit ResultWriter(protocol::Capabilities capabilities) : capabilities_(capabilities) {}

  void put(protocol::Bytes payload) { protocol::append_message(wire_, payload, sequence_); }
  enum class Rows : std::uint8_t { text, binary };
  // `status`: the server's flags, which go into OK and terminator.
  void put_answer(const Answer& answer, std::uint16_t status, Rows rows);
  void put_prepared(std::uint32_t id, std::uint16_t columns, std::uint16_t parameters);
  const protocol::Buffer& wire() const { return wire_; }

 private:
  void put_definitions(std::size_t count, const std::vector<std::string>& names);
  void put_end_of_definitions(std::uint16_t status);
  bool deprecate_eof() const { return (capabilities_ & protocol::kDeprecateEof) != 0; }

  protocol::Capabilities capabilities_;
  protocol::Buffer wire_;
  std::uint8_t sequence_ = 1;
};

}  // namespace crossfade::support
