// The D3Q19 lattice and the collision of one group of nodes; the order of directions is that of hemoflow/fluid/lattice.py.
// V is a number or a vector of numbers: the same lines serve every CPU width and a GPU thread.
#pragma once

// HEMOFLOW_SHARED marks what host and device compile alike, HEMOFLOW_INLINE what must be inlined on the host as well, and
// HEMOFLOW_HOST_INLINE that with vectors, which a device has not.
#define HEMOFLOW_HOST_INLINE inline __attribute__((always_inline))
#ifdef __CUDACC__
#define HEMOFLOW_INLINE __host__ __device__ __forceinline__
#define HEMOFLOW_SHARED __host__ __device__ __forceinline__
#define HEMOFLOW_UNROLL _Pragma("unroll")
#else
#define HEMOFLOW_INLINE HEMOFLOW_HOST_INLINE
#define HEMOFLOW_SHARED inline
#define HEMOFLOW_UNROLL _Pragma("GCC unroll 18")
#endif

namespace hemoflow {

HEMOFLOW_INLINE int bit_count(unsigned bits) {
#ifdef __CUDA_ARCH__
  return __popc(bits);
#else
  return __builtin_popcount(bits);
#endif
}

constexpr int kDirections = 19;
constexpr int kPairs = 9;

HEMOFLOW_INLINE constexpr int opposite(int i) { return i == 0 ? 0 : (i % 2 ? i + 1 : i - 1); }

HEMOFLOW_INLINE constexpr double weight(int i) { return i == 0 ? 1.0 / 3.0 : (i < 7 ? 1.0 / 18.0 : 1.0 / 36.0); }

// Component of direction i (odd: the first of a pair) along an axis.
HEMOFLOW_INLINE constexpr int component(int i, int axis) {
  const int table[kPairs][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1},  {1, 1, 0}, {1, -1, 0},
                                {1, 0, 1}, {1, 0, -1}, {0, 1, 1}, {0, 1, -1}};
  return i == 0 ? 0 : (i % 2 ? table[(i - 1) / 2][axis] : -table[(i - 2) / 2][axis]);
}

// c_i . v for the first direction of pair k, without a multiplication.
template <int k, class V>
HEMOFLOW_INLINE V projected(const V& x, const V& y, const V& z) {
  if constexpr (k == 0) return x;
  else if constexpr (k == 1) return y;
  else if constexpr (k == 2) return z;
  else if constexpr (k == 3) return x + y;
  else if constexpr (k == 4) return x - y;
  else if constexpr (k == 5) return x + z;
  else if constexpr (k == 6) return x - z;
  else if constexpr (k == 7) return y + z;
  else return y - z;
}

template <class V>
HEMOFLOW_INLINE V density(const V* f) {
  V total = f[0];
HEMOFLOW_UNROLL
  for (int k = 0; k < kPairs; ++k) total = total + (f[2 * k + 1] + f[2 * k + 2]);
  return total;
}

template <class V>
HEMOFLOW_INLINE void momentum(const V* f, V& x, V& y, V& z) {
  const V d3 = f[7] - f[8], d4 = f[9] - f[10], d5 = f[11] - f[12], d6 = f[13] - f[14], d7 = f[15] - f[16], d8 = f[17] - f[18];
  x = (f[1] - f[2]) + d3 + d4 + d5 + d6;
  y = (f[3] - f[4]) + d3 - d4 + d7 + d8;
  z = (f[5] - f[6]) + d5 - d6 + d7 - d8;
}

