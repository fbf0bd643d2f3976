#include "dualwrite/portable_functions.h"

#include "routing/word_table.h"

namespace crossfade::dualwrite {
namespace {

using routing::WordEntry;
using routing::WordTable;

struct Present {};

constexpr WordEntry<Present> kEntries[] = {
    {"ABS", {}},           {"ADDDATE", {}},
    {"ASCII", {}},         {"CEIL", {}},
    {"CEILING", {}},       {"CHARACTER_LENGTH", {}},
    {"CHAR_LENGTH", {}},   {"COALESCE", {}},
    {"CONCAT", {}},        {"CONCAT_WS", {}},
    {"CURDATE", {}},       {"CURRENT_DATE", {}},
    {"CURRENT_TIME", {}},  {"CURRENT_TIMESTAMP", {}},
    {"CURTIME", {}},       {"DATE_ADD", {}},
    {"DATE_SUB", {}},      {"DEFAULT", {}},
    {"FLOOR", {}},         {"GREATEST", {}},
    {"HEX", {}},           {"IF", {}},
    {"IFNULL", {}},        {"LEAST", {}},
    {"LEFT", {}},          {"LENGTH", {}},
    {"LOCALTIME", {}},     {"LOCALTIMESTAMP", {}},
    {"LTRIM", {}},         {"MID", {}},
    {"MOD", {}},           {"NOW", {}},
    {"NULLIF", {}},        {"OCTET_LENGTH", {}},
    {"ORD", {}},           {"RAND", {}},
    {"REPEAT", {}},        {"REPLACE", {}},
    {"RIGHT", {}},         {"ROUND", {}},
    {"RTRIM", {}},         {"SIGN", {}},
    {"SUBDATE", {}},       {"SUBSTR", {}},
    {"SUBSTRING", {}},     {"TO_BASE64", {}},
    {"TRIM", {}},          {"UNIX_TIMESTAMP", {}},
    {"UTC_DATE", {}},      {"UTC_TIME", {}},
    {"UTC_TIMESTAMP", {}},
};
constexpr WordTable<Present, 256> kFunctions(kEntries);

}  // namespace

bool is_portable_function(std::string_view name) { return kFunctions.find(name) != nullptr; }

}  // namespace crossfade::dualwrite
