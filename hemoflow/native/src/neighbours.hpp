// Cells that meet: the nearest face of another cell for every vertex, the force between the two, and the barrier; see
// hemoflow/interaction/neighbours.py and cells.py. Included once per instruction set, inside its own namespace.

constexpr double kPad = 0.02, kShare = 0.5;

// The nearest point of a face, as seen from a vertex.
template <class R>
struct Meeting {
  int32_t face;  // -1 without one
  R weight[3], gap;
  Vec<R> normal;
};

// Box around all places of a cell that can be within the range of another; inside out where there are none.
template <class R>
struct Box {
  R low[3], high[3];
  void clear() {
    for (int a = 0; a < 3; ++a) low[a] = R(1e30), high[a] = R(-1e30);
  }
  HEMOFLOW_INLINE void hold(int a, R from, R to) { low[a] = std::min(low[a], from), high[a] = std::max(high[a], to); }
};

// Weights of the corners at the point of a triangle that is nearest to the origin; Ericson 2005, section 5.1.5.
template <class R>
HEMOFLOW_INLINE void nearest_weights(Vec<R> a, Vec<R> b, Vec<R> c, R (&w)[3]) {
  const Vec<R> ab = b - a, ac = c - a;
  const auto set = [&w](R x, R y, R z) { w[0] = x, w[1] = y, w[2] = z; };
  const R d1 = -dot(ab, a), d2 = -dot(ac, a);
  if (d1 <= 0 && d2 <= 0) return set(1, 0, 0);
  const R d3 = -dot(ab, b), d4 = -dot(ac, b);
  if (d3 >= 0 && d4 <= d3) return set(0, 1, 0);
  const R vc = d1 * d4 - d3 * d2;
  if (vc <= 0 && d1 >= 0 && d3 <= 0) {
    const R v = d1 - d3 != 0 ? d1 / (d1 - d3) : d1;
    return set(1 - v, v, 0);
  }
  const R d5 = -dot(ab, c), d6 = -dot(ac, c);
  if (d6 >= 0 && d5 <= d6) return set(0, 0, 1);
  const R vb = d5 * d2 - d1 * d6;
  if (vb <= 0 && d2 >= 0 && d6 <= 0) {
    const R v = d2 - d6 != 0 ? d2 / (d2 - d6) : d2;
    return set(1 - v, 0, v);
  }
  const R va = d3 * d6 - d5 * d4;
  if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
    const R bottom = (d4 - d3) + (d5 - d6), v = bottom != 0 ? (d4 - d3) / bottom : d4 - d3;
    return set(0, 1 - v, v);
  }
  const R total = va + vb + vc, scale = total != 0 ? total : R(1), v = vb / scale, u = vc / scale;
  set(1 - v - u, v, u);
}

template <class R>
class Neighbourhood {
 public:
  explicit Neighbourhood(const CellSurfaces<R>& s) : s_(s), reach_(s.limits[0]) {
    for (int a = 0; a < 3; ++a) {
      along_[a] = s.periodic[a] ? std::max(1, int(double(s.shape[a]) / double(s.limits[1]))) : 0;
      edge_[a] = along_[a] ? R(double(s.shape[a]) / along_[a]) : s.limits[1];
    }
    find_cells();
    find_boxes();
    fill();
  }

  int64_t fullest() const { return fullest_; }
  R widest() const { return widest_; }

  // The nearest face of another cell within the range of vertex p.
  HEMOFLOW_INLINE Meeting<R> meet(int64_t p) const {
    Meeting<R> best;
    best.face = -1;
    const int32_t cell = s_.owner[p];
    R at[3];
    for (int a = 0; a < 3; ++a) {
      at[a] = place(p, a, cell);
      if (!(at[a] >= box_[cell].low[a] && at[a] <= box_[cell].high[a])) return best;
    }
    int32_t bin[3];
    for (int a = 0; a < 3; ++a) bin[a] = bin_of(at[a], a);
    const int64_t row = key(bin), held = std::min<int64_t>(used_[row], s_.slots);
    R least = std::numeric_limits<R>::infinity();
    Vec<R> corner[3], point{}, across{};
    for (int64_t k = 0; k < held; ++k) {
      const int32_t face = table_[row * s_.slots + k];
      if (s_.face_owner[face] == cell) continue;
      corners(p, face, corner);
      R w[3];
      nearest_weights(corner[0], corner[1], corner[2], w);
      const Vec<R> here = w[0] * corner[0] + w[1] * corner[1] + w[2] * corner[2];
      const R square = dot(here, here);
      if (square >= least) continue;
      least = square, point = here, best.face = face;
      across = cross(corner[1] - corner[0], corner[2] - corner[0]);
      std::copy(w, w + 3, best.weight);
    }
    if (best.face < 0) return best;
    // over a face's own area its normal is the direction: that of a short way to an edge or a corner has few digits
    const bool beside = least > R(1e-12) && std::min({best.weight[0], best.weight[1], best.weight[2]}) <= 0;
    const R side = dot(point, across) <= 0 ? R(1) : R(-1);
    best.normal = beside ? (-side / std::sqrt(least)) * point : (R(1) / std::sqrt(std::max(dot(across, across), R(1e-30)))) * across;
    best.gap = -dot(point, best.normal);
    if (!(std::abs(best.gap) < reach_)) best.face = -1;
    return best;
  }

