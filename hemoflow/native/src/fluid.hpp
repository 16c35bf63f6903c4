// One step of the fluid: links first, then streaming and collision of every node in one sweep.
// Included once per instruction set, inside its own namespace.

template <class R>
struct Simd {
  static constexpr int width = HEMOFLOW_VECTOR_BYTES / int(sizeof(R)) < kBlock ? HEMOFLOW_VECTOR_BYTES / int(sizeof(R)) : kBlock;
  typedef R type __attribute__((vector_size(width * sizeof(R))));
};

template <class V, class R>
HEMOFLOW_INLINE V load(const R* from) { V v; __builtin_memcpy(&v, from, sizeof(V)); return v; }

template <class V, class R>
HEMOFLOW_INLINE void store(R* to, const V& v) { __builtin_memcpy(to, &v, sizeof(V)); }

inline int64_t flat_slot(const Slots& s, int64_t node, int direction) {
  const int64_t block = node / kBlock;
  const int lane = int(node % kBlock);
  const int32_t b = s.base[block * 18 + direction - 1];
  return b >= 0 ? int64_t(b) + lane : s.spill[int64_t(-1 - b) * kBlock + lane];
}

// The populations after the last collision (`arrived` false) or those that arrive now (true), at one node.
template <class R>
inline void gather(const FluidStep<R>& s, int64_t node, bool arrived, R* f) {
  f[0] = s.populations[node];
  for (int i = 1; i < kDirections; ++i) {
    const int there = arrived ? i : opposite(i);
    f[i] = s.odd ? (arrived ? s.populations[flat_slot(s.slots, node, i)] : s.populations[there * s.slots.stride + node])
                 : (arrived ? s.populations[i * s.slots.stride + node] : s.populations[flat_slot(s.slots, node, there)]);
  }
}

// Moments at the node of the last call, since the links of one node follow each other.
template <class R>
struct Here {
  int64_t node = -1;
  R f[kDirections], rho;

  void look(const FluidStep<R>& s, int64_t wanted, bool arrived) {
    if (wanted == node) return;
    node = wanted;
    gather(s, node, arrived, f);
    rho = density(f);
  }
};

template <class R>
inline R kinetic(const R* f, int direction) {
  R x, y, z;
  momentum(f, x, y, z);
  const R cu = R(component(direction, 0)) * x + R(component(direction, 1)) * y + R(component(direction, 2)) * z;
  return R(4.5) * cu * cu - R(1.5) * (x * x + y * y + z * z);
}

// total - one - other, the larger part first, which leaves no round-off where total is their rounded sum.
template <class R>
inline R minus(R total, R one, R other) {
  return (one < 0 ? -one : one) > (other < 0 ? -other : other) ? (total - one) - other : (total - other) - one;
}

constexpr int64_t kLinkChunk = 1024;  // sums run over chunks of this size in order, so that they do not depend on the threads

template <class R>
void apply_links(const FluidStep<R>& s) {
  const LinkTable<R>& l = s.links;
  const int groups = l.openings + 1;
  const int64_t walls = l.count - l.pressure_count, stride = s.slots.stride;
  const int64_t chunks = (l.count + kLinkChunk - 1) / kLinkChunk;
  std::vector<R> sums(chunks * (groups + 1), R(0));
  R* const p = s.populations;
  parallel_for(chunks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      R* gain = sums.data() + c * (groups + 1);
      Here<R> here;
      for (int64_t k = c * kLinkChunk; k < std::min(l.count, (c + 1) * kLinkChunk); ++k) {
        const R out = p[l.slot[k]];
        const R amplitude = s.drive[l.group[k]];
        const bool wall = l.group[k] == 0;
        R back;
        if (k < walls) {
          const int32_t direction = l.slot[k] / int32_t(stride);
          const R own = p[l.slot[k] + (direction % 2 ? stride : -stride)], shared = p[l.upstream[k]];
          const R arriving = s.odd ? shared : own, stored = s.odd ? own : shared;
          back = out + l.retain[k] * (arriving - stored) + l.base[k] * amplitude;
        } else {
          const int64_t m = k - walls;
          here.look(s, l.node[m], false);
          back = -out + l.base[k] * (amplitude - l.reach[m] * s.slope[m] + kinetic(here.f, l.direction[m])) + s.strained[m];
        }
        const R imposed = wall ? l.base[k] * amplitude : R(0);
        const R gained = minus(back, out, imposed);
        s.scratch[k] = back;
        gain[l.group[k]] += gained;
        if (wall) gain[groups] += std::abs(gained + imposed);
      }
    }
  });
  for (int g = 0; g < groups; ++g) s.flux[g] = 0;
  R exchanged = 0;
  for (int64_t c = 0; c < chunks; ++c) {
    for (int g = 0; g < groups; ++g) s.flux[g] += sums[c * (groups + 1) + g];
    exchanged += sums[c * (groups + 1) + groups];
  }
  const R moving = l.wall_gain[0] * s.drive[0];
  s.flux[0] += moving;
  const R share = s.flux[0] / (exchanged > 0 ? exchanged : R(1));
  std::fill(sums.begin(), sums.end(), R(0));
  parallel_for(chunks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      R left = 0;
      for (int64_t k = c * kLinkChunk; k < std::min(l.count, (c + 1) * kLinkChunk); ++k) {
        R back = s.scratch[k];
        if (l.group[k] == 0) {
          const R out = p[l.slot[k]], imposed = l.base[k] * s.drive[0];
          const R gained = minus(back, out, imposed);
          back = back - share * std::abs(gained + imposed);
          left += minus(back, out, imposed);
        }
        p[l.slot[k]] = back;
      }
      sums[c * (groups + 1)] = left;
    }
  });
  R left = 0;
  for (int64_t c = 0; c < chunks; ++c) left += sums[c * (groups + 1)];
  p[0] -= left + moving;
}

