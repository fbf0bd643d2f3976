// Are the literals of a WHERE, beyond `column = value`, compared with columns of their own type? A text that is no
// number or no date is an error for one server and none for the other, depending on whether a row was read.
#pragma once

#include <string_view>
#include <vector>

#include "dualwrite/table_schema.h"
#include "protocol/prepared.h"
#include "routing/multi_byte.h"
#include "routing/write_shape.h"

namespace crossfade::dualwrite {

// Is it of a kind that the column is compared with alike, row or no row? In a WHERE MySQL may make an error of a text
// that is no number or date before it has read a row, where MariaDB reads none and says nothing.
std::string_view comparison_problem(const routing::Value& value, const Column& column);
std::string_view comparison_problem(const protocol::Parameter& parameter, const Column& column);

// Why not; empty: they are. `parameters` null: not bound yet, nothing is said of them.
std::string_view where_problem(const routing::WriteShape& shape, const TableSchema& schema, routing::MultiByte charset,
                               const std::vector<protocol::Parameter>* parameters);

}  // namespace crossfade::dualwrite
