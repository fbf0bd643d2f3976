// A dump made by hand, fed to a decoder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/log_decoder.h"
#include "log_frames.h"

namespace crossfade::dualwrite {

// A dump from the start of bin.000001, event after event without gaps.
class Dump {
 public:
  explicit Dump(LogDecoderOptions options = {}, Make make = Make::mysql, Checksum checksum = Checksum::none,
                std::string_view file = "bin.000001", std::uint64_t offset = 4)
      : decoder(std::move(options)), checksum_(checksum), end_(offset) {
    (void)decoder.feed(framed({.type = EventType::rotate, .checksum = Checksum::crc32}, rotate_body(file, offset)),
                       &items);
    status =
        decoder.feed(framed({.type = EventType::format_description}, format_description_body(make, checksum)), &items);
    items.clear();
  }
  absl::Status feed(EventType type, protocol::Bytes body) {
    const std::size_t size = kEventHeaderBytes + body.size() + (checksum_ == Checksum::crc32 ? kChecksumBytes : 0);
    end_ += size;
    return status = decoder.feed(
               framed({.type = type, .next_position = static_cast<std::uint32_t>(end_), .checksum = checksum_}, body),
               &items);
  }
  absl::Status query(std::string_view sql) { return feed(EventType::query, query_body(sql)); }
  absl::Status gtid(std::uint64_t number) { return feed(EventType::gtid, gtid_body(number)); }
  absl::Status insert(std::uint32_t id) {
    if (!feed(EventType::table_map, table_map_body(7)).ok()) return status;
    return feed(EventType::write_rows, insert_body(7, id));
  }
  absl::Status artificial(EventType type, protocol::Bytes body) {
    return status = decoder.feed(framed({.type = type, .checksum = checksum_}, body), &items);
  }
  // What was said since the last call, one word an item.
  std::string said() {
    std::string words;
    for (const LogItem& item : items) {
      constexpr const char* kWords[] = {"begin", "rows", "statement", "end", "advance"};
      words += std::string(words.empty() ? "" : " ") + kWords[item.index()];
    }
    items.clear();
    return words;
  }
  std::uint64_t end() const { return end_; }

  LogDecoder decoder;
  std::vector<LogItem> items;
  absl::Status status;

 private:
  Checksum checksum_;
  std::uint64_t end_;
};

}  // namespace crossfade::dualwrite
