// All kernels for one instruction set, which the build chooses with HEMOFLOW_ISA (a name) and HEMOFLOW_VECTOR_BYTES.
#include "kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "lattice.hpp"
#include "threads.hpp"

#ifndef HEMOFLOW_ISA
#define HEMOFLOW_ISA portable
#define HEMOFLOW_VECTOR_BYTES 16
#endif

namespace hemoflow {
namespace HEMOFLOW_ISA {

#include "simd.hpp"

#include "fluid.hpp"

#include "coupling.hpp"

#include "triangles.hpp"

#include "contact.hpp"

#include "membrane.hpp"

#include "motion.hpp"

#include "neighbours.hpp"

template <class R>
const Kernels<R>& table() {
  static const Kernels<R> kernels{step<R>, export_populations<R>, import_populations<R>, sources<R>, stencil<R>, wall<R>, spread<R>, interpolate<R>,
                                  press<R>, keep<R>, membrane<R>, displace<R>, contact<R>, apart<R>};
  return kernels;
}

template const Kernels<float>& table<float>();
template const Kernels<double>& table<double>();

}  // namespace HEMOFLOW_ISA
}  // namespace hemoflow
