#include "migrate/job_coverage.h"

namespace crossfade::migrate {
namespace {

using nlohmann::json;

// What is not said, by whatever version, is not known to be everything.
json options_of(const json& job) {
  const auto found = job.is_object() ? job.find("options") : job.end();
  return job.is_object() && found != job.end() && found->is_object() ? *found : json::object();
}

bool is_whole_share(const json& options, const char* member) {
  const auto found = options.find(member);
  return found != options.end() && *found == 1'000'000;
}

// A list or an object without a member, 0, false: as is what is not there.
bool is_unset(const json& options, const char* member) {
  const auto found = options.find(member);
  return found == options.end() || found->empty() || *found == 0 || *found == false;
}

bool chooses_all_tables(const json& options) { return is_unset(options, "tables") && is_unset(options, "exclude"); }

}  // namespace

bool compares_everything(const json& verify) {
  const json options = options_of(verify);
  return is_whole_share(options, "sample_ppm") && chooses_all_tables(options) && is_unset(options, "of_ledger") &&
         is_unset(options, "looks") && is_unset(options, "since_ms");
}

bool copies_everything(const json& backfill) {
  const json options = options_of(backfill);
  return is_whole_share(options, "subset_ppm") && chooses_all_tables(options) && is_unset(options, "where");
}

}  // namespace crossfade::migrate