  // Calls work(p, meeting) for every vertex in parallel.
  template <class Work>
  void each(const Work& work) const {
    parallel_for(s_.vertices, 256, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) work(p, meet(p));
    });
  }

 private:
  HEMOFLOW_INLINE R place(int64_t p, int a, int32_t cell) const { return R(s_.base[p * 3 + a] - shift_[cell * 3 + a]) + s_.part[p * 3 + a]; }

  HEMOFLOW_INLINE int32_t bin_of(R at, int a) const {
    const int32_t bin = int32_t(std::floor(at / edge_[a]));
    return along_[a] ? ((bin % along_[a]) + along_[a]) % along_[a] : bin;
  }

  HEMOFLOW_INLINE int64_t key(const int32_t (&bin)[3]) const {
    return int64_t((uint32_t(bin[0]) * 73856093u ^ uint32_t(bin[1]) * 19349663u ^ uint32_t(bin[2]) * 83492791u) & uint32_t(s_.bins - 1));
  }

  // Corners of a face from vertex p, all in the image whose first corner is nearest.
  HEMOFLOW_INLINE void corners(int64_t p, int32_t face, Vec<R> (&out)[3]) const {
    const int32_t* const at = s_.faces + int64_t(face) * 3;
    R found[3][3];
    for (int a = 0; a < 3; ++a) {
      int32_t turn = 0;
      if (s_.periodic[a]) {
        const int32_t period = s_.shape[a], twice = 2 * (s_.base[int64_t(at[0]) * 3 + a] - s_.base[p * 3 + a]) + period;
        turn = (twice >= 0 ? twice / (2 * period) : -((2 * period - 1 - twice) / (2 * period))) * period;
      }
      for (int k = 0; k < 3; ++k) {
        const int64_t q = int64_t(at[k]) * 3 + a;
        found[k][a] = R(s_.base[q] - s_.base[p * 3 + a] - turn) + (s_.part[q] - s_.part[p * 3 + a]);
      }
    }
    for (int k = 0; k < 3; ++k) out[k] = {found[k][0], found[k][1], found[k][2]};
  }

  // Every cell moved by whole periods so that its lowest vertex lies in the first one, and its bounds there.
  void find_cells() {
    bounds_.resize(s_.cells), shift_.assign(s_.cells * 3, 0);
    for (int64_t c = 0; c < s_.cells; ++c) bounds_[c].clear();
    for (int64_t p = 0; p < s_.vertices; ++p)
      for (int a = 0; a < 3; ++a) {
        const R x = R(s_.base[p * 3 + a]) + s_.part[p * 3 + a];
        bounds_[s_.owner[p]].hold(a, x, x);
      }
    for (int64_t c = 0; c < s_.cells; ++c)
      for (int a = 0; a < 3; ++a) {
        if (s_.periodic[a]) shift_[c * 3 + a] = int32_t(std::floor(bounds_[c].low[a] / R(s_.shape[a]))) * s_.shape[a];
        const R by = R(shift_[c * 3 + a]), wide = reach_ + R(kPad);
        bounds_[c].low[a] -= by + wide, bounds_[c].high[a] -= by - wide;
      }
  }

  void find_boxes() {
    box_.resize(s_.cells);
    for (int64_t c = 0; c < s_.cells; ++c) box_[c].clear();
    for (int64_t c = 0; c < s_.cells; ++c)
      for (int64_t d = c + 1; d < s_.cells; ++d)
        if (s_.alive[c] && s_.alive[d]) meet_boxes(c, d), meet_boxes(d, c);
  }

  // Adds to the box of a cell what its bounds share with those of another and its images.
  HEMOFLOW_INLINE void meet_boxes(int64_t one, int64_t other) {
    Box<R> shared;
    shared.clear();
    for (int a = 0; a < 3; ++a) {
      const int turns = s_.periodic[a] ? 1 : 0;
      for (int turn = -turns; turn <= turns; ++turn) {
        const R by = R(turn * s_.shape[a]);
        const R from = std::max(bounds_[one].low[a], bounds_[other].low[a] + by), to = std::min(bounds_[one].high[a], bounds_[other].high[a] + by);
        if (from <= to) shared.hold(a, from, to);
      }
      if (shared.low[a] > shared.high[a]) return;
    }
    for (int a = 0; a < 3; ++a) box_[one].hold(a, shared.low[a], shared.high[a]);
  }

  void fill() {
    used_.assign(s_.bins, 0), table_.resize(s_.bins * s_.slots);
    for (int64_t f = 0; f < s_.face_count; ++f) {
      const int32_t cell = s_.face_owner[f];
      if (box_[cell].low[0] <= box_[cell].high[0]) enter(int32_t(f), cell);
    }
  }

  // Enters a face into the bins that its bounds touch, if these reach into the box of its cell.
  HEMOFLOW_INLINE void enter(int32_t face, int32_t cell) {
    int32_t bin[2][3];
    R wide = 0;
    for (int a = 0; a < 3; ++a) {
      R low = R(1e30), high = R(-1e30);
      for (int k = 0; k < 3; ++k) {
        const R x = place(s_.faces[int64_t(face) * 3 + k], a, cell);
        low = std::min(low, x), high = std::max(high, x);
      }
      low -= reach_ + R(kPad), high += reach_ + R(kPad);
      if (low > box_[cell].high[a] || high < box_[cell].low[a]) return;
      wide = std::max(wide, high - low);
      bin[0][a] = bin_of(low, a), bin[1][a] = bin_of(high, a);
    }
    widest_ = std::max(widest_, wide);
    for (int k = 0; k < 8; ++k) {
      const int step[3] = {k >> 2, k >> 1 & 1, k & 1};
      int32_t at[3];
      bool fresh = true;
      for (int a = 0; a < 3; ++a) at[a] = bin[step[a]][a], fresh = fresh && (step[a] == 0 || bin[0][a] != bin[1][a]);
      if (!fresh) continue;
      const int64_t row = key(at), slot = used_[row]++;
      fullest_ = std::max(fullest_, slot + 1);
      if (slot < s_.slots) table_[row * s_.slots + slot] = face;
    }
  }

  const CellSurfaces<R>& s_;
  R reach_, edge_[3], widest_ = 0;
  int32_t along_[3];
  int64_t fullest_ = 0;
  Scratch<Box<R>> bounds_, box_;
  Scratch<int32_t> shift_, used_, table_;
};

