#include "dualwrite/check_compare.h"

#include <algorithm>
#include <optional>

#include "dualwrite/definition_text.h"
#include "dualwrite/expression_tree.h"

namespace crossfade::dualwrite {
namespace {

enum class Alike : std::uint8_t { same, unknown, other };

Alike alike(const std::string& leader, const std::string& follower, bool one_make) {
  if (leader == follower) return Alike::same;
  const std::optional<ExpressionTree> from = expression_tree(leader), to = expression_tree(follower);
  if (from && to && truth_of(*from) == truth_of(*to)) return Alike::same;
  // A make prints what it does in one way.
  if (one_make) return Alike::other;
  if (from && to) return from->by_server || to->by_server ? Alike::unknown : Alike::other;
  return common_expression(leader) == common_expression(follower) ? Alike::same : Alike::unknown;
}

// Takes pairs for which `like` is true out of both.
template <typename Like>
std::vector<std::pair<std::string, std::string>> take_pairs(CheckComparison& from, Like like) {
  std::vector<std::pair<std::string, std::string>> out;
  std::vector<std::string>& theirs = from.only_follower;
  std::erase_if(from.only_leader, [&](const std::string& mine) {
    const auto found = std::find_if(theirs.begin(), theirs.end(), [&](const auto& other) { return like(mine, other); });
    if (found == theirs.end()) return false;
    out.emplace_back(mine, *found);
    theirs.erase(found);
    return true;
  });
  return out;
}

}  // namespace

CheckComparison compare_checks(const std::vector<DefinedCheck>& leader, const std::vector<DefinedCheck>& follower,
                               bool one_make) {
  CheckComparison out;
  for (const DefinedCheck& check : leader) out.only_leader.push_back(check.clause);
  for (const DefinedCheck& check : follower) out.only_follower.push_back(check.clause);
  take_pairs(out, [&](const auto& a, const auto& b) { return alike(a, b, one_make) == Alike::same; });
  // MySQL's JSON checks itself what MariaDB's table has a check of its own for.
  const auto is_of_json = [](const std::string& clause) { return common_expression(clause).starts_with("json_valid"); };
  if (!one_make) {
    std::erase_if(out.only_leader, is_of_json);
    std::erase_if(out.only_follower, is_of_json);
  }
  // First those of the same words, so that it is said of the right ones.
  out.unknown = take_pairs(out, [&](const auto& a, const auto& b) {
    return alike(a, b, one_make) == Alike::unknown && same_but_for_order(a, b);
  });
  for (auto& pair :
       take_pairs(out, [&](const auto&a, const auto&b) { return alike(a, b, one_make) == Alike::unknown; }))
    out.unknown.push_back(std::move(pair));
  return out;
}

}  // namespace crossfade::dualwrite
