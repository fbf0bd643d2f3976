#include "proxy/shadow_run/shadow_compare.h"

#include <algorithm>
#include <cctype>

namespace crossfade::proxy {

namespace {

std::optional<shadow::Answer> answer_from(protocol::Bytes wire, protocol::ResponseKind kind,
                                          protocol::Capabilities capabilities) {
  auto results = protocol::decode_response(wire, kind, capabilities);
  if (!results.ok() || results->empty()) return std::nullopt;
  return shadow::Answer{.result = std::move(results->front()), .too_large = false};
}

bool equal_without_case(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// The columns that ORDER BY means by their names; an alias hides the column of that name.
void drop_aliases(const std::vector<protocol::ColumnDefinition>& shown, routing::OrderBy& order) {
  std::erase_if(order.columns, [&](const std::string& name) {
    return std::any_of(shown.begin(), shown.end(), [&](const protocol::ColumnDefinition& column) {
      return equal_without_case(column.name, name) && !equal_without_case(column.org_name, name);
    });
  });
}

}  // namespace

Recorded recorded(const ShadowRun& ran) {
  return {.wire = ran.wire, .kind = ran.kind, .capabilities = ran.capabilities, .too_large = ran.too_large};
}

Recorded recorded(const ShadowJob& job) {
  return {.wire = job.recording.wire(), .kind = job.kind(), .capabilities = job.capabilities};
}

Compared compare_answers(const ShadowJob& job, const Recorded& control, const Recorded& candidate,
                         std::uint32_t samples_max) {
  Compared compared;
  const auto take_apart = [](const Recorded& from, shadow::Answer& into) {
    if (from.too_large) {
      into.too_large = true;
      return true;
    }
    auto answer = answer_from(from.wire, from.kind, from.capabilities);
    if (answer) into = *std::move(answer);
    return answer.has_value();
  };
  shadow::Answer left;
  shadow::Answer right;
  compared.control_readable = take_apart(control, left);
  compared.candidate_readable = take_apart(candidate, right);
  if (!compared.control_readable || !compared.candidate_readable) return compared;
  const shadow::DiffOptions options{.ordered = job.ordered, .total_order = job.total_order, .samples_max = samples_max};
  compared.diff = shadow::compare(left, right, options);
  if (compared.diff.verdict == shadow::Verdict::order_only && job.ordered) {
    compared.order = routing::order_of_one_table(job.sql, job.lexer_mode);
    if (compared.order) drop_aliases(left.result.columns, *compared.order);
  }
  return compared;
}

}  // namespace crossfade::proxy
