#include "proxy/migrate/chunk_store.h"

#include <utility>

namespace crossfade::proxy {

void ChunkStore::put(std::shared_ptr<Chunk> chunk) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t token = chunk->token;
  chunks_.insert_or_assign(token, std::move(chunk));
}

std::shared_ptr<Chunk> ChunkStore::find(std::uint64_t token) const {
  const std::lock_guard lock(mutex_);
  const auto found = chunks_.find(token);
  return found == chunks_.end() ? nullptr : found->second;
}

void ChunkStore::forget(std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  chunks_.erase(token);
}

void ChunkStore::done(const Chunk& chunk) {
  forget(chunk.token);
  if (chunk.on_done) chunk.on_done(chunk.token, chunk.load_time);
}

}  // namespace crossfade::proxy
