#include "proxy/feed/leader_record.h"

#include "proxy/feed/server_answers.h"
#include "proxy/net/deadlines.h"

namespace crossfade::proxy {

Task<absl::StatusOr<dualwrite::LeaderRecord>> read_leader(BackendLink& link, std::string schema) {
  auto there = co_await link.query_row(dualwrite::count_leader_tables(schema), 1, soon());
  if (!there.ok()) co_return there.status();
  if (first_number(*there) == 0) co_return dualwrite::LeaderRecord();
  auto results = co_await link.query(dualwrite::select_leader(schema), soon());
  if (!results.ok()) co_return results.status();
  if (results->empty()) co_return absl::InternalError("the server gave no result");
  co_return dualwrite::leader_from(results->front());
}

Task<absl::Status> make_leader_table(BackendLink& link, std::string schema) {
  for (const std::string& sql : dualwrite::leader_setup_statements(schema)) {
    auto made = co_await link.query(sql, soon());
    if (!made.ok()) co_return made.status();
  }
  co_return absl::OkStatus();
}

Task<absl::Status> write_new_leads(BackendLink& link, std::string schema) {
  const absl::Status made = co_await make_leader_table(link, schema);
  if (!made.ok()) co_return made;
  auto noted = co_await link.query(dualwrite::note_new_leads(schema), soon());
  co_return noted.status();
}

Task<absl::Status> still_leads(BackendLink& link, std::string schema) {
  auto record = co_await read_leader(link, std::move(schema));
  if (!record.ok()) co_return record.status();
  if (!record->new_leads) co_return absl::OkStatus();
  co_return absl::FailedPreconditionError("'new' leads now: 'old' is no longer followed");
}

}  // namespace crossfade::proxy
