#include "proxy/admin/admin.h"

#include <openssl/crypto.h>

#include <array>
#include <chrono>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "boost/asio/as_tuple.hpp"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/asio/thread_pool.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "proxy/counts/log_limit.h"
#include "spdlog/spdlog.h"

namespace crossfade::proxy {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::size_t kConnectionsMax = 64;
constexpr std::uint32_t kHeaderBytesMax = 8192;
constexpr std::uint64_t kBodyBytesMax = 256 * 1024;  // a list of tables
constexpr std::chrono::seconds kTimeout{10};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kPaths =
    "/ /status /report /flags /metrics /startup /readiness /liveness /tables/release /jobs/backfill "
    "/jobs/verify /jobs/repair /jobs/switch /jobs/feed";

beast::string_view to_beast(std::string_view text) { return {text.data(), text.size()}; }

std::string pretty(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Response answer(http::status status, std::string_view type, std::string body) {
  Response response;
  response.result(status);
  response.set(http::field::content_type, to_beast(type));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.body() = std::move(body);
  return response;
}

Response health(bool good, std::string_view otherwise) {
  return good ? answer(http::status::ok, kText, "ok\n")
              : answer(http::status::service_unavailable, kText, std::string(otherwise) + "\n");
}

Response index() {
  return answer(
      http::status::ok, kJson,
      pretty({{"crossfade", "admin"},
              {"paths",
               {{"/status", "what the proxy is doing"},
                {"/report", "what the shadow comparisons have shown"},
                {"/flags", "the flags in force"},
                {"/metrics", "Prometheus metrics"},
                {"/tables/release", "POST: a stopped table is caught up"},
                {"/jobs/backfill", "how far the copy of tables is; POST: start, pause, resume, cancel"},
                {"/jobs/verify", "what comparing both databases has shown; POST as for /jobs/backfill"},
                {"/jobs/repair", "how far the repair of rows is; POST as for /jobs/backfill"},
                {"/jobs/switch", "who leads, whether writes are frozen; POST: freeze, renew, switch, unfreeze"},
                {"/jobs/feed", "by what the follower is fed, and whether that changes; POST: switch"},
                {"/startup", "200 once the proxy has started"},
                {"/readiness", "200 while it takes clients"},
                {"/liveness", "200 while the process works, whatever the backends do"}}}}));
}

// Answers one request. Knows nothing of connections.
class Router {
 public:
  Router(std::string token, AdminHandlers handlers) : token_(std::move(token)), handlers_(std::move(handlers)) {}

  // One that may take a minute.
  bool is_order(const Request& request) const {
    const std::string_view path = path_of(request);
    return path == kRelease || (job_at(path) != nullptr && request.method() == http::verb::post);
  }

  Response route(const Request& request) const {
    // A handler that throws is our fault, and must not end the admin thread.
    try {
      return route_path(request);
    } catch (const std::exception& error) {
      limited_log().error(LogKind::admin, "admin request failed: {}", error.what());
      return answer(http::status::internal_server_error, kText, "internal error\n");
    }
  }

 private:
  static constexpr std::string_view kRelease = "/tables/release";

  static std::string_view path_of(const Request& request) {
    const std::string_view target(request.target().data(), request.target().size());
    return target.substr(0, target.find('?'));
  }

  Response route_path(const Request& request) const {
    const std::string_view path = path_of(request);
    const bool is_health = path == "/startup" || path == "/readiness" || path == "/liveness";
    if (!is_health && !authorized(request)) {
      Response response = answer(http::status::unauthorized, kText, "a token is required\n");
      response.set(http::field::www_authenticate, "Bearer");
      return response;
    }
    const AdminHandlers::Job* job = job_at(path);
    const bool orders = is_order(request);
    const http::verb method = orders ? http::verb::post : http::verb::get;
    if (request.method() != method) {
      const std::string name(http::to_string(method));
      Response response = answer(http::status::method_not_allowed, kText, "only " + name + " is supported\n");
      response.set(http::field::allow, name);
      return response;
    }
    if (orders) return job != nullptr ? order_job(*job, request) : release(request);
    if (job != nullptr) return answer(http::status::ok, kJson, pretty(job->status()));
    if (path == "/") return index();
    if (path == "/status") return answer(http::status::ok, kJson, pretty(handlers_.status()));
    if (path == "/report") return answer(http::status::ok, kJson, pretty(handlers_.report()));
    if (path == "/flags") return answer(http::status::ok, kJson, pretty(handlers_.flags()));
    if (path == "/metrics") return answer(http::status::ok, kMetrics, handlers_.metrics());
    if (path == "/startup") return health(handlers_.started(), "starting");
    if (path == "/readiness") return health(handlers_.ready(), "not ready");
    if (path == "/liveness") return health(true, "");
    return answer(http::status::not_found, kText, "no such path; there are: " + std::string(kPaths) + "\n");
  }

  // What a page in somebody's browser may send elsewhere without being asked has another type.
  static bool is_json(const Request& request) {
    return beast::iequals(request[http::field::content_type], to_beast(kJson));
  }

  static Response not_done(const absl::Status& status) {
    const http::status code = absl::IsNotFound(status)          ? http::status::not_found
                              : absl::IsInvalidArgument(status) ? http::status::bad_request
                              : absl::IsUnavailable(status)     ? http::status::service_unavailable
                                                                : http::status::conflict;
    return answer(code, kText, std::string(status.message()) + "\n");
  }

  // nullptr: the path is of something else.
  const AdminHandlers::Job* job_at(std::string_view path) const {
    constexpr std::string_view kJobs = "/jobs/";
    if (!path.starts_with(kJobs)) return nullptr;
    const auto found = handlers_.jobs.find(std::string(path.substr(kJobs.size())));
    return found == handlers_.jobs.end() ? nullptr : &found->second;
  }

  static Response order_job(const AdminHandlers::Job& job, const Request& request) {
    if (!is_json(request)) return answer(http::status::unsupported_media_type, kText, "send application/json\n");
    const auto done = job.order(nlohmann::json::parse(request.body(), nullptr, false));
    return done.ok() ? answer(http::status::ok, kJson, pretty({{"text", *done}})) : not_done(done.status());
  }

  // {"table": "schema.table", "overwrite": false}
  Response release(const Request& request) const {
    if (!is_json(request)) return answer(http::status::unsupported_media_type, kText, "send application/json\n");
    const nlohmann::json order = nlohmann::json::parse(request.body(), nullptr, false);
    const std::string table = order.is_object() && order.contains("table") && order["table"].is_string()
                                  ? order["table"].get<std::string>()
                                  : std::string();
    const std::size_t dot = table.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == table.size()) {
      return answer(http::status::bad_request, kText, "send {\"table\": \"schema.table\"}\n");
    }
    const bool overwrite = order.contains("overwrite") && order["overwrite"] == true;
    const auto done =
        handlers_.release({.schema = table.substr(0, dot), .table = table.substr(dot + 1), .overwrite = overwrite});
    if (done.ok()) return answer(http::status::ok, kJson, pretty({{"released", table}, {"text", *done}}));
    return not_done(done.status());
  }

  bool authorized(const Request& request) const {
    if (token_.empty()) return true;
    const beast::string_view header = request[http::field::authorization];
    constexpr std::string_view kScheme = "Bearer ";
    if (!beast::iequals(header.substr(0, kScheme.size()), to_beast(kScheme))) return false;
    const beast::string_view given = header.substr(kScheme.size());
    return given.size() == token_.size() && CRYPTO_memcmp(given.data(), token_.data(), token_.size()) == 0;
  }

  const std::string token_;
  const AdminHandlers handlers_;
};

class HttpAdminServer final : public AdminServer {
 public:
  HttpAdminServer(std::string token, AdminHandlers handlers) : router_(std::move(token), std::move(handlers)) {}
  HttpAdminServer(const HttpAdminServer&) = delete;
  HttpAdminServer& operator=(const HttpAdminServer&) = delete;
  ~HttpAdminServer() override { stop(); }

