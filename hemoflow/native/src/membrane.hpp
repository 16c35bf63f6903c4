// Forces of membranes, minus the gradient of the energies of hemoflow/cells; see Membrane.forces.
// Included once per instruction set, inside its own namespace.
//
// With the corners p0, p1, p2 of a face, its sides u_k = p_(k+2) - p_(k+1) opposite to them and the normal N = u_1 x u_2 (twice the area):
//   area            dA/dp_k = N x u_k / (2 |N|), and of the volume dV/dp_k = N / 6 once the faces around a vertex are added up;
//   invariants      I1 + 2 = h11 u.u + 2 h12 u.v + h22 v.v with u = u_2, v = -u_1, and I2 + 1 = det(h) |N|^2, so that
//                   dI1/dp_1 = 2 (h11 u + h12 v), dI1/dp_2 = 2 (h12 u + h22 v), dI1/dp_0 minus both, dI2/dp_k = 2 det(h) N x u_k;
//   angle theta_k at side k (Bridson, Marino and Fedkiw 2003): the face's share of d theta_k/dp_c is -(u_k . u_c) N / (l_k |N|^2).
// With g_k the derivative of the energy by theta_k the last gives corner c the gradient -(u_c . q) N / |N|^2, q = sum_k g_k / l_k u_k.

// Arc tangent of y / x in the right quadrant: polynomial and rational approximation of S. L. Moshier's Cephes library on
// |t| < 0.42 and 0.66. Absolute error below 3e-7 (float) and 1e-15 (double).
template <class R>
HEMOFLOW_INLINE R angle_of(R y, R x) {
  constexpr R pi = R(3.14159265358979323846), bound = sizeof(R) == 4 ? R(0.4142135623730950) : R(0.66);
  const R ax = std::abs(x), ay = std::abs(y);
  const R low = ax < ay ? ax : ay, high = ax < ay ? ay : ax;
  const bool steep = low > bound * high;
  const R over = steep ? low - high : low, under = steep ? low + high : high;
  const R t = over / (under > std::numeric_limits<R>::min() ? under : std::numeric_limits<R>::min()), z = t * t;
  R odd;
  if constexpr (sizeof(R) == 4) {
    odd = ((R(8.05374449538e-2) * z - R(1.38776856032e-1)) * z + R(1.99777106478e-1)) * z - R(3.33329491539e-1);
  } else {
    const R p = (((R(-8.750608600031904122785e-1) * z - R(1.615753718733365076637e1)) * z - R(7.500855792314704667340e1)) * z -
                 R(1.228866684490136173410e2)) * z - R(6.485021904942025371773e1);
    const R q = ((((z + R(2.485846490142306297962e1)) * z + R(1.650270098316988542046e2)) * z + R(4.328810604912902668951e2)) * z +
                 R(4.853903996359136964868e2)) * z + R(1.945506571482613964425e2);
    odd = p / q;
  }
  R angle = t + t * z * odd + (steep ? R(0.25) * pi : R(0));
  angle = ax < ay ? R(0.5) * pi - angle : angle;
  angle = x < R(0) ? pi - angle : angle;
  return y < R(0) ? -angle : angle;
}

enum Law { kSkalak, kNeoHookean, kHookean, kEvansSkalak, kNoLaw };
enum Bending { kHelfrich, kHinge, kNoBending };

// What a cell's passes hand on: of vertices positions, bending strain (4th number) and share of area, of faces normals and areas, of edges
// the angle (Helfrich) or moment (hinge).
template <class R>
struct CellScratch {
  Quads<R> position, normal, force;
  Scratch<R> share, curvature, bend;
};

