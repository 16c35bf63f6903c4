// One step of the fluid: openings and moving walls first, then streaming, walls and collision of every node in one sweep.
// Included once per instruction set, inside its own namespace.

constexpr int64_t kChunk = 32;  // blocks or links whose sums are formed together: results do not depend on the threads
constexpr int64_t kAhead = 8;   // blocks between a request for memory and its use

inline int block_length(const Slots& s, int64_t block) { return int(std::min<int64_t>(kLanes, s.count - block * kLanes)); }

HEMOFLOW_SHARED int64_t shared_slot(const Slots& s, int64_t block, int lane, int direction) {
  if (s.missing[block * 18 + direction - 1] >> lane & 1) return int64_t(direction) * s.stride + block * kLanes + lane;
  int64_t piece = s.first_piece[block];
  while (!(s.lanes[piece] >> lane & 1)) ++piece;
  return int64_t(s.base[piece * 18 + direction - 1]) + lane;
}

// The populations that arrive now at the node of one row of `corner`.
template <class R>
HEMOFLOW_SHARED void gather(const FluidStep<R>& s, int64_t row, R* f) {
  const int32_t* const corner = s.links.corner + row * kDirections;
  const R* const retain = s.links.corner_retain + row * kDirections;
  R part[kDirections];
HEMOFLOW_UNROLL
  for (int i = 1; i < kDirections; ++i) part[i] = s.populations[s.odd ? corner[i] : i * s.slots.stride + corner[0]];
  f[0] = s.populations[corner[0]];
HEMOFLOW_UNROLL
  for (int i = 1; i < kDirections; ++i) f[i] = part[i] + retain[i] * part[opposite(i)];
}

// Asks for what gather will read: these nodes lie far apart, and their loads would wait for each other.
template <class R>
inline void expect(const FluidStep<R>& s, int64_t first, int64_t last) {
  for (int64_t row = std::min(first, last); row <= std::max(first, last); ++row) {
    const int32_t* const corner = s.links.corner + row * kDirections;
    for (int i = 0; i < kDirections; ++i) __builtin_prefetch(s.populations + (s.odd ? corner[i] : i * s.slots.stride + corner[0]));
  }
}

// Moments of the row of the last call, since the links of one node follow each other.
template <class R>
struct Here {
  int64_t row = -1;
  R f[kDirections], rho;

  HEMOFLOW_SHARED void look(const FluidStep<R>& s, int64_t wanted) {
    if (wanted == row) return;
    row = wanted;
    gather(s, row, f);
    rho = density(f);
  }
};

template <class R>
HEMOFLOW_SHARED R kinetic(const R* f, int direction) {
  R x, y, z;
  momentum(f, x, y, z);
  const R cu = R(component(direction, 0)) * x + R(component(direction, 1)) * y + R(component(direction, 2)) * z;
  return R(4.5) * cu * cu - R(1.5) * (x * x + y * y + z * z);
}

// total - one - other, the larger part first, which leaves no round-off where total is their rounded sum.
template <class R>
HEMOFLOW_SHARED R minus(R total, R one, R other) {
  return (one < 0 ? -one : one) > (other < 0 ? -other : other) ? (total - one) - other : (total - other) - one;
}

// What comes back over link k of an opening.
template <class R>
HEMOFLOW_SHARED R returning(const FluidStep<R>& s, int64_t k) {
  const LinkTable<R>& l = s.links;
  const R* const p = s.populations;
  const R out = p[l.slot[k]], amplitude = s.drive[l.opening[k] + 1];
  const int64_t m = k - (l.count - l.pressure_count);
  if (m < 0) {
    const R own = p[l.own[k]], shared = p[l.shared[k]];
    return out + l.retain[k] * (s.odd ? shared - own : own - shared) + l.base[k] * amplitude;
  }
  return -out + l.base[k] * (amplitude - l.reach[m] * s.slope[m]) + s.strained[m];
}

