#include "dualwrite/log_event.h"

namespace crossfade::dualwrite {
namespace {

constexpr std::size_t kItemBytes = sizeof(LogItem);

struct Weigh {
  std::size_t operator()(const TransactionBegin& begin) const { return begin.gtid.size() + begin.at.file.size(); }
  std::size_t operator()(const RowsChange& change) const { return change.bytes(); }
  std::size_t operator()(const LoggedStatement& statement) const {
    return statement.schema.size() + statement.sql.size() + statement.time_zone.size();
  }
  std::size_t operator()(const TransactionEnd& end) const { return end.next.file.size(); }
  std::size_t operator()(const LogAdvance& advance) const { return advance.next.file.size(); }
};

}  // namespace

std::size_t item_bytes(const LogItem& item) { return kItemBytes + std::visit(Weigh{}, item); }

}  // namespace crossfade::dualwrite
