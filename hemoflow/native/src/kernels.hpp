// What the fluid and coupling kernels work on. Everything is a plain pointer: the callers own the memory.
#pragma once

#include <cstdint>

namespace hemoflow {

constexpr int kBlock = 16;  // nodes that share one row of the neighbour table

// Where a population that arrives at a node, and the one that leaves it the opposite way, live between steps.
//
// Populations are updated in place (the AA pattern of Bailey et al. 2009): in an even step every node reads and writes its own slots,
// in an odd step the same two populations share one slot at the neighbour. `base` (blocks, 18) holds, for direction i of a
// block, the flat slot of its first node where the 16 slots follow each other, and -1-k where they are listed in `spill` (k, 16).
// `stride` is the number of slots per direction, a multiple of 16; nodes from `count` on are padding.
struct Slots {
  const int32_t* base;
  const int32_t* spill;
  int64_t count, stride;
};

// Links that leave the fluid; see hemoflow/fluid/boundary.py. `slot` (L,) of the population that leaves and comes back, `upstream`
// (L,) of the one it shares a slot with in the other parity; both flat. Pressure links, the last `pressure_count`, have more.
template <class R>
struct LinkTable {
  const int32_t *slot, *upstream, *group, *opening;
  const R *retain, *base;
  const int32_t *node, *before, *direction;
  const R *reach, *along, *share, *wall_gain;
  int64_t count, pressure_count;
  int32_t openings;
};

template <class R>
struct FluidStep {
  Slots slots;
  LinkTable<R> links;
  R* populations;             // (19, stride), in place
  const R *even_rate, *odd_rate;
  bool rate_per_node;
  const R* body_force;        // (3,), scaled by the last drive
  const R* force;             // (3, count) or null
  const R* drive;             // (openings + 2,)
  R *strained, *slope;        // (P,) memory of pressure links, in place
  R* velocity;                // (3, count) or null
  R* flux;                    // (openings + 1,)
  R* scratch;                 // (L,)
  bool odd;
};

template <class R>
struct Points {
  const int32_t* anchor;      // (C, 3)
  const R* offset;            // (C, V, 3)
  int64_t cells, vertices;
};

struct NodeTable {
  const int32_t *tile_of, *blocks;
  int32_t shape[3], coarse[3];
  bool periodic[3];
  int32_t count, empty;
};

// One set of kernels, compiled for one instruction set.
template <class R>
struct Kernels {
  void (*step)(const FluidStep<R>&);
  void (*export_populations)(const Slots&, const R* slots, bool odd, R* out);
  void (*import_populations)(const Slots&, const R* in, R* slots);
  void (*stencil)(const NodeTable&, const Points<R>&, int width, int32_t* ids, R* weights);
  void (*wall)(const NodeTable&, const Points<R>&, const R* wall_distance, R* gap, R* normal);
  void (*spread)(const int32_t* ids, const R* weights, const R* values, int64_t points, int support, int64_t count, R* out);
  void (*interpolate)(const R* field, const int32_t* ids, const R* weights, int64_t points, int support, int64_t count, R* out);
};

template <class R>
const Kernels<R>& kernels();

// Name of the instruction set in use.
const char* instruction_set();

}  // namespace hemoflow
