// What the kernels work on. Everything is a plain pointer: the callers own the memory.
#pragma once

#include <cstdint>

#include "lattice.hpp"

namespace hemoflow {

constexpr int kLanes = 16;  // nodes of a block

// Where a population that arrives at a node, and the one that leaves it the opposite way, live between steps.
//
// Populations are updated in place (the AA pattern of Bailey et al. 2009): in an even step every node reads and writes its own slots,
// in an odd step the same two populations share one slot at the neighbour, or the node's own where there is no neighbour. Blocks are 16
// nodes that follow each other in memory, the last one may be shorter. A block consists of pieces, `first_piece` (b) to (b+1), of lanes
// `lanes` (piece) whose neighbours follow each other in every direction: the shared slots for direction i of the lanes in the bits
// `shared` (piece, i-1) are `base` (piece, i-1) + lane; the lanes in `missing` (b, i-1) have no such neighbour. `closed` (b): 1 if every
// lane is in use and has all its neighbours, 2 if they are one piece as well.
//
// Walls at sub-node distance: `wall` (b, i-1) has the lanes whose population i comes back from a wall with a factor other than 0,
// `retain` those factors in the order of block, direction, lane, with a vector's length of padding; `first_wall` (b) counts them, and
// `wall_from` (b, i-1) those of the block before this direction. Such a
// slot holds the part of the returning population that is known once the node has collided; the rest is added when it is read.
struct Slots {
  const int32_t *base, *first_piece, *first_wall;
  const uint16_t *lanes, *shared, *missing, *wall, *wall_from, *closed;
  int64_t blocks, count, stride, walls;  // `walls`: at most so many populations come back from them
};

// Links outside of the sweep; see hemoflow/fluid/boundary.py. Moving walls: `moved` flat slots and what is added there per drive of 1.
// Openings: flat slots, `slot` of the population that leaves and comes back, `own` and `shared` of the one against it. Pressure links,
// the last ones, have rows of `corner`: (rows, 19) the node and its 18 shared slots, and of `corner_retain` (rows, 19), their walls' factors.
template <class R>
struct LinkTable {
  const int32_t* moved;
  const R* motion;
  const int32_t *slot, *own, *shared, *opening;
  const R *retain, *base;
  const int32_t* corner;
  const R* corner_retain;
  const int32_t *node, *before, *direction;
  const R *reach, *along, *share, *wall_gain;
  int64_t moved_count, count, pressure_count;
  int32_t openings;
};

// Even rates over S = Pi:Pi, on the grid of its leading bits: hemoflow/fluid/thinning.py. None where the viscosity is constant.
template <class R>
struct RateTable {
  const R* rates;
  R smallest, largest, magic;
  int fineness;
};

template <class R>
struct FluidStep {
  Slots slots;
  LinkTable<R> links;
  const R* retain;            // (walls + padding,)
  R* populations;             // (19, stride), in place, of which count are in use
  const R* share;             // (1,) part of the size of what its walls bring a node that it gives back
  const R *even_rate, *odd_rate;
  bool rate_per_node;
  RateTable<R> thinning;
  const R* limits;            // (3,) of the table of rates, or null
  const R* body_force;        // (3,), scaled by the last drive
  const R* force;             // (3, count) or null
  const R* drive;             // (openings + 2,)
  R *strained, *slope;        // (P,) memory of pressure links, in place
  R* velocity;                // (3, count) or null
  R* rate;                    // (count,) even rates of a thinning fluid, or null
  R* flux;                    // (openings + 1,)
  R* brought;                 // (2,) by all walls at sub-node distance: net, and the sum of its sizes over the nodes
  const int32_t* parity;      // (1,)
  bool odd;
  double* scratch;            // for sums on a GPU: step_scratch numbers of 8 bytes
};

// A step with the single numbers that lie where its arrays do, perhaps in the memory of a GPU.
template <class R>
HEMOFLOW_SHARED FluidStep<R> informed(FluidStep<R> s) {
  s.odd = s.parity[0] != 0;
  if (s.thinning.rates != nullptr) {
    s.thinning.smallest = s.limits[0];
    s.thinning.largest = s.limits[1];
    s.thinning.magic = s.limits[2];
  }
  return s;
}

constexpr int kTeam = 256;  // threads of a GPU that form sums together

HEMOFLOW_SHARED constexpr int64_t teams(int64_t count) { return (count + kTeam - 1) / kTeam; }

// Numbers of 8 bytes that a step on a GPU needs: two sums of every team, one of every team of moving walls, three for every link.
HEMOFLOW_SHARED constexpr int64_t step_scratch(int64_t nodes, int64_t moved, int64_t links) {
  return 2 * teams(nodes) + teams(moved) + 3 * links;
}

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
  int32_t count, empty, row_axis;  // the axis along which ids grow by one from node to node, or -1
};

