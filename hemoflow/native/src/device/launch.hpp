// How kernels run: one thread per element, or teams of threads that form sums. nvcc makes CUDA kernels of them; any other compiler makes
// loops over the same threads, phase by phase, so that every line but these is tested where there is no GPU (HEMOFLOW_EMULATED).
#pragma once

#include <cstdint>
#include <cstring>

#include "../kernels.hpp"
#include "stream.hpp"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#endif

namespace hemoflow {
namespace device {

#ifdef __CUDACC__

inline thread_local cudaStream_t stream = nullptr;

// One team within a kernel. `each` is a phase: all of its threads are through with it before the next begins.
struct Team {
  int64_t index;

  template <class Phase>
  __device__ __forceinline__ void each(const Phase& phase) const {
    phase(int(threadIdx.x));
    __syncthreads();
  }
};

HEMOFLOW_INLINE void add_to(float* at, float value) {
#ifdef __CUDA_ARCH__
  atomicAdd(at, value);
#endif
}
HEMOFLOW_INLINE void add_to(double* at, double value) {
#ifdef __CUDA_ARCH__
  atomicAdd(at, value);
#endif
}

// Teams that a multiprocessor is to hold at once, which bounds the registers of a thread; 1 leaves that to the compiler.
template <class Body>
constexpr int kResident = 1;

template <class Body>
__global__ void __launch_bounds__(kTeam, kResident<Body>) threads_of(const __grid_constant__ Body body, int64_t count) {
  const int64_t k = int64_t(blockIdx.x) * kTeam + threadIdx.x;
  if (k < count) body(k);
}

template <class Body>
__global__ void __launch_bounds__(kTeam, kResident<Body>) teams_of(const __grid_constant__ Body body) {
  __shared__ typename Body::Shared shared;
  body(Team{int64_t(blockIdx.x)}, shared);
}

// Runs body(k) for k = 0 .. count-1, a thread each.
template <class Body>
void for_each(int64_t count, const Body& body) {
  if (count > 0) threads_of<<<unsigned(teams(count)), kTeam, 0, stream>>>(body, count);
}

// Runs body(team, shared) for teams 0 .. count-1; `shared` is memory of the team.
template <class Body>
void for_teams(int64_t count, const Body& body) {
  if (count > 0) teams_of<<<unsigned(count), kTeam, 0, stream>>>(body);
}

#define HEMOFLOW_BODY __device__ __forceinline__

#else

// The order in which emulated threads run: 0 as they are numbered, 1 backwards, others scattered. No result may depend on it.
inline int& emulated_order() {
  static int order = 0;
  return order;
}

inline int64_t emulated(int64_t k, int64_t count) {
  constexpr int64_t kStep = 1000003;  // a prime that divides no team and hardly any count
  if (emulated_order() == 0) return k;
  return emulated_order() == 1 || count % kStep == 0 ? count - 1 - k : (k * kStep + 17) % count;
}

struct Team {
  int64_t index;

  template <class Phase>
  void each(const Phase& phase) const {
    for (int64_t thread = 0; thread < kTeam; ++thread) phase(int(emulated(thread, kTeam)));
  }
};

template <class R>
inline void add_to(R* at, R value) { *at += value; }

template <class Body>
void for_each(int64_t count, const Body& body) {
  const int64_t all = teams(count) * kTeam;
  for (int64_t k = 0; k < all; ++k)
    if (emulated(k, all) < count) body(emulated(k, all));
}

template <class Body>
void for_teams(int64_t count, const Body& body) {
  typename Body::Shared shared;
  for (int64_t k = 0; k < count; ++k) {
    std::memset(static_cast<void*>(&shared), 0xff, sizeof(shared));  // not a number, until it is written
    body(Team{emulated(k, count)}, shared);
  }
}

template <class Body>
constexpr int kResident = 1;

#define HEMOFLOW_BODY inline

#endif

// The sum, or what else `join` makes of two, of the values of all threads, into the first; each thread has written its own.
template <class T, class Join>
HEMOFLOW_BODY void gather_up(const Team& team, T (&values)[kTeam], const Join& join) {
  for (int half = kTeam / 2; half > 0; half /= 2)
    team.each([&](int t) {
      if (t < half) values[t] = join(values[t], values[t + half]);
    });
}

struct Plus {
  template <class T>
  HEMOFLOW_BODY T operator()(T a, T b) const { return a + b; }
};

struct Larger {
  template <class T>
  HEMOFLOW_BODY T operator()(T a, T b) const { return a > b ? a : b; }
};

}  // namespace device
}  // namespace hemoflow
