// Texts and bytes: does the follower's column hold every value of the leader's? One rule, asked by whoever maps rows
// and by whoever compares definitions.
#pragma once

#include <cstdint>

#include "dualwrite/stored_form.h"

namespace crossfade::dualwrite {

// CHAR, VARCHAR and the TEXT family; BINARY, VARBINARY and the BLOB family.
bool is_text(StoredKind kind);
bool is_bytes(StoredKind kind);

enum class TextFit : std::uint8_t {
  same,      // as the log has it
  converts,  // every value, by the server's own conversion
  charset,   // a character set that does not surely hold the leader's
  pads,      // a fixed length: trailing spaces are lost, or zeros come to be
  narrow     // not every length
};
// Both texts, or both bytes, by their kinds.
TextFit text_fit(const StoredForm& from, const StoredForm& to);
TextFit bytes_fit(const StoredForm& from, const StoredForm& to);

// The most bytes of a value of the TEXT or BLOB family.
std::uint64_t large_bytes_max(const StoredForm& large);

}  // namespace crossfade::dualwrite