// Moving walls and openings. All is read before anything is written.
template <class R>
void apply_links(const FluidStep<R>& s) {
  const LinkTable<R>& l = s.links;
  const int64_t chunks = (l.count + kChunk - 1) / kChunk;
  std::vector<R> gains(chunks * l.openings, R(0)), backs(l.count);
  R* const p = s.populations;
  parallel_for(chunks, 8, [&](int64_t begin, int64_t stop) {
    for (int64_t c = begin; c < stop; ++c) {
      const int64_t end = std::min(l.count, (c + 1) * kChunk);
      for (int64_t k = c * kChunk; k < end; ++k) {
        backs[k] = returning(s, k);
        gains[c * l.openings + l.opening[k]] += backs[k] - p[l.slot[k]];
      }
    }
  });
  parallel_for(l.count, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) p[l.slot[k]] = backs[k];
  });
  for (int64_t c = 0; c < chunks; ++c)
    for (int o = 0; o < l.openings; ++o) s.flux[o + 1] += gains[c * l.openings + o];
  double rounded = 0;  // by which the populations have grown too much; into one at rest, which is small enough to hold it
  for (int64_t k = 0; k < l.moved_count; ++k) {
    const R before = p[l.moved[k]], push = l.motion[k] * s.drive[0];
    p[l.moved[k]] = before + push;
    rounded += minus(before + push, before, push);
  }
  p[0] -= R(rounded);
}

// Even rate for S = Pi:Pi, by linear interpolation; what is not a number stays inside of the table.
template <class R>
HEMOFLOW_INLINE typename Simd<R>::type even_rate(const RateTable<R>& table, const typename Simd<R>::type& moment) {
  typedef typename Simd<R>::type V;
  typedef typename Simd<R>::bits B;
  const V low = V{} + table.smallest, high = V{} + table.largest;
  V s = moment > low ? moment : low;
  s = s < high ? s : high;
  const int shift = Simd<R>::digits - table.fineness;
  const B bits = bits_of<R>(s), start = bits >> shift << shift, power = bits >> Simd<R>::digits << Simd<R>::digits;
  const B at = (bits >> shift) - (bits_of<R>(low) >> shift);
  const V left = look_up(table.rates, at), right = look_up(table.rates + 1, at);
  return left + (s - from_bits<R>(start)) / from_bits<R>(power) * R(1 << table.fineness) * (right - left);
}

template <class R>
HEMOFLOW_SHARED R even_rate_at(const FluidStep<R>& s, const R* f, int64_t node) {
  if (s.thinning.rates == nullptr) return s.even_rate[s.rate_per_node ? node : 0];
  const typename Simd<R>::type moment = typename Simd<R>::type{} + strain_moment<false, R>(f, R(0), R(0), R(0));
  return lane<R>(even_rate(s.thinning, moment), 0);
}

// What pressure link m carries on to the next step; gives its part in how the density rises towards its opening.
template <class R>
HEMOFLOW_SHARED R carry_on(const FluidStep<R>& s, int64_t m, Here<R>& here, Here<R>& before) {
  const LinkTable<R>& l = s.links;
  here.look(s, l.node[m]);
  const int q = l.direction[m];
  const R rate = even_rate_at(s, here.f, l.corner[int64_t(l.node[m]) * kDirections]);
  const R even = R(0.5) * (here.f[q] + here.f[opposite(q)]);
  const R energy = kinetic(here.f, q);
  s.strained[m] = (R(2) - rate) * (even - R(weight(q)) * (here.rho + energy)) + R(2 * weight(q)) * energy;
  if (l.share[m] == 0) return R(0);
  before.look(s, l.before[m]);
  return l.share[m] * (here.rho - before.rho);
}

// What pressure links carry on to the next step, from the populations that arrive now.
template <class R>
void remember(const FluidStep<R>& s) {
  const LinkTable<R>& l = s.links;
  const int64_t pressure = l.count - l.pressure_count;
  const int64_t chunks = (l.pressure_count + kChunk - 1) / kChunk;
  std::vector<R> slope((chunks + 1) * l.openings, R(0));
  parallel_for(chunks, 8, [&](int64_t begin, int64_t stop) {
    for (int64_t c = begin; c < stop; ++c) {
      R* const mine = slope.data() + (c + 1) * l.openings;
      Here<R> here, before;
      const int64_t end = std::min(l.pressure_count, (c + 1) * kChunk);
      expect(s, l.node[c * kChunk], l.node[end - 1]);
      expect(s, l.before[c * kChunk], l.before[end - 1]);
      for (int64_t m = c * kChunk; m < end; ++m) {
        mine[l.opening[pressure + m]] += carry_on(s, m, here, before);
      }
    }
  });
  for (int64_t c = 1; c <= chunks; ++c)
    for (int o = 0; o < l.openings; ++o) slope[o] += slope[c * l.openings + o];
  for (int64_t m = 0; m < l.pressure_count; ++m)
    s.slope[m] += (l.along[m] * slope[l.opening[pressure + m]] - s.slope[m]) / R(30);
}

