#include "tests/sim/client.h"

#include <algorithm>

#include "protocol/rows.h"

namespace crossfade::sim {

using proxy::Task;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t kKeys = 8;
constexpr auto kPatience = std::chrono::minutes(10);

}  // namespace

Client::Client(Setting setting, int number) : setting_(std::move(setting)), number_(number) {}

std::string Client::next_mark() { return std::to_string(number_) + "." + std::to_string(++marks_); }

Task<void> Client::live() {
  while (!ending_) {
    const bool connected = co_await connect();
    bool going = connected;
    while (going && !ending_) {
      const milliseconds pause(setting_.world.below(15));
      co_await setting_.reactor.sleep_for(pause);
      going = co_await act();
      if (setting_.world.chance(1, 60)) going = false;
    }
    if (link_ && setting_.world.chance(1, 2)) link_->send_quit();
    link_.reset();
    if (!connected) co_await setting_.reactor.sleep_for(milliseconds(20));
  }
  ended_ = true;
}

Task<bool> Client::connect() {
  const auto entrance = setting_.entrance();
  if (!entrance) co_return false;
  slot_ = entrance->second;
  wrote_ = 0;
  lost_ = false;
  proxy::LinkOptions options;
  options.address.host = entrance->first;
  options.address.is_unix = true;
  options.user = "app";
  options.password = "secret";
  options.schema = kSchema;
  const proxy::TimePoint deadline = setting_.world.now() + std::chrono::seconds(5);
  auto opened = co_await proxy::BackendLink::open(setting_.reactor, std::move(options), setting_.counters, deadline);
  if (!opened.ok()) co_return false;
  link_ = *std::move(opened);
  co_return true;
}

void Client::lose(int slot) {
  if (slot_ != slot) return;
  lost_ = true;
  if (link_) link_->stream().cancel_read();
}

Task<Client::Said> Client::say(std::string sql) {
  Said said;
  if (lost_) co_return said;
  setting_.world.note("client " + std::to_string(number_) + " " + sql);
  auto captured = co_await link_->run(std::move(sql), setting_.world.now() + kPatience);
  if (!captured.ok()) co_return said;
  said.alive = true;
  ++done;
  if (captured->failed()) {
    said.err = captured->last().err;
  } else {
    auto results = protocol::decode_response(captured->wire, protocol::ResponseKind::query, link_->capabilities());
    if (!results.ok()) co_return Said();
    said.results = *std::move(results);
  }
  co_return said;
}

std::string Client::writing(const std::string& mark) {
  World& world = setting_.world;
  const std::vector<std::string> tables = application_tables();
  const std::string table = std::string(kSchema) + "." + tables[world.below(tables.size())];
  const std::string key = std::to_string(world.below(kKeys));
  const std::string value = std::to_string(1 + world.below(1000000));
  const std::string end = " /*mark " + mark + "*/";
  switch (world.below(4)) {
    case 0:
      return "DELETE FROM " + table + " WHERE id=" + key + end;
    case 1:
      return "UPDATE " + table + " SET v=" + value + ",s='u" + value + "' WHERE id=" + key + end;
    case 2:
      return "REPLACE INTO " + table + " (id,v) VALUES (" + key + "," + value + ")" + end;
    default:
      return "INSERT INTO " + table + " (id,v,s) VALUES (" + key + "," + value +
             ",'i') ON DUPLICATE KEY UPDATE v=VALUES(v),s=VALUES(s)" + end;
  }
}

void Client::acknowledged(const std::string& mark) {
  wrote_ = std::max(wrote_, setting_.model.place_of(mark));
  if (!setting_.acknowledged_by_both) return;
  ++setting_.model.acks_checked;
  setting_.model.check_acknowledged(mark);
}

Task<bool> Client::act() {
  const std::uint64_t what = setting_.world.below(10);
  if (what < 4) co_return co_await read(false);
  if (what < 8) co_return co_await write();
  co_return co_await transact();
}

Task<bool> Client::write() {
  const std::string mark = next_mark();
  std::string sql = writing(mark);
  const Said said = co_await say(std::move(sql));
  if (said.alive && !said.err) acknowledged(mark);
  co_return said.alive;
}

Task<bool> Client::read(bool in_transaction) {
  const std::vector<std::string> tables = application_tables();
  Model::Read read;
  read.table = std::string(kSchema) + "." + tables[setting_.world.below(tables.size())];
  read.key = std::to_string(setting_.world.below(kKeys));
  read.not_before = setting_.reads_are_strict ? setting_.model.commits() : wrote_;
  std::string sql = "SELECT v FROM " + read.table + " WHERE id=" + read.key;
  if (in_transaction) sql += " /*in transaction*/";
  const Said said = co_await say(std::move(sql));
  if (!said.alive || said.err) co_return said.alive;
  const auto& rows = said.results.front().rows;
  if (!rows.empty()) read.value = rows.front().front();
  if (!in_transaction) setting_.model.check_read(read);
  co_return true;
}

Task<bool> Client::transact() {
  std::string first = "BEGIN";
  const Said begun = co_await say(std::move(first));
  if (!begun.alive || begun.err) co_return begun.alive;
  std::string mark;
  const std::uint64_t count = 1 + setting_.world.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (setting_.world.chance(1, 3)) {
      const bool going = co_await read(true);
      if (!going) co_return false;
      continue;
    }
    mark = next_mark();
    std::string sql = writing(mark);
    const Said said = co_await say(std::move(sql));
    if (!said.alive) co_return false;
    const milliseconds pause(setting_.world.below(10));
    co_await setting_.reactor.sleep_for(pause);
  }
  const bool commits = setting_.world.chance(3, 4);
  std::string last = commits ? "COMMIT" : "ROLLBACK";
  const Said ended = co_await say(std::move(last));
  if (ended.alive && !ended.err && commits && !mark.empty()) acknowledged(mark);
  co_return ended.alive;
}

}  // namespace crossfade::sim
