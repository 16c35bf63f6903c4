// The kernels as custom calls of XLA, and what Python asks about them. Compiled once for the host and once more, with HEMOFLOW_DEVICE,
// for the kernels of a GPU: what these handlers are given lies in its memory then, and they look at none of it.
#include <cstring>

#include "kernels.hpp"
#ifdef HEMOFLOW_DEVICE
#include "device/stream.hpp"
#else
#include "bandwidth.hpp"
#include "threads.hpp"
#endif
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using hemoflow::FluidStep;
using hemoflow::kernels;

namespace {

template <class R>
constexpr ffi::DataType kReal = sizeof(R) == 4 ? ffi::DataType::F32 : ffi::DataType::F64;

template <class R>
using Real = ffi::Buffer<kReal<R>>;
using Ints = ffi::Buffer<ffi::DataType::S32>;
using Masks = ffi::Buffer<ffi::DataType::U16>;
using Flags = ffi::Buffer<ffi::DataType::PRED>;
template <class R>
using RealOut = ffi::Result<Real<R>>;
using IntsOut = ffi::Result<Ints>;
using Scratch = ffi::Buffer<ffi::DataType::U32>;
using ScratchOut = ffi::Result<Scratch>;

#ifdef HEMOFLOW_DEVICE
using hemoflow::copy;
#else
void copy(void* to, const void* from, size_t bytes) { std::memcpy(to, from, bytes); }
#endif

#if defined(HEMOFLOW_DEVICE) && !defined(HEMOFLOW_EMULATED)
// A handler that works on the stream it is given, and says so where a kernel could not be launched.
template <auto kHandler>
struct OnStream;

template <class... Arguments, ffi::Error (*kHandler)(Arguments...)>
struct OnStream<kHandler> {
  static ffi::Error run(hemoflow::Stream stream, Arguments... arguments) {
    hemoflow::use(stream);
    ffi::Error done = kHandler(arguments...);
    const char* const problem = hemoflow::launch_problem();
    return problem == nullptr ? done : ffi::Error::Internal(problem);
  }
};

#define HEMOFLOW_BIND ffi::Ffi::Bind().Ctx<ffi::PlatformStream<hemoflow::Stream>>()
#define HEMOFLOW_SYMBOL(name, handler, binding) XLA_FFI_DEFINE_HANDLER_SYMBOL(name, OnStream<handler>::run, binding)
#else
#define HEMOFLOW_BIND ffi::Ffi::Bind()
#define HEMOFLOW_SYMBOL(name, handler, binding) XLA_FFI_DEFINE_HANDLER_SYMBOL(name, handler, binding)
#endif

// Memory for sums, of numbers of 8 bytes.
double* room(ScratchOut& scratch) { return static_cast<double*>(scratch->untyped_data()); }
bool too_small(ScratchOut& scratch, int64_t numbers) { return int64_t(scratch->element_count()) < 2 * numbers; }

// The neighbour table, as the first operands of every call that needs it.
#define HEMOFLOW_SLOTS \
  Ints base, Ints first_piece, Ints first_wall, Masks lanes, Masks shared_lanes, Masks missing, Masks wall, Masks wall_from, Masks closed, Real<R> wall_retain
#define HEMOFLOW_SLOT_ARGS(R) .Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Masks>().Arg<Masks>().Arg<Masks>().Arg<Masks>().Arg<Masks>().Arg<Masks>().Arg<Real<R>>()
#define HEMOFLOW_SLOTS_OF                                                                                                   \
  {base.typed_data(), first_piece.typed_data(), first_wall.typed_data(),        lanes.typed_data(), shared_lanes.typed_data(), \
   missing.typed_data(), wall.typed_data(), wall_from.typed_data(), closed.typed_data(), int64_t(closed.element_count()), count, stride,          \
   int64_t(wall_retain.element_count()) - hemoflow::kLanes}

// XLA hands over the same memory for an aliased operand and result; where it does not, the contents are copied first.
template <class Buffer, class Out>
auto* in_place(const Buffer& in, Out& out) {
  if (in.untyped_data() != out->untyped_data()) copy(out->untyped_data(), in.untyped_data(), in.size_bytes());
  return out->typed_data();
}

template <class R>
ffi::Error step(HEMOFLOW_SLOTS, Real<R> populations, Real<R> strained, Real<R> slope, Real<R> given, Real<R> force, Ints parity,
                Real<R> drive, Real<R> even_rate, Real<R> odd_rate, Real<R> rates, Real<R> limits, Real<R> body_force, Ints moved,
                Real<R> motion, Ints slot, Ints own, Ints shared, Ints opening, Real<R> retain, Real<R> link_base, Ints corner, Real<R> corner_retain, Ints node, Ints before,
                Ints direction, Real<R> reach, Real<R> along, Real<R> share, Real<R> wall_gain, RealOut<R> populations_out,
                RealOut<R> strained_out, RealOut<R> slope_out, RealOut<R> brought, RealOut<R> velocity, RealOut<R> flux, RealOut<R> rate,
                ScratchOut scratch, int64_t count, int64_t stride, int64_t fineness) {
  FluidStep<R> s;
  s.slots = HEMOFLOW_SLOTS_OF;
  s.links = {moved.typed_data(),  motion.typed_data(),        slot.typed_data(),   own.typed_data(),    shared.typed_data(),
             opening.typed_data(), retain.typed_data(),       link_base.typed_data(), corner.typed_data(), corner_retain.typed_data(),
             node.typed_data(),   before.typed_data(),        direction.typed_data(), reach.typed_data(), along.typed_data(),
             share.typed_data(),  wall_gain.typed_data(),     int64_t(moved.element_count()), int64_t(slot.element_count()),
             int64_t(node.element_count()), int32_t(flux->element_count()) - 1};
  if (opening.element_count() != slot.element_count())
    return ffi::Error::InvalidArgument("fluid step: the tables of links belong to different fluids");
  s.retain = wall_retain.typed_data();
  s.populations = in_place(populations, populations_out);
  s.share = given.typed_data();
  s.even_rate = even_rate.typed_data();
  s.odd_rate = odd_rate.typed_data();
  s.rate_per_node = even_rate.element_count() > 1;
  s.thinning = {};
  s.limits = limits.typed_data();
  if (limits.element_count() == 3) s.thinning = {rates.typed_data(), R(0), R(0), R(0), int(fineness)};
  s.body_force = body_force.typed_data();
  s.force = force.element_count() > 0 ? force.typed_data() : nullptr;
  s.drive = drive.typed_data();
  s.strained = in_place(strained, strained_out);
  s.slope = in_place(slope, slope_out);
  s.velocity = velocity->element_count() > 0 ? velocity->typed_data() : nullptr;
  s.rate = rate->element_count() > 0 ? rate->typed_data() : nullptr;
  s.flux = flux->typed_data();
  s.brought = brought->typed_data();
  s.parity = parity.typed_data();
  s.odd = false;
  s.scratch = room(scratch);
  if (too_small(scratch, hemoflow::step_scratch(count, s.links.moved_count, s.links.count)))
    return ffi::Error::InvalidArgument("fluid step: too little memory for sums");
  kernels<R>().step(s);
  return ffi::Error::Success();
}

template <class R>
ffi::Error export_populations(HEMOFLOW_SLOTS, Real<R> slots, Ints parity, RealOut<R> out, int64_t count, int64_t stride) {
  const hemoflow::Slots table = HEMOFLOW_SLOTS_OF;
  kernels<R>().export_populations(table, wall_retain.typed_data(), slots.typed_data(), parity.typed_data(), out->typed_data());
  return ffi::Error::Success();
}

template <class R>
ffi::Error import_populations(HEMOFLOW_SLOTS, Real<R> in, RealOut<R> out, int64_t count, int64_t stride) {
  const hemoflow::Slots table = HEMOFLOW_SLOTS_OF;
  kernels<R>().import_populations(table, wall_retain.typed_data(), in.typed_data(), out->typed_data());
  return ffi::Error::Success();
}

hemoflow::NodeTable nodes_of(const Ints& tile_of, const Ints& blocks, ffi::Dictionary box) {
  hemoflow::NodeTable t;
  t.tile_of = tile_of.typed_data();
  t.blocks = blocks.typed_data();
  const char* const names[3] = {"nx", "ny", "nz"};
  const int64_t periodic = box.get<int64_t>("periodic").value();
  for (int a = 0; a < 3; ++a) {
    t.shape[a] = int32_t(box.get<int64_t>(names[a]).value());
    t.coarse[a] = int32_t(tile_of.dimensions()[a]);
    t.periodic[a] = periodic >> a & 1;
  }
  t.count = int32_t(box.get<int64_t>("count").value());
  t.empty = int32_t(box.get<int64_t>("empty").value());
  t.row_axis = int32_t(box.get<int64_t>("row_axis").value());
  return t;
}

template <class R>
hemoflow::Points<R> points_of(const Ints& anchor, const Real<R>& offset) {
  return {anchor.typed_data(), offset.typed_data(), int64_t(offset.dimensions()[0]), int64_t(offset.dimensions()[1])};
}

template <class R>
ffi::Error sources(HEMOFLOW_SLOTS, IntsOut out, int64_t count, int64_t stride) {
  const hemoflow::Slots table = HEMOFLOW_SLOTS_OF;
  kernels<R>().sources(table, out->typed_data());
  return ffi::Error::Success();
}

template <class R>
ffi::Error stencil(Ints anchor, Real<R> offset, Ints tile_of, Ints blocks, IntsOut rows, IntsOut span, RealOut<R> factors,
                   ffi::Dictionary box) {
  const int64_t width = box.get<int64_t>("width").value();
  if (width < 2 || width > 4) return ffi::Error::InvalidArgument("stencil: width must be 2, 3 or 4");
  kernels<R>().stencil(nodes_of(tile_of, blocks, box), points_of<R>(anchor, offset), int(width), rows->typed_data(), span->typed_data(),
                       factors->typed_data());
  return ffi::Error::Success();
}

template <class R>
ffi::Error wall(Ints anchor, Real<R> offset, Ints tile_of, Ints blocks, Real<R> distance, RealOut<R> gap, RealOut<R> normal,
                ffi::Dictionary box) {
  kernels<R>().wall(nodes_of(tile_of, blocks, box), points_of<R>(anchor, offset), distance.typed_data(), gap->typed_data(),
                    normal->typed_data());
  return ffi::Error::Success();
}

// The stencil of `stencil` as operands of the calls that use it.
#define HEMOFLOW_POINTS Ints anchor, Real<R> offset, Ints tile_of, Ints blocks, Ints rows, Ints span, Real<R> factors
#define HEMOFLOW_POINT_ARGS(R) .Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Real<R>>()

template <class R>
ffi::Error spread(HEMOFLOW_POINTS, Real<R> onto, Real<R> values, RealOut<R> out, ffi::Dictionary box) {
  kernels<R>().spread(nodes_of(tile_of, blocks, box), points_of<R>(anchor, offset),
                      {rows.typed_data(), span.typed_data(), factors.typed_data()}, int(factors.dimensions()[2]), values.typed_data(),
                      in_place(onto, out));
  return ffi::Error::Success();
}

template <class R>
ffi::Error interpolate(HEMOFLOW_POINTS, Real<R> field, RealOut<R> out, ffi::Dictionary box) {
  kernels<R>().interpolate(nodes_of(tile_of, blocks, box), points_of<R>(anchor, offset),
                           {rows.typed_data(), span.typed_data(), factors.typed_data()}, int(factors.dimensions()[2]),
                           field.typed_data(), out->typed_data());
  return ffi::Error::Success();
}

template <class R>
ffi::Error press(Ints anchor, Real<R> offset, Ints tile_of, Ints blocks, Real<R> distance, Real<R> membrane, Real<R> area, Flags alive,
                 Real<R> pressure, Real<R> reach, RealOut<R> load, RealOut<R> total, ScratchOut scratch, ffi::Dictionary box) {
  kernels<R>().press(nodes_of(tile_of, blocks, box), points_of<R>(anchor, offset), distance.typed_data(),
                     {membrane.typed_data(), area.typed_data(), alive.typed_data(), pressure.typed_data(), reach.typed_data(), room(scratch)},
                     load->typed_data(), total->typed_data());
  return ffi::Error::Success();
}

template <class R>
ffi::Error keep(Ints anchor, Real<R> offset, Ints tile_of, Ints blocks, Real<R> distance, Real<R> least, RealOut<R> kept,
                RealOut<R> farthest, ScratchOut scratch, ffi::Dictionary box) {
  kernels<R>().keep(nodes_of(tile_of, blocks, box), points_of<R>(anchor, offset), distance.typed_data(), least.typed_data(),
                    kept->typed_data(), farthest->typed_data(), room(scratch));
  return ffi::Error::Success();
}

#ifndef HEMOFLOW_DEVICE
// The mesh of a group of cells, as the first operands of every call that needs it.
#define HEMOFLOW_MESH Ints faces, Ints edges, Ints edge_faces, Ints face_edges
#define HEMOFLOW_MESH_ARGS .Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Ints>()
#define HEMOFLOW_MESH_OF(offset)                                                                                            \
  {faces.typed_data(), edges.typed_data(), edge_faces.typed_data(), face_edges.typed_data(), int64_t(offset.dimensions()[1]), \
   int64_t(faces.dimensions()[0]), int64_t(edges.dimensions()[0])}

template <class R>
ffi::Error membrane(HEMOFLOW_MESH, Real<R> area, Real<R> inverse, Real<R> rest, Real<R> offset, Real<R> shear_modulus,
                    Real<R> area_dilation, Real<R> bending_modulus, Real<R> spontaneous_curvature, Real<R> cortical_tension,
                    Real<R> area_modulus, Real<R> volume_modulus, Real<R> rest_area, Real<R> rest_volume, Real<R> rest_pressure,
                    Real<R> scale, Real<R> local_area_modulus, Real<R> area_reserve, RealOut<R> force, int64_t law, int64_t bending) {
  const hemoflow::MembraneParameters<R> parameters{
      shear_modulus.typed_data(),  area_dilation.typed_data(), bending_modulus.typed_data(), spontaneous_curvature.typed_data(),
      cortical_tension.typed_data(), area_modulus.typed_data(), volume_modulus.typed_data(), rest_area.typed_data(),
      rest_volume.typed_data(),    rest_pressure.typed_data(), scale.typed_data(),
      local_area_modulus.typed_data(), area_reserve.typed_data()};
  if (shear_modulus.element_count() != size_t(offset.dimensions()[0]))
    return ffi::Error::InvalidArgument("membrane: parameters and positions are of different numbers of cells");
  kernels<R>().membrane({HEMOFLOW_MESH_OF(offset), parameters, area.typed_data(), inverse.typed_data(), rest.typed_data(),
                         offset.typed_data(), force->typed_data(), int64_t(offset.dimensions()[0]), int(law), int(bending)});
  return ffi::Error::Success();
}

template <class R>
ffi::Error displace(HEMOFLOW_MESH, Real<R> offset, Real<R> velocity, Real<R> before, Real<R> force, Flags alive, Real<R> rest_volume,
                    Real<R> viscosity, Real<R> rates, RealOut<R> moved) {
  kernels<R>().displace({HEMOFLOW_MESH_OF(offset), offset.typed_data(), velocity.typed_data(), before.typed_data(), force.typed_data(),
                         alive.typed_data(), rest_volume.typed_data(), viscosity.typed_data(), viscosity.element_count() > 1, rates.typed_data()[0],
                         rates.typed_data()[1], moved->typed_data(), int64_t(offset.dimensions()[0])});
  return ffi::Error::Success();
}

// Where all vertices are and whose, as the first operands of every call that looks for neighbours.
#define HEMOFLOW_CELLS Real<R> part, Ints base, Ints faces, Ints owner, Ints face_owner, Flags alive, Real<R> limits
#define HEMOFLOW_CELLS_ARGS(R) .Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Flags>().Arg<Real<R>>()
#define HEMOFLOW_CELLS_OF                                                                                                     \
  surfaces_of<R>({part.typed_data(), base.typed_data(), faces.typed_data(), owner.typed_data(), face_owner.typed_data(),      \
                  alive.typed_data(), limits.typed_data(), int64_t(part.dimensions()[0]), int64_t(faces.dimensions()[0]),     \
                  int64_t(alive.element_count())}, box)

template <class R>
hemoflow::CellSurfaces<R> surfaces_of(hemoflow::CellSurfaces<R> s, ffi::Dictionary box) {
  const char* const names[3] = {"nx", "ny", "nz"};
  const int64_t periodic = box.get<int64_t>("periodic").value();
  for (int a = 0; a < 3; ++a) s.shape[a] = int32_t(box.get<int64_t>(names[a]).value()), s.periodic[a] = periodic >> a & 1;
  s.bins = box.get<int64_t>("bins").value();
  s.slots = box.get<int64_t>("slots").value();
  return s;
}

template <class R>
ffi::Error contact(HEMOFLOW_CELLS, Real<R> area, Real<R> pressure, RealOut<R> force, RealOut<R> gap, RealOut<R> need, ffi::Dictionary box) {
  kernels<R>().contact(HEMOFLOW_CELLS_OF, area.typed_data(), pressure.typed_data(), force->typed_data(), gap->typed_data(), need->typed_data());
  return ffi::Error::Success();
}

template <class R>
ffi::Error apart(HEMOFLOW_CELLS, Real<R> least, RealOut<R> shift, RealOut<R> farthest, RealOut<R> need, ffi::Dictionary box) {
  kernels<R>().apart(HEMOFLOW_CELLS_OF, least.typed_data(), shift->typed_data(), farthest->typed_data(), need->typed_data());
  return ffi::Error::Success();
}

#endif

}  // namespace

