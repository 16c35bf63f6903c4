// The fluid on a GPU: a thread per node in the sweep of ../fluid.hpp, a thread per link, and teams where something is summed. Neither the
// parity nor anything else in the memory of the device is read by the host. Sums do not depend on the order in which threads run.

template <class R>
struct Sums {
  double net[kTeam], size[kTeam];
};

// The parts of a step's scratch memory.
template <class R>
struct Workspace {
  double *walls, *rounded;
  R *back, *gained, *risen;

  explicit Workspace(const FluidStep<R>& s) {
    const LinkTable<R>& l = s.links;
    walls = s.scratch;
    rounded = walls + 2 * teams(s.slots.count);
    double* const rest = rounded + teams(l.moved_count);
    back = reinterpret_cast<R*>(rest);
    gained = reinterpret_cast<R*>(rest + l.count);
    risen = reinterpret_cast<R*>(rest + 2 * l.count);
  }
};

template <class R>
struct ReadLinks {
  FluidStep<R> given;
  R *back, *gained;

  HEMOFLOW_BODY void operator()(int64_t k) const {
    const FluidStep<R> s = informed(given);
    back[k] = returning(s, k);
    gained[k] = back[k] - s.populations[s.links.slot[k]];
  }
};

// Some teams write what comes back, the others sum what the openings gained.
template <class R>
struct WriteLinks {
  FluidStep<R> s;
  const R *back, *gained;
  struct Shared {
    double sum[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    const int64_t writers = teams(s.links.count), opening = team.index - writers;
    if (opening < 0) {
      team.each([&](int t) {
        const int64_t k = team.index * kTeam + t;
        if (k < s.links.count) s.populations[s.links.slot[k]] = back[k];
      });
      return;
    }
    team.each([&](int t) {
      double sum = 0;
      for (int64_t k = t; k < s.links.count; k += kTeam)
        if (s.links.opening[k] == opening) sum += double(gained[k]);
      shared.sum[t] = sum;
    });
    gather_up(team, shared.sum, Plus());
    team.each([&](int t) {
      if (t == 0) s.flux[opening + 1] = R(shared.sum[0]);
    });
  }
};

// What moving walls add, and by how much the populations have grown too much.
template <class R>
struct MoveWalls {
  FluidStep<R> s;
  double* rounded;
  struct Shared {
    double sum[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    team.each([&](int t) {
      const int64_t k = team.index * kTeam + t;
      shared.sum[t] = 0;
      if (k >= s.links.moved_count) return;
      R& at = s.populations[s.links.moved[k]];
      const R before = at, push = s.links.motion[k] * s.drive[0];
      at = before + push;
      shared.sum[t] = double(minus(before + push, before, push));
    });
    gather_up(team, shared.sum, Plus());
    team.each([&](int t) {
      if (t == 0) rounded[team.index] = shared.sum[0];
    });
  }
};

// Sums over all teams of `count` rows, each of as many numbers as `to` takes, by one team.
HEMOFLOW_BODY void sum_rows(const Team& team, const double* rows, int64_t count, int stride, double (&sum)[kTeam]) {
  team.each([&](int t) {
    double mine = 0;
    for (int64_t k = t; k < count; k += kTeam) mine += rows[k * stride];
    sum[t] = mine;
  });
  gather_up(team, sum, Plus());
}

// Into a population at rest, which is small enough to hold it.
template <class R>
struct SettleRounding {
  FluidStep<R> s;
  const double* rounded;
  struct Shared {
    double sum[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    sum_rows(team, rounded, teams(s.links.moved_count), 1, shared.sum);
    team.each([&](int t) {
      if (t == 0) s.populations[0] -= R(shared.sum[0]);
    });
  }
};

template <class R>
struct Remember {
  FluidStep<R> given;
  R* risen;