// What walls brought, net and as the sum of its sizes over the nodes.
struct WallSums {
  double net = 0, size = 0;
};

// The part of one block that fits a vector: the lanes `from` to `from` + W of the block, the first of them at node n.
struct Part {
  int64_t block;
  Place n;
  int from;
  unsigned active, all;

  HEMOFLOW_INLINE unsigned of(unsigned lanes) const { return (lanes >> from) & all; }
};

// Blocks of one kind are compiled on their own: whole ones, others without walls, and those with walls.
enum Kind { kWhole, kPlain, kWalled };

template <Kind kKind, class R>
HEMOFLOW_INLINE typename Simd<R>::type read_own(const R* from, const Part& part) {
  if constexpr (kKind == kWhole) return load<typename Simd<R>::type>(from);
  else return load_some(from, part.active);
}

template <Kind kKind, class R>
HEMOFLOW_INLINE void write_own(R* to, const Part& part, const typename Simd<R>::type& v) {
  if constexpr (kKind == kWhole) store(to, v);
  else store_some(to, part.active, v);
}

// Calls visit(direction, slot) for what one node shares with its neighbours: the way of a thread that serves one node.
template <Kind kKind, class Visit>
HEMOFLOW_INLINE void each_shared(const Slots& s, const Part& part, const Visit& visit) {
  int64_t piece = s.first_piece[part.block];
  if constexpr (kKind != kWhole)
    while (!(s.lanes[piece] >> part.from & 1)) ++piece;
  const int32_t* const base = s.base + piece * 18;
  const uint16_t* const shared = s.shared + piece * 18;
HEMOFLOW_UNROLL
  for (int i = 1; i < kDirections; ++i) {
    const bool there = kKind == kWhole || (shared[i - 1] >> part.from & 1);
    visit(i, there ? Place(base[i - 1]) + part.from : i * Place(s.stride) + part.n);
  }
}

// The populations that arrive in an odd step, f[1] to f[18].
template <Kind kKind, class R>
HEMOFLOW_INLINE void read_shared(const FluidStep<R>& s, const Part& part, typename Simd<R>::type* f) {
  typedef typename Simd<R>::type V;
  if constexpr (Simd<R>::width == 1) return each_shared<kKind>(s.slots, part, [&](int i, Place slot) { f[i] = s.populations[slot]; });
  const R* const p = s.populations + part.from;
  const int64_t begin = s.slots.first_piece[part.block], end = s.slots.first_piece[part.block + 1];
  const int32_t* base = s.slots.base + begin * 18;
  if constexpr (kKind == kWhole) {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) f[i] = load<V>(p + base[i - 1]);
    return;
  }
  const uint16_t* shared = s.slots.shared + begin * 18;
  const R* const own = s.populations + part.n;
HEMOFLOW_UNROLL
  for (int i = 1; i < kDirections; ++i) f[i] = V{};
  if (kKind == kWalled || !s.slots.closed[part.block]) {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) f[i] = load_some(own + i * s.slots.stride, part.active);  // pieces replace what is not missing
  }
  for (int64_t piece = begin; piece < end; ++piece, base += 18, shared += 18) {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) f[i] = V(load_over(f[i], p + base[i - 1], Lanes<R>::at(shared + i - 1, part.from)));
  }
}

template <Kind kKind, class R>
HEMOFLOW_INLINE void write_shared(const FluidStep<R>& s, const Part& part, const typename Simd<R>::type* f) {
  if constexpr (Simd<R>::width == 1) return each_shared<kKind>(s.slots, part, [&](int i, Place slot) { s.populations[slot] = f[i]; });
  R* const p = s.populations + part.from;
  const int64_t begin = s.slots.first_piece[part.block], end = s.slots.first_piece[part.block + 1];
  const int32_t* base = s.slots.base + begin * 18;
  if constexpr (kKind == kWhole) {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) store(p + base[i - 1], f[i]);
    return;
  }
  const uint16_t *shared = s.slots.shared + begin * 18, *const missing = s.slots.missing + part.block * 18;
  R* const own = s.populations + part.n;
  if (kKind == kWalled || !s.slots.closed[part.block]) {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) store_some(own + i * s.slots.stride, Lanes<R>::at(missing + i - 1, part.from), f[i]);
  }
  for (int64_t piece = begin; piece < end; ++piece, base += 18, shared += 18) {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) store_some(p + base[i - 1], Lanes<R>::at(shared + i - 1, part.from), f[i]);
  }
}

