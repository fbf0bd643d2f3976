#include <chrono>
#include <optional>
#include <utility>

#include "boost/asio/as_tuple.hpp"
#include "boost/asio/awaitable.hpp"
#include "boost/asio/co_spawn.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/use_awaitable.hpp"
#include "boost/beast/core.hpp"
#include "boost/beast/http.hpp"
#include "proxy/admin/admin.h"

namespace crossfade::proxy {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::chrono::seconds kLookTimeout{10};
constexpr std::chrono::seconds kOrderTimeout{90};  // it is done when it is answered
constexpr std::size_t kReasonBytesMax = 4000;
constexpr std::uint64_t kAnswerBytesMax = 256ull << 20;
constexpr auto kAwaited = asio::as_tuple(asio::use_awaitable);

struct AdminCall {
  config::Address address;
  std::string token;
  std::string path;
  std::string json = {};  // to be posted; empty: GET
};

absl::Status unreachable(const AdminCall& asked, const boost::system::error_code& error) {
  return absl::UnavailableError("cannot reach the admin server at " + asked.address.text() + ": " + error.message());
}

absl::StatusOr<std::string> body_or_error(const AdminCall& asked, http::response<http::string_body> response) {
  if (response.result() == http::status::ok) return std::move(response.body());
  std::string why = response.body().substr(0, kReasonBytesMax);
  while (why.ends_with('\n')) why.pop_back();
  const std::string message = "the admin server at " + asked.address.text() + " answered " + asked.path +
                              " with HTTP " + std::to_string(response.result_int()) + ": " + why;
  if (response.result() == http::status::unauthorized) return absl::UnauthenticatedError(message);
  if (response.result() == http::status::not_found) return absl::NotFoundError(message);
  return absl::FailedPreconditionError(message);
}

// With sanitizers GCC 12 takes Asio's own pair of coroutine allocator functions for a mismatch.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
asio::awaitable<absl::StatusOr<std::string>> ask(AdminCall asked) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto [unknown, endpoints] =
      co_await resolver.async_resolve(asked.address.host, std::to_string(asked.address.port), kAwaited);
  if (unknown) co_return unreachable(asked, unknown);
  beast::tcp_stream stream(executor);
  stream.expires_after(asked.json.empty() ? kLookTimeout : kOrderTimeout);
  const auto [refused, endpoint] = co_await stream.async_connect(endpoints, kAwaited);
  if (refused) co_return unreachable(asked, refused);

  const bool posts = !asked.json.empty();
  http::request<http::string_body> request(posts ? http::verb::post : http::verb::get, asked.path, 11);
  if (posts) {
    request.set(http::field::content_type, "application/json");
    request.body() = asked.json;
    request.prepare_payload();
  }
  request.set(http::field::host, asked.address.text());
  request.set(http::field::user_agent, "crossfade");
  if (!asked.token.empty()) request.set(http::field::authorization, "Bearer " + asked.token);
  request.keep_alive(false);
  const auto [not_sent, sent] = co_await http::async_write(stream, request, kAwaited);
  if (not_sent) co_return unreachable(asked, not_sent);

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  const auto [not_read, read] = co_await http::async_read(stream, buffer, parser, kAwaited);
  if (not_read) co_return unreachable(asked, not_read);
  co_return body_or_error(asked, parser.release());
}
#pragma GCC diagnostic pop

absl::StatusOr<std::string> run(AdminCall asked) {
  if (asked.address.is_unix) {
    return absl::InvalidArgumentError("the admin server has a TCP address, not " + asked.address.text());
  }
  // A line break would end the header and begin another.
  if (asked.token.find_first_of("\r\n") != std::string::npos) {
    return absl::InvalidArgumentError("the token has a line break");
  }
  asio::io_context io(1);
  std::optional<absl::StatusOr<std::string>> result;
  asio::co_spawn(io, ask(std::move(asked)),
                 [&result](const std::exception_ptr& failure, absl::StatusOr<std::string> got) {
                   result = failure == nullptr ? std::move(got) : absl::InternalError("the admin request failed");
                 });
  io.run();
  return *std::move(result);
}

}  // namespace

absl::StatusOr<std::string> admin_post(const config::Address& address, const std::string& token,
                                       const std::string& path, std::string json) {
  return run({.address = address, .token = token, .path = path, .json = std::move(json)});
}

absl::StatusOr<std::string> admin_get(const config::Address& address, const std::string& token,
                                      const std::string& path) {
  return run({.address = address, .token = token, .path = path});
}

}  // namespace crossfade::proxy
