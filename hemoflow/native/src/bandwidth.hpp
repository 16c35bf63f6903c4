// The copy bandwidth of this machine, which bounds every rate: all threads, arrays larger than the caches, stores that bypass them.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "threads.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace hemoflow {

inline void copy_past_caches(double* to, const double* from, int64_t count) {
#if defined(__SSE2__)
  int64_t k = 0;
  for (; k < count && reinterpret_cast<uintptr_t>(to + k) % 16; ++k) to[k] = from[k];
  for (; k + 2 <= count; k += 2) _mm_stream_pd(to + k, _mm_loadu_pd(from + k));
  for (; k < count; ++k) to[k] = from[k];
  _mm_sfence();
#else
  std::memcpy(to, from, count * sizeof(double));
#endif
}

// Bytes read plus written per second, the best of `repeats` copies of an array of `bytes`.
inline double copy_bandwidth(int64_t bytes, int repeats) {
  const int64_t count = bytes / int64_t(sizeof(double));
  std::vector<double> from(count, 1.0), to(count, 0.0);
  double best = 0.0;
  for (int k = 0; k <= repeats; ++k) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(count, 1, [&](int64_t begin, int64_t end) { copy_past_caches(to.data() + begin, from.data() + begin, end - begin); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (k > 0 && 2.0 * bytes / seconds > best) best = 2.0 * bytes / seconds;
  }
  return best;
}

}  // namespace hemoflow