// Normals and areas of the faces; returns the total area and volume.
template <class R>
std::pair<R, R> measure_faces(const MembraneMesh& mesh, CellScratch<R>& s) {
  Sum<R> total, volume;
  s.normal.resize(mesh.faces_count);
  s.share.assign(mesh.vertices, R(0));
  by_blocks(mesh.faces_count, [&](int64_t first, int count) {
    const int32_t* face = mesh.faces + first * 3;
    const Faces<R> at(s.position, face, count);
    Column<R> out;
    for (int l = 0; l < kBlock; ++l) {
      const Vec<R> n = at.normal(l);
      const R area = R(0.5) * std::sqrt(dot(n, n));
      out.set(l, n);
      out.part[3][l] = area;
      total.lane[l] += l < count ? area : R(0);
      volume.lane[l] += l < count ? dot(at.corner[0].at(l), n) : R(0);
    }
    for (int l = 0; l < count; l += 4) {
      typename Four<R>::type q[4];
      for (int k = 0; k < 4; ++k) q[k] = load<typename Four<R>::type>(&out.part[k][l]);
      transpose<R>(q);
      for (int k = 0; k < 4 && l + k < count; ++k) s.normal[first + l + k] = q[k];
    }
    for (int l = 0; l < count; ++l)
      for (int k = 0; k < 3; ++k) s.share[face[l * 3 + k]] += out.part[3][l];
  });
  return {R(total.total()), R(volume.total() / 6.0)};
}

// Calls keep(edge, length, angle) for every edge: its angle is that between the normals of its faces, positive where convex.
template <class R, class Keep>
HEMOFLOW_INLINE void measure_edges(const MembraneMesh& mesh, CellScratch<R>& s, const Keep& keep) {
  by_blocks(mesh.edges_count, [&](int64_t first, int count) {
    Column<R> i, j, one, two;
    fetch(s.position, mesh.edges + first * 4, 4, count, i);
    fetch(s.position, mesh.edges + first * 4 + 1, 4, count, j);
    fetch(s.normal, mesh.edge_faces + first * 2, 2, count, one);
    fetch(s.normal, mesh.edge_faces + first * 2 + 1, 2, count, two);
    alignas(64) R length[kBlock], angle[kBlock];
    for (int l = 0; l < kBlock; ++l) {
      const Vec<R> along = j.at(l) - i.at(l), n = one.at(l), m = two.at(l);
      const R size = std::sqrt(dot(along, along));
      length[l] = size;
      angle[l] = angle_of(dot(cross(n, m), along), size * dot(n, m));
    }
    for (int l = 0; l < count; ++l) keep(first + l, length[l], angle[l]);
  });
}

// Helfrich: E = kappa/2 sum_v A_v x_v^2 with x_v = S_v / A_v - c0, S_v = 1/2 sum_e l_e theta_e. The derivative by l theta of an edge is
// the mean of kappa x over its ends, that by A_v is -kappa x (x/2 + c0): `load_faces` takes both from x.
template <class R>
void strain_vertices(const MembraneMesh& mesh, R spontaneous, CellScratch<R>& s) {
  s.curvature.assign(mesh.vertices, R(0));
  measure_edges(mesh, s, [&](int64_t e, R length, R angle) {
    s.bend[e] = angle;
    s.curvature[mesh.edges[e * 4]] += length * angle;
    s.curvature[mesh.edges[e * 4 + 1]] += length * angle;
  });
  for (int64_t v = 0; v < mesh.vertices; ++v) s.position[v][3] = R(1.5) * s.curvature[v] / s.share[v] - spontaneous;
}

// Hinge: E = k sum_e (1 - cos(theta - rest)); `rest` holds the cosines and the sines of the rest angles.
template <class R>
void twist_hinges(const MembraneMesh& mesh, R modulus, const R* rest, CellScratch<R>& s) {
  measure_edges(mesh, s, [&](int64_t e, R, R angle) {
    s.bend[e] = modulus * (std::sin(angle) * rest[e] - std::cos(angle) * rest[mesh.edges_count + e]);
  });
}

// The part of an areal strain that the reserve of the membrane's folds does not take up.
template <class R>
HEMOFLOW_INLINE R beyond_reserve(R strain, R reserve) {
  const R least = strain < R(0) ? R(0) : strain;
  return strain - (least < reserve ? least : reserve);
}

