// The thread that turns a reactor.
#pragma once

#include <functional>
#include <thread>

#include "proxy/net/reactor.h"

namespace crossfade::proxy {

class ReactorThread {
 public:
  // `name`: as top -H shows it.
  void start(Reactor& reactor, const char* name);
  // Nothing of the reactor runs behind this; a thread that was never started has ended.
  void stop();

  // A simulation: reactors that are started by this thread from now on get no thread; `turner` is told of each, and
  // turns it or lets it be. nullptr: they get one again.
  using Turner = std::function<void(Reactor&)>;
  static void hand_to(const Turner* turner) { turner_ = turner; }

 private:
  static inline thread_local const Turner* turner_ = nullptr;
  Reactor* reactor_ = nullptr;
  std::thread thread_;
};

}  // namespace crossfade::proxy
