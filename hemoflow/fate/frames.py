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
    """A plane of fluid nodes: values (rows, columns) in SI, the size of a vector, not-a-number outside the fluid; and
    its edges in m (left, right, bottom, top)."""

    values: Array
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
    def fields(self) -> list[str]:
        """Names of the fluid fields that were written."""
        return [name for name in self._root["fluid/CellData"] if name != "lumen"]

    @property
    def box(self) -> tuple[Array, Array, Array]:
        """Lower corner (3,) m, spacing (3,) m and voxels (3,) of the fluid image."""
        attrs = self._root["fluid"].attrs
        counts = np.asarray(attrs["WholeExtent"], dtype=float)[1::2]
        return np.asarray(attrs["Origin"], float), np.asarray(attrs["Spacing"], float), counts

    def fluid_slice(self, field: str, step: int, normal: int, place: float) -> Slice:
        """A field on the nodes nearest to the plane x[normal] = place; rows and columns follow the remaining axes."""
        group = self._root["fluid"]
        origin, spacing = np.asarray(group.attrs["Origin"]), np.asarray(group.attrs["Spacing"])
        data = group["CellData"][field]
        counts = np.array(data.shape[3:0:-1])
        index = int(np.clip((place - origin[normal]) // spacing[normal], 0, counts[normal] - 1))
        key: list[Any] = [step, slice(None), slice(None), slice(None)]
        key[3 - normal] = index
        values = np.asarray(data[tuple(key)], dtype=float)
        if values.ndim == 3:
            values = np.linalg.norm(values, axis=-1)
        across, up = plane_axes(normal)
        size = origin + counts * spacing
        edges = (origin[across], size[across], origin[up], size[up])
        return Slice(values, tuple(map(float, edges)))  # type: ignore[arg-type]

    def surface(self, name: str, time: float) -> tuple[Array, Faces]:
        """Vertices (V,3) m and faces (F,3) of one block at its step nearest to ``time``."""
        group = self._root[name]
        steps = group.get("Steps")
        if steps is None or not len(steps["Values"]):
            return self._part(group, 0, 0)
        step = int(np.argmin(np.abs(np.asarray(steps["Values"]) - time)))
        return self._part(group, int(steps["PartOffsets"][step]), int(steps["PointOffsets"][step]))

    def wall(self) -> tuple[Array, Faces] | None:
        """The vessel's wall: vertices (V,3) m and faces (F,3); None when it was not written or has no extent."""
        if "wall" not in self._root:
            return None
        points, faces = self.surface("wall", 0.0)
        return (points, faces) if len(faces) and np.ptp(points, axis=0).any() else None

    def wall_values(self) -> dict[str, Array]:
        """Fields (V[, k]) on the vertices of the wall at the last step, by name; none where none was written."""
        if "wall" not in self._root or not len(self.times):
            return {}
        group = self._root["wall"]
        count, offsets = int(group["NumberOfPoints"][0]), group["Steps/PointDataOffsets"]
        rows = {name: int(offsets[name][len(self.times) - 1]) for name in group.get("PointData", ())}
        return {n: np.asarray(group["PointData"][n][row : row + count], float) for n, row in rows.items()}

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


def chains(segments: Array) -> list[Array]:
    """Segments (M,2,2) joined end to end into rings and open lines (K,2)."""
    ends: dict[tuple[float, float], list[int]] = {}
    keys = [[tuple(np.round(p, 5)) for p in segment] for segment in segments]
    for i, pair in enumerate(keys):
        for key in pair:
            ends.setdefault(key, []).append(i)
    free, found = set(range(len(segments))), []
    while free:
        first = free.pop()
        line, key = [segments[first][0], segments[first][1]], keys[first][1]
        while True:
            following = next((i for i in ends[key] if i in free), None)
            if following is None:
                break
            free.discard(following)
            side = 1 if keys[following][0] == key else 0
            line.append(segments[following][side])
            key = keys[following][side]
        found.append(np.array(line))
    return found