// What pressure links carry on to the next step, from the populations that arrive now.
template <class R>
void remember(const FluidStep<R>& s) {
  const LinkTable<R>& l = s.links;
  const int64_t walls = l.count - l.pressure_count;
  const int64_t chunks = (l.pressure_count + kLinkChunk - 1) / kLinkChunk;
  std::vector<R> slope((chunks + 1) * l.openings, R(0));
  parallel_for(chunks, 2, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      R* const mine = slope.data() + (c + 1) * l.openings;
      Here<R> here, before;
      for (int64_t m = c * kLinkChunk; m < std::min(l.pressure_count, (c + 1) * kLinkChunk); ++m) {
        here.look(s, l.node[m], true);
        const int q = l.direction[m];
        const R rate = s.rate_per_node ? s.even_rate[l.node[m]] : s.even_rate[0];
        const R even = R(0.5) * (here.f[q] + here.f[opposite(q)]);
        s.strained[m] = (R(2) - rate) * (even - R(weight(q)) * (here.rho + kinetic(here.f, q)));
        if (l.share[m] == 0) continue;
        before.look(s, l.before[m], true);
        mine[l.opening[walls + m]] += l.share[m] * (here.rho - before.rho);
      }
    }
  });
  for (int64_t c = 1; c <= chunks; ++c)
    for (int o = 0; o < l.openings; ++o) slope[o] += slope[c * l.openings + o];
  for (int64_t m = 0; m < l.pressure_count; ++m)
    s.slope[m] += (l.along[m] * slope[l.opening[walls + m]] - s.slope[m]) / R(30);
}

// The slots of direction i of one block, as a vector or collected one by one.
template <class V, class R>
HEMOFLOW_INLINE V read_slots(const R* p, int32_t base, const int32_t* spill, int first) {
  if (base >= 0) return load<V>(p + base + first);
  const int32_t* at = spill + int64_t(-1 - base) * kBlock + first;
  alignas(64) R got[Simd<R>::width];
  for (int lane = 0; lane < Simd<R>::width; ++lane) got[lane] = p[at[lane]];
  return load<V>(got);
}

template <class V, class R>
HEMOFLOW_INLINE void write_slots(R* p, int32_t base, const int32_t* spill, int first, const V& v) {
  if (base >= 0) { store(p + base + first, v); return; }
  const int32_t* at = spill + int64_t(-1 - base) * kBlock + first;
  alignas(64) R put[Simd<R>::width];
  store(put, v);
  for (int lane = 0; lane < Simd<R>::width; ++lane) p[at[lane]] = put[lane];
}

// A vector from an array of `count` numbers that may end inside it.
template <class V, class R>
HEMOFLOW_INLINE V load_some(const R* from, int64_t first, int64_t count) {
  if (first + Simd<R>::width <= count) return load<V>(from + first);
  R part[Simd<R>::width] = {};
  for (int64_t k = first; k < count; ++k) part[k - first] = from[k];
  return load<V>(part);
}

