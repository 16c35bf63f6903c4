"""Reading pictures' raw material from results.vtkhdf: fluid speed on a plane, cell surfaces and walls at each step."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Slice:
    """A plane of fluid nodes: speed (rows, columns) m/s with not-a-number outside the fluid, and its edges in m
    (left, right, bottom, top)."""

    speed: Array
    extent: tuple[float, float, float, float]


class Frames:
    """An open results.vtkhdf (use as a context manager). Lengths in m, steps counted from 0."""

    def __init__(self, path: Path) -> None:
        """Raises InputError when the file is missing or damaged."""
        from hemoflow.output.hdf5 import reading

        self._open = contextlib.ExitStack()
        self._root: Any = self._open.enter_context(reading(path))["VTKHDF"]

    def __enter__(self) -> Frames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, value, trace)

    @property
    def surfaces(self) -> list[str]:
        """Names of the cell-type blocks."""
        return [n for n, g in self._root.items() if _type_of(g) == "PolyData" and n != "wall"]

    @property
    def times(self) -> Array:
        """Physical times (s) of the fluid image's steps."""
        return np.asarray(self._root["fluid/Steps/Values"][...], dtype=float)

    @property
    def has_velocity(self) -> bool:
        """Whether the fluid velocity was written."""
        return "fluid/CellData/velocity" in self._root

    def fluid_slice(self, step: int, normal: int, place: float) -> Slice:
        """Speed on the nodes nearest to the plane x[normal] = place; rows and columns follow the remaining two axes."""
        group = self._root["fluid"]
        origin, spacing = np.asarray(group.attrs["Origin"]), np.asarray(group.attrs["Spacing"])
        data = group["CellData/velocity"]
        counts = np.array(data.shape[3:0:-1])
        index = int(np.clip((place - origin[normal]) // spacing[normal], 0, counts[normal] - 1))
        key: list[Any] = [step, slice(None), slice(None), slice(None)]
        key[3 - normal] = index
        speed = np.linalg.norm(np.asarray(data[tuple(key)], dtype=float), axis=-1)
        across, up = plane_axes(normal)
        size = origin + counts * spacing
        edges = (origin[across], size[across], origin[up], size[up])
        return Slice(np.where(speed > 0, speed, np.nan), tuple(map(float, edges)))  # type: ignore[arg-type]

    def surface(self, name: str, time: float) -> tuple[Array, Faces]:
        """Vertices (V,3) m and faces (F,3) of one block at its step nearest to ``time``."""
        group = self._root[name]
        steps = group.get("Steps")
        if steps is None or not len(steps["Values"]):
            return self._part(group, 0, 0)
        step = int(np.argmin(np.abs(np.asarray(steps["Values"]) - time)))
        return self._part(group, int(steps["PartOffsets"][step]), int(steps["PointOffsets"][step]))

    def wall(self) -> tuple[Array, Faces] | None:
        """The vessel's wall, or None when it was not written."""
        return self.surface("wall", 0.0) if "wall" in self._root else None

    def _part(self, group: Any, part: int, first: int) -> tuple[Array, Faces]:
        """One topology part with the points that start at ``first``."""
        polygons = group["Polygons"]
        ids = np.asarray(polygons["NumberOfConnectivityIds"])
        start = int(ids[:part].sum())
        faces = np.asarray(polygons["Connectivity"][start : start + int(ids[part])], dtype=np.int64).reshape(-1, 3)
        count = int(group["NumberOfPoints"][part])
        return np.asarray(group["Points"][first : first + count], dtype=float), faces


def plane_axes(normal: int) -> tuple[int, int]:
    """The two axes (across, up) of a picture whose line of sight is axis ``normal``, in ascending order."""
    across, up = (axis for axis in range(3) if axis != normal)
    return across, up


def _type_of(group: Any) -> str:
    """VTKHDF type of a group, '' for anything else."""
    raw = getattr(group, "attrs", {}).get("Type", b"")
    return raw.decode() if isinstance(raw, bytes) else str(raw)


def plane_segments(points: Array, faces: Faces, origin: Array, normal: Array) -> Array:
    """Where a triangulated surface meets a plane: segments (M,2,3). Vertices on the plane count as above it."""
    height = (points - origin) @ normal
    above = (height >= 0)[faces]
    mixed = faces[above.any(axis=1) & ~above.all(axis=1)]
    if not len(mixed):
        return np.zeros((0, 2, 3))
    up = (height >= 0)[mixed]
    lone = np.where(up.sum(axis=1) == 1, up.argmax(axis=1), (~up).argmax(axis=1))
    row = np.arange(len(mixed))
    apex = mixed[row, lone]
    ends = [_between(points, height, apex, mixed[row, (lone + k) % 3]) for k in (1, 2)]
    return np.stack(ends, axis=1)


def _between(points: Array, height: Array, a: Faces, b: Faces) -> Array:
    """Points on the edges a-b where the height is zero."""
    part = height[a] / (height[a] - height[b])
    return np.asarray(points[a] + part[:, None] * (points[b] - points[a]))
