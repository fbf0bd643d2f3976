#include "proxy/serve/listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace crossfade::proxy {

absl::StatusOr<int> listen_on(const config::Address& address, std::optional<std::uint32_t> socket_mode) {
  const auto fail = [&](int fd) {
    absl::Status status = absl::UnavailableError("cannot listen on " + address.text() + ": " + std::strerror(errno));
    if (fd >= 0) close(fd);
    return status;
  };
  if (address.is_unix) {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (address.host.size() >= sizeof local.sun_path)
      return absl::InvalidArgumentError("socket path too long: " + address.host);
    std::memcpy(local.sun_path, address.host.c_str(), address.host.size() + 1);
    struct stat found {};
    if (stat(address.host.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) unlink(address.host.c_str());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
        (socket_mode && chmod(address.host.c_str(), *socket_mode) != 0) || listen(fd, 4096) != 0)
      return fail(fd);
    return fd;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) return absl::InvalidArgumentError("cannot listen on " + address.text() + ": " + gai_strerror(error));
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd >= 0 && found->ai_family == AF_INET6) {
    const auto* wanted = reinterpret_cast<const sockaddr_in6*>(found->ai_addr);
    const int v6_only = IN6_IS_ADDR_UNSPECIFIED(&wanted->sin6_addr) ? 0 : 1;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  const bool good = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 4096) == 0;
  freeaddrinfo(found);
  if (!good) return fail(fd);
  return fd;
}

}  // namespace crossfade::proxy
