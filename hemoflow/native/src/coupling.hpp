// Spreading and interpolation between membrane points and nodes; see hemoflow/coupling/points.py.
// Included once per instruction set, inside its own namespace.

constexpr int kTileBits = 3, kTile = 1 << kTileBits;

// Weights of the W nodes around x along one axis; returns the first of them. The square root serves all of them.
template <int W, class R>
HEMOFLOW_INLINE int32_t along(R x, R* w) {
  const R low = std::floor(x + (W == 3 ? R(0.5) : R(0))), r = x - low;
  if constexpr (W == 2) {
    w[0] = R(1) - r;
    w[1] = r;
    return int32_t(low);
  } else if constexpr (W == 3) {
    const R s = std::sqrt(R(1) - R(3) * r * r);
    w[0] = (R(2) - R(3) * r - s) / R(6);
    w[1] = (R(1) + s) / R(3);
    w[2] = (R(2) + R(3) * r - s) / R(6);
    return int32_t(low) - 1;
  } else {
    const R s = std::sqrt(R(1) + R(4) * r - R(4) * r * r);
    w[0] = (R(3) - R(2) * r - s) / R(8);
    w[1] = (R(3) - R(2) * r + s) / R(8);
    w[2] = (R(1) + R(2) * r + s) / R(8);
    w[3] = (R(1) + R(2) * r - s) / R(8);
    return int32_t(low) - 1;
  }
}

// Position along one axis in the two-level table, or -1 outside of it.
HEMOFLOW_SHARED int32_t table_position(const NodeTable& t, int axis, int32_t k) {
  const int32_t size = t.shape[axis];
  if (uint32_t(k) < uint32_t(size)) return k + 1;
  if (t.periodic[axis]) return ((k % size) + size) % size + 1;
  return k == -1 || k == size ? k + 1 : -1;
}

// The W nodes of a point along every axis, in the two-level table, and their weights.
template <int W, class R>
struct Window {
  R w[3][W];
  int32_t tile[3][W], inner[3][W];
  bool inside[3][W];

  HEMOFLOW_INLINE Window(const NodeTable& t, const int32_t* anchor, const R* offset) {
    const int32_t stride[3] = {kTile * kTile, kTile, 1}, coarse[3] = {t.coarse[1] * t.coarse[2], t.coarse[2], 1};
    for (int a = 0; a < 3; ++a) {
      const int32_t first = along<W>(offset[a], w[a]) + anchor[a];
      for (int k = 0; k < W; ++k) {
        const int32_t at = table_position(t, a, first + k);
        inside[a][k] = at >= 0;
        tile[a][k] = at < 0 ? 0 : (at >> kTileBits) * coarse[a];
        inner[a][k] = at < 0 ? 0 : (at & (kTile - 1)) * stride[a];
      }
    }
  }

  HEMOFLOW_INLINE int32_t find(const NodeTable& t, const int* k) const {
    if (!(inside[0][k[0]] && inside[1][k[1]] && inside[2][k[2]])) return t.empty;
    const int64_t block = t.tile_of[tile[0][k[0]] + tile[1][k[1]] + tile[2][k[2]]];
    return t.blocks[block * (kTile * kTile * kTile) + inner[0][k[0]] + inner[1][k[1]] + inner[2][k[2]]];
  }

  // Every node and its weight: those of fluid nodes sum to one, or all are zero. Other nodes have the id `count`.
  HEMOFLOW_INLINE void corners(const NodeTable& t, int32_t* ids, R* weights) const {
    R total = 0;
    for (int m = 0; m < W * W * W; ++m) {
      const int k[3] = {m / (W * W), m / W % W, m % W};
      const int32_t id = find(t, k);
      ids[m] = id < t.count ? id : t.count;
      weights[m] = id < t.count ? w[0][k[0]] * w[1][k[1]] * w[2][k[2]] : R(0);
      total += weights[m];
    }
    const R scale = total > R(1e-6) ? R(1) / total : R(0);
    for (int m = 0; m < W * W * W; ++m) weights[m] *= scale;
  }
};

