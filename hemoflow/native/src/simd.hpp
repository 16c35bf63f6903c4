// Vectors of one instruction set, and the loads and stores of those lanes that are set in a bit mask: the others read zero and are
// left alone in memory, which may end before them. Included once per instruction set, inside its own namespace.

typedef int64_t Place;  // of a population among all

template <class R>
struct Simd {
  static constexpr int width = HEMOFLOW_VECTOR_BYTES / int(sizeof(R));
  static constexpr unsigned all = (1u << width) - 1;
  typedef R type __attribute__((vector_size(HEMOFLOW_VECTOR_BYTES)));
  typedef std::conditional_t<sizeof(R) == 4, uint32_t, uint64_t> Word;
  typedef Word bits __attribute__((vector_size(HEMOFLOW_VECTOR_BYTES)));
  static constexpr Word unsigned_part = ~Word(0) >> 1;
  static constexpr int digits = sizeof(R) == 4 ? 23 : 52;  // of the fraction
};

template <class V, class R>
HEMOFLOW_INLINE V load(const R* from) { V v; __builtin_memcpy(&v, from, sizeof(V)); return v; }

template <class V, class R>
HEMOFLOW_INLINE void store(R* to, const V& v) { __builtin_memcpy(to, &v, sizeof(V)); }

// Bits of numbers and back, and one of the lanes.
template <class R>
HEMOFLOW_INLINE typename Simd<R>::bits bits_of(const typename Simd<R>::type& v) { return typename Simd<R>::bits(v); }
template <class R>
HEMOFLOW_INLINE typename Simd<R>::type from_bits(const typename Simd<R>::bits& b) { return typename Simd<R>::type(b); }
template <class R>
HEMOFLOW_INLINE R lane(const typename Simd<R>::type& v, int k) { return v[k]; }

#if defined(__AVX512VL__)

HEMOFLOW_INLINE __m512 load_over(__m512 rest, const float* from, unsigned mask) { return _mm512_mask_loadu_ps(rest, __mmask16(mask), from); }
HEMOFLOW_INLINE __m512d load_over(__m512d rest, const double* from, unsigned mask) { return _mm512_mask_loadu_pd(rest, __mmask8(mask), from); }
HEMOFLOW_INLINE void store_some(float* to, unsigned mask, __m512 v) { _mm512_mask_storeu_ps(to, __mmask16(mask), v); }
HEMOFLOW_INLINE void store_some(double* to, unsigned mask, __m512d v) { _mm512_mask_storeu_pd(to, __mmask8(mask), v); }
HEMOFLOW_INLINE __m512 spread_out(const float* from, unsigned mask) { return _mm512_maskz_expand_ps(__mmask16(mask), _mm512_loadu_ps(from)); }
HEMOFLOW_INLINE __m512d spread_out(const double* from, unsigned mask) { return _mm512_maskz_expand_pd(__mmask8(mask), _mm512_loadu_pd(from)); }

#elif defined(__AVX2__)

HEMOFLOW_INLINE __m256i lanes(unsigned mask, float) {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(int(mask)), bit), bit);
}
HEMOFLOW_INLINE __m256i lanes(unsigned mask, double) {
  const __m256i bit = _mm256_setr_epi64x(1, 2, 4, 8);
  return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(mask), bit), bit);
}
HEMOFLOW_INLINE __m256 load_over(__m256 rest, const float* from, unsigned mask) {
  const __m256i m = lanes(mask, 0.f);
  return _mm256_blendv_ps(rest, _mm256_maskload_ps(from, m), _mm256_castsi256_ps(m));
}
HEMOFLOW_INLINE __m256d load_over(__m256d rest, const double* from, unsigned mask) {
  const __m256i m = lanes(mask, 0.0);
  return _mm256_blendv_pd(rest, _mm256_maskload_pd(from, m), _mm256_castsi256_pd(m));
}
HEMOFLOW_INLINE void store_some(float* to, unsigned mask, __m256 v) { _mm256_maskstore_ps(to, lanes(mask, 0.f), v); }
HEMOFLOW_INLINE void store_some(double* to, unsigned mask, __m256d v) { _mm256_maskstore_pd(to, lanes(mask, 0.0), v); }

#endif

#if !defined(__AVX512VL__)

#if !defined(__AVX2__)
template <class V, class R>
HEMOFLOW_INLINE V load_over(V rest, const R* from, unsigned mask) {
  for (int k = 0; k < Simd<R>::width; ++k)
    if (mask >> k & 1) rest[k] = from[k];
  return rest;
}

template <class V, class R>
HEMOFLOW_INLINE void store_some(R* to, unsigned mask, const V& v) {
  for (int k = 0; k < Simd<R>::width; ++k)
    if (mask >> k & 1) to[k] = v[k];
}
#endif

// Consecutive numbers put into the lanes of the mask.
template <class R>
HEMOFLOW_INLINE typename Simd<R>::type spread_out(const R* from, unsigned mask) {
  typename Simd<R>::type v = {};
  for (int k = 0; k < Simd<R>::width; ++k)
    if (mask >> k & 1) v[k] = *from++;
  return v;
}

#endif

// Numbers of a table at the indices in the lanes.
#if defined(__AVX512VL__)
HEMOFLOW_INLINE Simd<float>::type look_up(const float* table, const Simd<float>::bits& at) {
  return Simd<float>::type(_mm512_i32gather_ps(__m512i(at), table, 4));
}
HEMOFLOW_INLINE Simd<double>::type look_up(const double* table, const Simd<double>::bits& at) {
  return Simd<double>::type(_mm512_i64gather_pd(__m512i(at), table, 8));
}
#elif defined(__AVX2__)
HEMOFLOW_INLINE Simd<float>::type look_up(const float* table, const Simd<float>::bits& at) {
  return Simd<float>::type(_mm256_i32gather_ps(table, __m256i(at), 4));
}
HEMOFLOW_INLINE Simd<double>::type look_up(const double* table, const Simd<double>::bits& at) {
  return Simd<double>::type(_mm256_i64gather_pd(table, __m256i(at), 8));
}
#else
template <class R>
HEMOFLOW_INLINE typename Simd<R>::type look_up(const R* table, const typename Simd<R>::bits& at) {
  typename Simd<R>::type v = {};
  for (int k = 0; k < Simd<R>::width; ++k) v[k] = table[at[k]];
  return v;
}
#endif

template <class R>
HEMOFLOW_INLINE typename Simd<R>::type load_some(const R* from, unsigned mask) {
  typedef typename Simd<R>::type V;
  return V(load_over(V{}, from, mask));
}

// Lane masks of the vector that begins at lane `from`, out of masks of 16 lanes in memory.
template <class R>
struct Lanes {
  typedef unsigned type;
  static HEMOFLOW_INLINE type at(const uint16_t* lanes, int from) { return (*lanes >> from) & Simd<R>::all; }
};

#if defined(__AVX512VL__)
// In mask registers from the start: by way of the others it takes twice as many instructions.
template <>
struct Lanes<float> {
  typedef __mmask16 type;
  static HEMOFLOW_INLINE type at(const uint16_t* lanes, int) { return _load_mask16(const_cast<uint16_t*>(lanes)); }
};
#endif
