// The claim that work does not grow faster than its input.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/steps/step_counter.h"

namespace crossfade::steps {

inline constexpr std::size_t kSmall = std::size_t{16} << 10;
inline constexpr std::size_t kMegabyte = std::size_t{1} << 20;
// A little more than twice: a map's or a heap's logarithm, and what is rounded.
inline constexpr double kDoubledMax = 2.3;
inline constexpr double kPerByteMax = 2;             // where a buffer doubles, it hangs on the size what it costs
inline constexpr std::uint64_t kFixedSteps = 20000;  // of tables that are made once, and the like

inline constexpr std::size_t kManyFed = 12;  // what reads every text that comes

// An input of about `bytes` bytes.
using Input = std::function<std::string(std::size_t bytes)>;
struct NamedInput {
  std::string name;
  Input make;
};
// What is done with it.
using Work = std::function<void(const std::string& input)>;
struct NamedWork {
  std::string name;
  Work run;
  std::uint64_t steps_per_byte_max = 400;
};

inline std::uint64_t steps_of(const Work& work, const std::string& input, std::uint64_t per_byte_max) {
  end_after(per_byte_max * 100 * (input.size() + 1000));
  const std::uint64_t before = taken();
  work(input);
  return taken() - before;
}

// Every input doubled takes twice the steps at most. Of the inputs that are worst, `fed` are then fed with a megabyte.
inline void expect_linear(const NamedWork& work, const std::vector<NamedInput>& inputs, std::size_t fed = 3) {
  struct Seen {
    double per_byte;
    const NamedInput* input;
  };
  std::vector<Seen> seen;
  for (const NamedInput& input : inputs) {
    const std::string once = input.make(kSmall);
    const std::string twice = input.make(2 * kSmall);
    const auto steps = static_cast<double>(steps_of(work.run, once, work.steps_per_byte_max));
    const auto doubled = static_cast<double>(steps_of(work.run, twice, work.steps_per_byte_max));
    EXPECT_LE(doubled, kDoubledMax * steps + static_cast<double>(kFixedSteps))
        << work.name << " of " << input.name << ": " << once.size() << " bytes take " << steps << " steps, "
        << twice.size() << " take " << doubled;
    seen.push_back({doubled / static_cast<double>(twice.size()), &input});
  }
  if (::testing::Test::HasFailure()) return;  // a megabyte of it would take for ever
  std::sort(seen.begin(), seen.end(), [](const Seen& one, const Seen& other) { return one.per_byte > other.per_byte; });
  for (std::size_t i = 0; i < std::min(fed, seen.size()); ++i) {
    const std::string large = seen[i].input->make(kMegabyte);
    ASSERT_GE(large.size(), kMegabyte * 9 / 10) << seen[i].input->name;
    const double per_byte =
        static_cast<double>(steps_of(work.run, large, work.steps_per_byte_max)) / static_cast<double>(large.size());
    EXPECT_LE(per_byte, static_cast<double>(work.steps_per_byte_max)) << work.name << " of " << seen[i].input->name;
    EXPECT_LE(per_byte, kPerByteMax * seen[i].per_byte + 5) << work.name << " of " << seen[i].input->name;
    ::testing::Test::RecordProperty((work.name + ": steps a byte of " + seen[i].input->name).c_str(),
                                    std::to_string(per_byte));
  }
}

}  // namespace crossfade::steps
