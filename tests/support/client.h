// An application's end of a connection: blocking, one command at a time, or raw bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/command.h"
#include "protocol/login_as_client.h"
#include "protocol/prepared.h"
#include "protocol/rows.h"
#include "tests/support/blocking_socket.h"

namespace crossfade::support {

// What came back on one command.
struct Reply {
  enum class Kind : std::uint8_t { ok, err, rows, closed, timed_out, broken };
  Kind kind = Kind::broken;
  protocol::Ok ok;  // of the last result
  protocol::Err err;
  std::vector<protocol::ResultSet> results;
  protocol::Buffer wire;

  bool is_ok() const { return kind == Kind::ok; }
  std::uint16_t code() const { return kind == Kind::err ? err.code : std::uint16_t{0}; }
  std::string cell() const;  // the first one; "" when there is none
};

class Client {
 public:
  struct Options {
    std::string user = "app";
    std::string password = "secret";
    std::string schema = "shop";
    bool secure_transport = false;  // the password may be sent in the clear
    protocol::Capabilities capabilities =
        protocol::kSupported & ~(protocol::kMultiStatements | protocol::kSessionTrack);
  };
  // Takes the descriptor over and logs in; the status says why that failed.
  static absl::StatusOr<std::unique_ptr<Client>> log_in(int fd, const Options& options);

  Reply query(const std::string& sql) { return command(protocol::encode_query(sql), protocol::ResponseKind::query); }
  Reply command(protocol::Bytes payload, protocol::ResponseKind kind);
  // The id, or 0; `refused` gets the answer.
  std::uint32_t prepare(const std::string& sql, Reply* refused = nullptr);
  // Every parameter is sent as an integer.
  // Sends a COM_CHANGE_USER and answers what follows with `password`.
  Reply change_user(protocol::Bytes payload, const std::string& password);
  // The login took full authentication.
  bool full_authentication() const { return full_authentication_; }
  Reply execute(std::uint32_t statement, const std::vector<std::int64_t>& parameters);

  bool send(protocol::Bytes wire, std::size_t piece_bytes = 0) { return socket_.write(wire, piece_bytes); }
  Reply read(protocol::ResponseKind kind);
  // True when the other end closes and sends nothing more.
  bool closed();
  void hang_up() { socket_.shut_down(); }

 private:
  explicit Client(int fd) : socket_(fd) {}
  absl::Status authenticate(const Options& options);

  BlockingSocket socket_;
  protocol::Capabilities capabilities_ = 0;
  bool full_authentication_ = false;
  protocol::Buffer early_;
};

}  // namespace crossfade::support
