// What a row log says as text, for golden files and for the eyes of who reviews them.
#pragma once

#include <string>
#include <vector>

#include "dualwrite/log_event.h"
#include "dualwrite/row_change.h"

namespace crossfade::dualwrite {

// One value: numbers as numbers, temporals in SQL's form, texts in quotes with \xHH for what is not ASCII, ENUM and SET
// by number and name, the rest in hex.
std::string value_text(const LogColumn& column, const LogValue& value);
// One line an item; rows one line each.
std::string item_text(const LogItem& item);
// The table's columns, a line each.
std::string table_text(const LogTable& table);

// The events of a golden file: (u32 bytes | event)*.
std::vector<protocol::Buffer> golden_events(const std::string& path);
std::string file_text(const std::string& path);

}  // namespace crossfade::dualwrite
