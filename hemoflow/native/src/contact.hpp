// The wall as membranes meet it: its distance and direction, the force that keeps them off and the barrier that no vertex crosses; see
// hemoflow/interaction/repulsion.py. Included once per instruction set, inside its own namespace.

// Gap and normal at up to kBlock points.
template <class R>
struct Nearby {
  alignas(64) R gap[kBlock], normal[3][kBlock];
};

// Wall distance at the eight nodes around a point, whose positions in the table along each axis are `at`; corner 4 x + 2 y + z.
template <class R>
HEMOFLOW_INLINE void distances_around(const NodeTable& t, const R* wall_distance, const int32_t (&at)[3][2], R (&out)[8][kBlock], int l) {
  const auto block = [&](int32_t x, int32_t y, int32_t z) {
    const int64_t row = (int64_t(x / kTile) * t.coarse[1] + y / kTile) * t.coarse[2] + z / kTile;
    return t.blocks + int64_t(t.tile_of[row]) * (kTile * kTile * kTile);
  };
  bool one_tile = true;
  for (int a = 0; a < 3; ++a) one_tile = one_tile && (at[a][0] | at[a][1]) >= 0 && at[a][0] % kTile + 1 == at[a][1] % kTile && at[a][1] == at[a][0] + 1;
  if (one_tile) {
    const int32_t local = (at[0][0] % kTile * kTile + at[1][0] % kTile) * kTile + at[2][0] % kTile;
    const int32_t* id = block(at[0][0], at[1][0], at[2][0]) + local;
    for (int k = 0; k < 8; ++k) out[k][l] = wall_distance[id[(k >> 2) * kTile * kTile + (k >> 1 & 1) * kTile + (k & 1)]];
    return;
  }
  for (int k = 0; k < 8; ++k) {
    const int32_t x = at[0][k >> 2], y = at[1][k >> 1 & 1], z = at[2][k & 1];
    const bool inside = (x | y | z) >= 0;
    out[k][l] = wall_distance[inside ? block(x, y, z)[(x % kTile * kTile + y % kTile) * kTile + z % kTile] : t.empty];
  }
}

// Distance to the wall, trilinear between nodes, and its unit gradient, for `count` points from `first` on.
template <class R>
HEMOFLOW_SHARED void look(const NodeTable& t, const Points<R>& points, const R* wall_distance, int64_t first, int count, Nearby<R>& out) {
  alignas(64) R part[3][kBlock] = {}, d[8][kBlock] = {};
  int64_t cell = first / points.vertices, left = (cell + 1) * points.vertices - first;
  for (int l = 0; l < count; ++l, --left) {
    if (left == 0) ++cell, left = points.vertices;
    int32_t at[3][2];
    for (int a = 0; a < 3; ++a) {
      const R x = points.offset[(first + l) * 3 + a], low = std::floor(x);
      part[a][l] = x - low;
      for (int k = 0; k < 2; ++k) at[a][k] = table_position(t, a, int32_t(low) + k + points.anchor[cell * 3 + a]);
    }
    distances_around(t, wall_distance, at, d, l);
  }
  for (int l = 0; l < kBlock; ++l) {
    const R x = part[0][l], y = part[1][l], z = part[2][l];
    const auto between = [](R low, R high, R at) { return low * (R(1) - at) + high * at; };
    // along z, then y, then x
    R along_z[4], slope_z[4], along_y[2], slope_y[2], across_z[2];
    for (int k = 0; k < 4; ++k) along_z[k] = between(d[2 * k][l], d[2 * k + 1][l], z), slope_z[k] = d[2 * k + 1][l] - d[2 * k][l];
    for (int k = 0; k < 2; ++k) {
      along_y[k] = between(along_z[2 * k], along_z[2 * k + 1], y);
      slope_y[k] = along_z[2 * k + 1] - along_z[2 * k];
      across_z[k] = between(slope_z[2 * k], slope_z[2 * k + 1], y);
    }
    const R slope[3] = {along_y[1] - along_y[0], between(slope_y[0], slope_y[1], x), between(across_z[0], across_z[1], x)};
    const R length = std::sqrt(slope[0] * slope[0] + slope[1] * slope[1] + slope[2] * slope[2]);
    out.gap[l] = between(along_y[0], along_y[1], x);
    for (int a = 0; a < 3; ++a) out.normal[a][l] = slope[a] / (length > R(1e-12) ? length : R(1e-12));
  }
}