// Derivatives of the elastic energy density by I1 and by I2, of which `second` is I2 + 1 and `ratio` its root.
template <int law, class R>
HEMOFLOW_INLINE std::pair<R, R> elastic(R first, R second, R ratio, R modulus, R dilation) {
  if constexpr (law == kHookean) return {R(0.5) * modulus * ((R(1) + dilation) * first + R(1)), R(-0.5) * modulus};
  if constexpr (law == kEvansSkalak) return {R(0.5) * modulus / ratio, R(-0.25) * modulus * (first + R(2)) / (ratio * ratio * ratio)};
  if constexpr (law == kSkalak) return {R(0.5) * modulus * (first + R(1)), R(0.5) * modulus * (dilation * (second - R(1)) - R(1))};
  if constexpr (law == kNeoHookean) return {R(0.5) * modulus, R(-0.5) * modulus / (second * second)};
  return {R(0), R(0)};
}

// Derivatives of a cell's energy by its whole area and volume, and what its faces need.
template <class R>
struct CellLoads {
  R tension, pressure, modulus, dilation, scale, bending, spontaneous, local, reserve;
};

template <int law, int bending, class R>
void load_faces(const MembraneForces<R>& m, const CellLoads<R>& cell, CellScratch<R>& s) {
  const MembraneMesh& mesh = m.mesh;
  constexpr R least = std::numeric_limits<R>::min();
  const R shrink = R(1) / (cell.scale * cell.scale), grow = cell.scale * cell.scale;
  s.force.assign(mesh.vertices, typename Four<R>::type{});
  by_blocks(mesh.faces_count, [&](int64_t first, int count) {
    const Faces<R> at(s.position, mesh.faces + first * 3, count);
    // the border has no other face, and bends nothing
    alignas(64) R bend[3][kBlock] = {}, inner[3][kBlock] = {}, rest[4][kBlock] = {};
    if constexpr (bending != kNoBending)
      for (int l = 0; l < count; ++l)
        for (int k = 0; k < 3; ++k) {
          const int32_t edge = mesh.face_edges[(first + l) * 3 + k];
          bend[k][l] = s.bend[edge];
          inner[k][l] = R(edge < mesh.edges_count);
        }
    for (int k = 0; k < 4; ++k)
      std::copy_n(k < 3 ? m.inverse + k * mesh.faces_count + first : m.area + first, count, rest[k]);
    Column<R> force[3];
    for (int l = 0; l < kBlock; ++l) {
      const Vec<R> p0 = at.corner[0].at(l), p1 = at.corner[1].at(l), p2 = at.corner[2].at(l);
      const Vec<R> u0 = p2 - p1, u1 = p0 - p2, u2 = p1 - p0, n = cross(u1, u2);
      const R square = dot(n, n), inverse = square > R(0) ? R(1) / std::sqrt(square) : R(0);
      // by area and volume
      const R x0 = at.corner[0].part[3][l], x1 = at.corner[1].part[3][l], x2 = at.corner[2].part[3][l];
      const R strain = R(0.5) * (x0 * x0 + x1 * x1 + x2 * x2) + cell.spontaneous * (x0 + x1 + x2);
      R turned = R(0.5) * inverse * (cell.tension - (bending == kHelfrich ? cell.bending * strain / R(3) : R(0)));
      const R along = cell.pressure / R(6);
      // elastic
      const R h11 = shrink * rest[0][l], h12 = shrink * rest[1][l], h22 = shrink * rest[2][l], area = grow * rest[3][l];
      const R determinant = h11 * h22 - h12 * h12;
      const R trace = h11 * dot(u2, u2) - R(2) * h12 * dot(u1, u2) + h22 * dot(u1, u1) - R(2);
      const R second = determinant * square, ratio = std::sqrt(second > least ? second : least);
      const auto [by_first, by_shape] = elastic<law>(trace, second, ratio, cell.modulus, cell.dilation);
      const R by_second = by_shape + R(0.5) * cell.local * beyond_reserve(ratio - R(1), cell.reserve) / ratio;
      turned += R(2) * area * by_second * determinant;
      const R pulled = R(2) * area * by_first;
      const Vec<R> e1 = pulled * (h11 * u2 - h12 * u1), e2 = pulled * (h12 * u2 - h22 * u1);
      // bending: by the angles, over the lengths of the sides, and half of that by the lengths, which the other face has as well
      Vec<R> q{0, 0, 0}, y0{0, 0, 0}, y1{0, 0, 0}, y2{0, 0, 0};
      if constexpr (bending == kHelfrich) {
        const R half = R(0.5) * cell.bending;
        const R g0 = half * inner[0][l] * (x1 + x2), g1 = half * inner[1][l] * (x2 + x0), g2 = half * inner[2][l] * (x0 + x1);
        q = g0 * u0 + g1 * u1 + g2 * u2;
        y0 = (R(0.5) * g0 * bend[0][l] / std::sqrt(dot(u0, u0))) * u0;
        y1 = (R(0.5) * g1 * bend[1][l] / std::sqrt(dot(u1, u1))) * u1;
        y2 = (R(0.5) * g2 * bend[2][l] / std::sqrt(dot(u2, u2))) * u2;
      }
      if constexpr (bending == kHinge)
        q = (bend[0][l] / std::sqrt(dot(u0, u0))) * u0 + (bend[1][l] / std::sqrt(dot(u1, u1))) * u1 + (bend[2][l] / std::sqrt(dot(u2, u2))) * u2;
      q = (inverse * inverse) * q;
      force[0].set(l, e1 + e2 + y2 - y1 - turned * cross(n, u0) - (along - dot(u0, q)) * n);
      force[1].set(l, y0 - y2 - e1 - turned * cross(n, u1) - (along - dot(u1, q)) * n);
      force[2].set(l, y1 - y0 - e2 - turned * cross(n, u2) - (along - dot(u2, q)) * n);
    }
    for (auto& f : force) std::fill(f.part[3], f.part[3] + kBlock, R(0));
    add<3>({&force[0], &force[1], &force[2]}, mesh.faces + first * 3, count, s.force);
  });
}

