// The key pair of full authentication without TLS.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "protocol/auth.h"
#include "proxy/net/reactor.h"
#include "proxy/net/task.h"

namespace crossfade::proxy {

// Made for the first client that needs it, which few ever do: that takes a tenth of a second and more of computing.
class LoginKey {
 public:
  LoginKey() = default;
  LoginKey(const LoginKey&) = delete;
  LoginKey& operator=(const LoginKey&) = delete;
  ~LoginKey() {
    if (maker_.joinable()) maker_.join();
  }

  // On the thread of `reactor`, which goes on meanwhile; from any number of them.
  Task<void> make(Reactor& reactor) {
    constexpr auto kPause = std::chrono::milliseconds(5);
    std::call_once(begun_, [this] {
      maker_ = std::thread([this] {
        if (auto made = protocol::RsaKey::generate(); made.ok()) key_.emplace(*std::move(made));
        done_.store(true, std::memory_order_release);
      });
    });
    while (!done_.load(std::memory_order_acquire)) co_await reactor.sleep_for(kPause);
    std::call_once(ended_, [this] { maker_.join(); });
  }
  // nullptr: it has not been made, or could not be, and whoever needs it is denied.
  const protocol::RsaKey* get() const { return done_.load(std::memory_order_acquire) && key_ ? &*key_ : nullptr; }

 private:
  std::once_flag begun_;
  std::once_flag ended_;
  std::thread maker_;
  std::atomic<bool> done_{false};
  std::optional<protocol::RsaKey> key_;
};

}  // namespace crossfade::proxy
