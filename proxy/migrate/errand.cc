#include "proxy/migrate/errand.h"

#include <charconv>
#include <utility>

#include "proxy/feed/follower_writer.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

// Changes of a table's rows wait behind an ALTER that waits for somebody's transaction on it.
constexpr std::string_view kErrandSession = "SET SESSION foreign_key_checks=0,lock_wait_timeout=30";

// A full disk, a server that shuts down: to be tried again. Messages begin with the server's code.
absl::Status judged(const absl::Status& failure) {
  const std::string message(failure.message());
  std::uint16_t code = 0;
  std::from_chars(message.data(), message.data() + message.size(), code);
  return absl::IsFailedPrecondition(failure) && is_of_the_server(code) ? absl::UnavailableError(message) : failure;
}

}  // namespace

Task<void> run_errand(Reactor& reactor, Counters& counters, LinkOptions link, std::shared_ptr<Errand> errand,
                      std::function<void()> then) {
  auto opened = co_await BackendLink::open(reactor, std::move(link), counters, Clock::now() + kConnectMax);
  errand->status = opened.status();
  std::unique_ptr<BackendLink> to;
  if (opened.ok()) {
    to = *std::move(opened);
    auto prepared = co_await to->query(std::string(kErrandSession), soon());
    errand->status = prepared.status();
  }
  for (std::size_t i = 0; errand->status.ok() && i < errand->statements.size(); ++i) {
    auto done = co_await to->query(errand->statements[i], Clock::now() + kStatementMax);
    errand->status = judged(done.status());
    if (done.ok()) errand->results.push_back(done->empty() ? protocol::ResultSet() : std::move(done->front()));
  }
  if (to && to->alive()) to->send_quit();
  errand->over = true;
  then();
}

}  // namespace crossfade::proxy
