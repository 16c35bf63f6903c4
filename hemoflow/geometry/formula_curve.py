"""The distance to a smooth curve, given as many points along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Polyline:
    """Straight pieces between `points` (k, d), closely spaced along a smooth curve."""

    def __init__(self, points: Array):
        from scipy.spatial import cKDTree

        self.points = np.ascontiguousarray(points)
        self._tree = cKDTree(self.points)

    def distance(self, queries: Array) -> Array:
        """Distance (n,) from queries (n, d) to the curve: to the two pieces beside the nearest point."""
        _, nearest = self._tree.query(queries)
        last = len(self.points) - 1
        found = np.full(len(queries), np.inf)
        for first in (np.maximum(nearest - 1, 0), np.minimum(nearest, last - 1)):
            start, end = self.points[first], self.points[first + 1]
            piece = end - start
            share = np.einsum("ij,ij->i", queries - start, piece) / np.einsum("ij,ij->i", piece, piece)
            foot = start + np.clip(share, 0.0, 1.0)[:, None] * piece
            found = np.minimum(found, np.linalg.norm(queries - foot, axis=1))
        return found