// A row of W nodes as one vector; of three nodes, with the one that follows, whose part is zero.
template <int W>
constexpr int kRowLanes = W == 2 ? 2 : 4;

template <int W, class R>
struct Row {
  typedef R type __attribute__((vector_size(kRowLanes<W> * sizeof(R))));
  static HEMOFLOW_HOST_INLINE type read(const R* from) { return load<type>(from); }
  static HEMOFLOW_HOST_INLINE void write(R* to, const type& v) { store(to, v); }
};

// The first node of every row around a point whose window begins at `first` (in the order of the axes); false where a node is missing,
// or a row is cut by the edge of the box.
template <int W>
HEMOFLOW_INLINE bool whole_rows(const NodeTable& t, const int* axis, const int32_t* first, int32_t* row) {
  constexpr int kShift[3] = {2 * kTileBits, kTileBits, 0};
  const int32_t coarse[3] = {t.coarse[1] * t.coarse[2], t.coarse[2], 1};
  int32_t tile[3][2], inner[3][W];
  int side[3][W];
  for (int x = 0; x < 3; ++x) {
    const int a = axis[x];
    if (first[x] < 0 || first[x] + W > t.shape[a]) return false;
    tile[x][0] = ((first[x] + 1) >> kTileBits) * coarse[a];
    tile[x][1] = ((first[x] + W) >> kTileBits) * coarse[a];
HEMOFLOW_UNROLL
    for (int k = 0; k < W; ++k) {
      const int32_t at = first[x] + 1 + k;
      side[x][k] = (at >> kTileBits) * coarse[a] != tile[x][0];
      inner[x][k] = (at & (kTile - 1)) << kShift[a];
    }
  }
  int32_t low[4], high[4];
  for (int m = 0; m < 4; ++m) {
    const int32_t column = tile[0][m >> 1] + tile[1][m & 1];
    low[m] = (t.tile_of[column + tile[2][0]] << (3 * kTileBits)) + inner[2][0];
    high[m] = (t.tile_of[column + tile[2][1]] << (3 * kTileBits)) + inner[2][W - 1];
  }
  int32_t begin[W * W], last[W * W];
HEMOFLOW_UNROLL
  for (int m = 0; m < W * W; ++m) {
    const int i = m / W, j = m % W, column = 2 * side[0][i] + side[1][j];
    begin[m] = low[column] + inner[0][i] + inner[1][j];
    last[m] = high[column] + inner[0][i] + inner[1][j];
  }
  // ids grow along a row: as many of them as nodes means that all are there
  int32_t missing = 0, largest = 0;
HEMOFLOW_UNROLL
  for (int m = 0; m < W * W; ++m) {
    row[m] = t.blocks[begin[m]];
    last[m] = t.blocks[last[m]];
    missing |= last[m] - row[m] - (W - 1);
    largest = std::max(largest, last[m]);
  }
  return missing == 0 && largest + kRowLanes<W> - W < t.count;
}

// The axis of the rows last, the others before it in cyclic order.
struct RowAxes {
  int32_t axis[3];
  HEMOFLOW_SHARED explicit RowAxes(const NodeTable& t) {
    const int last = std::max(t.row_axis, 0);
    axis[0] = (last + 1) % 3;
    axis[1] = (last + 2) % 3;
    axis[2] = last;
  }
};

