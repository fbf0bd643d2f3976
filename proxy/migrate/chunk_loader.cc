#include "proxy/migrate/chunk_loader.h"

#include <algorithm>
#include <utility>

#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

namespace {

constexpr int kTriesMax = 10;  // of a part that meets a deadlock
constexpr auto kTryPause = std::chrono::milliseconds(20);

}  // namespace

Task<absl::Status> ChunkLoader::write(std::vector<std::string> statements, std::size_t connections) {
  connections = std::clamp<std::size_t>(connections, 1, std::max<std::size_t>(1, statements.size()));
  if (writers_.size() < connections) writers_.resize(connections);
  // Neighbours go together: two connections then rarely meet in one place of an index.
  std::vector<Part> parts(connections);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    parts[i * connections / statements.size()].statements.push_back(std::move(statements[i]));
  }
  running_ = parts.size();
  for (std::size_t slot = 1; slot < parts.size(); ++slot) setting_.reactor.spawn(write_part(slot, parts[slot]));
  co_await write_part(0, parts[0]);
  while (running_ > 0) co_await arrived_.wait(TimePoint::max());
  for (const Part& part : parts) {
    if (!part.status.ok()) co_return part.status;
  }
  co_return absl::OkStatus();
}

Task<void> ChunkLoader::write_part(std::size_t slot, Part& part) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    part.status = co_await try_part(slot, part);
    if (!absl::IsAborted(part.status)) break;
    co_await setting_.reactor.sleep_for(kTryPause * (tries + 1));
  }
  if (absl::IsAborted(part.status)) part.status = absl::UnavailableError(std::string(part.status.message()));
  // After any other failure its transaction is open, or the connection gone.
  if (!part.status.ok()) writers_[slot].reset();
  --running_;
  arrived_.notify();
}

Task<absl::Status> ChunkLoader::open(std::size_t slot) {
  if (writers_[slot] && writers_[slot]->link().alive()) co_return absl::OkStatus();
  writers_[slot].reset();
  auto opened = co_await FollowerWriter::open(setting_.reactor, setting_.follower_options(), setting_.counters,
                                              Clock::now() + kConnectMax);
  if (!opened.ok()) co_return opened.status();
  writers_[slot] = *std::move(opened);
  co_return absl::OkStatus();
}

Task<absl::Status> ChunkLoader::try_part(std::size_t slot, const Part& part) {
  const absl::Status opened = co_await open(slot);
  if (!opened.ok()) co_return absl::UnavailableError(std::string(opened.message()));
  std::vector<WriterStep> steps;
  steps.push_back({.sql = "SET foreign_key_checks=0"});
  steps.push_back({.sql = "BEGIN"});
  steps.push_back({.sql = setting_.fence, .expect = WriterStep::Expect::one});
  const std::size_t fence = steps.size() - 1;
  steps.push_back({.sql = setting_.mark(static_cast<std::uint32_t>(slot))});
  for (const std::string& sql : part.statements) steps.push_back({.sql = sql});
  steps.push_back({.sql = "COMMIT"});
  auto failure = co_await writers_[slot]->run(std::move(steps));
  if (!failure.ok()) co_return absl::UnavailableError(std::string(failure.status().message()));
  if (!*failure) co_return absl::OkStatus();
  const absl::Status undone = co_await writers_[slot]->rollback();
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
