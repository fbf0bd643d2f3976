#include "proxy/admin/admin.h"

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/read.hpp"
#include "boost/asio/write.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crossfade::proxy {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using nlohmann::json;
using ::testing::HasSubstr;
using Response = http::response<http::string_body>;

// A connection to the admin server, blocking.
class Client {
 public:
  explicit Client(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  Response post(const std::string& path, const std::string& body, const std::string& type = "application/json") {
    http::request<http::string_body> request(http::verb::post, path, 11);
    request.set(http::field::host, "localhost");
    request.set(http::field::content_type, type);
    request.body() = body;
    request.prepare_payload();
    http::write(socket_, request);
    return read();
  }
  Response ask(const std::string& path, const std::string& authorization = "", http::verb verb = http::verb::get) {
    http::request<http::string_body> request(verb, path, 11);
    request.set(http::field::host, "localhost");
    if (!authorization.empty()) request.set(http::field::authorization, authorization);
    http::write(socket_, request);
    return read();
  }
  void send(const std::string& raw) { asio::write(socket_, asio::buffer(raw)); }
  Response read() {
    Response response;
    http::read(socket_, buffer_, response);
    return response;
  }
  // True when the server has closed.
  bool at_end() {
    char byte = 0;
    boost::system::error_code error;
    asio::read(socket_, asio::buffer(&byte, 1), error);
    return error.failed();
  }

 private:
  asio::io_context io_;
  tcp::socket socket_{io_};
  beast::flat_buffer buffer_;
};

class AdminTest : public ::testing::Test {
 protected:
  AdminHandlers handlers() {
    return {.status =
                [] {
                  return json{{"version", "1.2"}, {"odd", "x\xff"}};
                },
            .report =
                [] {
                  return json{{"verdict", "SAFE"}};
                },
            .flags = []() -> json { throw std::runtime_error("no flags"); },
            .metrics = [] { return std::string("crossfade_clients_open 1\n"); },
            .ready = [this] { return ready_.load(); },
            .started = [this] { return started_.load(); },
            .release = [this](const ReleaseOrder& order) -> absl::StatusOr<std::string> {
              if (order.table == "slow") {
                begun_.count_down();
                finish_.wait();
              }
              if (order.table == "gone") return absl::NotFoundError("it is not stopped");
              if (order.table == "narrow") return absl::FailedPreconditionError("column v is narrower");
              if (order.table == "away") return absl::UnavailableError("the follower is away");
              return order.schema + " " + order.table + (order.overwrite ? " overwritten" : " compared");
            }};
  }
  void start(const std::string& token = "") {
    auto server = AdminServer::start({.host = "127.0.0.1", .port = 0}, token, handlers());
    ASSERT_TRUE(server.ok()) << std::string(server.status().message());
    server_ = *std::move(server);
  }
  config::Address address() const { return {.host = "127.0.0.1", .port = server_->port()}; }