template <class V, class R>
HEMOFLOW_INLINE V magnitude(const V& v) {
  typedef typename Simd<R>::bits B;
  return from_bits<R>(B(bits_of<R>(v) & Simd<R>::unsigned_part));
}

// Adds to the returning populations what arrives against them now, and gives the sum of that; `retain`: factor of the wall in each lane.
template <class R>
HEMOFLOW_INLINE typename Simd<R>::type return_walls(const FluidStep<R>& s, const Part& part, typename Simd<R>::type* f,
                                                    typename Simd<R>::type* retain) {
  typedef typename Simd<R>::type V;
  const uint16_t *const lanes = s.slots.wall + part.block * 18, *const first = s.slots.wall_from + part.block * 18;
  const R* const factors = s.retain + s.slots.first_wall[part.block];
HEMOFLOW_UNROLL
  for (int i = 1; i < kDirections; ++i) {
    const R* mine = factors + first[i - 1];
    if constexpr (Simd<R>::width < kLanes) mine += bit_count(lanes[i - 1] & ((1u << part.from) - 1));
    retain[i] = V(spread_out(mine, Lanes<R>::at(lanes + i - 1, part.from)));
  }
  V sum = {};
HEMOFLOW_UNROLL
  for (int k = 0; k < kPairs; ++k) {
    const int i = 2 * k + 1;
    const V a = f[i], b = f[i + 1], to_a = retain[i] * b, to_b = retain[i + 1] * a;
    f[i] = a + to_a;
    f[i + 1] = b + to_b;
    sum = sum + (to_a + to_b);
  }
  return sum;
}

// Sums of what walls brought, lane by lane.
template <class V>
struct Brought {
  V net, size;
};

template <bool kOdd, bool kForced, bool kVelocity, bool kThinning, Kind kKind, class R>
HEMOFLOW_INLINE void update(const FluidStep<R>& s, const Part& part, const R* body, R share, Brought<typename Simd<R>::type>& sums) {
  typedef typename Simd<R>::type V;
  const Place n = part.n, count = Place(s.slots.count), stride = Place(s.slots.stride);
  R* const p = s.populations;
  const V zero = {};
  V f[kDirections];
  f[0] = read_own<kKind>(p + n, part);
  if constexpr (kOdd) {
    read_shared<kKind>(s, part, f);
  } else {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) f[i] = read_own<kKind>(p + (i * stride + n), part);
  }
  V retain[kDirections], brought = zero;
  if constexpr (kKind == kWalled) brought = return_walls(s, part, f, retain);
  Local<V, R> local;
  if constexpr (kForced) {
    local.fx = zero + body[0];
    local.fy = zero + body[1];
    local.fz = zero + body[2];
    if (s.force != nullptr) {
      local.fx = local.fx + read_own<kKind>(s.force + n, part);
      local.fy = local.fy + read_own<kKind>(s.force + (count + n), part);
      local.fz = local.fz + read_own<kKind>(s.force + (2 * count + n), part);
    }
  }
  if constexpr (kThinning) {
    local.even_rate = even_rate(s.thinning, strain_moment<kForced, R>(f, local.fx, local.fy, local.fz));
    local.odd_rate = (R(4) - R(2) * local.even_rate) / (R(2) + (R(4) * s.thinning.magic - R(1)) * local.even_rate);
  } else {
    local.even_rate = s.rate_per_node ? read_own<kKind>(s.even_rate + n, part) : zero + s.even_rate[0];
    local.odd_rate = s.rate_per_node ? read_own<kKind>(s.odd_rate + n, part) : zero + s.odd_rate[0];
  }
  collide<kForced, R>(f, local);
  if constexpr (kVelocity) {
    write_own<kKind>(s.velocity + n, part, local.ux);
    write_own<kKind>(s.velocity + (count + n), part, local.uy);
    write_own<kKind>(s.velocity + (2 * count + n), part, local.uz);
    if constexpr (kThinning) write_own<kKind>(s.rate + n, part, local.even_rate);
  }
  V out[kDirections];
