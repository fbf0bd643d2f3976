#include "proxy/migrate/chunk_loader.h"

#include <algorithm>
#include <utility>

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

constexpr int kTriesMax = 10;  // of a statement that meets a deadlock
constexpr auto kLoadTryPause = std::chrono::milliseconds(20);

}  // namespace

void ChunkLoader::add(std::shared_ptr<Chunk> chunk, ChangedBy by, std::size_t connections) {
  auto load = std::make_shared<Load>();
  load->chunk = std::move(chunk);
  load->by = by;
  loads_.push_back(std::move(load));
  if (connections_.size() < connections) connections_.resize(connections);
  for (std::size_t slot = 0; slot < connections; ++slot) {
    if (connections_[slot].working) continue;
    connections_[slot].working = true;
    setting_.reactor.spawn(work(shared_from_this(), slot));
  }
}

bool ChunkLoader::is_writing(const dualwrite::TableRef& table) const {
  return std::any_of(loads_.begin(), loads_.end(), [&](const auto& load) {
    return !load->over() && (load->by == ChangedBy::any || load->chunk->table == table);
  });
}

bool ChunkLoader::is_writing() const {
  return std::any_of(loads_.begin(), loads_.end(), [](const auto& load) { return !load->over(); });
}

Task<void> ChunkLoader::wait(TimePoint deadline) { co_await arrived_.wait(deadline); }

std::optional<ChunkLoader::Loaded> ChunkLoader::take_loaded() {
  for (auto at = loads_.begin(); at != loads_.end(); ++at) {
    const auto is_same = [&](const auto& other) { return other->chunk->table == (*at)->chunk->table; };
    if (!(*at)->over() || std::any_of(loads_.begin(), at, is_same)) continue;
    Loaded out{.chunk = (*at)->chunk, .status = (*at)->status};
    loads_.erase(at);
    return out;
  }
  return std::nullopt;
}

// The first one first: whatever waits for a chunk waits for an early one.
std::shared_ptr<ChunkLoader::Load> ChunkLoader::next_load() const {
  if (abandoned_) return nullptr;
  for (const std::shared_ptr<Load>& load : loads_) {
    if (load->status.ok() && load->next < load->chunk->statements.size()) return load;
  }
  return nullptr;
}

Task<void> ChunkLoader::work(std::shared_ptr<ChunkLoader> self, std::size_t slot) {
  while (const std::shared_ptr<Load> load = self->next_load()) {
    const std::size_t index = load->next++;
    if (index == 0) load->begun = Clock::now();
    ++load->running;
    absl::Status status = co_await self->write(slot, load->chunk->statements[index]);
    --load->running;
    if (load->status.ok()) load->status = std::move(status);
    if (!load->over()) continue;
    load->chunk->load_time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - load->begun);
    self->arrived_.notify();
  }
  self->connections_[slot].working = false;
}

Task<absl::Status> ChunkLoader::write(std::size_t slot, const std::string& sql) {
  absl::Status status;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    status = co_await try_write(slot, sql);
    if (!absl::IsAborted(status)) break;
    co_await setting_.reactor.sleep_for(kLoadTryPause * (tries + 1));
  }
  if (absl::IsAborted(status)) status = absl::UnavailableError(std::string(status.message()));
  // After any other failure its transaction is open, or the connection gone.
  if (!status.ok()) connections_[slot].writer.reset();
  co_return status;
}

Task<absl::Status> ChunkLoader::open(std::size_t slot) {
  const FollowerWriter* before = connections_[slot].writer.get();
  if (before != nullptr && connections_[slot].writer->link().alive()) co_return absl::OkStatus();
  connections_[slot].writer.reset();
  auto opened = co_await FollowerWriter::open(setting_.reactor, setting_.follower_options(), setting_.counters,
                                              Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  connections_[slot].writer = *std::move(opened);
  co_return absl::OkStatus();
}

Task<absl::Status> ChunkLoader::try_write(std::size_t slot, const std::string& sql) {
  const absl::Status opened = co_await open(slot);
  if (!opened.ok()) co_return absl::UnavailableError(std::string(opened.message()));
  std::vector<WriterStep> steps;
  steps.push_back({.sql = "SET foreign_key_checks=0"});
  steps.push_back({.sql = "BEGIN"});
  steps.push_back({.sql = setting_.fence, .expect = WriterStep::Expect::one});
  const std::size_t fence = steps.size() - 1;
  steps.push_back({.sql = setting_.mark(static_cast<std::uint32_t>(slot))});
  steps.push_back({.sql = sql});
  steps.push_back({.sql = "COMMIT"});
  auto failure = co_await connections_[slot].writer->run(std::move(steps));
  if (!failure.ok()) co_return absl::UnavailableError(std::string(failure.status().message()));
  if (!*failure) co_return absl::OkStatus();
  const absl::Status undone = co_await connections_[slot].writer->rollback();
  if (!undone.ok()) co_return absl::UnavailableError(std::string(undone.message()));
  if (!(*failure)->err) {
    co_return (*failure)->step == fence ? absl::PermissionDeniedError("another proxy has taken over as the applier")
                                        : absl::UnavailableError("another outcome than expected");
  }
  const protocol::Err& err = *(*failure)->err;
  if (err.code == 1213 || err.code == 1205) {
    co_return absl::AbortedError("the follower answered " + err_code(err) + " to a chunk");
  }
  if (is_of_the_server(err.code)) {
    co_return absl::UnavailableError("the follower answered " + err_code(err) + " to a chunk");
  }
  co_return absl::FailedPreconditionError("the follower refuses rows: " + err_code(err));
}

}  // namespace crossfade::proxy