  std::latch begun_{1}, finish_{1};
  std::atomic<bool> ready_{true};
  std::atomic<bool> started_{true};
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminTest, PicksAFreePort) {
  start();
  EXPECT_NE(server_->port(), 0);
}

TEST_F(AdminTest, AnswersEveryPathOnOneConnection) {
  start();
  Client client(server_->port());
  const Response status = client.ask("/status");
  EXPECT_EQ(status.result_int(), 200u);
  EXPECT_EQ(status[http::field::content_type], "application/json");
  EXPECT_EQ(json::parse(status.body()).at("version"), "1.2");
  EXPECT_THAT(status.body(), HasSubstr("{\n  \"odd\"")) << "JSON for people, broken UTF-8 replaced";
  EXPECT_EQ(json::parse(client.ask("/report?x=1").body()).at("verdict"), "SAFE") << "a query is ignored";
  const Response metrics = client.ask("/metrics");
  EXPECT_EQ(metrics.body(), "crossfade_clients_open 1\n");
  EXPECT_THAT(std::string(metrics[http::field::content_type]), HasSubstr("version=0.0.4"));
  EXPECT_EQ(json::parse(client.ask("/").body()).at("paths").size(), 13u);
}

// Whatever asks whether the process lives must not wait for a server that hangs.
TEST_F(AdminTest, AnOrderThatTakesLongKeepsNobodyElseWaiting) {
  start();
  std::thread orders([this] {
    Client client(server_->port());
    EXPECT_EQ(client.post("/tables/release", R"({"table": "app.slow"})").result_int(), 200u);
  });
  begun_.wait();
  Client client(server_->port());
  EXPECT_EQ(client.ask("/liveness").result_int(), 200u);
  EXPECT_EQ(client.ask("/metrics").result_int(), 200u);
  finish_.count_down();
  orders.join();
}

TEST_F(AdminTest, AHandlerThatThrowsIsAnErrorAndNotTheEnd) {
  start();
  Client client(server_->port());
  const Response failed = client.ask("/flags");
  EXPECT_EQ(failed.result_int(), 500u);
  EXPECT_EQ(failed.body().find("no flags"), std::string::npos);
  EXPECT_EQ(client.ask("/status").result_int(), 200u);
}

TEST_F(AdminTest, HealthFollowsItsHandlersAndLivenessDoesNot) {
  start();
  Client client(server_->port());
  for (const std::string path : {"/startup", "/readiness", "/liveness"}) {
    EXPECT_EQ(client.ask(path).result_int(), 200u) << path;
  }
  ready_ = false;
  EXPECT_EQ(client.ask("/readiness").result_int(), 503u);
  EXPECT_EQ(client.ask("/startup").result_int(), 200u);
  started_ = false;
  EXPECT_EQ(client.ask("/startup").result_int(), 503u);
  EXPECT_EQ(client.ask("/liveness").result_int(), 200u);
}

TEST_F(AdminTest, SaysWhichPathsThereAre) {
  start();
  Client client(server_->port());
  const Response response = client.ask("/nothing");
  EXPECT_EQ(response.result_int(), 404u);
  for (const std::string path : {"/status", "/report", "/flags", "/metrics", "/startup", "/readiness", "/liveness"}) {
    EXPECT_THAT(response.body(), HasSubstr(path));
  }
}

TEST_F(AdminTest, ReleasesATable) {
  start();
  Client client(server_->port());
  const auto text = [&](const std::string& body) {
    const Response response = client.post("/tables/release", body);
    EXPECT_EQ(response.result_int(), 200u) << response.body();
    return json::parse(response.body()).at("text").get<std::string>();
  };
  EXPECT_EQ(text(R"({"table": "shop.t"})"), "shop t compared");
  EXPECT_EQ(text(R"({"table": "shop.t", "overwrite": true})"), "shop t overwritten");
  EXPECT_EQ(text(R"({"table": "shop.a.b", "overwrite": false})"), "shop a.b compared");
  const auto code = [&](const std::string& body) { return client.post("/tables/release", body).result_int(); };
  EXPECT_EQ(code(R"({"table": "shop.gone"})"), 404u);
  EXPECT_EQ(code(R"({"table": "shop.narrow"})"), 409u);
  EXPECT_EQ(code(R"({"table": "shop.away"})"), 503u);
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"table": 1})", R"({"table": "t"})", R"({"table": ".t"})", R"({"table": "s."})"}) {
    EXPECT_EQ(code(bad), 400u) << bad;
  }
}

TEST_F(AdminTest, AnOrderIsNotTakenFromAPageInABrowser) {
  start();
  Client client(server_->port());
  EXPECT_EQ(client.post("/tables/release", R"({"table": "shop.t"})", "text/plain").result_int(), 415u);
  EXPECT_EQ(client.ask("/tables/release").result_int(), 405u);
}

TEST_F(AdminTest, AnOrderNeedsTheToken) {
  start("s3cret");
  Client client(server_->port());
  EXPECT_EQ(client.post("/tables/release", R"({"table": "shop.t"})").result_int(), 401u);
}

TEST_F(AdminTest, OnlyGetIsSupported) {
  start();
  Client client(server_->port());
  for (const http::verb verb : {http::verb::post, http::verb::put, http::verb::delete_}) {
    const Response response = client.ask("/flags", "", verb);
    EXPECT_EQ(response.result_int(), 405u);
    EXPECT_EQ(response[http::field::allow], "GET");
  }
}

