// Records of a file: how its bytes are cut must not change them. The first byte is the format, the second the size of
// the pieces.
#include <cstdlib>

#include "migrate/delimited_reader.h"

using namespace crossfade::migrate;

namespace {

struct Read {
  std::vector<DelimitedRecord> records;
  bool good = false;
};

Read read(const DelimitedFormat& format, std::string_view text, std::size_t piece) {
  Read out;
  DelimitedReader reader(format);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!reader.feed(text.substr(at, piece), &out.records).ok()) return out;
  }
  out.good = reader.finish(&out.records).ok();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  DelimitedFormat format{.record_bytes_max = 1000};
  if ((data[0] & 1) != 0) format = {.kind = DelimitedFormat::Kind::tsv, .delimiter = '\t', .record_bytes_max = 1000};
  if ((data[0] & 2) != 0) format.null_mark = "";
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Read whole = read(format, text, text.size() + 1);
  const Read pieces = read(format, text, data[1] % 16 + 1u);
  bool same = whole.good == pieces.good && whole.records.size() == pieces.records.size();
  std::uint64_t end = 0, line = 1;
  for (std::size_t i = 0; same && i < whole.records.size(); ++i) {
    const DelimitedRecord& record = whole.records[i];
    same = record.fields == pieces.records[i].fields && record.end == pieces.records[i].end && record.end > end &&
           record.line == line && !record.fields.empty();
    end = record.end;
    line = record.next_line;
  }
  if (!same || (whole.good && end != text.size())) std::abort();
  return 0;
}
