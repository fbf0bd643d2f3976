// Are two expressions, printed by two makes, the same? Told by their structure.
#pragma once

#include <optional>
#include <string>

namespace crossfade::dualwrite {

struct ExpressionTree {
  // Every operator and call as "(name operand ..)", in the order of evaluation that both makes have: `a` + 1 > 2 and
  // ((`a` + 1) > 2) are both (> (+ a 1) 2).
  std::string text;
  // Has a division, or a function that the makes may answer differently (routing/portable_functions.h).
  bool by_server = false;
  friend bool operator==(const ExpressionTree&, const ExpressionTree&) = default;
};

// As information_schema prints it. nullopt: it has syntax that is not known here; nothing can be said then.
std::optional<ExpressionTree> expression_tree(const std::string& printed);
// As a condition, of which it matters only whether it is true: of `a` and 0 <> `a` both it is that of `a`.
std::string truth_of(const ExpressionTree& tree);

}  // namespace crossfade::dualwrite
