"""What every vessel answers, whatever it was made from: where the wall is and where blood enters and leaves."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Opening:
    """A planar cut through the lumen where fluid enters or leaves.

    `centre` (3,) m; `normal` (3,) unit vector pointing out of the lumen; `radius` m, of the circle of equal area;
    `area` m^2.
    """

    name: str
    centre: Array
    normal: Array
    radius: float
    area: float


class AbstractVessel(abc.ABC):
    """A lumen in space, all lengths in metres.

    `bounds` (2, 3): lowest and highest corner of the lumen. `openings`: every place where the lumen is cut.
    `periodic`: whether the lumen repeats along x, y, z. `description`: facts for reports (source file, repairs made,
    ...).
    """

    bounds: Array
    openings: tuple[Opening, ...] = ()
    periodic: tuple[bool, bool, bool] = (False, False, False)
    description: Mapping[str, Any]

    @property
    @abc.abstractmethod
    def volume(self) -> float:
        """Volume of the lumen in m^3."""

    @abc.abstractmethod
    def signed_distance(self, points: Array) -> Array:
        """Distance (n,) in m from each point (n, 3) to the nearest wall, negative inside the lumen.

        The caps of openings are not wall: close to a cap the magnitude still is the distance to the wall, and the
        sign jumps.
        """

    @abc.abstractmethod
    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        """Triangles of the wall, for pictures and output: vertices (V, 3) in m and faces (F, 3)."""
