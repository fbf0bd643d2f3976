#include "routing/portable_functions.h"

#include "routing/word_table.h"

namespace crossfade::routing {
namespace {

struct Present {};

constexpr WordEntry<Present> kEntries[] = {
    {"ABS", {}},           {"ADDDATE", {}},      {"ASCII", {}},          {"CEIL", {}},
    {"CEILING", {}},       {"CHARACTER_LENGTH", {}}, {"CHAR_LENGTH", {}}, {"COALESCE", {}},
    {"CONCAT", {}},        {"CONCAT_WS", {}},    {"CRC32", {}},          {"CURDATE", {}},
    {"CURRENT_DATE", {}},  {"CURRENT_TIME", {}}, {"CURRENT_TIMESTAMP", {}}, {"CURTIME", {}},
    {"DATE", {}},          {"DATEDIFF", {}},     {"DATE_ADD", {}},       {"DATE_SUB", {}},
    {"DAY", {}},           {"DAYOFMONTH", {}},   {"DEFAULT", {}},        {"FLOOR", {}},
    {"FROM_UNIXTIME", {}}, {"GREATEST", {}},     {"HEX", {}},            {"HOUR", {}},
    {"IF", {}},            {"IFNULL", {}},       {"INET_ATON", {}},      {"INET_NTOA", {}},
    {"ISNULL", {}},        {"LAST_DAY", {}},     {"LEAST", {}},          {"LEFT", {}},
    {"LENGTH", {}},        {"LOCALTIME", {}},    {"LOCALTIMESTAMP", {}}, {"LPAD", {}},
    {"LTRIM", {}},         {"MICROSECOND", {}},  {"MID", {}},            {"MINUTE", {}},
    {"MOD", {}},           {"MONTH", {}},        {"NOW", {}},            {"NULLIF", {}},
    {"OCTET_LENGTH", {}},  {"ORD", {}},          {"RAND", {}},           {"REPEAT", {}},
    {"REPLACE", {}},       {"RIGHT", {}},        {"ROUND", {}},          {"RPAD", {}},
    {"RTRIM", {}},         {"SECOND", {}},       {"SHA", {}},            {"SHA1", {}},
    {"SHA2", {}},          {"SIGN", {}},         {"SPACE", {}},          {"SUBDATE", {}},
    {"SUBSTR", {}},        {"SUBSTRING", {}},    {"TIMESTAMP", {}},      {"TIMESTAMPADD", {}},
    {"TIMESTAMPDIFF", {}}, {"TO_BASE64", {}},    {"TRIM", {}},           {"UNHEX", {}},
    {"UNIX_TIMESTAMP", {}}, {"UTC_DATE", {}},    {"UTC_TIME", {}},       {"UTC_TIMESTAMP", {}},
    {"YEAR", {}},
};
constexpr WordTable<Present, 256> kTable(kEntries);

}  // namespace

bool is_portable_function(std::string_view name) { return kTable.find(name) != nullptr; }

}  // namespace crossfade::routing
