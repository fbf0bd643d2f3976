// Exported files as bytes, wherever they lie and however they are packed. Blocking: for threads of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crossfade::proxy {

// From the beginning of a file to its end.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // So many bytes, at most `size`; 0: the end. DataLoss: the file is broken or cut off.
  virtual absl::StatusOr<std::size_t> read(char* to, std::size_t size) = 0;
  // The next byte read is that one of the file; only forward.
  virtual absl::Status skip_to(std::uint64_t offset) = 0;
};

struct ListedFile {
  std::string name{};  // below what was listed
  std::uint64_t size = 0;
  std::string tag{};  // changes with the content: time of change, or S3's ETag
};

struct Listing {
  std::vector<ListedFile> files{};     // sorted by name
  std::vector<std::string> no_data{};  // names of what lies beside them (migrate::is_no_data())
};

// What --from names.
class FileStore {
 public:
  virtual ~FileStore() = default;
  virtual absl::StatusOr<Listing> list() = 0;
  virtual absl::StatusOr<std::unique_ptr<ByteSource>> open(const ListedFile& file) = 0;
};

// A file, or the files of a folder (not of those below it).
std::unique_ptr<FileStore> local_files(std::string path);

struct S3Place {
  std::string bucket{};
  std::string prefix{};    // of keys
  std::string endpoint{};  // "https://s3.eu-central-1.amazonaws.com"
  std::string region{};
  std::string access_key{}, secret_key{}, session_token{};
};
// Objects by ListObjectsV2 and ranged GETs, path-style, signed by libcurl (AWS Signature Version 4).
std::unique_ptr<FileStore> s3_files(S3Place place);

// By the name's end: .gz (also of several members), .zst; else as it is.
std::unique_ptr<ByteSource> unpacked(std::string_view name, std::unique_ptr<ByteSource> packed);

}  // namespace crossfade::proxy
