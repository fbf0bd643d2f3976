#include "proxy/net/task.h"

namespace crossfade::proxy {
namespace {

constexpr std::size_t kStep = 128;
constexpr std::size_t kPooledMax = 4096;
constexpr std::size_t kKeptPerSize = 64;
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPools = false;  // so that AddressSanitizer sees a frame that is used after its end
#else
constexpr bool kPools = true;
#endif

struct FreeLists {
  struct Node {
    Node* next;
  };
  std::array<Node*, kPooledMax / kStep> heads = {};
  std::array<std::size_t, kPooledMax / kStep> counts = {};
  ~FreeLists() {
    for (Node* head : heads) {
      while (head != nullptr) {
        Node* next = head->next;
        std::free(head);
        head = next;
      }
    }
  }
};
thread_local FreeLists free_lists;

}  // namespace

void* FramePool::take(std::size_t bytes) {
  const std::size_t slot = (bytes - 1) / kStep;
  if (slot < free_lists.heads.size() && free_lists.heads[slot] != nullptr) {
    FreeLists::Node* node = free_lists.heads[slot];
    free_lists.heads[slot] = node->next;
    --free_lists.counts[slot];
    return node;
  }
  void* frame = std::malloc(slot < free_lists.heads.size() ? (slot + 1) * kStep : bytes);
  if (frame == nullptr) throw std::bad_alloc();
  return frame;
}

void FramePool::give(void* frame, std::size_t bytes) noexcept {
  const std::size_t slot = (bytes - 1) / kStep;
  if (!kPools || slot >= free_lists.heads.size() || free_lists.counts[slot] >= kKeptPerSize) {
    std::free(frame);
    return;
  }
  auto* node = static_cast<FreeLists::Node*>(frame);
  node->next = free_lists.heads[slot];
  free_lists.heads[slot] = node;
  ++free_lists.counts[slot];
}

}  // namespace crossfade::proxy
