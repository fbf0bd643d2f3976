#include "migrate/exported_names.h"

namespace crossfade::migrate {

bool is_no_data(std::string_view name, std::size_t given) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = name.find('/', begin);
    const std::string_view part = name.substr(begin, end == std::string_view::npos ? end : end - begin);
    if (begin >= given && (part.starts_with('_') || part.starts_with('.'))) return true;
    if (end == std::string_view::npos) return part.ends_with("manifest") && name.size() > given;
    begin = end + 1;
  }
}

}  // namespace crossfade::migrate
