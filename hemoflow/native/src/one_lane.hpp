// One number in place of a vector, for a thread that serves one node: what simd.hpp is for processors with vectors.
// Included once, inside the namespace of the kernels of a GPU.

typedef uint32_t Place;  // of a population among all, which the table holds as int32: half of the registers of an address

template <class R>
struct Simd {
  static constexpr int width = 1;
  static constexpr unsigned all = 1;
  typedef R type;
  typedef std::conditional_t<sizeof(R) == 4, uint32_t, uint64_t> bits;
  static constexpr bits unsigned_part = ~bits(0) >> 1;
  static constexpr int digits = sizeof(R) == 4 ? 23 : 52;  // of the fraction
};

template <class V, class R>
HEMOFLOW_INLINE V load(const R* from) { return *from; }
template <class V, class R>
HEMOFLOW_INLINE void store(R* to, const V& v) { *to = v; }

template <class R>
HEMOFLOW_INLINE typename Simd<R>::bits bits_of(R v) {
  typename Simd<R>::bits b;
  memcpy(&b, &v, sizeof(R));
  return b;
}
template <class R>
HEMOFLOW_INLINE R from_bits(typename Simd<R>::bits b) {
  R v;
  memcpy(&v, &b, sizeof(R));
  return v;
}
template <class R>
HEMOFLOW_INLINE R lane(R v, int) { return v; }

template <class R>
HEMOFLOW_INLINE R load_over(R rest, const R* from, unsigned mask) { return mask & 1 ? *from : rest; }
template <class R>
HEMOFLOW_INLINE R load_some(const R* from, unsigned mask) { return mask & 1 ? *from : R(0); }
template <class R>
HEMOFLOW_INLINE R spread_out(const R* from, unsigned mask) { return mask & 1 ? *from : R(0); }
template <class R>
HEMOFLOW_INLINE void store_some(R* to, unsigned mask, R v) {
  if (mask & 1) *to = v;
}
template <class R>
HEMOFLOW_INLINE R look_up(const R* table, typename Simd<R>::bits at) { return table[at]; }

// Whether the node at lane `from` is in a mask of 16.
template <class R>
struct Lanes {
  typedef unsigned type;
  static HEMOFLOW_INLINE type at(const uint16_t* lanes, int from) { return (*lanes >> from) & 1; }
};
