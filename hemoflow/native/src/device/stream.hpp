// What the handlers need of a GPU: the stream they work on.
#pragma once

#include <cstddef>

#ifndef HEMOFLOW_EMULATED
struct CUstream_st;
#endif

namespace hemoflow {

#ifndef HEMOFLOW_EMULATED
typedef CUstream_st* Stream;

// Later launches and copies of this thread go to this stream.
void use(Stream stream);

// What went wrong in a launch since the last question, or null.
const char* launch_problem();
#endif

// Copies within the memory of the device, in the order of the stream.
void copy(void* to, const void* from, size_t bytes);

}  // namespace hemoflow
