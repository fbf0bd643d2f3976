#include "proxy/settings/secrets.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace crossfade::proxy {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

absl::Status unreadable(const std::string& path, int error) {
  const std::string message = "cannot read " + path + ": " + std::strerror(error);
  return error == ENOENT ? absl::NotFoundError(message) : absl::FailedPreconditionError(message);
}

// One newline, as editors and `echo` leave it; more belong to the secret.
void drop_trailing_newline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

}  // namespace

absl::StatusOr<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return unreadable(path, errno);
  // One byte more than allowed is asked for, to see that there is one.
  std::string text;
  char chunk[4096];
  while (text.size() <= bytes_max) {
    const std::size_t bytes = std::fread(chunk, 1, sizeof chunk, file.get());
    text.append(chunk, bytes);
    if (bytes < sizeof chunk) break;
  }
  if (std::ferror(file.get()) != 0) return unreadable(path, errno);
  if (text.size() > bytes_max) {
    return absl::ResourceExhaustedError(path + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return text;
}

absl::StatusOr<std::string> resolve_secret(const config::SecretSource& source) {
  using Kind = config::SecretSource::Kind;
  switch (source.kind) {
    case Kind::none:
      return absl::FailedPreconditionError("no secret is configured");
    case Kind::literal:
      return source.value;
    case Kind::environment: {
      const char* value = std::getenv(source.value.c_str());
      if (value == nullptr) return absl::NotFoundError("environment variable " + source.value + " is not set");
      return std::string(value);
    }
    case Kind::file: {
      constexpr std::size_t kSecretBytesMax = 4096;
      absl::StatusOr<std::string> secret = read_file(source.value, kSecretBytesMax);
      if (secret.ok()) drop_trailing_newline(*secret);
      return secret;
    }
  }
  return absl::InternalError("unknown kind of secret");
}

absl::StatusOr<std::string> read_token(const std::string& path) {
  absl::StatusOr<std::string> token = resolve_secret({.kind = config::SecretSource::Kind::file, .value = path});
  if (token.ok() && token->empty()) return absl::FailedPreconditionError("token file " + path + " is empty");
  return token;
}

}  // namespace crossfade::proxy
