#include "proxy/net/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "proxy/net/single_flight_cache.h"

namespace crossfade::proxy {
namespace {

using Endpoints = std::vector<Endpoint>;

absl::StatusOr<Endpoint> unix_endpoint(const std::string& path) {
  Endpoint endpoint;
  auto* local = reinterpret_cast<sockaddr_un*>(&endpoint.storage);
  if (path.size() >= sizeof local->sun_path) return absl::InvalidArgumentError("socket path too long: " + path);
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, path.c_str(), path.size() + 1);
  endpoint.length = sizeof(sockaddr_un);
  return endpoint;
}

absl::StatusOr<Endpoints> ask_system(const std::string& host, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return absl::UnavailableError("cannot resolve " + host + ": " + gai_strerror(error));
  Endpoints endpoints;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Endpoint endpoint;
    std::memcpy(&endpoint.storage, one->ai_addr, one->ai_addrlen);
    endpoint.length = one->ai_addrlen;
    endpoints.push_back(endpoint);
  }
  freeaddrinfo(found);
  return endpoints;
}

void set_port(Endpoint& endpoint, std::uint16_t port) {
  if (endpoint.storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(&endpoint.storage)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(&endpoint.storage)->sin_port = htons(port);
  }
}

}  // namespace

bool Endpoint::operator==(const Endpoint& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

struct Resolver::State : std::enable_shared_from_this<State> {
  using Cache = SingleFlightCache<std::string, Endpoints>;
  static constexpr Cache::Lifetimes kLifetimes{.refresh_after = std::chrono::seconds(30),
                                               .fresh_for = std::chrono::seconds(60),
                                               .usable_for = std::chrono::hours(1),
                                               .patience = std::chrono::seconds(1),
                                               .failure_for = std::chrono::seconds(1),
                                               .entries_max = 100};

  State(LookUp asked, Now now)
      : look_up(std::move(asked)),
        cache(
            kLifetimes, [this](const std::string& host, Cache::Land land) { enqueue(host, std::move(land)); },
            std::move(now)) {}

  void enqueue(const std::string& host, Cache::Land land) {
    const std::lock_guard lock(mutex);
    jobs.push_back({host, std::move(land)});
    if (jobs.size() <= idle || threads >= kThreadsMax) {
      changed.notify_one();
      return;
    }
    ++threads;
    std::thread([self = shared_from_this()] { self->work(); }).detach();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      changed.wait(lock, [this] { return stopping || !jobs.empty(); });
      --idle;
      if (stopping) return;
      Job job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      auto found = look_up(job.host);
      if (found.ok() && found->empty()) found = absl::UnavailableError("cannot resolve " + job.host + ": no address");
      job.land({.value = std::move(found), .fresh_for = std::nullopt});
      lock.lock();
    }
  }

  struct Job {
    std::string host;
    Cache::Land land;
  };
  const LookUp look_up;
  Cache cache;
  std::mutex mutex;  // guards all below
  std::condition_variable changed;
  std::deque<Job> jobs;  // as many as names at most
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool stopping = false;
  std::map<std::string, Endpoint> last_good;  // by the address's text
};

Resolver::Resolver(LookUp look_up, Now now) : state_(std::make_shared<State>(std::move(look_up), std::move(now))) {}

Resolver::~Resolver() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
}

Resolver& Resolver::of_process() {
  static auto& resolver = *new Resolver();
  return resolver;
}

absl::StatusOr<std::vector<Endpoint>> Resolver::by_system(const std::string& host) {
  return ask_system(host, AI_ADDRCONFIG);
}

Task<absl::StatusOr<std::vector<Endpoint>>> Resolver::resolve(Reactor& reactor, config::Address address,
                                                              TimePoint deadline) {
  if (address.is_unix) {
    auto local = unix_endpoint(address.host);
    if (!local.ok()) co_return local.status();
    co_return Endpoints(1, *local);
  }
  auto found = ask_system(address.host, AI_NUMERICHOST);
  if (!found.ok()) {
    found = co_await state_->cache.get(reactor, address.host, deadline);
    if (absl::IsDeadlineExceeded(found.status())) {
      co_return absl::DeadlineExceededError("resolving " + address.host + " took too long");
    }
    if (!found.ok()) co_return found.status();
  }
  Endpoints endpoints = *std::move(found);
  for (Endpoint& endpoint : endpoints) set_port(endpoint, address.port);
  if (endpoints.size() > 1) {
    const std::lock_guard lock(state_->mutex);
    const auto good = state_->last_good.find(address.text());
    if (good != state_->last_good.end()) {
      std::stable_partition(endpoints.begin(), endpoints.end(),
                            [&good](const Endpoint& endpoint) { return endpoint == good->second; });
    }
  }
  co_return endpoints;
}

void Resolver::note_connected(const config::Address& address, const Endpoint& endpoint) {
  if (address.is_unix) return;
  const std::lock_guard lock(state_->mutex);
  state_->last_good[address.text()] = endpoint;  // as many as backends
}

}  // namespace crossfade::proxy