template <class V, class R>
HEMOFLOW_INLINE void store_some(R* to, int64_t first, int64_t count, const V& v) {
  if (first + Simd<R>::width <= count) { store(to + first, v); return; }
  R part[Simd<R>::width];
  store(part, v);
  for (int64_t k = first; k < count; ++k) to[k] = part[k - first];
}

template <bool kOdd, bool kForced, bool kVelocity, class R>
void sweep(const FluidStep<R>& s, int64_t begin, int64_t end) {
  typedef typename Simd<R>::type V;
  constexpr int W = Simd<R>::width;
  const int64_t stride = s.slots.stride, count = s.slots.count;
  const int32_t* const spill = s.slots.spill;
  R* const __restrict__ p = s.populations;
  const V zero = V{};
  const R level = s.drive[s.links.openings + 1];
  const R body[3] = {s.body_force[0] * level, s.body_force[1] * level, s.body_force[2] * level};
  for (int64_t block = begin; block < end; ++block) {
    const int32_t* const base = s.slots.base + block * 18;
    for (int first = 0; first < kBlock; first += W) {
      const int64_t n = block * kBlock + first;
      V f[kDirections];
      f[0] = load<V>(p + n);
#pragma GCC unroll 18
      for (int i = 1; i < kDirections; ++i)
        f[i] = kOdd ? read_slots<V>(p, base[i - 1], spill, first) : load<V>(p + i * stride + n);
      Local<V, R> local;
      if constexpr (kForced) {
        local.fx = zero + body[0];
        local.fy = zero + body[1];
        local.fz = zero + body[2];
        if (s.force != nullptr) {
          local.fx = local.fx + load_some<V>(s.force, n, count);
          local.fy = local.fy + load_some<V>(s.force + count, n, count);
          local.fz = local.fz + load_some<V>(s.force + 2 * count, n, count);
        }
      }
      local.even_rate = s.rate_per_node ? load_some<V>(s.even_rate, n, count) : zero + s.even_rate[0];
      local.odd_rate = s.rate_per_node ? load_some<V>(s.odd_rate, n, count) : zero + s.odd_rate[0];
      collide<kForced, R>(f, local);
      if constexpr (kVelocity) {
        store_some(s.velocity, n, count, local.ux);
        store_some(s.velocity + count, n, count, local.uy);
        store_some(s.velocity + 2 * count, n, count, local.uz);
      }
      store(p + n, f[0]);
#pragma GCC unroll 18
      for (int i = 1; i < kDirections; ++i) {
        if constexpr (kOdd) write_slots(p, base[i - 1], spill, first, f[opposite(i)]);
        else store(p + i * stride + n, f[opposite(i)]);
      }
    }
  }
}

template <class R>
void step(const FluidStep<R>& s) {
  if (s.links.count > 0) apply_links(s);
  else s.flux[0] = 0;
  if (s.links.pressure_count > 0) remember(s);
  const bool forced = s.force != nullptr || s.body_force[0] != 0 || s.body_force[1] != 0 || s.body_force[2] != 0;
  const bool wanted = s.velocity != nullptr;
  parallel_for(s.slots.stride / kBlock, 32, [&](int64_t begin, int64_t end) {
    if (s.odd) {
      if (forced) wanted ? sweep<true, true, true>(s, begin, end) : sweep<true, true, false>(s, begin, end);
      else wanted ? sweep<true, false, true>(s, begin, end) : sweep<true, false, false>(s, begin, end);
    } else {
      if (forced) wanted ? sweep<false, true, true>(s, begin, end) : sweep<false, true, false>(s, begin, end);
      else wanted ? sweep<false, false, true>(s, begin, end) : sweep<false, false, false>(s, begin, end);
    }
  });
}

// Populations after collision in the canonical order (19, count); `odd` is the parity of the step that would come next.
template <class R>
void export_populations(const Slots& s, const R* slots, bool odd, R* out) {
  parallel_for(s.count, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      out[n] = slots[n];
      for (int i = 1; i < kDirections; ++i)
        out[i * s.count + n] = odd ? slots[opposite(i) * s.stride + n] : slots[flat_slot(s, n, opposite(i))];
    }
  });
}

// From the canonical order to slots from which an odd step follows.
template <class R>
void import_populations(const Slots& s, const R* in, R* slots) {
  parallel_for(s.stride, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      for (int i = 0; i < kDirections; ++i) slots[opposite(i) * s.stride + n] = n < s.count ? in[i * s.count + n] : R(0);
  });
}
