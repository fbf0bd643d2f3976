#include "proxy/migrate/errand.h"

#include <utility>

#include "proxy/deadlines.h"

namespace crossfade::proxy {

Task<void> run_errand(Reactor& reactor, Counters& counters, LinkOptions link, std::shared_ptr<Errand> errand,
                      std::function<void()> then) {
  auto opened = co_await BackendLink::open(reactor, std::move(link), counters, Clock::now() + kConnectMax);
  errand->status = opened.status();
  std::unique_ptr<BackendLink> to;
  if (opened.ok()) {
    to = *std::move(opened);
    auto prepared = co_await to->query("SET SESSION foreign_key_checks=0", soon());
    errand->status = prepared.status();
  }
  for (std::size_t i = 0; errand->status.ok() && i < errand->statements.size(); ++i) {
    auto done = co_await to->query(errand->statements[i], Clock::now() + kStatementMax);
    errand->status = done.status();
    if (done.ok()) errand->results.push_back(done->empty() ? protocol::ResultSet() : std::move(done->front()));
  }
  if (to && to->alive()) to->send_quit();
  errand->over = true;
  then();
}

}  // namespace crossfade::proxy