template <int law, class R>
void cell_forces(const MembraneForces<R>& m, const CellLoads<R>& cell, CellScratch<R>& s) {
  if (m.bending == kHelfrich) {
    strain_vertices(m.mesh, cell.spontaneous, s);
    load_faces<law, kHelfrich>(m, cell, s);
  } else if (m.bending == kHinge) {
    twist_hinges(m.mesh, cell.bending, m.rest, s);
    load_faces<law, kHinge>(m, cell, s);
  } else {
    load_faces<law, kNoBending>(m, cell, s);
  }
}

template <class R>
void membrane(const MembraneForces<R>& m) {
  const MembraneMesh& mesh = m.mesh;
  const MembraneParameters<R>& p = m.parameters;
  parallel_for(m.cells, 2, [&](int64_t begin, int64_t end) {
    static thread_local CellScratch<R> s;
    s.bend.resize(mesh.edges_count + 1);
    s.bend[mesh.edges_count] = R(0);
    for (int64_t c = begin; c < end; ++c) {
      around_middle(m.offset + c * mesh.vertices * 3, mesh.vertices, s.position);
      const auto [area, volume] = measure_faces(mesh, s);
      const CellLoads<R> cell{p.cortical_tension[c] + p.area_modulus[c] * beyond_reserve((area - p.rest_area[c]) / p.rest_area[c], p.area_reserve[c]),
                              p.volume_modulus[c] * (volume - p.rest_volume[c]) / p.rest_volume[c] - p.rest_pressure[c],
                              p.shear_modulus[c], p.area_dilation[c], p.scale[c], p.bending_modulus[c], p.spontaneous_curvature[c],
                              p.local_area_modulus[c], p.area_reserve[c]};
      if (m.law == kSkalak) cell_forces<kSkalak>(m, cell, s);
      if (m.law == kNeoHookean) cell_forces<kNeoHookean>(m, cell, s);
      if (m.law == kNoLaw) cell_forces<kNoLaw>(m, cell, s);
      if (m.law == kHookean) cell_forces<kHookean>(m, cell, s);
      if (m.law == kEvansSkalak) cell_forces<kEvansSkalak>(m, cell, s);
      R* out = m.force + c * mesh.vertices * 3;
      for (int64_t v = 0; v < mesh.vertices; ++v)
        for (int a = 0; a < 3; ++a) out[v * 3 + a] = s.force[v][a];
    }
  });
}