// The nodes around points, W along each axis: `rows` (P, W * W) the first node of every row along the row axis, or -1 in the first
// entry where a node is missing or a row is cut, `span` (P, 2) the range of nodes, `factors` (P, 3, W) the weights along each axis, rows last.
template <class R>
struct RowStencil {
  const int32_t *rows, *span;
  const R* factors;
};

template <class R>
struct WallContact {
  const R *membrane, *area;   // forces of the membranes (C, V, 3), share of area of every vertex (V,)
  const bool* alive;          // (C,)
  const R *pressure, *reach;  // (1,) each
  double* scratch;            // 3 for every team of a GPU
};

// Index tables of the mesh that a group of cells shares, as in hemoflow/cells/topology.py.
struct MembraneMesh {
  const int32_t *faces, *edges, *edge_faces, *face_edges;
  int64_t vertices, faces_count, edges_count;
};

// Fields of hemoflow.cells.membrane.MembraneParameters, (C,) each.
template <class R>
struct MembraneParameters {
  const R *shear_modulus, *area_dilation, *bending_modulus, *spontaneous_curvature, *cortical_tension, *area_modulus, *volume_modulus,
      *rest_area, *rest_volume, *rest_pressure, *scale, *local_area_modulus, *area_reserve;
};

template <class R>
struct MembraneForces {
  MembraneMesh mesh;
  MembraneParameters<R> parameters;
  const R *area, *inverse;    // stress-free faces: area (F,), inverse metric (3, F)
  const R* rest;              // hinge model: cosine and sine of the rest angles (2, E)
  const R* offset;            // (C, V, 3)
  R* force;                   // (C, V, 3)
  int64_t cells;
  int law, bending;           // places in elasticity.LAWS and bending.MODELS
};

template <class R>
struct Displacement {
  MembraneMesh mesh;
  const R *offset, *velocity, *before, *force;  // (C, V, 3): where vertices are, the fluid's velocity now and a step ago, their load
  const bool* alive;          // (C,)
  const R* rest_volume;       // (C,)
  const R* viscosity;         // (1,) or (C * V,)
  bool viscosity_varies;
  R sliding, volume_rate;
  R* moved;                   // (C, V, 3)
  int64_t cells;
};

// All membranes as one, as in hemoflow/interaction/neighbours.py: P vertices at base + part, the cell of every vertex and face, both in order.
template <class R>
struct CellSurfaces {
  const R* part;              // (P, 3)
  const int32_t *base, *faces, *owner, *face_owner;  // (P, 3), (F, 3), (P,), (F,)
  const bool* alive;          // (cells,)
  const R* limits;            // (2,): range and edge of a bin
  int64_t vertices, face_count, cells;
  int32_t shape[3];
  bool periodic[3];
  int64_t bins, slots;
};

// One set of kernels, compiled for one instruction set.
template <class R>
struct Kernels {
  void (*step)(const FluidStep<R>&);
  void (*export_populations)(const Slots&, const R* retain, const R* slots, const int32_t* parity, R* out);
  void (*import_populations)(const Slots&, const R* retain, const R* in, R* slots);
  void (*sources)(const Slots&, int32_t* out);
  void (*stencil)(const NodeTable&, const Points<R>&, int width, int32_t* rows, int32_t* span, R* factors);
  void (*wall)(const NodeTable&, const Points<R>&, const R* wall_distance, R* gap, R* normal);
  void (*spread)(const NodeTable&, const Points<R>&, const RowStencil<R>&, int width, const R* values, R* out);
  void (*interpolate)(const NodeTable&, const Points<R>&, const RowStencil<R>&, int width, const R* field, R* out);
  void (*press)(const NodeTable&, const Points<R>&, const R* wall_distance, const WallContact<R>&, R* load, R* total);
  void (*keep)(const NodeTable&, const Points<R>&, const R* wall_distance, const R* least, R* kept, R* farthest, double* scratch);
  void (*membrane)(const MembraneForces<R>&);
  void (*displace)(const Displacement<R>&);
  void (*contact)(const CellSurfaces<R>&, const R* area, const R* pressure, R* force, R* gap, R* need);
  void (*apart)(const CellSurfaces<R>&, const R* least, R* shift, R* farthest, R* need);
};

template <class R>
const Kernels<R>& kernels();

// Name of the instruction set in use.
const char* instruction_set();

}  // namespace hemoflow