// Force on point p, entry l of what is near, and its share in the sum.
template <class R>
HEMOFLOW_SHARED void push(const WallContact<R>& contact, const Nearby<R>& nearby, int l, int64_t p, int64_t cell, int64_t vertex, R* load, R* sum) {
  const bool alive = contact.alive[cell];
  const R closeness = std::min(std::max(R(1) - nearby.gap[l] / contact.reach[0], R(0)), R(1));
  const R size = alive ? contact.pressure[0] * contact.area[vertex] * closeness : R(0);
  for (int a = 0; a < 3; ++a) {
    const R share = size * nearby.normal[a][l];
    sum[a] += share;
    load[p * 3 + a] = (alive ? contact.membrane[p * 3 + a] : R(0)) + share;
  }
}

// Calls work(block, first, count, nearby) for blocks of points, in parallel.
template <class R, class Work>
void near_wall(const NodeTable& t, const Points<R>& points, const R* wall_distance, const Work& work) {
  const int64_t count = points.cells * points.vertices;
  parallel_for((count + kBlock - 1) / kBlock, 8, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock;
      const int size = int(std::min<int64_t>(kBlock, count - first));
      Nearby<R> nearby;
      look(t, points, wall_distance, first, size, nearby);
      work(block, first, size, nearby);
    }
  });
}

template <class R>
void wall(const NodeTable& t, const Points<R>& points, const R* wall_distance, R* gap, R* normal) {
  near_wall(t, points, wall_distance, [&](int64_t, int64_t first, int count, const Nearby<R>& nearby) {
    for (int l = 0; l < count; ++l) {
      gap[first + l] = nearby.gap[l];
      for (int a = 0; a < 3; ++a) normal[(first + l) * 3 + a] = nearby.normal[a][l];
    }
  });
}

// The membranes' forces with that of the wall added, both zero for dead cells, and the wall's sum.
template <class R>
void press(const NodeTable& t, const Points<R>& points, const R* wall_distance, const WallContact<R>& contact, R* load, R* total) {
  const int64_t blocks = (points.cells * points.vertices + kBlock - 1) / kBlock;
  std::unique_ptr<R[]> sums(new R[blocks * 3]());
  near_wall(t, points, wall_distance, [&](int64_t block, int64_t first, int count, const Nearby<R>& nearby) {
    int64_t cell = first / points.vertices, vertex = first % points.vertices;
    for (int l = 0; l < count; ++l, ++vertex) {
      if (vertex == points.vertices) ++cell, vertex = 0;
      push(contact, nearby, l, first + l, cell, vertex, load, &sums[block * 3]);
    }
  });
  for (int a = 0; a < 3; ++a) total[a] = R(0);
  for (int64_t k = 0; k < blocks * 3; ++k) total[k % 3] += sums[k];
}

// Moves points that are closer to the wall than `least` back along its normal; `farthest` is the longest such way.
template <class R>
void keep(const NodeTable& t, const Points<R>& points, const R* wall_distance, const R* least, R* kept, R* farthest, double*) {
  const int64_t blocks = (points.cells * points.vertices + kBlock - 1) / kBlock;
  std::unique_ptr<R[]> most(new R[blocks]());
  near_wall(t, points, wall_distance, [&](int64_t block, int64_t first, int count, const Nearby<R>& nearby) {
    for (int l = 0; l < count; ++l) {
      const R move = std::max(least[0] - nearby.gap[l], R(0));
      most[block] = std::max(most[block], move);
      for (int a = 0; a < 3; ++a) kept[(first + l) * 3 + a] = points.offset[(first + l) * 3 + a] + move * nearby.normal[a][l];
    }
  });
  *farthest = R(0);
  for (int64_t k = 0; k < blocks; ++k) *farthest = std::max(*farthest, most[k]);
}
