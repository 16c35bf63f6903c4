// The wall as membranes meet it, on a GPU: a thread per point, and sums by teams; see ../contact.hpp.

template <class R>
struct FindWall {
  NodeTable table;
  Points<R> points;
  const R* wall_distance;
  R *gap, *normal;

  HEMOFLOW_BODY void operator()(int64_t p) const {
    Nearby<R> nearby;
    look(table, points, wall_distance, p, 1, nearby);
    gap[p] = nearby.gap[0];
    for (int a = 0; a < 3; ++a) normal[p * 3 + a] = nearby.normal[a][0];
  }
};

template <class R>
struct Press {
  NodeTable table;
  Points<R> points;
  const R* wall_distance;
  WallContact<R> contact;
  R* load;
  struct Shared {
    double sum[3][kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    team.each([&](int t) {
      const int64_t p = team.index * kTeam + t;
      R sum[3] = {};
      if (p < points.cells * points.vertices) {
        Nearby<R> nearby;
        look(table, points, wall_distance, p, 1, nearby);
        push(contact, nearby, 0, p, p / points.vertices, p % points.vertices, load, sum);
      }
      for (int a = 0; a < 3; ++a) shared.sum[a][t] = double(sum[a]);
    });
    for (int a = 0; a < 3; ++a) gather_up(team, shared.sum[a], Plus());
    team.each([&](int t) {
      if (t < 3) contact.scratch[team.index * 3 + t] = shared.sum[t][0];
    });
  }
};

template <class R>
struct SumPushes {
  const double* sums;
  int64_t rows;
  R* total;
  struct Shared {
    double sum[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    sum_rows(team, sums + team.index, rows, 3, shared.sum);
    team.each([&](int t) {
      if (t == 0) total[team.index] = R(shared.sum[0]);
    });
  }
};

template <class R>
struct Keep {
  NodeTable table;
  Points<R> points;
  const R *wall_distance, *least;
  R* kept;
  double* scratch;
  struct Shared {
    double most[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    team.each([&](int t) {
      const int64_t p = team.index * kTeam + t;
      shared.most[t] = 0;
      if (p >= points.cells * points.vertices) return;
      Nearby<R> nearby;
      look(table, points, wall_distance, p, 1, nearby);
      const R move = std::max(least[0] - nearby.gap[0], R(0));
      shared.most[t] = double(move);
      for (int a = 0; a < 3; ++a) kept[p * 3 + a] = points.offset[p * 3 + a] + move * nearby.normal[a][0];
    });
    gather_up(team, shared.most, Larger());
    team.each([&](int t) {
      if (t == 0) scratch[team.index] = shared.most[0];
    });
  }
};

template <class R>
struct FindFarthest {
  const double* most;
  int64_t rows;
  R* farthest;
  struct Shared {
    double most[kTeam];
  };

  HEMOFLOW_BODY void operator()(const Team& team, Shared& shared) const {
    team.each([&](int t) {
      double mine = 0;
      for (int64_t k = t; k < rows; k += kTeam) mine = Larger()(mine, most[k]);
      shared.most[t] = mine;
    });
    gather_up(team, shared.most, Larger());
    team.each([&](int t) {
      if (t == 0) *farthest = R(shared.most[0]);
    });
  }
};

template <class R>
void wall_on_device(const NodeTable& t, const Points<R>& points, const R* wall_distance, R* gap, R* normal) {
  for_each(points.cells * points.vertices, FindWall<R>{t, points, wall_distance, gap, normal});
}

template <class R>
void press_on_device(const NodeTable& t, const Points<R>& points, const R* wall_distance, const WallContact<R>& contact, R* load, R* total) {
  const int64_t rows = teams(points.cells * points.vertices);
  for_teams(rows, Press<R>{t, points, wall_distance, contact, load});
  for_teams(3, SumPushes<R>{contact.scratch, rows, total});
}

template <class R>
void keep_on_device(const NodeTable& t, const Points<R>& points, const R* wall_distance, const R* least, R* kept, R* farthest, double* scratch) {
  const int64_t rows = teams(points.cells * points.vertices);
  for_teams(rows, Keep<R>{t, points, wall_distance, least, kept, scratch});
  for_teams(1, FindFarthest<R>{scratch, rows, farthest});
}
