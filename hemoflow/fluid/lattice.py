"""The D3Q19 velocity set. Opposite directions are neighbours in the list: 2k-1 and 2k, k = 1 to 9."""

from __future__ import annotations

import numpy as np

DIRECTIONS = np.array(
    [[0, 0, 0]]
    + [
        [s * a for a in axis]
        for axis in (
            [1, 0, 0],
            [0, 1, 0],
            [0, 0, 1],
            [1, 1, 0],
            [1, -1, 0],
            [1, 0, 1],
            [1, 0, -1],
            [0, 1, 1],
            [0, 1, -1],
        )
        for s in (1, -1)
    ],
    dtype=np.int32,
)
"""Lattice velocities (19, 3)."""

WEIGHTS = np.array([1 / 3] + [1 / 18] * 6 + [1 / 36] * 12)
"""Quadrature weights (19,)."""

OPPOSITE = np.array([0] + [i + 1 if i % 2 else i - 1 for i in range(1, 19)], dtype=np.int32)
"""Index of the opposite direction (19,)."""

PAIRS = tuple((i, i + 1) for i in range(1, 19, 2))
"""The nine pairs of opposite directions."""

SPEED_OF_SOUND_SQUARED = 1.0 / 3.0