// S = Pi:Pi of the traceless non-equilibrium moment, and the force density where there is one: hemoflow/fluid/thinning.py.
template <bool kForced, class R, class V>
HEMOFLOW_INLINE V strain_moment(const V* f, const V& fx, const V& fy, const V& fz) {
  V x, y, z;
  momentum(f, x, y, z);
  V jxx = x * x, jyy = y * y, jzz = z * z, jxy = x * y, jxz = x * z, jyz = y * z;
  if constexpr (kForced) {
    const V hx = R(0.5) * fx, hy = R(0.5) * fy, hz = R(0.5) * fz;
    jxx = jxx - hx * hx;
    jyy = jyy - hy * hy;
    jzz = jzz - hz * hz;
    jxy = jxy - hx * hy;
    jxz = jxz - hx * hz;
    jyz = jyz - hy * hz;
  }
  const V s3 = f[7] + f[8], s4 = f[9] + f[10], s5 = f[11] + f[12], s6 = f[13] + f[14], s7 = f[15] + f[16], s8 = f[17] + f[18];
  const V xx = (f[1] + f[2]) + (s3 + s4) + (s5 + s6) - jxx;
  const V yy = (f[3] + f[4]) + (s3 + s4) + (s7 + s8) - jyy;
  const V zz = (f[5] + f[6]) + (s5 + s6) + (s7 + s8) - jzz;
  const V a = xx - yy, b = yy - zz, c = zz - xx, xy = s3 - s4 - jxy, xz = s5 - s6 - jxz, yz = s7 - s8 - jyz;
  return R(1.0 / 3.0) * (a * a + b * b + c * c) + R(2) * (xy * xy + xz * xz + yz * yz);
}

template <class V, class R>
struct Local {
  V rho, ux, uy, uz, fx, fy, fz, uu, uf, even_rate, odd_rate;
};

template <int k, bool kForced, class R, class V>
HEMOFLOW_INLINE void collide_pair(V* f, const Local<V, R>& n, V& lost) {
  constexpr R w = R(weight(2 * k + 1));
  const V a = f[2 * k + 1], b = f[2 * k + 2];
  const V cu = projected<k>(n.ux, n.uy, n.uz);
  const V even = R(0.5) * (a + b), odd = R(0.5) * (a - b);
  V even_change = -n.even_rate * (even - w * (n.rho + R(4.5) * cu * cu - R(1.5) * n.uu));
  V odd_change = -n.odd_rate * (odd - R(3) * w * cu);
  if constexpr (kForced) {
    const V cf = projected<k>(n.fx, n.fy, n.fz);
    even_change = even_change + (R(1) - R(0.5) * n.even_rate) * w * (R(9) * cu * cf - R(3) * n.uf);
    odd_change = odd_change + (R(1) - R(0.5) * n.odd_rate) * (R(3) * w) * cf;
  }
  f[2 * k + 1] = a + even_change + odd_change;
  f[2 * k + 2] = b + even_change - odd_change;
  lost = lost + ((a - f[2 * k + 1]) + (b - f[2 * k + 2]));
}

// Two-relaxation-time collision with the Guo source; see hemoflow/fluid/collision.py. `n` comes with force and rates filled in
// and leaves with density and velocity (which holds half of the force).
template <bool kForced, class R, class V>
HEMOFLOW_INLINE void collide(V* f, Local<V, R>& n) {
  n.rho = density(f);
  momentum(f, n.ux, n.uy, n.uz);
  if constexpr (kForced) {
    n.ux = n.ux + R(0.5) * n.fx;
    n.uy = n.uy + R(0.5) * n.fy;
    n.uz = n.uz + R(0.5) * n.fz;
    n.uf = n.ux * n.fx + n.uy * n.fy + n.uz * n.fz;
  }
  n.uu = n.ux * n.ux + n.uy * n.uy + n.uz * n.uz;
  constexpr R w0 = R(weight(0));
  const V rest = f[0];
  V settled = rest - n.even_rate * (rest - w0 * (n.rho - R(1.5) * n.uu));
  if constexpr (kForced) settled = settled - (R(1) - R(0.5) * n.even_rate) * (R(3) * w0) * n.uf;
  V lost = rest - settled;
  collide_pair<0, kForced>(f, n, lost);
  collide_pair<1, kForced>(f, n, lost);
  collide_pair<2, kForced>(f, n, lost);
  collide_pair<3, kForced>(f, n, lost);
  collide_pair<4, kForced>(f, n, lost);
  collide_pair<5, kForced>(f, n, lost);
  collide_pair<6, kForced>(f, n, lost);
  collide_pair<7, kForced>(f, n, lost);
  collide_pair<8, kForced>(f, n, lost);
  f[0] = settled + lost;
}

}  // namespace hemoflow
