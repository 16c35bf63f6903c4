// How vertices move with the fluid and along their membrane; see step.displaced, coupling/unresolved.py, cells/redistribution.py
// and Membrane.volume_shift. Included once per instruction set, inside its own namespace.

template <class R>
struct MotionScratch {
  Quads<R> position, traction, normal, moment;
  Scratch<R> share, area;
};

constexpr double kLargestShift = 0.1;

// Adds the velocity that forces finer than the node spacing would cause to positions.
template <class R>
void add_unresolved(const MembraneMesh& mesh, const R* force, const R* viscosity, bool varies, MotionScratch<R>& s) {
  constexpr R pi = R(3.14159265358979323846), tiny = std::numeric_limits<R>::min();
  s.share.assign(mesh.vertices, R(0));
  s.area.resize((mesh.faces_count / kBlock + 1) * kBlock);
  by_blocks(mesh.faces_count, [&](int64_t first, int count) {
    const int32_t* face = mesh.faces + first * 3;
    const Faces<R> at(s.position, face, count);
    R* area = s.area.data() + first;
    for (int l = 0; l < kBlock; ++l) {
      const Vec<R> n = at.normal(l);
      area[l] = std::sqrt(dot(n, n)) / R(6);
    }
    for (int l = 0; l < count; ++l)
      for (int k = 0; k < 3; ++k) s.share[face[l * 3 + k]] += area[l];
  });
  s.traction.resize(mesh.vertices);
  for (int64_t v = 0; v < mesh.vertices; ++v) {
    const R scale = R(1) / std::max(s.share[v], tiny);
    s.traction[v] = typename Four<R>::type{force[v * 3] * scale, force[v * 3 + 1] * scale, force[v * 3 + 2] * scale, R(0)};
  }
  s.moment.assign(mesh.vertices, typename Four<R>::type{});
  by_blocks(mesh.faces_count, [&](int64_t first, int count) {
    const int32_t* face = mesh.faces + first * 3;
    const Faces<R> at(s.traction, face, count);
    const R* third = s.area.data() + first;
    Column<R> sum;
    for (int a = 0; a < 4; ++a)
      for (int l = 0; l < kBlock; ++l) sum.part[a][l] = third[l] * (at.corner[0].part[a][l] + at.corner[1].part[a][l] + at.corner[2].part[a][l]);
    add<3>({&sum, &sum, &sum}, face, count, s.moment);
  });
  for (int64_t v = 0; v < mesh.vertices; ++v) {
    const R share = std::max(s.share[v], tiny), mobility = std::sqrt(share) / (R(4) * pi * viscosity[varies ? v : 0]);
    s.position[v] += mobility * (s.traction[v] - s.moment[v] / (R(3) * share));
  }
}

// Slides positions along the membrane towards the centres of the faces around them, by a part `rate` of what evens them out.
template <class R>
void slide(const MembraneMesh& mesh, R rate, MotionScratch<R>& s) {
  constexpr R tiny = std::numeric_limits<R>::min();
  s.normal.assign(mesh.vertices, typename Four<R>::type{});
  s.moment.assign(mesh.vertices, typename Four<R>::type{});
  by_blocks(mesh.faces_count, [&](int64_t first, int count) {
    const int32_t* face = mesh.faces + first * 3;
    const Faces<R> at(s.position, face, count);
    Column<R> normal, moment;
    for (int l = 0; l < kBlock; ++l) {
      const Vec<R> n = at.normal(l);
      const R area = R(0.5) * std::sqrt(dot(n, n));
      normal.set(l, n);
      normal.part[3][l] = R(0);
      moment.set(l, area * (at.corner[0].at(l) + at.corner[1].at(l) + at.corner[2].at(l)));
      moment.part[3][l] = area;
    }
    add<3>({&normal, &normal, &normal}, face, count, s.normal);
    add<3>({&moment, &moment, &moment}, face, count, s.moment);
  });
  for (int64_t v = 0; v < mesh.vertices; ++v) {
    const auto m = s.moment[v], n = s.normal[v], x = s.position[v];
    const R share = m[3] / R(3);
    const R scale = R(1) / std::max(R(9) * share, tiny);
    const Vec<R> outward{n[0], n[1], n[2]};
    const Vec<R> ahead{m[0] * scale - x[0], m[1] * scale - x[1], m[2] * scale - x[2]};
    const Vec<R> step = ahead - (dot(ahead, outward) / std::max(dot(outward, outward), tiny)) * outward;
    const R length = std::sqrt(std::max(dot(step, step), tiny));
    const R part = rate * std::min(R(1), R(kLargestShift) * std::sqrt(share) / length);
    s.position[v] += typename Four<R>::type{part * step.x, part * step.y, part * step.z, R(0)};
  }
}

// Moves positions outward by a part `rate` of what the cell's volume lacks.
template <class R>
void restore_volume(const MembraneMesh& mesh, R rest_volume, R rate, MotionScratch<R>& s) {
  Sum<R> volume;
  double square = 0;
  s.normal.assign(mesh.vertices, typename Four<R>::type{});
  by_blocks(mesh.faces_count, [&](int64_t first, int count) {
    const int32_t* face = mesh.faces + first * 3;
    const Faces<R> at(s.position, face, count);
    Column<R> normal;
    for (int l = 0; l < kBlock; ++l) {
      const Vec<R> n = (R(1) / R(6)) * at.normal(l);
      normal.set(l, n);
      normal.part[3][l] = R(0);
      volume.lane[l] += l < count ? dot(at.corner[0].at(l), n) : R(0);
    }
    add<3>({&normal, &normal, &normal}, face, count, s.normal);
  });
  for (int64_t v = 0; v < mesh.vertices; ++v) {
    const auto n = s.normal[v];
    square += double(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
  }
  const R scale = rate * (rest_volume - R(volume.total())) / R(square);
  for (int64_t v = 0; v < mesh.vertices; ++v) s.position[v] += scale * s.normal[v];
}

template <class R>
void displace(const Displacement<R>& d) {
  const MembraneMesh& mesh = d.mesh;
  parallel_for(d.cells, 2, [&](int64_t begin, int64_t end) {
    static thread_local MotionScratch<R> s;
    for (int64_t c = begin; c < end; ++c) {
      const int64_t at = c * mesh.vertices * 3;
      if (!d.alive[c]) {
        std::copy(d.offset + at, d.offset + at + mesh.vertices * 3, d.moved + at);
        continue;
      }
      const Vec<R> middle = around_middle(d.offset + at, mesh.vertices, s.position);
      add_unresolved(mesh, d.force + at, d.viscosity + (d.viscosity_varies ? at / 3 : 0), d.viscosity_varies, s);
      for (int64_t v = 0; v < mesh.vertices; ++v)
        for (int a = 0; a < 3; ++a) s.position[v][a] += R(0.5) * (d.velocity[at + v * 3 + a] + d.before[at + v * 3 + a]);
      if (d.sliding != R(0)) slide(mesh, d.sliding, s);
      if (d.volume_rate != R(0)) restore_volume(mesh, d.rest_volume[c], d.volume_rate, s);
      const R origin[3] = {middle.x, middle.y, middle.z};
      for (int64_t v = 0; v < mesh.vertices; ++v)
        for (int a = 0; a < 3; ++a) d.moved[at + v * 3 + a] = origin[a] + s.position[v][a];
    }
  });
}
