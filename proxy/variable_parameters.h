// The values of user variables, as the leader gave them, as parameters of a prepared execution.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/prepared.h"
#include "protocol/rows.h"

namespace crossfade::proxy {

// "SELECT @a,CHARSET(@a),@b,..."; the values as written.
std::string parameters_query(const std::vector<std::string>& values);
// InvalidArgument, with words for the client: a value cannot be had as it is through a session of this
// character set.
absl::StatusOr<std::vector<protocol::Parameter>> parameters_from(const protocol::ResultSet& result,
                                                                 const std::string& client_charset,
                                                                 const std::string& results_charset);

}  // namespace crossfade::proxy
