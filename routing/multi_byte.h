// The bytes of the client character sets that have several bytes a character and are not UTF-8. In some of them the
// second byte can be an ASCII one: a backslash, a backtick, a bracket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace crossfade::routing {

enum class MultiByte : std::uint8_t { none, gbk, sjis, big5, gb18030, euckr, gb2312, euc_jp };

// `charset`: a name of the servers', lower case. cp932 has the bytes of sjis, eucjpms those of ujis.
MultiByte multi_byte(std::string_view charset);

// How many bytes the character at `at` has, as both servers cut it (all pairs of bytes were tried on MariaDB 10.11 and
// MySQL 9.7); 0: malformed. `at` is within `text`.
std::size_t character_size(MultiByte charset, std::string_view text, std::size_t at);

}  // namespace crossfade::routing
