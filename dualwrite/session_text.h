// A leader session's variables as text for a follower session that may be of the other make.
#pragma once

#include <string>
#include <string_view>

#include "dualwrite/statement_context.h"

namespace crossfade::dualwrite {

// What the follower speaks; names and modes it does not know are translated.
struct FollowerTraits {
  bool follower_is_mariadb = false;
  bool leader_is_mariadb = true;
};

// One SET of everything but the schema. Plain quoted texts: they mean the same under every sql_mode,
// and so the session's previous context does not matter. `context` must not be broken.
std::string set_context(const StatementContext& context, const FollowerTraits& traits);

// The same character set under the name that the follower knows in all its versions.
std::string translate_charset(const std::string& charset, const FollowerTraits& traits);
// sql_mode of the leader's session for a follower of the other make: unknown modes dropped, rounding
// of fractional seconds aligned (TIME_TRUNCATE_FRACTIONAL on MySQL for a MariaDB leader,
// TIME_ROUND_FRACTIONAL the other way round).
std::string translate_sql_mode(const std::string& sql_mode, const FollowerTraits& traits);
// The first mode of a MariaDB leader's session that changes what a write means and that MySQL has no
// counterpart for: a write under it must be refused. Empty: there is none.
std::string untranslatable_sql_mode(const std::string& sql_mode, const FollowerTraits& traits);
// A collation the follower does not know becomes its nearest of the same character set.
std::string translate_collation(const std::string& collation, const FollowerTraits& traits);
// Does the follower's make have this character set at all?
bool has_charset(const std::string& charset, const FollowerTraits& traits);

}  // namespace crossfade::dualwrite