  absl::Status begin(const config::Address& address) {
    boost::system::error_code error;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
    if (error || found.empty()) return refused(address, "cannot be resolved: " + error.message());
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return refused(address, "cannot be listened on: " + error.message());
    port_ = acceptor_.local_endpoint().port();
    spawn(accept_all());
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  std::uint16_t port() const override { return port_; }

  void stop() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    orders_.stop();
    orders_.join();
    // Frees the port at once; connections end with this object.
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  static absl::Status refused(const config::Address& address, const std::string& why) {
    return absl::FailedPreconditionError("admin address " + address.text() + " " + why);
  }

  // The io_context owns the task; it ends with it at the latest.
  void spawn(asio::awaitable<void> task) {
    asio::co_spawn(io_, std::move(task), [](const std::exception_ptr& failure) {
      if (failure == nullptr) return;
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        limited_log().error(LogKind::admin, "admin server: {}", error.what());
      }
    });
  }

  asio::awaitable<void> accept_all() {
    asio::steady_timer pause(io_);
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (error) {
        // Out of file descriptors, most likely: it will pass, and asking at once would spin.
        limited_log().warn(LogKind::admin, "admin server cannot accept a connection: {}", error.message());
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(kAwait);
        continue;
      }
      if (open_ >= kConnectionsMax) {
        limited_log().warn(LogKind::admin, "admin connection refused: {} are open", open_);
        continue;  // closes the socket
      }
      ++open_;
      spawn(converse(beast::tcp_stream(std::move(socket))));
    }
  }