  HEMOFLOW_BODY void operator()(int64_t m) const {
    const FluidStep<R> s = informed(given);
    Here<R> here, before;
    risen[m] = carry_on(s, m, here, before);
  }
};

// How the density rises towards an opening, by one team for each.
template <class R>
struct FollowSlope {
  FluidStep<R> s;
  const R* risen;
  struct Shared {
    double sum[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    const LinkTable<R>& l = s.links;
    const int32_t* const opening = l.opening + (l.count - l.pressure_count);
    team.each([&](int t) {
      double sum = 0;
      for (int64_t m = t; m < l.pressure_count; m += kTeam)
        if (opening[m] == team.index) sum += double(risen[m]);
      shared.sum[t] = sum;
    });
    gather_up(team, shared.sum, Plus());
    team.each([&](int t) {
      const R slope = R(shared.sum[0]);
      for (int64_t m = t; m < l.pressure_count; m += kTeam)
        if (opening[m] == team.index) s.slope[m] += (l.along[m] * slope - s.slope[m]) / R(30);
    });
  }
};

// One node. Both blocks of a warp take the same way.
template <bool kOdd, bool kVelocity, bool kThinning, bool kWalls, class R>
HEMOFLOW_BODY void update_node(const FluidStep<R>& s, int64_t n, Brought<R>& brought) {
  const R level = s.drive[s.links.openings + 1];
  const R body[3] = {s.body_force[0] * level, s.body_force[1] * level, s.body_force[2] * level};
  const int64_t block = n / kLanes, first = block & ~int64_t(1), last = std::min(first + 1, s.slots.blocks - 1);
  const Part part{block, Place(n), int(n % kLanes), 1, 1};
  const auto run = [&](auto kind) {
    constexpr Kind kKind = decltype(kind)::value;
    update<kOdd, true, kVelocity, kThinning, kKind>(s, part, body, kKind == kWalled ? s.share[0] : R(0), brought);
  };
  if constexpr (kWalls) {
    if (s.slots.first_wall[last + 1] > s.slots.first_wall[first]) return run(std::integral_constant<Kind, kWalled>());
  }
  if constexpr (kOdd) {
    if (s.slots.closed[first] != 2 || s.slots.closed[last] != 2) return run(std::integral_constant<Kind, kPlain>());
  }
  run(std::integral_constant<Kind, kWhole>());
}

template <bool kVelocity, bool kThinning, bool kWalls, class R>
struct Sweep {
  FluidStep<R> given;
  double* walls;
  typedef Sums<R> Shared;

  HEMOFLOW_BODY Brought<R> node(int64_t n) const {
    const FluidStep<R> s = informed(given);
    Brought<R> brought = {};
    if (s.odd) update_node<true, kVelocity, kThinning, kWalls>(s, n, brought);
    else update_node<false, kVelocity, kThinning, kWalls>(s, n, brought);
    return brought;
  }

  HEMOFLOW_BODY void fill_in() const {
    given.flux[0] = given.links.wall_gain[0] * given.drive[0];
    for (int o = 0; o < given.links.openings && given.links.count == 0; ++o) given.flux[o + 1] = R(0);
  }

  // Without walls.
  HEMOFLOW_BODY void operator()(int64_t n) const {
    node(n);
    if (n > 0) return;
    fill_in();
    given.brought[0] = given.brought[1] = R(0);
  }

