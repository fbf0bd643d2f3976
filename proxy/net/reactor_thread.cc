#include "proxy/net/reactor_thread.h"

#include <pthread.h>

namespace crossfade::proxy {

void ReactorThread::start(Reactor& reactor, const char* name) {
  if (turner_ != nullptr) {
    (*turner_)(reactor);
    return;
  }
  reactor_ = &reactor;
  thread_ = std::thread([&reactor, name] {
    pthread_setname_np(pthread_self(), name);
    reactor.run();
  });
}

void ReactorThread::stop() {
  if (!thread_.joinable()) return;
  reactor_->stop();
  thread_.join();
}

}  // namespace crossfade::proxy
