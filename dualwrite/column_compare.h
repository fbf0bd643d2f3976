// One column on both sides: can the follower's hold every value of the leader's, exactly?
#pragma once

#include <string>

#include "dualwrite/table_definition.h"
#include "dualwrite/table_mapping.h"

namespace crossfade::dualwrite {

enum class TypeFit {
  same,       // the same values in the same bytes
  converted,  // every value, by a conversion that the server does: not through BINLOG
  narrower,   // not every value
  different   // values of another kind
};

struct TypeComparison {
  TypeFit fit = TypeFit::same;
  std::string code;  // stable: "type_narrower", "charset_narrower", "members_differ", ...; empty: same
  std::string text;
};
TypeComparison compare_types(const DefinedColumn& leader, const DefinedColumn& follower, ServerMakes makes);

}  // namespace crossfade::dualwrite
