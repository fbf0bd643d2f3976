#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

#include "migrate/exported_names.h"
#include "proxy/migrate/byte_source.h"

namespace crossfade::proxy {
namespace {

constexpr std::size_t kRangeBytes = std::size_t{4} << 20;
constexpr std::size_t kListBytesMax = std::size_t{16} << 20;
constexpr int kGetTriesMax = 4;
constexpr long kConnectSeconds = 10, kStalledSeconds = 30;

// As a URL's path (slashes stay) or a value of its query has it: what Signature Version 4 signs.
std::string percent_encoded(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || (c == '/' && keep_slashes);
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string unescaped_xml(std::string text) {
  for (const auto& [from, to] : {std::pair<std::string_view, char>{"&lt;", '<'},
                                 {"&gt;", '>'},
                                 {"&quot;", '"'},
                                 {"&apos;", '\''},
                                 {"&#39;", '\''},
                                 {"&#34;", '"'},
                                 {"&amp;", '&'}}) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
      text.replace(at, from.size(), 1, to);
    }
  }
  return text;
}

// What stands between <name> and </name>, from `*at` on, which is moved behind it; nullopt: there is none.
std::optional<std::string> element(std::string_view xml, std::string_view name, std::size_t* at) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  const std::size_t begin = xml.find(open, *at);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = xml.find(close, begin);
  if (end == std::string_view::npos) return std::nullopt;
  *at = end + close.size();
  return unescaped_xml(std::string(xml.substr(begin + open.size(), end - begin - open.size())));
}

std::string first_element(std::string_view xml, std::string_view name) {
  std::size_t at = 0;
  return element(xml, name, &at).value_or("");
}

struct Body {
  std::string bytes{};
  std::size_t bytes_max = 0;
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto* body = static_cast<Body*>(to);
  if (body->bytes.size() + size * count > body->bytes_max) return 0;
  body->bytes.append(bytes, size * count);
  return size * count;
}

// One connection, used by one thread.
class S3Client {
 public:
  explicit S3Client(S3Place place) : place_(std::move(place)), curl_(curl_easy_init()) {}
  ~S3Client() { curl_easy_cleanup(curl_); }
  S3Client(const S3Client&) = delete;
  S3Client& operator=(const S3Client&) = delete;
  const S3Place& place() const { return place_; }

  // GET of the bucket with this query, or of an object's range ("0-99"). Unavailable after some tries.
  absl::StatusOr<std::string> get(const std::string& key, const std::string& query, const std::string& range,
                                  std::size_t bytes_max) {
    absl::StatusOr<std::string> got;
    for (int tries = 0; tries < kGetTriesMax; ++tries) {
      if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(200) * (1 << tries));
      got = try_get(key, query, range, bytes_max);
      if (got.ok() || !absl::IsUnavailable(got.status())) break;
    }
    return got;
  }

 private:
  absl::StatusOr<std::string> try_get(const std::string& key, const std::string& query, const std::string& range,
                                      std::size_t bytes_max) {
    curl_easy_reset(curl_);
    std::string url = place_.endpoint + "/" + percent_encoded(place_.bucket, false);
    if (!key.empty()) url += "/" + percent_encoded(key, true);
    if (!query.empty()) url += "?" + query;
    Body body{.bytes = {}, .bytes_max = bytes_max};
    curl_slist* headers = curl_slist_append(nullptr, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
    if (!place_.session_token.empty()) {
      headers = curl_slist_append(headers, ("x-amz-security-token: " + place_.session_token).c_str());
    }
    const std::string sigv4 = "aws:amz:" + place_.region + ":s3";
    const std::string user = place_.access_key + ":" + place_.secret_key;
    char message[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl_, CURLOPT_AWS_SIGV4, sigv4.c_str());
    curl_easy_setopt(curl_, CURLOPT_USERPWD, user.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    if (!range.empty()) curl_easy_setopt(curl_, CURLOPT_RANGE, range.c_str());
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
    const CURLcode result = curl_easy_perform(curl_);
    curl_slist_free_all(headers);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
      return absl::UnavailableError(place_.endpoint + ": " + (*message != 0 ? message : curl_easy_strerror(result)));
    }
    if (status == 200 || status == 206) return std::move(body.bytes);
    const std::string code = first_element(body.bytes, "Code");
    const std::string text = "the store answered " + std::to_string(status) + (code.empty() ? "" : " " + code) +
                             " for bucket " + place_.bucket;
    if (status >= 500 || status == 429) return absl::UnavailableError(text);
    return absl::PermissionDeniedError(text);
  }

  S3Place place_;
  CURL* curl_;
};

