// One connection to a backend: greeted, then logged in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/config.h"
#include "protocol/handshake.h"
#include "protocol/login_as_client.h"
#include "protocol/proxy_protocol.h"
#include "protocol/response_tracker.h"
#include "protocol/rows.h"
#include "proxy/counts/metrics.h"
#include "proxy/net/places.h"
#include "proxy/net/stream.h"

namespace crossfade::proxy {

// One complete response as it arrived, with the place and the end of each of its results.
struct Captured {
  protocol::Buffer wire;
  struct Result {
    std::size_t begin = 0;
    std::size_t end = 0;
    protocol::ResultEnd outcome;
  };
  std::vector<Result> results;
  protocol::Bytes bytes_of(const Result& result) const {
    return protocol::Bytes(wire).subspan(result.begin, result.end - result.begin);
  }
  // The last result's end: how the response as a whole went.
  const protocol::ResultEnd& last() const { return results.back().outcome; }
  bool failed() const { return last().kind == protocol::ResultEnd::Kind::err; }
};

// When a response came.
struct Arrival {
  TimePoint first_byte{};
  TimePoint last_byte{};
};

// Where and as whom to connect.
struct LinkOptions {
  config::Backend which = config::Backend::old_db;
  config::Address address;
  config::BackendTls::Mode tls_mode = config::BackendTls::Mode::disabled;
  std::shared_ptr<const TlsContext> tls;
  std::string user;
  std::string password;
  std::string schema;
  config::BackendCompression compression = config::BackendCompression::none;  // where the server has it
  protocol::Capabilities mirrored = 0;  // of the client's flags, those that shape responses
  std::uint16_t collation = 45;
  // Only where we send several statements in a packet ourselves: elsewhere the server then stops what a
  // lexer of ours should have taken for one.
  enum class Statements : std::uint8_t { single, multiple } statements = Statements::single;
  // Whose variables: the server's, which a client is to find, or always the same ones, whatever the server's are.
  enum class Session : std::uint8_t { as_server, own } session = Session::as_server;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::optional<protocol::ProxyHeader> proxy_header;  // goes first
  Places* at_the_door = nullptr;                      // one is taken until the server has greeted
};

// A server's own no: before its greeting (1040, 1129, 1130) or to a login.
struct Refusal {
  protocol::Err err;
  protocol::Buffer payload;  // as it came: ahead of the greeting servers leave the SQLSTATE out
};

// After any failed Status the link is dead and must be dropped, never pooled. An ERR packet is not a
// failure: it is a value in the response.
class BackendLink {
 public:
  // Both halves of opening. A refusal in the server's own words is put into `refused`, and the status is
  // PermissionDenied.
  static Task<absl::StatusOr<std::unique_ptr<BackendLink>>> open(Reactor& reactor, LinkOptions options,
                                                                 Counters& counters, TimePoint deadline,
                                                                 std::optional<Refusal>* refused = nullptr);
  // The first half: connects and reads the greeting. Of `options` only where to connect is used. The server
  // now waits for a login, for its connect_timeout at most; if none comes, it counts an error against this host.
  static Task<absl::StatusOr<std::unique_ptr<BackendLink>>> greet(Reactor& reactor, LinkOptions options,
                                                                  Counters& counters, TimePoint deadline,
                                                                  std::optional<Refusal>* refused = nullptr);
  // The second half; `options` has the same address.
  Task<absl::Status> log_in(LinkOptions options, TimePoint deadline, std::optional<Refusal>* refused = nullptr);
  // COM_CHANGE_USER on this connection: user, password, schema, collation and attributes of `options`. After a
  // refusal a MySQL server has closed the connection; a MariaDB server goes on as the old user.
  Task<absl::Status> change_user(LinkOptions options, TimePoint deadline, std::optional<Refusal>* refused = nullptr);
  ~BackendLink();
  BackendLink(const BackendLink&) = delete;
  BackendLink& operator=(const BackendLink&) = delete;

