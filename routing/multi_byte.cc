#include "routing/multi_byte.h"

namespace crossfade::routing {
namespace {

bool in(unsigned char byte, unsigned from, unsigned to) { return byte >= from && byte <= to; }
bool is_euc(unsigned char byte) { return in(byte, 0xa1, 0xfe); }

bool is_gbk_trail(unsigned char byte) { return in(byte, 0x40, 0x7e) || in(byte, 0x80, 0xfe); }

bool is_letter(unsigned char byte) { return in(byte, 'A', 'Z') || in(byte, 'a', 'z'); }

bool is_pair(MultiByte charset, unsigned char lead, unsigned char trail) {
  switch (charset) {
    case MultiByte::none:
      break;
    case MultiByte::gbk:
    case MultiByte::gb18030:
      return in(lead, 0x81, 0xfe) && is_gbk_trail(trail);
    case MultiByte::sjis:
      return (in(lead, 0x81, 0x9f) || in(lead, 0xe0, 0xfc)) && is_gbk_trail(trail) && trail <= 0xfc;
    case MultiByte::big5:
      return in(lead, 0xa1, 0xf9) && (in(trail, 0x40, 0x7e) || is_euc(trail));
    case MultiByte::euckr:
      return in(lead, 0x81, 0xfe) && (is_letter(trail) || in(trail, 0x81, 0xfe));
    case MultiByte::gb2312:
      return in(lead, 0xa1, 0xf7) && is_euc(trail);
    case MultiByte::euc_jp:
      return lead == 0x8e ? in(trail, 0xa1, 0xdf) : is_euc(lead) && is_euc(trail);
  }
  return false;
}

// The half-width katakana of Shift JIS are a byte each.
bool is_single(MultiByte charset, unsigned char byte) {
  return byte < 0x80 || charset == MultiByte::none || (charset == MultiByte::sjis && in(byte, 0xa1, 0xdf));
}

}  // namespace

MultiByte multi_byte(std::string_view charset) {
  if (charset == "gbk") return MultiByte::gbk;
  if (charset == "sjis" || charset == "cp932") return MultiByte::sjis;
  if (charset == "big5") return MultiByte::big5;
  if (charset == "gb18030") return MultiByte::gb18030;
  if (charset == "euckr") return MultiByte::euckr;
  if (charset == "gb2312") return MultiByte::gb2312;
  return charset == "ujis" || charset == "eucjpms" ? MultiByte::euc_jp : MultiByte::none;
}

std::size_t character_size(MultiByte charset, std::string_view text, std::size_t at) {
  const auto byte = [text, at](std::size_t k) {
    return at + k < text.size() ? static_cast<unsigned char>(text[at + k]) : static_cast<unsigned char>(0);
  };
  if (is_single(charset, byte(0))) return 1;
  if (is_pair(charset, byte(0), byte(1))) return 2;
  if (charset == MultiByte::euc_jp) return byte(0) == 0x8f && is_euc(byte(1)) && is_euc(byte(2)) ? 3 : 0;
  const bool four = charset == MultiByte::gb18030 && in(byte(0), 0x81, 0xfe) && in(byte(1), '0', '9') &&
                    in(byte(2), 0x81, 0xfe) && in(byte(3), '0', '9');
  return four ? 4 : 0;
}

}  // namespace crossfade::routing