// First node `first` (in the order of the axes), weights `f` (3, W) and rows of point p; false where it has no whole rows.
template <int W, class R>
HEMOFLOW_INLINE bool find_point(const NodeTable& t, const RowAxes& order, const Points<R>& points, int64_t p, int32_t* first, R (&f)[3][W],
                                int32_t* row) {
  const int32_t* const anchor = points.anchor + (p / points.vertices) * 3;
  R scale = 1;
  for (int x = 0; x < 3; ++x) {
    first[x] = along<W>(points.offset[p * 3 + order.axis[x]], f[x]) + anchor[order.axis[x]];
    R sum = 0;
    for (int k = 0; k < W; ++k) sum += f[x][k];
    scale *= sum;
  }
  scale = R(1) / scale;
  for (int k = 0; k < W; ++k) f[0][k] *= scale;
  return t.row_axis >= 0 && whole_rows<W>(t, order.axis, first, row);
}

template <class R, int W>
void find_rows(const NodeTable& given, const Points<R>& points, int32_t* rows, int32_t* span, R* factors) {
  const NodeTable t = given;
  const RowAxes order(t);
  parallel_for(points.cells * points.vertices, 128, [=](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      R f[3][W];
      int32_t first[3], row[W * W] = {};
      const bool whole = find_point(t, order, points, p, first, f, row);
      std::memcpy(factors + p * 3 * W, f, sizeof(f));
      std::memcpy(rows + p * W * W, row, sizeof(row));
      if (whole) {
        span[p * 2] = row[0];
        span[p * 2 + 1] = row[W * W - 1] + W;
        continue;
      }
      rows[p * W * W] = -1;
      int32_t ids[W * W * W], low = t.count, high = 0;
      R weights[W * W * W];
      Window<W, R>(t, points.anchor + (p / points.vertices) * 3, points.offset + p * 3).corners(t, ids, weights);
      for (const int32_t id : ids) {
        low = std::min(low, id);
        high = id < t.count ? std::max(high, id + 1) : high;
      }
      span[p * 2] = low;
      span[p * 2 + 1] = high;
    }
  });
}

template <class R>
void stencil(const NodeTable& t, const Points<R>& points, int width, int32_t* rows, int32_t* span, R* factors) {
  (width == 2 ? find_rows<R, 2> : width == 3 ? find_rows<R, 3> : find_rows<R, 4>)(t, points, rows, span, factors);
}

template <class R, int W>
void see(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, const R* field, R* out) {
  typedef typename Row<W, R>::type V;
  const int64_t count = t.count;
  parallel_for(points.cells * points.vertices, 128, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int32_t* const row = s.rows + p * W * W;
      R seen[3] = {};
      if (row[0] >= 0) {
        const R* const f = s.factors + p * 3 * W;
        V x = {}, y = {}, z = {};
HEMOFLOW_UNROLL
        for (int i = 0; i < W; ++i)
HEMOFLOW_UNROLL
          for (int j = 0; j < W; ++j) {
            const R plane = f[i] * f[W + j];
            const R* const at = field + row[i * W + j];
            x = x + plane * Row<W, R>::read(at);
            y = y + plane * Row<W, R>::read(at + count);
            z = z + plane * Row<W, R>::read(at + 2 * count);
          }
        for (int k = 0; k < W; ++k) {
          seen[0] += f[2 * W + k] * x[k];
          seen[1] += f[2 * W + k] * y[k];
          seen[2] += f[2 * W + k] * z[k];
        }
      } else {
        int32_t ids[W * W * W];
        R weights[W * W * W];
        Window<W, R>(t, points.anchor + (p / points.vertices) * 3, points.offset + p * 3).corners(t, ids, weights);
        for (int m = 0; m < W * W * W; ++m) {
          if (ids[m] >= count) continue;
          for (int a = 0; a < 3; ++a) seen[a] += weights[m] * field[a * count + ids[m]];
        }
      }
      for (int a = 0; a < 3; ++a) out[p * 3 + a] = seen[a];
    }
  });
}

template <class R>
void interpolate(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, int width, const R* field, R* out) {
  (width == 2 ? see<R, 2> : width == 3 ? see<R, 3> : see<R, 4>)(t, points, s, field, out);
}