HEMOFLOW_UNROLL
  for (int i = 1; i < kDirections; ++i) {
    out[i] = f[opposite(i)];
    if constexpr (kKind == kWalled) {
      const V held = retain[i] * f[i];
      out[i] = out[i] - held;
      brought = brought - held;
    }
  }
  if constexpr (kKind == kWalled) {
    const V size = magnitude<V, R>(brought);
    sums.net = sums.net + brought;
    sums.size = sums.size + size;
    f[0] = f[0] - share * size;
  }
  write_own<kKind>(p + n, part, f[0]);
  if constexpr (kOdd) {
    write_shared<kKind>(s, part, out);
  } else {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) write_own<kKind>(p + (i * stride + n), part, out[i]);
  }
}

// Asks for the slots of a block that comes soon, and in an odd step for the tables of a later one, without which nothing is known of its slots.
// A piece begins where the one before ended, so that the lines at the end of a block's last piece are the new ones.
template <bool kOdd, class R>
HEMOFLOW_HOST_INLINE void fetch_ahead(const FluidStep<R>& s, int64_t current) {
  const Slots& slots = s.slots;
  const int64_t block = std::min(current + kAhead, slots.blocks - 1);
  const R* const own = s.populations + block * kLanes;
  __builtin_prefetch(own, 1);
  if constexpr (kOdd) {
    const int64_t later = std::min(current + 4 * kAhead, slots.blocks - 1);
    const int32_t* const table = slots.base + slots.first_piece[later] * 18;
    for (int line = 0; line < 3; ++line) __builtin_prefetch(table + 16 * line);
    __builtin_prefetch(slots.shared + slots.first_piece[later] * 18);
    __builtin_prefetch(slots.missing + later * 18);
    __builtin_prefetch(slots.wall + later * 18);
    for (int line = 0; line < 2; ++line) __builtin_prefetch(s.retain + slots.first_wall[later] + 16 * line);
    const R* const last = s.populations + kLanes - 1;
    const int32_t* const base = slots.base + (slots.first_piece[block + 1] - 1) * 18;
HEMOFLOW_UNROLL
    for (int i = 0; i < 18; ++i) __builtin_prefetch(last + base[i], 1);
  } else {
HEMOFLOW_UNROLL
    for (int i = 1; i < kDirections; ++i) __builtin_prefetch(own + i * slots.stride, 1);
  }
}

template <bool kOdd, bool kForced, bool kVelocity, bool kThinning, class R>
WallSums sweep(const FluidStep<R>& given, int64_t begin, int64_t end) {
  const FluidStep<R> s = given;  // a copy that nothing else points to stays in registers
  typedef typename Simd<R>::type V;
  constexpr int W = Simd<R>::width;
  const R level = s.drive[s.links.openings + 1], share = s.share[0];
  const R body[3] = {s.body_force[0] * level, s.body_force[1] * level, s.body_force[2] * level};
  Brought<V> brought = {};
  for (int64_t block = begin; block < end; ++block) {
    fetch_ahead<kOdd>(s, block);
    const unsigned lanes = (1u << block_length(s.slots, block)) - 1;
    const bool walls = s.slots.first_wall[block + 1] > s.slots.first_wall[block], whole = s.slots.closed[block] == 2;
    for (int from = 0; from < kLanes && lanes >> from; from += W) {
      const Part part{block, block * kLanes + from, from, (lanes >> from) & Simd<R>::all, Simd<R>::all};
      if (whole) update<kOdd, kForced, kVelocity, kThinning, kWhole>(s, part, body, share, brought);
      else if (walls) update<kOdd, kForced, kVelocity, kThinning, kWalled>(s, part, body, share, brought);
      else update<kOdd, kForced, kVelocity, kThinning, kPlain>(s, part, body, share, brought);
    }
  }
  WallSums sums;
  for (int k = 0; k < W; ++k) {
    sums.net += double(lane<R>(brought.net, k));
    sums.size += double(lane<R>(brought.size, k));
  }
  return sums;
}