  // With walls: the sums of a team go to its row.
  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    team.each([&](int t) {
      const int64_t n = team.index * kTeam + t;
      const Brought<R> brought = n < given.slots.count ? node(n) : Brought<R>{};
      shared.net[t] = double(brought.net);
      shared.size[t] = double(brought.size);
    });
    gather_up(team, shared.net, Plus());
    gather_up(team, shared.size, Plus());
    team.each([&](int t) {
      if (t < 2) walls[team.index * 2 + t] = t == 0 ? shared.net[0] : shared.size[0];
      if (team.index == 0 && t == 0) fill_in();
    });
  }
};

// What all walls brought; `rows` is how many teams wrote their sums.
template <class R>
struct SumBrought {
  FluidStep<R> s;
  const double* walls;
  int64_t rows;
  typedef Sums<R> Shared;

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    sum_rows(team, walls, rows, 2, shared.net);
    sum_rows(team, walls + 1, rows, 2, shared.size);
    team.each([&](int t) {
      if (t < 2) s.brought[t] = R(t == 0 ? shared.net[0] : shared.size[0]);
    });
  }
};

// As many threads as registers allow without spilling more than a few (ptxas -v): loads in flight hide the way to memory.
template <bool kVelocity, bool kThinning, bool kWalls>
constexpr int kResident<Sweep<kVelocity, kThinning, kWalls, float>> = kThinning || kWalls ? 2 : 3;

template <bool kWalls, class R>
void sweep_nodes(const FluidStep<R>& s, double* walls) {
  const auto run = [&](auto velocity, auto thinning) {
    const Sweep<decltype(velocity)::value, decltype(thinning)::value, kWalls, R> sweep{s, walls};
    if constexpr (kWalls) for_teams(teams(s.slots.count), sweep);
    else for_each(s.slots.count, sweep);
  };
  const bool thinning = s.thinning.rates != nullptr;
  if (s.velocity != nullptr) thinning ? run(std::true_type(), std::true_type()) : run(std::true_type(), std::false_type());
  else thinning ? run(std::false_type(), std::true_type()) : run(std::false_type(), std::false_type());
}

template <class R>
void step_on_device(const FluidStep<R>& s) {
  const Workspace<R> work(s);
  const LinkTable<R>& l = s.links;
  if (l.count > 0) {
    for_each(l.count, ReadLinks<R>{s, work.back, work.gained});
    for_teams(teams(l.count) + l.openings, WriteLinks<R>{s, work.back, work.gained});
  }
  if (l.moved_count > 0) {
    for_teams(teams(l.moved_count), MoveWalls<R>{s, work.rounded});
    for_teams(1, SettleRounding<R>{s, work.rounded});
  }
  if (l.pressure_count > 0) {
    for_each(l.pressure_count, Remember<R>{s, work.risen});
    for_teams(l.openings, FollowSlope<R>{s, work.risen});
  }
  s.slots.walls > 0 ? sweep_nodes<true>(s, work.walls) : sweep_nodes<false>(s, work.walls);
  if (s.slots.walls > 0) for_teams(1, SumBrought<R>{s, work.walls, teams(s.slots.count)});
}

// Calls visit(direction, factor) for the populations that come back to a node from a wall.
template <class R, class Visit>
HEMOFLOW_BODY void each_wall_of(const Slots& s, const R* retain, int64_t n, const Visit& visit) {
  const int64_t block = n / kLanes;
  const int from = int(n % kLanes);
  if (s.first_wall[block + 1] == s.first_wall[block]) return;
  const R* factor = retain + s.first_wall[block];
  for (int i = 1; i < kDirections; ++i) {
    const unsigned mask = s.wall[block * 18 + i - 1];
    if (mask >> from & 1) visit(i, factor[bit_count(mask & ((1u << from) - 1))]);
    factor += bit_count(mask);
  }
}

template <class R>
struct Export {
  Slots s;
  const R *retain, *slots;
  const int32_t* parity;
  R* out;

  HEMOFLOW_BODY void operator()(int64_t n) const {
    const bool odd = parity[0] != 0;
    const int64_t block = n / kLanes;
    out[n] = slots[n];
    for (int i = 1; i < kDirections; ++i)
      out[i * s.count + n] = slots[odd ? opposite(i) * s.stride + n : shared_slot(s, block, int(n % kLanes), opposite(i))];
    each_wall_of(s, retain, n, [&](int i, R factor) { out[opposite(i) * s.count + n] += factor * out[i * s.count + n]; });
  }
};

template <class R>
struct Import {
  Slots s;
  const R *retain, *in;
  R* slots;

  HEMOFLOW_BODY void operator()(int64_t n) const {
    for (int i = 0; i < kDirections; ++i) slots[opposite(i) * s.stride + n] = in[i * s.count + n];
    each_wall_of(s, retain, n, [&](int i, R factor) { slots[i * s.stride + n] -= factor * in[i * s.count + n]; });
  }
};

struct Sources {
  Slots s;
  int32_t* out;

  HEMOFLOW_BODY void operator()(int64_t n) const {
    for (int i = 0; i < kDirections; ++i) out[i * s.count + n] = source(s, n, i);
  }
};

template <class R>
void export_on_device(const Slots& s, const R* retain, const R* slots, const int32_t* parity, R* out) {
  for_each(s.count, Export<R>{s, retain, slots, parity, out});
}

template <class R>
void import_on_device(const Slots& s, const R* retain, const R* in, R* slots) {
  for_each(s.count, Import<R>{s, retain, in, slots});
}

template <class R>
void sources_on_device(const Slots& s, int32_t* out) { for_each(s.count, Sources{s, out}); }
