// How much work code does, in steps and not in time: the same number on every machine, every day.
//
// The folders under test are compiled with -fsanitize-coverage=trace-pc, which calls back at each basic block: a step.
// What the C library does in their name (memcpy and the like) is counted by the bytes it goes over. Nothing in the
// sources has to be written for it, so that a loop that is added tomorrow is counted, too.
#pragma once

#include <cstdint>

namespace crossfade::steps {

// All that were taken since the program began. One thread.
std::uint64_t taken();

// Past so many the program ends, with words: what takes quadratic time should not have to be waited for.
void end_after(std::uint64_t more);

}  // namespace crossfade::steps
