#include "migrate/table_order.h"

#include <algorithm>
#include <cstddef>

#include "dualwrite/ascii_case.h"

namespace crossfade::migrate {

namespace {

bool same(const TableRef& left, const TableRef& right) {
  return dualwrite::same_ignoring_case(left.schema, right.schema) &&
         dualwrite::same_ignoring_case(left.table, right.table);
}

// Strongly connected components (Tarjan, "Depth-First Search and Linear Graph Algorithms", 1972): a component is told
// when everything that it refers to has been.
class Components {
 public:
  explicit Components(std::vector<std::vector<std::size_t>> edges) : edges_(std::move(edges)), nodes_(edges_.size()) {}

  std::vector<std::vector<std::size_t>> all() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].index == 0) visit(i);
    }
    return std::move(found_);
  }

 private:
  struct Node {
    std::size_t index = 0;  // 0: not seen
    std::size_t low = 0;
    bool on_stack = false;
  };
  struct Frame {
    std::size_t node;
    std::size_t edge = 0;
  };

  void enter(std::size_t node, std::vector<Frame>& frames) {
    nodes_[node] = {.index = ++count_, .low = count_, .on_stack = true};
    stack_.push_back(node);
    frames.push_back({.node = node});
  }

  // Without recursion: a chain of foreign keys may be long.
  void visit(std::size_t first) {
    std::vector<Frame> frames;
    enter(first, frames);
    while (!frames.empty()) {
      Frame& frame = frames.back();
      const std::size_t node = frame.node;
      if (frame.edge < edges_[node].size()) {
        const std::size_t next = edges_[node][frame.edge++];
        if (nodes_[next].index == 0) {
          enter(next, frames);
        } else if (nodes_[next].on_stack) {
          nodes_[node].low = std::min(nodes_[node].low, nodes_[next].index);
        }
        continue;
      }
      frames.pop_back();
      if (!frames.empty()) nodes_[frames.back().node].low = std::min(nodes_[frames.back().node].low, nodes_[node].low);
      if (nodes_[node].low == nodes_[node].index) tell(node);
    }
  }

  void tell(std::size_t node) {
    std::vector<std::size_t>& component = found_.emplace_back();
    for (bool more = true; more;) {
      const std::size_t member = stack_.back();
      stack_.pop_back();
      nodes_[member].on_stack = false;
      component.push_back(member);
      more = member != node;
    }
    std::sort(component.begin(), component.end());
  }

  std::vector<std::vector<std::size_t>> edges_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> stack_;
  std::vector<std::vector<std::size_t>> found_;
  std::size_t count_ = 0;
};

}  // namespace

std::vector<TableRef> parents_of(const std::map<TableRef, TableDefinition>& leader, const TableRef& table) {
  std::vector<TableRef> out;
  const auto found = leader.find(table);
  if (found == leader.end()) return out;
  for (const dualwrite::DefinedForeignKey& key : found->second.foreign_keys) {
    if (same(key.parent, table)) continue;
    if (std::none_of(out.begin(), out.end(), [&](const TableRef& each) { return same(each, key.parent); })) {
      out.push_back(key.parent);
    }
  }
  return out;
}

std::vector<std::vector<TableRef>> copy_groups(const std::map<TableRef, TableDefinition>& leader,
                                               const std::vector<TableRef>& tables) {
  std::vector<std::vector<std::size_t>> edges(tables.size());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (const TableRef& parent : parents_of(leader, tables[i])) {
      for (std::size_t j = 0; j < tables.size(); ++j) {
        if (same(tables[j], parent)) edges[i].push_back(j);
      }
    }
  }
  std::vector<std::vector<TableRef>> out;
  for (const std::vector<std::size_t>& component : Components(std::move(edges)).all()) {
    std::vector<TableRef>& group = out.emplace_back();
    for (const std::size_t at : component) group.push_back(tables[at]);
  }
  return out;
}

bool cascades_on_itself(const TableDefinition& table) {
  return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                     [&](const auto& key) { return key.on_delete == "CASCADE" && same(key.parent, table.name); });
}

std::string cascade_within(const std::map<TableRef, TableDefinition>& leader, const std::vector<TableRef>& group) {
  for (const TableRef& name : group) {
    const auto table = leader.find(name);
    if (table == leader.end()) continue;
    for (const dualwrite::DefinedForeignKey& key : table->second.foreign_keys) {
      if (same(key.parent, name) || (key.on_delete != "CASCADE" && key.on_update != "CASCADE")) continue;
      if (std::any_of(group.begin(), group.end(), [&](const TableRef& each) { return same(each, key.parent); })) {
        return name.schema + "." + name.table + " to " + key.parent.schema + "." + key.parent.table;
      }
    }
  }
  return {};
}

}  // namespace crossfade::migrate