// Adds what point p brings to the nodes `from` to `to`.
template <int W, class R>
HEMOFLOW_HOST_INLINE void give(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, int64_t p, const R* value, int64_t from,
                          int64_t to, R* out) {
  typedef typename Row<W, R>::type V;
  const int64_t count = t.count;
  const int32_t* const row = s.rows + p * W * W;
  if (row[0] < 0) {
    int32_t ids[W * W * W];
    R weights[W * W * W];
    Window<W, R>(t, points.anchor + (p / points.vertices) * 3, points.offset + p * 3).corners(t, ids, weights);
    for (int m = 0; m < W * W * W; ++m) {
      if (ids[m] < from || ids[m] >= to) continue;
      for (int a = 0; a < 3; ++a) out[a * count + ids[m]] += weights[m] * value[a];
    }
    return;
  }
  const R* const f = s.factors + p * 3 * W;
  V line[3] = {};
  for (int a = 0; a < 3; ++a)
    for (int k = 0; k < W; ++k) line[a][k] = f[2 * W + k] * value[a];
  constexpr int kLong = kRowLanes<W>;
  const bool mine = s.span[p * 2] >= from && s.span[p * 2 + 1] + kLong - W <= to;
HEMOFLOW_UNROLL
  for (int i = 0; i < W; ++i)
HEMOFLOW_UNROLL
    for (int j = 0; j < W; ++j) {
      const R plane = f[i] * f[W + j];
      R* const at = out + row[i * W + j];
      if (mine || (row[i * W + j] >= from && row[i * W + j] + kLong <= to)) {
        for (int a = 0; a < 3; ++a) Row<W, R>::write(at + a * count, Row<W, R>::read(at + a * count) + plane * line[a]);
      } else {
        for (int k = 0; k < W; ++k)
          for (int a = 0; a < 3 && row[i * W + j] + k >= from && row[i * W + j] + k < to; ++a) at[a * count + k] += plane * line[a][k];
      }
    }
}

// Every thread owns a range of nodes and adds what all points bring to it, in the order of the points: no two threads write
// the same node, and the sums do not depend on the number of threads. The ranges hold about equal numbers of points.
template <class R, int W>
void spread_rows(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, const R* values, R* out) {
  const int64_t total = points.cells * points.vertices, count = t.count;
  const int parts = total * W * W * W < 8192 ? 1 : thread_count();
  if (parts == 1) {
    for (int64_t p = 0; p < total; ++p) give<W>(t, points, s, p, values + p * 3, 0, count, out);
    return;
  }
  constexpr int64_t kBins = 4096;
  std::vector<int32_t> bins(kBins + 1, 0);
  for (int64_t p = 0; p < total; ++p) bins[(int64_t(s.span[p * 2]) + s.span[p * 2 + 1]) / 2 * kBins / (count + 1)] += 1;
  std::vector<int64_t> bound(parts + 1, 0);
  bound[parts] = count;
  int64_t seen = 0;
  for (int64_t bin = 0, part = 1; bin <= kBins && part < parts; ++bin) {
    seen += bins[bin];
    while (part < parts && seen >= total * part / parts) bound[part++] = std::min(count, (bin + 1) * (count + 1) / kBins);
  }
  for (int part = 1; part < parts; ++part) bound[part] = std::max(bound[part], bound[part - 1]);
  parallel([&](int part, int) {
    for (int64_t p = 0; p < total; ++p) {
      if (s.span[p * 2 + 1] <= bound[part] || s.span[p * 2] >= bound[part + 1]) continue;
      give<W>(t, points, s, p, values + p * 3, bound[part], bound[part + 1], out);
    }
  }, parts);
}

template <class R>
void spread(const NodeTable& t, const Points<R>& points, const RowStencil<R>& s, int width, const R* values, R* out) {
  (width == 2 ? spread_rows<R, 2> : width == 3 ? spread_rows<R, 3> : spread_rows<R, 4>)(t, points, s, values, out);
}
