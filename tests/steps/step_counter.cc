#include "tests/steps/step_counter.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>

// This file is compiled without the callbacks, and so that no loop here becomes a call of the function that it stands
// for.

namespace {

constexpr std::size_t kBytesPerStep = 16;

std::uint64_t counted = 0;
std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();

void count(std::uint64_t more) {
  counted += more;
  if (counted <= limit) return;
  std::fputs("more steps than any linear work could take: ended\n", stderr);
  std::_Exit(1);
}

void go_over(std::size_t bytes) { count(1 + bytes / kBytesPerStep); }

}  // namespace

namespace crossfade::steps {

std::uint64_t taken() { return counted; }
void end_after(std::uint64_t more) { limit = counted + more; }

}  // namespace crossfade::steps

extern "C" {

void __sanitizer_cov_trace_pc() { count(1); }

// In place of the C library's, also for the C++ library.

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t bytes) noexcept {
  go_over(bytes);
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = in[i];
  return to;
}

void* memmove(void* to, const void* from, std::size_t bytes) noexcept {
  go_over(bytes);
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  if (out < in) {
    for (std::size_t i = 0; i < bytes; ++i) out[i] = in[i];
  } else {
    for (std::size_t i = bytes; i > 0; --i) out[i - 1] = in[i - 1];
  }
  return to;
}

void* memset(void* to, int value, std::size_t bytes) noexcept {
  go_over(bytes);
  auto* out = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<unsigned char>(value);
  return to;
}

int memcmp(const void* left, const void* right, std::size_t bytes) noexcept {
  const auto* l = static_cast<const unsigned char*>(left);
  const auto* r = static_cast<const unsigned char*>(right);
  std::size_t i = 0;
  while (i < bytes && l[i] == r[i]) ++i;
  go_over(i);
  return i == bytes ? 0 : l[i] - r[i];
}

// C has one of it, C++ two.
void* find_byte(const void* in, int value, std::size_t bytes) noexcept __asm__("memchr");
void* find_byte(const void* in, int value, std::size_t bytes) noexcept {
  const auto* at = static_cast<const unsigned char*>(in);
  std::size_t i = 0;
  while (i < bytes && at[i] != static_cast<unsigned char>(value)) ++i;
  go_over(i);
  return i == bytes ? nullptr : const_cast<unsigned char*>(at + i);
}

}  // extern "C"
