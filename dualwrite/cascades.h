// Which tables change by themselves when others do.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dualwrite/row_change.h"
#include "dualwrite/table_definition.h"

namespace crossfade::dualwrite {

// Of the same name; servers differ in whether its case counts.
bool is_same_table(const TableRef& left, const TableRef& right);

// ON DELETE or ON UPDATE: does it change the rows that refer?
bool acts_on_rows(std::string_view rule);

// The tables that refer to these by foreign keys of any rule, at any depth, without these themselves; what refers to a
// table comes behind it.
std::vector<TableRef> dependent_tables(const std::map<TableRef, TableDefinition>& tables,
                                       const std::vector<TableRef>& of);

// Columns of `of` whose new values the foreign keys of other tables, or its own, pass on to the rows that refer to it.
std::vector<std::string> passed_on_columns(const std::map<TableRef, TableDefinition>& tables, const TableRef& of);
// Does an update change one of these columns? Images that cannot be read: yes.
bool changes_columns(const RowsChange& update, const std::vector<std::string>& columns);

}  // namespace crossfade::dualwrite
