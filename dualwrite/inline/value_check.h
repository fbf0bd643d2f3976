// Does a column store a given value in the same way on every server of this family, under any
// sql_mode? A value that the server would have to convert may come out differently.
#pragma once

#include <string>
#include <string_view>

#include "dualwrite/inline/text_conversion.h"
#include "dualwrite/table_schema.h"
#include "protocol/prepared.h"
#include "routing/write_shape.h"

namespace crossfade::dualwrite {

// Each answers with why not; empty: it does. The reasons hold no literals.

// `value` is a literal, NULL or DEFAULT.
std::string_view literal_problem(const routing::Value& value, const Column& column);
std::string_view parameter_problem(const protocol::Parameter& parameter, const Column& column);
// `value` is an expression; its columns are looked up in `schema`. `charset`: of the statement's bytes.
std::string_view expression_problem(const routing::Value& value, const Column& column, const TableSchema& schema,
                                    routing::MultiByte charset);
// What may become of its characters on their way; for every kind of value, and for what a column is compared with.
std::string_view text_problem(const routing::Value& value, const Column& column, const TextPath& path);
std::string_view text_problem(const protocol::Parameter& parameter, const Column& column, const TextPath& path);
// Its bytes are a text, or bytes taken for one.
bool is_bound_text(const protocol::Parameter& parameter);
// A parameter that is compared with who knows what: a text has to be well-formed.
std::string_view compared_problem(const protocol::Parameter& parameter, const TextPath& path);
// A placeholder within an expression that gives `column` its value.
std::string_view operand_problem(const protocol::Parameter& parameter, const Column& column);
// How many ? an expression holds.
std::size_t placeholders_in(const routing::Value& value, routing::MultiByte charset);

// YYYY-MM-DD, YYYY-MM-DD HH:MM:SS[.ffffff] or [-]H:MM:SS[.ffffff].
bool is_plain_temporal(std::string_view text);

}  // namespace crossfade::dualwrite