#define HEMOFLOW_HANDLERS(R, suffix)                                                                                              \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_step_##suffix, step<R>,                                                                                            \
      HEMOFLOW_BIND HEMOFLOW_SLOT_ARGS(R)                                                                                         \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Ints>().Arg<Real<R>>().Arg<Real<R>>()   \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>()         \
          .Arg<Ints>().Arg<Ints>()                                                                                                \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Arg<Ints>().Arg<Real<R>>()            \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>().Ret<Real<R>>()                                             \
          .Ret<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Ret<Scratch>()                              \
          .Attr<int64_t>("count").Attr<int64_t>("stride").Attr<int64_t>("fineness"));                                             \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_export_##suffix, export_populations<R>,                                                                            \
      HEMOFLOW_BIND HEMOFLOW_SLOT_ARGS(R).Arg<Real<R>>().Arg<Ints>().Ret<Real<R>>().Attr<int64_t>("count").Attr<int64_t>("stride")); \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_import_##suffix, import_populations<R>,                                                                            \
      HEMOFLOW_BIND HEMOFLOW_SLOT_ARGS(R).Arg<Real<R>>().Ret<Real<R>>()                                                            \
          .Attr<int64_t>("count").Attr<int64_t>("stride"));                                                                       \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_sources_##suffix, sources<R>,                                                                                      \
      HEMOFLOW_BIND HEMOFLOW_SLOT_ARGS(R).Ret<Ints>().Attr<int64_t>("count").Attr<int64_t>("stride"));                            \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_stencil_##suffix, stencil<R>,                                                                                      \
      HEMOFLOW_BIND.Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Ret<Ints>().Ret<Ints>().Ret<Real<R>>().Attrs());           \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_wall_##suffix, wall<R>,                                                                                            \
      HEMOFLOW_BIND.Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Arg<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Attrs());     \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_spread_##suffix, spread<R>,                                                                                        \
      HEMOFLOW_BIND HEMOFLOW_POINT_ARGS(R).Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>().Attrs());                                 \
  HEMOFLOW_SYMBOL(hemoflow_interpolate_##suffix, interpolate<R>,                                                                  \
                                HEMOFLOW_BIND HEMOFLOW_POINT_ARGS(R).Arg<Real<R>>().Ret<Real<R>>().Attrs());                      \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_press_##suffix, press<R>,                                                                                          \
      HEMOFLOW_BIND.Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>()               \
          .Arg<Flags>().Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Ret<Scratch>().Attrs());                      \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_keep_##suffix, keep<R>,                                                                                            \
      HEMOFLOW_BIND.Arg<Ints>().Arg<Real<R>>().Arg<Ints>().Arg<Ints>().Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>()               \
          .Ret<Real<R>>().Ret<Scratch>().Attrs())