TEST_F(AdminTest, ATokenGuardsAllButHealth) {
  start("t0ken");
  Client client(server_->port());
  for (const std::string path : {"/", "/status", "/report", "/flags", "/metrics", "/nothing"}) {
    const Response response = client.ask(path);
    EXPECT_EQ(response.result_int(), 401u) << path;
    EXPECT_EQ(response[http::field::www_authenticate], "Bearer");
  }
  for (const std::string wrong : {"Bearer", "Bearer ", "Bearer t0ke", "Bearer t0ken2", "Bearer T0KEN", "Basic t0ken"}) {
    EXPECT_EQ(client.ask("/status", wrong).result_int(), 401u) << wrong;
  }
  EXPECT_EQ(client.ask("/status", "Bearer t0ken").result_int(), 200u);
  EXPECT_EQ(client.ask("/status", "bearer t0ken").result_int(), 200u) << "the scheme's name has no case";
  for (const std::string path : {"/startup", "/readiness", "/liveness"}) {
    EXPECT_EQ(client.ask(path).result_int(), 200u) << path;
  }
}

TEST_F(AdminTest, RefusesARequestThatIsTooLarge) {
  start();
  Client headers(server_->port());
  headers.send("GET /status HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(9000, 'x') + "\r\n\r\n");
  EXPECT_EQ(headers.read().result_int(), 431u);
  Client body(server_->port());
  body.send("GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 262145\r\n\r\n");
  EXPECT_EQ(body.read().result_int(), 413u);
  EXPECT_TRUE(body.at_end());
}

TEST_F(AdminTest, RefusesWhatIsNotHttp) {
  start();
  Client client(server_->port());
  client.send("\x16\x03\x01 hello\r\n\r\n");
  const Response response = client.read();
  EXPECT_EQ(response.result_int(), 400u);
  EXPECT_TRUE(client.at_end());
}

TEST_F(AdminTest, ClosesWhenAskedTo) {
  start();
  Client client(server_->port());
  client.send("GET /liveness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read().result_int(), 200u);
  EXPECT_TRUE(client.at_end());
}

TEST_F(AdminTest, ServesSixtyFourConnectionsAndNotOneMore) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    ASSERT_EQ(clients.back()->ask("/liveness").result_int(), 200u) << i;
  }
  Client refused(server_->port());
  EXPECT_TRUE(refused.at_end());
  EXPECT_EQ(clients.front()->ask("/liveness").result_int(), 200u);

  clients.clear();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  absl::StatusOr<std::string> again = absl::UnknownError("not asked");
  while (!again.ok() && std::chrono::steady_clock::now() < deadline) again = admin_get(address(), "", "/liveness");
  EXPECT_TRUE(again.ok()) << "closed connections give their places back";
}

TEST_F(AdminTest, StopFreesThePortAndMayBeCalledTwice) {
  start();
  Client idle(server_->port());
  EXPECT_EQ(idle.ask("/liveness").result_int(), 200u);
  const config::Address before = address();
  server_->stop();
  server_->stop();
  EXPECT_FALSE(admin_get(before, "", "/liveness").ok());
  server_.reset();
  EXPECT_TRUE(AdminServer::start(before, "", handlers()).ok());
}

TEST_F(AdminTest, SaysWhyItCannotListen) {
  start();
  const auto taken = AdminServer::start(address(), "", handlers());
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr(address().text()));
  EXPECT_FALSE(AdminServer::start({.host = "no.such.host.invalid", .port = 0}, "", handlers()).ok());
  EXPECT_FALSE(AdminServer::start({.host = "/tmp/admin", .is_unix = true}, "", handlers()).ok());
}

TEST_F(AdminTest, TheClientGetsTheBodyOrTheReason) {
  start("t0ken");
  EXPECT_EQ(*admin_get(address(), "t0ken", "/metrics"), "crossfade_clients_open 1\n");
  const auto refused = admin_get(address(), "wrong", "/status");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("HTTP 401"));
  EXPECT_EQ(admin_get(address(), "t0ken", "/nothing").status().code(), absl::StatusCode::kNotFound);
  ready_ = false;
  const auto unready = admin_get(address(), "", "/readiness");
  EXPECT_THAT(std::string(unready.status().message()), HasSubstr("HTTP 503: not ready"));
}

TEST_F(AdminTest, TheClientRefusesWhatItCannotAsk) {
  EXPECT_EQ(admin_get({.host = "/run/admin", .is_unix = true}, "", "/").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(admin_get({.host = "127.0.0.1", .port = 1}, "a\r\nb", "/").status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto unreachable = admin_get({.host = "no.such.host.invalid", .port = 1}, "", "/");
  EXPECT_EQ(unreachable.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace crossfade::proxy
