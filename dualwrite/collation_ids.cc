#include <map>

#include "dualwrite/character_set.h"
#include "dualwrite/collation_names.h"

namespace crossfade::dualwrite {

namespace {

constexpr std::uint16_t kCollationIdMax = 4095;

std::map<std::string, std::uint16_t> ids_by_name(bool mariadb) {
  std::map<std::string, std::uint16_t> out;
  for (std::uint16_t id = 1; id <= kCollationIdMax; ++id) {
    if (std::string name = collation_name(id, mariadb); !name.empty()) out.emplace(std::move(name), id);
  }
  return out;
}

}  // namespace

std::uint16_t collation_id(const std::string& name, bool mariadb) {
  static const std::map<std::string, std::uint16_t> kMariadb = ids_by_name(true);
  static const std::map<std::string, std::uint16_t> kMysql = ids_by_name(false);
  const std::map<std::string, std::uint16_t>& ids = mariadb ? kMariadb : kMysql;
  const auto found = ids.find(modern_name(name));
  return found == ids.end() ? std::uint16_t{0} : found->second;
}

}  // namespace crossfade::dualwrite
