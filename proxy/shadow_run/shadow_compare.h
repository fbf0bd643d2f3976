// Two answers as they came over the wire, compared.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/shadow_run/shadow_run.h"
#include "routing/order_by.h"
#include "shadow/diff.h"

namespace crossfade::proxy {

// An answer, as it was framed. A view.
struct Recorded {
  protocol::Bytes wire = {};
  protocol::ResponseKind kind = protocol::ResponseKind::query;
  protocol::Capabilities capabilities = 0;
  bool too_large = false;
};
Recorded recorded(const ShadowRun& ran);
// The control's.
Recorded recorded(const ShadowJob& job);

struct Compared {
  bool control_readable = false;
  bool candidate_readable = false;
  shadow::Diff diff = {};                      // if both are readable
  std::optional<routing::OrderBy> order = {};  // where rows came in another order: what they are sorted by
};
// On any thread. Takes time that grows with the answers.
Compared compare_answers(const ShadowJob& job, const Recorded& control, const Recorded& candidate,
                         std::uint32_t samples_max);

}  // namespace crossfade::proxy
