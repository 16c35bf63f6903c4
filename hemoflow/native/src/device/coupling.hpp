// Stencils, spreading and interpolation on a GPU; see ../coupling.hpp. A stencil is found by a thread per point. Points whose rows are not
// whole look up every node, as on the host, but find what the fluid nodes among them lack of a sum of one in their factors.

// One node of a point's window by its places (in the order of the axes): its id, or that of no node.
HEMOFLOW_BODY int32_t node_at(const NodeTable& t, const RowAxes& order, const int32_t (&first)[3], int i, int j, int k) {
  constexpr int kShift[3] = {2 * kTileBits, kTileBits, 0};
  const int32_t coarse[3] = {t.coarse[1] * t.coarse[2], t.coarse[2], 1}, at[3] = {first[0] + i, first[1] + j, first[2] + k};
  int32_t tile = 0, inner = 0;
  for (int x = 0; x < 3; ++x) {
    const int a = order.axis[x];
    const int32_t place = table_position(t, a, at[x]);
    if (place < 0) return t.empty;
    tile += (place >> kTileBits) * coarse[a];
    inner += (place & (kTile - 1)) << kShift[a];
  }
  return t.blocks[(int64_t(t.tile_of[tile]) << (3 * kTileBits)) + inner];
}

// The first node of the window of point p, as find_point has it.
template <int W, class R>
HEMOFLOW_BODY void first_of(const RowAxes& order, const Points<R>& points, int64_t p, int32_t (&first)[3]) {
  const int32_t* const anchor = points.anchor + (p / points.vertices) * 3;
  R unused[W];
  for (int x = 0; x < 3; ++x) first[x] = along<W>(points.offset[p * 3 + order.axis[x]], unused) + anchor[order.axis[x]];
}

template <int W, class R>
struct FindRows {
  NodeTable table;
  Points<R> points;
  int32_t *rows, *span;
  R* factors;

  HEMOFLOW_BODY void operator()(int64_t p) const {
    const RowAxes order(table);
    int32_t first[3], row[W * W] = {};
    R f[3][W];
    const bool whole = find_point(table, order, points, p, first, f, row);
    if (!whole) {
      R total = 0;
      for (int m = 0; m < W * W * W; ++m)
        if (node_at(table, order, first, m / (W * W), m / W % W, m % W) < table.count) total += f[0][m / (W * W)] * f[1][m / W % W] * f[2][m % W];
      const R scale = total > R(1e-6) ? R(1) / total : R(0);
      for (int k = 0; k < W; ++k) f[0][k] *= scale;
    }
    for (int m = 0; m < W * W; ++m) rows[p * W * W + m] = whole ? row[m] : -1;
    for (int x = 0; x < 3; ++x)
      for (int k = 0; k < W; ++k) factors[(p * 3 + x) * W + k] = f[x][k];
    span[p * 2] = whole ? row[0] : 0;
    span[p * 2 + 1] = whole ? row[W * W - 1] + W : table.count;
  }
};

// Node (i, j, k) of the window of point p, or one that is not below the number of nodes.
template <int W, class R>
HEMOFLOW_BODY int32_t seen_from(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, int64_t p, int i, int j, int k) {
  const int32_t row = s.rows[p * W * W + i * W + j];
  if (row >= 0) return row + k;
  const RowAxes order(t);
  int32_t first[3];
  first_of<W>(order, points, p, first);
  return node_at(t, order, first, i, j, k);
}

// A thread per point and node: neighbours in a row are added to together. Sums of floats in no fixed order.
template <int W, class R>
struct Spread {
  NodeTable table;
  Points<R> points;
  RowStencil<R> stencil;
  const R* values;
  R* out;

  HEMOFLOW_BODY void operator()(int64_t q) const {
    const int64_t p = q / (W * W * W);
    const int m = int(q % (W * W * W)), i = m / (W * W), j = m / W % W, k = m % W;
    const int32_t id = seen_from<W>(table, points, stencil, p, i, j, k);
    if (id >= table.count) return;
    const R* const f = stencil.factors + p * 3 * W;
    const R weight = f[i] * f[W + j] * f[2 * W + k];
    for (int a = 0; a < 3; ++a) add_to(out + int64_t(a) * table.count + id, weight * values[p * 3 + a]);
  }
};

// Four threads per point, one for each place along its rows.
template <int W, class R>
struct Interpolate {
  NodeTable table;
  Points<R> points;
  RowStencil<R> stencil;
  const R* field;
  R* out;
  struct Shared {
    R part[3][kTeam];
  };
  static constexpr int kEach = 4, kPoints = kTeam / kEach;

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    const int64_t first = team.index * kPoints, count = points.cells * points.vertices;
    team.each([&](int t) {
      const int64_t p = first + t / kEach;
      const int k = t % kEach;
      R seen[3] = {};
      if (k < W && p < count) {
        const R* const f = stencil.factors + p * 3 * W;
        for (int i = 0; i < W; ++i)
          for (int j = 0; j < W; ++j) {
            const int32_t id = seen_from<W>(table, points, stencil, p, i, j, k);
            if (id >= table.count) continue;
            const R plane = f[i] * f[W + j];
            for (int a = 0; a < 3; ++a) seen[a] += plane * field[int64_t(a) * table.count + id];
          }
        for (int a = 0; a < 3; ++a) seen[a] *= f[2 * W + k];
      }
      for (int a = 0; a < 3; ++a) shared.part[a][t] = seen[a];
    });
    team.each([&](int t) {
      const int64_t p = first + t / 3;
      if (t >= 3 * kPoints || p >= count) return;
      const R* const part = shared.part[t % 3] + t / 3 * kEach;
      out[first * 3 + t] = (part[0] + part[1]) + (part[2] + part[3]);
    });
  }
};

// Calls run with the width as a constant.
template <class Run>
void by_width(int width, const Run& run) {
  if (width == 2) run(std::integral_constant<int, 2>());
  else if (width == 3) run(std::integral_constant<int, 3>());
  else run(std::integral_constant<int, 4>());
}

template <class R>
void stencil_on_device(const NodeTable& t, const Points<R>& points, int width, int32_t* rows, int32_t* span, R* factors) {
  by_width(width, [&](auto w) {
    for_each(points.cells * points.vertices, FindRows<decltype(w)::value, R>{t, points, rows, span, factors});
  });
}

template <class R>
void spread_on_device(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, int width, const R* values, R* out) {
  by_width(width, [&](auto w) {
    for_each(points.cells * points.vertices * width * width * width, Spread<decltype(w)::value, R>{t, points, s, values, out});
  });
}

template <class R>
void interpolate_on_device(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, int width, const R* field, R* out) {
  by_width(width, [&](auto w) {
    typedef Interpolate<decltype(w)::value, R> Body;
    for_teams((points.cells * points.vertices + Body::kPoints - 1) / Body::kPoints, Body{t, points, s, field, out});
  });
}