  // Sends packets that are already framed.
  Task<absl::Status> send(protocol::Bytes wire, TimePoint deadline);
  // Reads one whole response, at most `bytes_max` of it, and notes when it came where that is asked for.
  Task<absl::StatusOr<Captured>> capture(protocol::ResponseKind kind, TimePoint deadline,
                                         std::size_t bytes_max = kCaptureMax, Arrival* arrival = nullptr);
  // COM_QUERY and its whole response.
  Task<absl::StatusOr<Captured>> run(std::string sql, TimePoint deadline, std::size_t bytes_max = kCaptureMax);
  // run() taken apart; an ERR becomes FailedPrecondition "1146 (42S02): ..."; a lock that was waited for in vain, a
  // deadlock and a server that is shutting down Unavailable, since another time may do.
  Task<absl::StatusOr<std::vector<protocol::ResultSet>>> query(std::string sql, TimePoint deadline,
                                                               std::size_t bytes_max = kCaptureMax);
  // query() of a SELECT that the client knows nothing of: a KILL QUERY that meets it came between two statements as far
  // as the client can tell, and so it is asked again.
  Task<absl::StatusOr<std::vector<protocol::ResultSet>>> ask(std::string sql, TimePoint deadline);
  // ask() for the one row of SELECT `columns`, `count` of them, which may not have a LIMIT of their own: a client may
  // have set sql_select_limit.
  Task<absl::StatusOr<std::vector<protocol::Cell>>> ask_row(std::string columns, std::size_t count, TimePoint deadline);
  // query() of one statement whose answer is rows of so many columns; or one row. Internal: it was another.
  Task<absl::StatusOr<std::vector<std::vector<protocol::Cell>>>> query_rows(std::string sql, std::size_t columns,
                                                                            TimePoint deadline,
                                                                            std::size_t bytes_max = kCaptureMax);
  Task<absl::StatusOr<std::vector<protocol::Cell>>> query_row(std::string sql, std::size_t columns, TimePoint deadline);
  void send_quit();
  // In the middle of an exchange that will not be finished: send_quit() would be taken for a part of it. The
  // server notices that the connection has closed, and rolls back.
  // With a text, whoever waits for its answer has Unavailable with that.
  void abandon(std::string why = {});

  Stream& stream() { return *stream_; }
  const Stream& stream() const { return *stream_; }
  // Bytes of a next response that came together with the last one (pipelined commands).
  protocol::Buffer& early() { return early_; }
  config::Backend which() const { return options_.which; }
  protocol::Capabilities capabilities() const { return capabilities_; }
  const protocol::Greeting& greeting() const { return greeting_; }
  const protocol::Ok& login_ok() const { return login_ok_; }
  bool is_mariadb() const { return protocol::is_mariadb(greeting_); }
  // True while nothing shows that the server has left, or that it was left in the middle.
  bool alive() { return !abandoned_ && early_.empty() && !stream_->gone_while_idle(); }
  // The error that the last response ended in, if servers close the connection behind its like: a KILL, an init_connect
  // that failed, a packet too large. It may also be a client's SIGNAL: has_left() tells.
  const std::optional<protocol::Err>& parting() const { return parting_; }
  // The last response ended without an error or a warning.
  bool ended_clean() const { return ended_clean_; }
  // How a response ended that was read from stream() past this class.
  void note_end(const protocol::ResultEnd& end);
  struct Since {
    TimePoint quiet{};                     // the server has been idle with us
    TimePoint awaited = TimePoint::max();  // its answer is waited for; max(): it is not
  };
  const Since& since() const { return since_; }
  TimePoint logged_in_at() const { return logged_in_at_; }
  // Asks by COM_STATISTICS, of which the session's diagnostics keep no trace.
  Task<bool> has_left(TimePoint deadline);

  static constexpr std::size_t kCaptureMax = 64u << 20;

 private:
  BackendLink(LinkOptions options, Counters& counters);
  protocol::LoginAsClient::Options login_options() const;
  absl::StatusOr<std::vector<protocol::ResultSet>> taken_apart(const absl::StatusOr<Captured>& answer) const;
  void start_compression();
  Task<absl::Status> read_greeting(TimePoint deadline, std::optional<Refusal>* refused);
  Task<absl::Status> converse(protocol::LoginAsClient& machine, protocol::LoginAsClient::Action first,
                              std::uint8_t sequence, TimePoint deadline, std::optional<Refusal>* refused);
  // Counted, and with the backend's name and address in front.
  absl::Status failure(const absl::Status& status) const;

  LinkOptions options_;
  Counters& counters_;
  std::unique_ptr<Stream> stream_;
  protocol::Buffer greeting_payload_;  // until the login
  protocol::Greeting greeting_;
  protocol::Ok login_ok_;
  protocol::Capabilities capabilities_ = 0;
  protocol::Buffer early_;
  std::optional<protocol::Err> parting_;
  bool ended_clean_ = true;
  TimePoint logged_in_at_{};
  Since since_;
  std::optional<std::string> abandoned_;
};

// query_row() of one column that is a whole number, such as COUNT(*). Internal also: it is NULL, or no number.
Task<absl::StatusOr<std::uint64_t>> query_number(BackendLink& link, std::string sql, TimePoint deadline);

// "1146 (42S02): Table ... doesn't exist": for clients, and for errors of our own statements.
std::string err_text(const protocol::Err& err);
// Servers close the connection after such an error, or may.
bool may_end_connection(const protocol::Err& err);
// "1062 (23000)": for logs and the status page, since a server's words may quote values of a client's.
std::string err_code(const protocol::Err& err);

}  // namespace crossfade::proxy
