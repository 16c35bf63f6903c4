// Chooses the widest instruction set that was compiled and that this processor has.
#include "kernels.hpp"

namespace hemoflow {

#define HEMOFLOW_DECLARE(isa)      \
  namespace isa {                  \
  template <class R>               \
  const Kernels<R>& table();       \
  extern template const Kernels<float>& table<float>();   \
  extern template const Kernels<double>& table<double>(); \
  }

HEMOFLOW_DECLARE(portable)
#ifdef HEMOFLOW_X86
HEMOFLOW_DECLARE(avx2)
HEMOFLOW_DECLARE(avx512)

static int level() {
  static const int found = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
      return 2;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
  }();
  return found;
}

template <class R>
const Kernels<R>& kernels() {
  return level() == 2 ? avx512::table<R>() : (level() == 1 ? avx2::table<R>() : portable::table<R>());
}

const char* instruction_set() { return level() == 2 ? "AVX-512" : (level() == 1 ? "AVX2" : "SSE2"); }
#else
template <class R>
const Kernels<R>& kernels() { return portable::table<R>(); }

const char* instruction_set() { return "128-bit vectors"; }
#endif

template const Kernels<float>& kernels<float>();
template const Kernels<double>& kernels<double>();

}  // namespace hemoflow