template <class R>
WallSums sweep_all(const FluidStep<R>& s) {
  const bool forced = s.force != nullptr || s.body_force[0] != 0 || s.body_force[1] != 0 || s.body_force[2] != 0;
  const bool wanted = s.velocity != nullptr;
  const auto newtonian = s.odd ? (forced ? (wanted ? sweep<true, true, true, false, R> : sweep<true, true, false, false, R>)
                                         : (wanted ? sweep<true, false, true, false, R> : sweep<true, false, false, false, R>))
                               : (forced ? (wanted ? sweep<false, true, true, false, R> : sweep<false, true, false, false, R>)
                                         : (wanted ? sweep<false, false, true, false, R> : sweep<false, false, false, false, R>));
  const auto thinning = s.odd ? (wanted ? sweep<true, true, true, true, R> : sweep<true, true, false, true, R>)
                              : (wanted ? sweep<false, true, true, true, R> : sweep<false, true, false, true, R>);
  const auto run = s.thinning.rates != nullptr ? thinning : newtonian;
  const int64_t chunks = (s.slots.blocks + kChunk - 1) / kChunk;
  std::vector<WallSums> sums(chunks);
  parallel_for(chunks, 2, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) sums[c] = run(s, c * kChunk, std::min(s.slots.blocks, (c + 1) * kChunk));
  });
  WallSums all;
  for (const WallSums& one : sums) {
    all.net += one.net;
    all.size += one.size;
  }
  return all;
}

template <class R>
void step(const FluidStep<R>& given) {
  const FluidStep<R> s = informed(given);
  std::fill(s.flux, s.flux + s.links.openings + 1, R(0));
  s.flux[0] = s.links.wall_gain[0] * s.drive[0];
  if (s.links.count + s.links.moved_count > 0) apply_links(s);
  if (s.links.pressure_count > 0) remember(s);
  const WallSums sums = sweep_all(s);
  s.brought[0] = R(sums.net);
  s.brought[1] = R(sums.size);
}

// Calls visit(node, direction, factor) for every population that comes back from a wall, block by block.
template <class R, class Visit>
inline void each_wall(const Slots& s, const R* retain, int64_t block, const Visit& visit) {
  int64_t link = s.first_wall[block];
  for (int i = 1; i < kDirections; ++i)
    for (int lane = 0; lane < block_length(s, block); ++lane)
      if (s.wall[block * 18 + i - 1] >> lane & 1) visit(block * kLanes + lane, i, retain[link++]);
}

// Populations after collision in the canonical order (19, count); `odd` is the parity of the step that would come next.
template <class R>
void export_populations(const Slots& s, const R* retain, const R* slots, const int32_t* parity, R* out) {
  const bool odd = parity[0] != 0;
  parallel_for(s.blocks, 512, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      for (int lane = 0; lane < block_length(s, block); ++lane) {
        const int64_t n = block * kLanes + lane;
        out[n] = slots[n];
        for (int i = 1; i < kDirections; ++i)
          out[i * s.count + n] = slots[odd ? opposite(i) * s.stride + n : shared_slot(s, block, lane, opposite(i))];
      }
      each_wall(s, retain, block, [&](int64_t n, int i, R factor) { out[opposite(i) * s.count + n] += factor * out[i * s.count + n]; });
    }
  });
}

// From the canonical order to slots from which an odd step follows.
template <class R>
void import_populations(const Slots& s, const R* retain, const R* in, R* slots) {
  parallel_for(s.blocks, 512, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      for (int i = 0; i < kDirections; ++i)
        for (int lane = 0; lane < block_length(s, block); ++lane) {
          const int64_t n = block * kLanes + lane;
          slots[opposite(i) * s.stride + n] = in[i * s.count + n];
        }
      each_wall(s, retain, block, [&](int64_t n, int i, R factor) { slots[i * s.stride + n] -= factor * in[i * s.count + n]; });
    }
  });
}

// Flat index into populations in canonical order of what arrives at a node from direction i.
HEMOFLOW_SHARED int32_t source(const Slots& s, int64_t n, int i) {
  const int64_t block = n / kLanes;
  const int lane = int(n % kLanes);
  const bool there = i == 0 || !(s.missing[block * 18 + i - 1] >> lane & 1);
  return int32_t(there ? i * s.count + (i == 0 ? n : shared_slot(s, block, lane, i) % s.stride) : opposite(i) * s.count + n);
}

// Flat index into populations in canonical order of what arrives at every node from fluid, (19, count): hemoflow/fluid/streaming.py.
template <class R>
void sources(const Slots& s, int32_t* out) {
  parallel_for(s.blocks, 512, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block)
      for (int lane = 0; lane < block_length(s, block); ++lane) {
        const int64_t n = block * kLanes + lane;
        for (int i = 0; i < kDirections; ++i) out[i * s.count + n] = source(s, n, i);
      }
  });
}
