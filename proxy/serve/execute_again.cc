#include "proxy/serve/execute_again.h"

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace crossfade::proxy {

absl::Status execute_again() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  if (arguments.empty()) return absl::InternalError("/proc/self/cmdline cannot be read");
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  constexpr unsigned kFirstToClose = 3;
  syscall(SYS_close_range, kFirstToClose, ~0U, CLOSE_RANGE_CLOEXEC);
  execv("/proc/self/exe", words.data());
  return absl::InternalError(std::string("execv: ") + std::strerror(errno));
}

}  // namespace crossfade::proxy
