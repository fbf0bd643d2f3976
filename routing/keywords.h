// The words of the grammar: which are reserved, and which the classifier acts on.
#pragma once

#include <cstdint>
#include <string_view>

namespace crossfade::routing {

// Those that mean something to the classifier or the digest; all others are `none`.
enum class Keyword : std::uint8_t {
  none,
  all,
  as,
  call,
  distinct,
  except,
  exists,
  fetch,
  for_,
  from,
  group,
  in,
  insert,
  intersect,
  into,
  join,
  limit,
  lock,
  of,
  on,
  or_,
  order,
  procedure,
  recursive,
  replace,
  select,
  set,
  share,
  straight_join,
  table,
  union_,
  update,
  using_,
  delete_,
  value,
  values,
  where,
  window,
  with,
  having,
  current_user,
  time_word,
  sql_calc_found_rows,
  row,
  null_,
  literal,
  lateral,
  analyze,
  rollup,
  sysdate,
  columns,
  any,
};

struct KeywordInfo {
  Keyword keyword = Keyword::none;
  bool reserved = false;           // in MySQL or MariaDB: never a plain name
  bool takes_parenthesis = false;  // `word (` is grammar, never a call of a stored function
};

// Of an unquoted word that does not follow a dot.
KeywordInfo keyword_info(std::string_view word);

}  // namespace crossfade::routing
