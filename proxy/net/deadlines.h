// How long the proxy waits where only the other side can say when it is done.
#pragma once

#include <chrono>

#include "proxy/net/reactor.h"

namespace crossfade::proxy {

// A client's statement may run as long as it likes: this bounds waits that a dead peer would make endless.
inline constexpr auto kStatementMax = std::chrono::hours(24);
// A client may sit idle as long as a server lets it (wait_timeout's default).
inline constexpr auto kClientIdleMax = std::chrono::hours(8);
// So may a client take its time to read an answer, or to send what its statement asked it for.
inline constexpr auto kClientStalledMax = std::chrono::hours(8);
// Questions of the proxy's own, which a server that is well answers at once.
inline constexpr auto kAnswerMax = std::chrono::seconds(30);
// A connection is brought into a session's state while its client waits.
inline constexpr auto kStateMax = std::chrono::seconds(10);
// A session begins anew: a long transaction may have to be rolled back.
inline constexpr auto kRollbackMax = std::chrono::minutes(10);
inline constexpr auto kConnectMax = std::chrono::seconds(5);

// Triggers wait for open transactions, and many tables take their time.
inline constexpr auto kCaptureMax = std::chrono::minutes(2);

inline TimePoint soon() { return Clock::now() + kAnswerMax; }

}  // namespace crossfade::proxy
