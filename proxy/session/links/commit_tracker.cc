#include "proxy/session/links/commit_tracker.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace crossfade::proxy {

using protocol::OwnTracking;
using protocol::ResultEnd;

std::optional<Commit> CommitTracker::note(const Answer& answer) {
  const Expect expected = std::exchange(expect_, Expect::nothing);
  const bool failed = answer.end.kind == ResultEnd::Kind::err;
  // An EOF carries no state.
  const bool told_all = answer.end.kind == ResultEnd::Kind::ok ||
                        (answer.end.kind == ResultEnd::Kind::rows && (answer.server & protocol::kDeprecateEof) != 0);
  const bool believed = tracks_ && told_all && !answer.told.unclear;
  state_unchanged_ = believed && !answer.told.state_changed;
  state_changed_ = tracks_ && answer.told.state_changed;
  Commit commit;
  commit.at = answer.now;
  if (tracks_ && !answer.told.gtid.empty()) {
    if (told_all) commit.gtid = answer.told.gtid;  // else it may be the name of an earlier one of several
    last_ = commit;
    return commit;
  }
  if (expected == Expect::nothing || believed) return std::nullopt;
  if (failed) {  // half of it may stay; the client is told of the error at once
    last_ = std::move(commit);
    return std::nullopt;
  }
  const bool open = (answer.end.ok.status & protocol::kStatusInTransaction) != 0;
  if (open && expected == Expect::outside_transactions) return std::nullopt;
  last_ = commit;
  return commit;
}

namespace {

constexpr std::string_view kStateChange = "session_track_state_change";

}  // namespace

void CommitTracker::expect_client_set(const std::vector<std::string>& names) {
  // MariaDB tells of it in this SET's own answer already.
  const bool at_once = own_.gtid == OwnTracking::Gtid::variable;
  if (at_once && std::ranges::find(names, kStateChange) != names.end()) {
    own_.state_change_item = OwnTracking::ClientSees::left;
  }
}

void CommitTracker::note_client_set(const std::vector<std::string>& names) {
  const bool by_variable = own_.gtid == OwnTracking::Gtid::variable;
  for (const std::string& name : names) {
    if (name == (by_variable ? "session_track_system_variables" : "session_track_gtids")) {
      tracks_ = false;
      own_.gtid_item = OwnTracking::ClientSees::left;
    } else if (name == kStateChange) {
      tracks_ = false;
      own_.state_change_item = OwnTracking::ClientSees::left;
    }
  }
}

std::string track_statements(protocol::Make make) {
  if (make == protocol::Make::mariadb) {
    return "SELECT @@session_track_system_variables,@@session_track_state_change LIMIT 1;"
           "SET SESSION session_track_system_variables=CONCAT_WS(',',NULLIF(@@session_track_system_variables,''),"
           "'last_gtid'),session_track_state_change=1";
  }
  return "SELECT @@session_track_gtids,@@session_track_state_change,@@GLOBAL.gtid_mode LIMIT 1;"
         "SET SESSION session_track_gtids=OWN_GTID,session_track_state_change=1";
}

std::optional<Tracking> tracking_from(const std::vector<protocol::ResultSet>& results, protocol::Make make) {
  const bool mariadb = make == protocol::Make::mariadb;
  const std::size_t columns = mariadb ? 2 : 3;
  const std::vector<protocol::Cell>* const row =
      results.size() == 2 ? protocol::sole_row(results.front(), columns) : nullptr;
  if (row == nullptr) return std::nullopt;
  const std::vector<protocol::Cell>& before = *row;
  Tracking out;
  OwnTracking& own = out.own;
  own.gtid = mariadb ? OwnTracking::Gtid::variable : OwnTracking::Gtid::item;
  const std::string tracked = before[0].value_or("");
  const bool told_before = mariadb ? tracked.find("last_gtid") != std::string::npos : tracked == "OWN_GTID";
  own.gtid_item = told_before ? OwnTracking::ClientSees::left : OwnTracking::ClientSees::removed;
  own.state_change_item =
      before[1].value_or("0") == "1" ? OwnTracking::ClientSees::left : OwnTracking::ClientSees::removed;
  out.names_commits = mariadb || before[2].value_or("").starts_with("ON");
  return out;
}

}  // namespace crossfade::proxy
