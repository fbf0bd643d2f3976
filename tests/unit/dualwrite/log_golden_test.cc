// Logs that real servers wrote (tests/golden/capture_log.py), with what they say, reviewed against what was run.
// CROSSFADE_WRITE_GOLDEN=1 in the environment writes the texts anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "dualwrite/log_decoder.h"
#include "log_frames.h"
#include "log_text.h"
#include "protocol/packet.h"

namespace crossfade::dualwrite {
namespace {

std::vector<std::string> golden_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(CROSSFADE_GOLDEN)) {
    if (entry.path().extension() == ".events") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status feed_all(LogDecoder& decoder, Bytes event, std::vector<LogItem>* items) {
  absl::Status status = decoder.feed(event, items);
  while (status.ok() && decoder.has_more()) status = decoder.more(items);
  return status;
}

std::string reading(const std::vector<protocol::Buffer>& events) {
  LogDecoder decoder(LogDecoderOptions{});
  std::set<std::shared_ptr<const LogTable>> tables;
  std::string text;
  for (const protocol::Buffer& event : events) {
    std::vector<LogItem> items;
    const absl::Status status = feed_all(decoder, event, &items);
    for (const LogItem& item : items) {
      const auto* change = std::get_if<RowsChange>(&item);
      if (change != nullptr && tables.insert(change->table).second) text += table_text(*change->table);
      text += item_text(item);
    }
    if (!status.ok()) return text + "stop: " + std::string(status.message()) + "\n";
  }
  if (decoder.resume_from() != decoder.position()) text += "resume from " + decoder.resume_from().text() + "\n";
  return text;
}

// The checksum that the event has; unlike the decoder's it is guessed from the bytes.
Checksum checksum_of(const protocol::Buffer& event) {
  protocol::Buffer again = event;
  mend(again, Checksum::crc32);
  return again == event ? Checksum::crc32 : Checksum::none;
}

TEST(LogGolden, EveryCapturedLogReadsAsReviewed) {
  ASSERT_GT(golden_files().size(), 50u);
  for (const std::string& file : golden_files()) {
    const std::string text = reading(golden_events(file));
    const std::string expected = std::filesystem::path(file).replace_extension(".txt").string();
    if (std::getenv("CROSSFADE_WRITE_GOLDEN") != nullptr) std::ofstream(expected, std::ios::binary) << text;
    EXPECT_EQ(text, file_text(expected)) << file;
    EXPECT_EQ(text, reading(golden_events(file))) << file;
  }
}

// The packets of a dump, one event each.
protocol::Buffer as_packets(const std::vector<protocol::Buffer>& events) {
  protocol::Buffer wire;
  std::uint8_t sequence = 1;
  for (const protocol::Buffer& event : events) protocol::append_message(wire, event, sequence);
  return wire;
}

// What comes out of a stream that is read in pieces which end at these places.
std::vector<protocol::Buffer> from_pieces(const protocol::Buffer& wire, const std::vector<std::size_t>& ends) {
  protocol::MessageReader messages(std::size_t{1} << 30);
  messages.expect_sequence(1);
  std::vector<protocol::Buffer> events;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    Bytes input = Bytes(wire).subspan(begin, end - begin);
    begin = end;
    for (;;) {
      const auto message = messages.feed(input);
      if (!message.ok() || !*message) break;
      events.emplace_back((*message)->payload.begin(), (*message)->payload.end());
    }
  }
  return events;
}

TEST(LogGolden, EventsAreTheSameWhereverTheStreamIsSplit) {
  for (const std::string& file : golden_files()) {
    const std::vector<protocol::Buffer> events = golden_events(file);
    const protocol::Buffer wire = as_packets(events);
    for (std::size_t at = 0; at <= wire.size(); ++at) {
      ASSERT_EQ(from_pieces(wire, {at, wire.size()}), events) << file << " split at " << at;
    }
    for (const std::size_t piece : {1, 2, 3, 7}) {
      std::vector<std::size_t> ends;
      for (std::size_t end = piece; end < wire.size(); end += piece) ends.push_back(end);
      ends.push_back(wire.size());
      ASSERT_EQ(from_pieces(wire, ends), events) << file << " in pieces of " << piece;
    }
  }
}

// Each event but for its last bytes, framed anew so that only its contents are cut off.
TEST(LogGolden, AnEventThatIsCutOffAnywhereIsAnErrorOrSaysLess) {
  for (const std::string& file : golden_files()) {
    const std::vector<protocol::Buffer> events = golden_events(file);
    for (std::size_t which = 0; which < events.size(); ++which) {
      const Checksum checksum = checksum_of(events[which]);
      const std::size_t tail = checksum == Checksum::crc32 ? kChecksumBytes : 0;
      for (std::size_t size = 0; size < events[which].size(); ++size) {
        LogDecoder decoder(LogDecoderOptions{});
        std::vector<LogItem> items;
        bool stopped = false;
        for (std::size_t i = 0; i < which && !stopped; ++i) stopped = !feed_all(decoder, events[i], &items).ok();
        if (stopped) break;
        protocol::Buffer cut(events[which].begin(), events[which].begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(feed_all(decoder, cut, &items).ok()) << file << " event " << which << " cut to " << size;

        LogDecoder again(LogDecoderOptions{});
        items.clear();
        for (std::size_t i = 0; i < which; ++i) (void)feed_all(again, events[i], &items);
        cut.resize(size + tail);
        mend(cut, checksum);
        items.clear();
        (void)feed_all(again, cut, &items);
        for (const LogItem& item : items) (void)item_text(item);
      }
    }
  }
}

TEST(LogGolden, AWrongByteAnywhereIsFoundByTheChecksum) {
  const std::vector<protocol::Buffer> events =
      golden_events(std::string(CROSSFADE_GOLDEN) + "/transactions.mysql.events");
  for (std::size_t which = 0; which < events.size(); ++which) {
    for (std::size_t at = 0; at < events[which].size(); ++at) {
      LogDecoder decoder(LogDecoderOptions{});
      std::vector<LogItem> items;
      for (std::size_t i = 0; i < which; ++i) ASSERT_TRUE(decoder.feed(events[i], &items).ok());
      protocol::Buffer wrong = events[which];
      wrong[at] ^= 0x10;
      EXPECT_FALSE(decoder.feed(wrong, &items).ok()) << which << " at " << at;
      EXPECT_FALSE(decoder.feed(events[which], &items).ok()) << "the decoder is dead";
    }
  }
}

// With checksums made right again, so that the decoders themselves see the bytes.
TEST(LogGolden, WrongBytesAnywhereDoNoHarm) {
  for (const std::string& file : golden_files()) {
    const std::vector<protocol::Buffer> events = golden_events(file);
    for (std::size_t which = 0; which < events.size(); ++which) {
      const Checksum checksum = checksum_of(events[which]);
      for (std::size_t at = 0; at < events[which].size(); ++at) {
        LogDecoder decoder(LogDecoderOptions{});
        std::vector<LogItem> items;
        for (std::size_t i = 0; i < which; ++i) (void)feed_all(decoder, events[i], &items);
        protocol::Buffer wrong = events[which];
        wrong[at] = wrong[at] == 0xff ? 0x00 : 0xff;
        mend(wrong, checksum);
        items.clear();
        (void)feed_all(decoder, wrong, &items);
        for (const LogItem& item : items) {
          const auto* change = std::get_if<RowsChange>(&item);
          for (Bytes images = change != nullptr ? Bytes(change->images) : Bytes(); !images.empty();) {
            if (!take_row(*change->table, &images).ok()) break;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace crossfade::dualwrite