  asio::awaitable<void> converse(beast::tcp_stream stream) {
    const absl::Cleanup closed = [this] { --open_; };
    beast::flat_buffer buffer(kHeaderBytesMax + kBodyBytesMax);
    for (bool keep = true; keep;) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(kHeaderBytesMax);
      parser.body_limit(kBodyBytesMax);
      stream.expires_after(kTimeout);
      const auto [read_error, read_bytes] = co_await http::async_read(stream, buffer, parser, kAwait);
      if (read_error && !is_bad_request(read_error)) break;
      Response response;
      if (read_error) {
        response = bad_request(read_error);
      } else if (router_.is_order(parser.get())) {
        auto [failure, answered] = co_await asio::co_spawn(orders_, carry_out(parser.get()), kAwait);
        if (failure) break;
        response = std::move(answered);
      } else {
        response = router_.route(parser.get());
      }
      keep = !read_error && parser.get().keep_alive();
      response.version(read_error ? 11 : parser.get().version());
      response.keep_alive(keep);
      response.prepare_payload();
      stream.expires_after(kTimeout);
      const auto [write_error, written] = co_await http::async_write(stream, response, kAwait);
      if (write_error) break;
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  asio::awaitable<Response> carry_out(const Request& request) const { co_return router_.route(request); }

  // The client's fault, which it is told; all else is the connection's end.
  static bool is_bad_request(const boost::system::error_code& error) {
    return error.category() == make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
  }

  static Response bad_request(const boost::system::error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return answer(http::status::request_header_fields_too_large, kText, "the request is too large\n");
    }
    if (error == http::error::body_limit) {
      return answer(http::status::payload_too_large, kText, "the request is too large\n");
    }
    return answer(http::status::bad_request, kText, error.message() + "\n");
  }

  const Router router_;
  std::uint16_t port_ = 0;
  std::size_t open_ = 0;  // the admin thread's
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  std::thread thread_;
  // Orders are carried out one after the other, and nobody who asks for a state waits for them.
  asio::thread_pool orders_{1};
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::start(const config::Address& address, std::string token,
                                                                AdminHandlers handlers) {
  if (address.is_unix) {
    return absl::InvalidArgumentError("the admin server needs a TCP address, not " + address.text());
  }
  auto server = std::make_unique<HttpAdminServer>(std::move(token), std::move(handlers));
  if (absl::Status begun = server->begin(address); !begun.ok()) return begun;
  return std::unique_ptr<AdminServer>(std::move(server));
}

}  // namespace crossfade::proxy
