// Words to values, compared without case: a table fixed at compile time, one probe for most words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace crossfade::routing {

template <typename Value>
struct WordEntry {
  std::string_view word;  // upper case
  Value value;
};

template <typename Value, std::size_t kSlots>
class WordTable {
  static_assert((kSlots & (kSlots - 1)) == 0);

 public:
  template <std::size_t kEntries>
  constexpr explicit WordTable(const WordEntry<Value> (&entries)[kEntries]) {
    static_assert(kEntries * 2 <= kSlots, "half empty, so that a miss ends soon");
    for (const WordEntry<Value>& entry : entries) {
      std::size_t slot = hash(entry.word) & (kSlots - 1);
      while (!slots_[slot].word.empty()) slot = (slot + 1) & (kSlots - 1);
      slots_[slot] = entry;
    }
  }

  const Value* find(std::string_view word) const {
    for (std::size_t slot = hash(word) & (kSlots - 1); !slots_[slot].word.empty(); slot = (slot + 1) & (kSlots - 1)) {
      if (equal(word, slots_[slot].word)) return &slots_[slot].value;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t hash(std::string_view word) {
    std::uint32_t value = 2166136261u;
    for (const char c : word) value = (value ^ (static_cast<std::uint8_t>(c) | 0x20u)) * 16777619u;
    return value ^ (value >> 15);
  }
  static constexpr bool equal(std::string_view word, std::string_view upper) {
    if (word.size() != upper.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const char c = word[i];
      if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != upper[i]) return false;
    }
    return true;
  }

  std::array<WordEntry<Value>, kSlots> slots_{};
};

}  // namespace crossfade::routing
