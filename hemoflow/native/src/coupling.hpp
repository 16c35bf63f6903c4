// Spreading and interpolation between membrane points and nodes; see hemoflow/coupling/kernel.py.
// Included once per instruction set, inside its own namespace.

constexpr int kTile = 8;

template <class R>
HEMOFLOW_INLINE R delta(R distance, int width) {
  const R r = std::abs(distance);
  if (width == 2) return std::max(R(1) - r, R(0));
  if (width == 3) {
    if (r <= R(0.5)) return (R(1) + std::sqrt(std::max(R(1) - R(3) * r * r, R(0)))) / R(3);
    if (r > R(1.5)) return R(0);
    const R t = R(1) - r;
    return (R(5) - R(3) * r - std::sqrt(std::max(R(1) - R(3) * t * t, R(0)))) / R(6);
  }
  if (r <= R(1)) return (R(3) - R(2) * r + std::sqrt(std::max(R(1) + R(4) * r - R(4) * r * r, R(0)))) / R(8);
  if (r > R(2)) return R(0);
  return (R(5) - R(2) * r - std::sqrt(std::max(R(-7) + R(12) * r - R(4) * r * r, R(0)))) / R(8);
}

// Position along one axis in the two-level table, or -1 outside of it.
inline int32_t table_position(const NodeTable& t, int axis, int32_t k) {
  const int32_t size = t.shape[axis];
  if (t.periodic[axis]) return ((k % size) + size) % size + 1;
  return k >= -1 && k <= size ? k + 1 : -1;
}

template <class R>
void stencil(const NodeTable& t, const Points<R>& points, int width, int32_t* ids, R* weights) {
  const int support = width * width * width;
  parallel_for(points.cells * points.vertices, 128, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int32_t* anchor = points.anchor + (p / points.vertices) * 3;
      R w[3][4];
      int32_t tile[3][4], inner[3][4];
      for (int a = 0; a < 3; ++a) {
        const R x = points.offset[p * 3 + a];
        const int32_t first = int32_t(std::floor(x + R(0.5) * R(width % 2))) - (width - 1) / 2;
        for (int k = 0; k < width; ++k) {
          w[a][k] = delta(R(first + k) - x, width);
          const int32_t at = table_position(t, a, first + k + anchor[a]);
          tile[a][k] = at < 0 ? -1 : at / kTile;
          inner[a][k] = at < 0 ? 0 : at % kTile;
        }
      }
      int32_t* id = ids + p * support;
      R* out = weights + p * support;
      R total = 0;
      int m = 0;
      for (int i = 0; i < width; ++i)
        for (int j = 0; j < width; ++j) {
          const R plane = w[0][i] * w[1][j];
          const bool inside = tile[0][i] >= 0 && tile[1][j] >= 0;
          const int64_t row = inside ? (int64_t(tile[0][i]) * t.coarse[1] + tile[1][j]) * t.coarse[2] : 0;
          const int32_t local = (inner[0][i] * kTile + inner[1][j]) * kTile;
          for (int k = 0; k < width; ++k, ++m) {
            int32_t found = t.empty;
            if (inside && tile[2][k] >= 0)
              found = t.blocks[int64_t(t.tile_of[row + tile[2][k]]) * (kTile * kTile * kTile) + local + inner[2][k]];
            const bool fluid = found < t.count;
            id[m] = fluid ? found : t.count;
            out[m] = fluid ? plane * w[2][k] : R(0);
            total += out[m];
          }
        }
      const R scale = total > R(1e-6) ? R(1) / total : R(0);
      for (m = 0; m < support; ++m) out[m] *= scale;
    }
  });
}

template <class R>
void interpolate(const R* field, const int32_t* ids, const R* weights, int64_t points, int support, int64_t count, R* out) {
  parallel_for(points, 128, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int32_t* id = ids + p * support;
      const R* w = weights + p * support;
      R x = 0, y = 0, z = 0;
      for (int m = 0; m < support; ++m) {
        const int64_t n = std::min<int64_t>(id[m], count - 1);
        x += field[n] * w[m];
        y += field[count + n] * w[m];
        z += field[2 * count + n] * w[m];
      }
      out[p * 3] = x;
      out[p * 3 + 1] = y;
      out[p * 3 + 2] = z;
    }
  });
}

// Every thread owns a range of nodes and adds what all points bring to it, in the order of the points: no two threads write
// the same node, and the sums do not depend on the number of threads. The ranges hold about equal numbers of points.
template <class R>
void spread(const int32_t* ids, const R* weights, const R* values, int64_t points, int support, int64_t count, R* out) {
  const int parts = points * support < 8192 ? 1 : thread_count();
  if (parts == 1) {
    for (int64_t p = 0; p < points; ++p)
      for (int m = 0; m < support; ++m) {
        const int64_t n = ids[p * support + m];
        if (n >= count) continue;
        const R w = weights[p * support + m];
        out[n] += w * values[p * 3];
        out[count + n] += w * values[p * 3 + 1];
        out[2 * count + n] += w * values[p * 3 + 2];
      }
    return;
  }
  std::vector<int32_t> low(points), high(points);
  parallel_for(points, 128, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      int32_t a = int32_t(count), b = -1;
      for (int m = 0; m < support; ++m) {
        const int32_t n = ids[p * support + m];
        a = std::min(a, n);
        b = n < count ? std::max(b, n) : b;
      }
      low[p] = a;
      high[p] = b;
    }
  });
  constexpr int64_t kBins = 4096;
  std::vector<int32_t> bins(kBins + 1, 0);
  for (int64_t p = 0; p < points; ++p) bins[(int64_t(low[p]) + high[p] + 1) / 2 * kBins / (count + 1)] += 1;
  std::vector<int64_t> bound(parts + 1, 0);
  bound[parts] = count;
  int64_t seen = 0;
  for (int64_t bin = 0, part = 1; bin <= kBins && part < parts; ++bin) {
    seen += bins[bin];
    while (part < parts && seen >= points * part / parts) bound[part++] = std::min(count, (bin + 1) * (count + 1) / kBins);
  }
  for (int part = 1; part < parts; ++part) bound[part] = std::max(bound[part], bound[part - 1]);
  parallel([&](int part, int) {
    const int64_t from = bound[part], to = bound[part + 1];
    for (int64_t p = 0; p < points; ++p) {
      if (high[p] < from || low[p] >= to) continue;
      const R x = values[p * 3], y = values[p * 3 + 1], z = values[p * 3 + 2];
      for (int m = 0; m < support; ++m) {
        const int64_t n = ids[p * support + m];
        if (n < from || n >= to) continue;
        const R w = weights[p * support + m];
        out[n] += w * x;
        out[count + n] += w * y;
        out[2 * count + n] += w * z;
      }
    }
  });
}
