#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "migrate/exported_names.h"
#include "proxy/migrate/byte_source.h"

namespace crossfade::proxy {
namespace {

namespace fs = std::filesystem;

absl::Status errno_error(const std::string& what) { return absl::NotFoundError(what + ": " + std::strerror(errno)); }

class LocalFile : public ByteSource {
 public:
  explicit LocalFile(int descriptor) : descriptor_(descriptor) {}
  ~LocalFile() override { close(descriptor_); }
  LocalFile(const LocalFile&) = delete;
  LocalFile& operator=(const LocalFile&) = delete;

  absl::StatusOr<std::size_t> read(char* to, std::size_t size) override {
    const ssize_t got = ::read(descriptor_, to, size);
    if (got < 0) return absl::DataLossError(std::string("it cannot be read: ") + std::strerror(errno));
    return static_cast<std::size_t>(got);
  }
  absl::Status skip_to(std::uint64_t offset) override {
    if (lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) >= 0) return absl::OkStatus();
    return absl::DataLossError(std::string("it cannot be read from its middle: ") + std::strerror(errno));
  }

 private:
  int descriptor_;
};

class LocalFiles : public FileStore {
 public:
  explicit LocalFiles(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<Listing> list() override {
    Listing out;
    std::error_code error;
    is_folder_ = fs::is_directory(path_, error);
    std::vector<std::string> names;
    if (!is_folder_) {
      names.push_back("");
    } else {
      for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (at->is_regular_file()) (migrate::is_no_data(name) ? out.no_data : names).push_back(name);
      }
      if (error) return absl::NotFoundError(path_ + ": " + error.message());
      std::sort(names.begin(), names.end());
    }
    for (const std::string& name : names) {
      struct stat found {};
      if (stat(full(name).c_str(), &found) != 0) return errno_error(full(name));
      if (!S_ISREG(found.st_mode)) return absl::NotFoundError(path_ + ": neither a file nor a folder");
      out.files.push_back({.name = name.empty() ? fs::path(path_).filename().string() : name,
                           .size = static_cast<std::uint64_t>(found.st_size),
                           .tag = std::to_string(found.st_mtim.tv_sec) + "." + std::to_string(found.st_mtim.tv_nsec)});
    }
    return out;
  }

  absl::StatusOr<std::unique_ptr<ByteSource>> open(const ListedFile& file) override {
    const std::string name = is_folder_ ? full(file.name) : path_;
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno_error("it cannot be opened");
    return std::make_unique<LocalFile>(descriptor);
  }

 private:
  std::string full(const std::string& name) const { return name.empty() ? path_ : (fs::path(path_) / name).string(); }

  std::string path_;
  bool is_folder_ = false;
};

}  // namespace

std::unique_ptr<FileStore> local_files(std::string path) { return std::make_unique<LocalFiles>(std::move(path)); }

}  // namespace crossfade::proxy
