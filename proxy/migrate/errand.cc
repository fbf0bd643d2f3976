#include "proxy/migrate/errand.h"

#include <utility>

#include "proxy/backend/server_errors.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

// Changes of a table's rows wait behind an ALTER that waits for somebody's transaction on it.
constexpr std::string_view kErrandSession = "SET SESSION foreign_key_checks=0,lock_wait_timeout=30";

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
    errand->status = told_apart(done.status());
    if (done.ok()) errand->results.push_back(done->empty() ? protocol::ResultSet() : std::move(done->front()));
  }
  if (to && to->alive()) to->send_quit();
  errand->over = true;
  then();
}

}  // namespace crossfade::proxy
