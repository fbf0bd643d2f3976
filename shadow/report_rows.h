// The pieces of a digest's JSON that its database row and the report share.
#pragma once

#include <cstdint>
#include <string>

#include "nlohmann/json.hpp"
#include "shadow/report.h"

namespace crossfade::shadow {

// "0x00c0ffee00c0ffee".
std::string digest_id(std::uint64_t digest);
// {"match": 12, ...}, only what is not zero.
nlohmann::json verdicts_json(const DigestReport& digest);
nlohmann::json skips_json(const DigestReport& digest);
nlohmann::json samples_json(const DigestReport& digest);

}  // namespace crossfade::shadow
