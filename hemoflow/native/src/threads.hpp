// A fixed team of threads for short loops: fork and join in about a microsecond, which OpenMP run from a changing host thread does not give.
#pragma once

#include <cstdint>
#include <algorithm>
#include <functional>

namespace hemoflow {

// Threads in the team, this one included; set before first use, at least 1.
void set_thread_count(int count);
int thread_count();

// Runs body(part, parts) for part = 0 .. parts-1 and returns when all are done.
void parallel(const std::function<void(int part, int parts)>& body, int parts);

// Runs body(begin, end) over contiguous parts of 0 .. count-1; in this thread alone where count is below `grain`. Long loops have more
// parts than threads: one that wakes late, or shares its core, then takes fewer of them.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
  if (count < grain || thread_count() == 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  const int shares = int(std::clamp<int64_t>(count / (4 * grain), thread_count(), 8 * thread_count()));
  parallel([&](int part, int parts) {
    const int64_t begin = count * part / parts, end = count * (part + 1) / parts;
    if (begin < end) body(begin, end);
  }, shares);
}

}  // namespace hemoflow
