// One value for each backend, replaced as a whole while others read it.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

#include "config/config.h"

namespace crossfade::proxy {

// Any thread. What was taken stays what it was.
template <typename Value>
class PerBackend {
 public:
  PerBackend() = default;
  PerBackend(std::array<Value, 2> values) : values_(std::move(values)) {}
  PerBackend(Value old_one, Value new_one) : values_{std::move(old_one), std::move(new_one)} {}

  // By config::Backend.
  Value operator[](std::size_t backend) const {
    const std::lock_guard lock(mutex_);
    return values_[backend];
  }
  void set(config::Backend backend, Value value) {
    const std::lock_guard lock(mutex_);
    values_[static_cast<std::size_t>(backend)] = std::move(value);
  }

 private:
  mutable std::mutex mutex_;
  std::array<Value, 2> values_{};
};

}  // namespace crossfade::proxy
