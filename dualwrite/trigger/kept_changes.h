// The table `kept` in the control schema of a leader that feeds by triggers: what stopped tables had in `changes`, put
// aside so that no snapshot has to pass it by, with its ids. It has a column for each that `changes` can have, so it is
// never widened. Whoever applies is alone with it. Text only; whoever sends it is proxy/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crossfade::dualwrite {

// CREATE TABLE IF NOT EXISTS.
std::string create_kept(std::string_view schema);
std::string drop_kept(std::string_view schema);

// Each moves one row, with its id, and is two statements, to be run in one transaction. `pairs`: of `changes`. One id a
// statement, as in delete_change().
std::string keep_change(std::string_view schema, std::size_t pairs, std::uint64_t id, bool mariadb);
std::string bring_back_change(std::string_view schema, std::size_t pairs, std::uint64_t id, bool mariadb);

// Numbers that have rows there.
std::string select_kept_numbers(std::string_view schema);
// Ids of rows of these numbers ("7,9"), rising.
std::string select_kept(std::string_view schema, std::string_view numbers, std::size_t rows_max);
// A row if these numbers have a 'K' there.
std::string select_kept_identity(std::string_view schema, std::string_view numbers);
std::string delete_kept(std::string_view schema, std::string_view numbers, std::size_t rows_max);
std::string delete_all_kept(std::string_view schema);
// How many ids there are from the first to the last.
std::string select_kept_span(std::string_view schema);

}  // namespace crossfade::dualwrite