#define HEMOFLOW_CELL_HANDLERS(R, suffix)                                                                                         \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_membrane_##suffix, membrane<R>,                                                                                    \
      HEMOFLOW_BIND HEMOFLOW_MESH_ARGS.Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>()                 \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>()               \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>().Attr<int64_t>("law").Attr<int64_t>("bending"));            \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_displace_##suffix, displace<R>,                                                                                    \
      HEMOFLOW_BIND HEMOFLOW_MESH_ARGS.Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Arg<Flags>()                   \
          .Arg<Real<R>>().Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>());                                                          \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_contact_##suffix, contact<R>,                                                                                      \
      HEMOFLOW_BIND HEMOFLOW_CELLS_ARGS(R).Arg<Real<R>>().Arg<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Attrs());   \
  HEMOFLOW_SYMBOL(                                                                                                                \
      hemoflow_apart_##suffix, apart<R>,                                                                                          \
      HEMOFLOW_BIND HEMOFLOW_CELLS_ARGS(R).Arg<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Ret<Real<R>>().Attrs())

#pragma GCC visibility push(default)
HEMOFLOW_HANDLERS(float, f32);
HEMOFLOW_HANDLERS(double, f64);

extern "C" const char* hemoflow_instruction_set() { return hemoflow::instruction_set(); }
#ifdef HEMOFLOW_OLDEST
extern "C" int hemoflow_oldest_device() { return HEMOFLOW_OLDEST; }  // compute capability, 80 for 8.0
#endif
#ifndef HEMOFLOW_DEVICE
HEMOFLOW_CELL_HANDLERS(float, f32);
HEMOFLOW_CELL_HANDLERS(double, f64);

extern "C" void hemoflow_set_threads(int count) { hemoflow::set_thread_count(count); }
extern "C" int hemoflow_threads() { return hemoflow::thread_count(); }
extern "C" double hemoflow_copy_bandwidth(int64_t bytes, int repeats) { return hemoflow::copy_bandwidth(bytes, repeats); }
#endif
#pragma GCC visibility pop
