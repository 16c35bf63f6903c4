// The kernels of a GPU, out of the sources of those of the CPU: nvcc compiles them for CUDA, any other compiler into loops over the same
// threads (see launch.hpp). Membranes are not among them: pure JAX serves those there.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "../kernels.hpp"
#include "../threads.hpp"
#include "launch.hpp"

namespace hemoflow {
namespace device {

constexpr int kBlock = 1;  // points of a thread

#include "../one_lane.hpp"

#include "../fluid.hpp"

#include "../coupling.hpp"

#include "../contact.hpp"

#include "fluid.hpp"

#include "coupling.hpp"

#include "contact.hpp"

}  // namespace device

template <class R>
const Kernels<R>& kernels() {
  using namespace device;
  static const Kernels<R> table{step_on_device<R>, export_on_device<R>, import_on_device<R>, sources_on_device<R>, stencil_on_device<R>,
                                wall_on_device<R>, spread_on_device<R>, interpolate_on_device<R>, press_on_device<R>, keep_on_device<R>,
                                nullptr, nullptr, nullptr, nullptr};
  return table;
}

template const Kernels<float>& kernels<float>();
template const Kernels<double>& kernels<double>();

#ifdef __CUDACC__
void use(Stream stream) { device::stream = stream; }

const char* launch_problem() {
  const cudaError_t problem = cudaGetLastError();
  return problem == cudaSuccess ? nullptr : cudaGetErrorString(problem);
}

void copy(void* to, const void* from, size_t bytes) { cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, device::stream); }

const char* instruction_set() { return "CUDA"; }
#else
void copy(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }

const char* instruction_set() { return "CUDA, emulated"; }

extern "C" __attribute__((visibility("default"))) void hemoflow_emulate_order(int order) { device::emulated_order() = order; }
#endif

}  // namespace hemoflow