// Read range by range.
class S3Object : public ByteSource {
 public:
  S3Object(S3Place place, std::string key, std::uint64_t size)
      : client_(std::move(place)), key_(std::move(key)), size_(size) {}

  absl::StatusOr<std::size_t> read(char* to, std::size_t size) override {
    if (used_ == range_.size()) {
      if (next_ >= size_) return std::size_t{0};
      const std::uint64_t end = std::min<std::uint64_t>(size_, next_ + kRangeBytes);
      absl::StatusOr<std::string> got =
          client_.get(key_, "", std::to_string(next_) + "-" + std::to_string(end - 1), kRangeBytes);
      if (!got.ok()) return got.status();
      if (got->size() != end - next_) return absl::DataLossError("the store gave another range than it was asked for");
      range_ = *std::move(got);
      used_ = 0;
      next_ = end;
    }
    const std::size_t count = std::min(size, range_.size() - used_);
    range_.copy(to, count, used_);
    used_ += count;
    return count;
  }
  absl::Status skip_to(std::uint64_t offset) override {
    range_.clear();
    used_ = 0;
    next_ = offset;
    return absl::OkStatus();
  }

 private:
  S3Client client_;
  std::string key_;
  std::uint64_t size_;
  std::uint64_t next_ = 0;
  std::string range_;
  std::size_t used_ = 0;
};

class S3Files : public FileStore {
 public:
  explicit S3Files(S3Place place) : client_(std::move(place)) {}

  absl::StatusOr<Listing> list() override {
    Listing out;
    std::string token;
    do {
      // In the order in which a query is signed.
      std::string query = token.empty() ? "" : "continuation-token=" + percent_encoded(token, false) + "&";
      query += "list-type=2&prefix=" + percent_encoded(client_.place().prefix, false);
      absl::StatusOr<std::string> page = client_.get("", query, "", kListBytesMax);
      if (!page.ok()) return page.status();
      std::size_t at = 0;
      while (const auto contents = raw_contents(*page, &at)) {
        ListedFile file{.name = first_element(*contents, "Key"), .tag = first_element(*contents, "ETag")};
        const std::string size = first_element(*contents, "Size");
        std::from_chars(size.data(), size.data() + size.size(), file.size);
        // A key that ends so is a folder that some tools make.
        if (file.name.empty() || file.name.ends_with('/')) continue;
        if (migrate::is_no_data(file.name, client_.place().prefix.size())) {
          out.no_data.push_back(std::move(file.name));
        } else {
          out.files.push_back(std::move(file));
        }
      }
      token = first_element(*page, "NextContinuationToken");
    } while (!token.empty());
    std::sort(out.files.begin(), out.files.end(),
              [](const ListedFile& a, const ListedFile& b) { return a.name < b.name; });
    return out;
  }

  absl::StatusOr<std::unique_ptr<ByteSource>> open(const ListedFile& file) override {
    return std::make_unique<S3Object>(client_.place(), file.name, file.size);
  }

 private:
  // With its escapes: those are of its elements.
  static std::optional<std::string> raw_contents(const std::string& page, std::size_t* at) {
    const std::size_t begin = page.find("<Contents>", *at);
    const std::size_t end = begin == std::string::npos ? begin : page.find("</Contents>", begin);
    if (end == std::string::npos) return std::nullopt;
    *at = end;
    return page.substr(begin, end - begin);
  }

  S3Client client_;
};

}  // namespace

std::unique_ptr<FileStore> s3_files(S3Place place) { return std::make_unique<S3Files>(std::move(place)); }

}  // namespace crossfade::proxy
