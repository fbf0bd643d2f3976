// The key pair of full authentication without TLS.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "protocol/auth.h"

namespace crossfade::proxy {

// Made when the first client asks for it, which few ever do: that takes a tenth of a second, of every start otherwise.
class LoginKey {
 public:
  // From every thread. nullptr: it could not be made, and whoever needs it is denied.
  const protocol::RsaKey* get() {
    std::call_once(once_, [this] {
      if (auto made = protocol::RsaKey::generate(); made.ok()) key_.emplace(*std::move(made));
    });
    return key_ ? &*key_ : nullptr;
  }

 private:
  std::once_flag once_;
  std::optional<protocol::RsaKey> key_;
};

}  // namespace crossfade::proxy
