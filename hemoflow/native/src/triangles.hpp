// Geometry on triangulated surfaces, a block of elements at a time: corners are fetched into arrays of one component each, on which
// plain loops become vectors, and what the corners get is added in the order of the elements, whatever the number of threads.
// Included once per instruction set, inside its own namespace.

constexpr int kBlock = 64;

// The coordinates of a vertex or a face, and one number more: a corner is fetched or added to in one go.
template <class R>
struct Four {
  typedef R type __attribute__((vector_size(4 * sizeof(R))));
  typedef std::conditional_t<sizeof(R) == 4, int32_t, int64_t> Index;
  typedef Index mask __attribute__((vector_size(4 * sizeof(R))));
};

// Memory that a thread keeps from call to call. Not std::vector: the linker would merge its functions for one instruction set with
// those for another.
template <class T>
class Scratch {
 public:
  void resize(int64_t count) {
    if (count > capacity_) memory_.reset(new T[capacity_ = count]);
  }
  void assign(int64_t count, T value) {
    resize(count);
    for (int64_t k = 0; k < count; ++k) memory_[k] = value;
  }
  T& operator[](int64_t k) { return memory_[k]; }
  const T& operator[](int64_t k) const { return memory_[k]; }
  T* data() { return memory_.get(); }

 private:
  std::unique_ptr<T[]> memory_;
  int64_t capacity_ = 0;
};

template <class R>
using Quads = Scratch<typename Four<R>::type>;

#if defined(__clang__)
#define HEMOFLOW_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define HEMOFLOW_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, typename Four<R>::mask{i, j, k, l})
#endif

template <class R>
HEMOFLOW_INLINE void transpose(typename Four<R>::type q[4]) {
  const auto a = HEMOFLOW_SHUFFLE(q[0], q[1], 0, 4, 1, 5), b = HEMOFLOW_SHUFFLE(q[2], q[3], 0, 4, 1, 5);
  const auto c = HEMOFLOW_SHUFFLE(q[0], q[1], 2, 6, 3, 7), d = HEMOFLOW_SHUFFLE(q[2], q[3], 2, 6, 3, 7);
  q[0] = HEMOFLOW_SHUFFLE(a, b, 0, 1, 4, 5);
  q[1] = HEMOFLOW_SHUFFLE(a, b, 2, 3, 6, 7);
  q[2] = HEMOFLOW_SHUFFLE(c, d, 0, 1, 4, 5);
  q[3] = HEMOFLOW_SHUFFLE(c, d, 2, 3, 6, 7);
}

template <class R>
struct Vec {
  R x, y, z;
};
template <class R>
HEMOFLOW_INLINE Vec<R> operator+(Vec<R> a, Vec<R> b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
template <class R>
HEMOFLOW_INLINE Vec<R> operator-(Vec<R> a, Vec<R> b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
template <class R>
HEMOFLOW_INLINE Vec<R> operator*(R s, Vec<R> a) { return {s * a.x, s * a.y, s * a.z}; }
template <class R>
HEMOFLOW_INLINE R dot(Vec<R> a, Vec<R> b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
template <class R>
HEMOFLOW_INLINE Vec<R> cross(Vec<R> a, Vec<R> b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }

// Four numbers of each of the elements of a block.
template <class R>
struct Column {
  alignas(64) R part[4][kBlock];
  HEMOFLOW_INLINE Vec<R> at(int l) const { return {part[0][l], part[1][l], part[2][l]}; }
  HEMOFLOW_INLINE void set(int l, Vec<R> v) { part[0][l] = v.x, part[1][l] = v.y, part[2][l] = v.z; }
};

// The entries of `from` that one column of a table (elements, stride) names; lanes of the last block beyond `count` read the first entry.
template <class R>
HEMOFLOW_INLINE void fetch(const Quads<R>& from, const int32_t* table, int stride, int count, Column<R>& out) {
  const auto some = [&](int l, auto entry) {
    typename Four<R>::type q[4];
    for (int k = 0; k < 4; ++k) q[k] = from[table[entry(l + k) * stride]];
    transpose<R>(q);
    for (int k = 0; k < 4; ++k) store(&out.part[k][l], q[k]);
  };
  const int whole = count / 4 * 4;
  for (int l = 0; l < whole; l += 4) some(l, [](int k) { return k; });
  for (int l = whole; l < kBlock; l += 4) some(l, [count](int k) { return k < count ? k : 0; });
}

// Adds the columns to the entries of `to` that the K columns of a table (elements, K) name.
template <int K, class R>
HEMOFLOW_INLINE void add(const Column<R>* const (&columns)[K], const int32_t* table, int count, Quads<R>& to) {
  const auto some = [&](int l, int size) {
    typename Four<R>::type q[K][4];
    for (int c = 0; c < K; ++c) {
      for (int k = 0; k < 4; ++k) q[c][k] = load<typename Four<R>::type>(&columns[c]->part[k][l]);
      transpose<R>(q[c]);
    }
    for (int k = 0; k < size; ++k)
      for (int c = 0; c < K; ++c) to[table[(l + k) * K + c]] += q[c][k];
  };
  const int whole = count / 4 * 4;
  for (int l = 0; l < whole; l += 4) some(l, 4);
  if (whole < count) some(whole, count - whole);
}

// A sum over elements, lane by lane until the end.
template <class R>
struct Sum {
  alignas(64) R lane[kBlock] = {};
  double total() const {
    double all = 0;
    for (R part : lane) all += double(part);
    return all;
  }
};

template <class Work>
HEMOFLOW_INLINE void by_blocks(int64_t count, const Work& work) {
  for (int64_t first = 0; first < count; first += kBlock) work(first, int(std::min<int64_t>(kBlock, count - first)));
}

// Positions of a cell's vertices around their mean, where float32 keeps its digits; returns the mean.
template <class R>
Vec<R> around_middle(const R* offset, int64_t vertices, Quads<R>& out) {
  double sum[3] = {0, 0, 0};
  for (int64_t v = 0; v < vertices; ++v)
    for (int a = 0; a < 3; ++a) sum[a] += offset[v * 3 + a];
  const Vec<R> middle{R(sum[0] / double(vertices)), R(sum[1] / double(vertices)), R(sum[2] / double(vertices))};
  out.resize(vertices);
  for (int64_t v = 0; v < vertices; ++v)
    out[v] = typename Four<R>::type{offset[v * 3] - middle.x, offset[v * 3 + 1] - middle.y, offset[v * 3 + 2] - middle.z, R(0)};
  return middle;
}

// The corners of a block of faces and their normal, twice the area long.
template <class R>
struct Faces {
  Column<R> corner[3];

  Faces(const Quads<R>& position, const int32_t* faces, int count) {
    for (int k = 0; k < 3; ++k) fetch(position, faces + k, 3, count, corner[k]);
  }
  HEMOFLOW_INLINE Vec<R> normal(int l) const {
    const Vec<R> a = corner[0].at(l);
    return cross(corner[1].at(l) - a, corner[2].at(l) - a);
  }
};