// What every vertex of a meeting gets, and the corners of its face give: `size` times the normal.
template <class R, class Size>
void exchange(const CellSurfaces<R>& s, const Scratch<Meeting<R>>& met, const Size& size, R* out) {
  std::fill(out, out + s.vertices * 3, R(0));
  for (int64_t p = 0; p < s.vertices; ++p) {
    const Meeting<R>& m = met[p];
    if (m.face < 0) continue;
    const R amount = size(p, m);
    const R push[3] = {amount * m.normal.x, amount * m.normal.y, amount * m.normal.z};
    for (int a = 0; a < 3; ++a) {
      out[p * 3 + a] += push[a];
      for (int k = 0; k < 3; ++k) out[int64_t(s.faces[int64_t(m.face) * 3 + k]) * 3 + a] -= m.weight[k] * push[a];
    }
  }
}

// All meetings, and what the search would have needed: slots of the fullest bin and edge of the widest face.
template <class R>
void meetings(const CellSurfaces<R>& s, R* need, Scratch<Meeting<R>>& met) {
  const Neighbourhood<R> around(s);
  need[0] = R(around.fullest()), need[1] = around.widest();
  met.resize(s.vertices);
  Meeting<R>* const out = met.data();
  around.each([out](int64_t p, const Meeting<R>& m) { out[p] = m; });
}

template <class R>
void contact(const CellSurfaces<R>& s, const R* area, const R* pressure, R* force, R* gap, R* need) {
  Scratch<Meeting<R>> met;
  meetings(s, need, met);
  for (int64_t p = 0; p < s.vertices; ++p) gap[p] = met[p].face < 0 ? std::numeric_limits<R>::infinity() : met[p].gap;
  exchange(s, met, [&](int64_t p, const Meeting<R>& m) {
    return R(kShare) * pressure[0] * area[p] * std::min(std::max(R(1) - m.gap / s.limits[0], R(0)), R(1));
  }, force);
}

template <class R>
void apart(const CellSurfaces<R>& s, const R* least, R* shift, R* farthest, R* need) {
  Scratch<Meeting<R>> met;
  meetings(s, need, met);
  *farthest = R(0);
  exchange(s, met, [&](int64_t, const Meeting<R>& m) {
    const R short_of = std::max(least[0] - m.gap, R(0));
    *farthest = std::max(*farthest, short_of);
    return short_of / (R(1) + m.weight[0] * m.weight[0] + m.weight[1] * m.weight[1] + m.weight[2] * m.weight[2]);
  }, shift);
}
