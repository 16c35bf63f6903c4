"""The VTKHDF file format growing in time: what image and surface blocks share, and surfaces.

Source: the VTKHDF specification of Kitware (file format version 2.3). Learnt from its readers (VTK 9.4 to 9.7): every
group tracks its creation order; every block has Steps, also what never changes (its offsets repeat); the root has Steps
too; integers are 64 bits wide; the data of a step start at the offsets written under Steps, so a static array is
written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemoflow.errors import RunError
from hemoflow.output.hdf5 import COMPRESSED, IN_PLACE, chunk_shape
from hemoflow.output.layout import FIELD_UNITS

if TYPE_CHECKING:
    import h5py

ROOT = "VTKHDF"
_TOPOLOGIES = ("Vertices", "Lines", "Polygons", "Strips")
_DATA = ("PointData", "CellData", "FieldData")
_STEP_CHUNK = 256  # steps
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Surface:
    """Shape of a surface block: number of points, triangles `faces` (F, 3), the components of each field that changes
    in time on points and on triangles; `constant` holds values (F,) int64 per triangle that do not, `static` points
    (P, 3) m that never move.
    """

    points: int
    faces: NDArray[np.integer]
    point_fields: Mapping[str, int]
    cell_fields: Mapping[str, int]
    constant: Mapping[str, NDArray[np.integer]]
    static: NDArray[np.floating] | None = None


class Block:
    """What image and surface blocks share: attributes that say what they are, and Steps. Wraps an open HDF5 group."""

    def __init__(self, group: Any) -> None:
        self.group = group
        self.steps = group["Steps"]

    @property
    def count(self) -> int:
        """Number of steps written."""
        return int(self.steps.attrs["NSteps"])

    def tick(self, time: float) -> None:
        """End a step: its time (s), then the count that makes it visible."""
        append_rows(self.steps["Values"], [time])
        self.steps.attrs["NSteps"] = np.int64(self.count + 1)

    def cut(self, count: int) -> None:
        """Keep the first `count` steps."""
        self.steps.attrs["NSteps"] = np.int64(count)
        for dataset in _datasets(self.steps):
            dataset.resize(count, 0)


class SurfaceBlock(Block):
    """A triangulated surface whose triangles stay and whose points move, or stay too (the wall)."""

    @classmethod
    def make(cls, root: h5py.Group, name: str, index: int, surface: Surface) -> SurfaceBlock:
        """A new block; what is static is written here, once."""
        faces = np.asarray(surface.faces, np.int64)
        group = new_block(root, name, "PolyData", index)
        group.attrs["Static"] = np.int8(surface.static is not None)
        points = growing(group, "Points", (3,), np.float32, surface.points)
        append_rows(growing(group, "NumberOfPoints"), [surface.points])
        for topology in _TOPOLOGIES:
            part = make_group(group, topology)
            corners = faces if topology == "Polygons" else faces[:0]
            append_rows(growing(part, "NumberOfCells"), [len(corners)])
            append_rows(growing(part, "NumberOfConnectivityIds"), [corners.size])
            append_rows(growing(part, "Offsets", rows=len(faces) + 1), 3 * np.arange(len(corners) + 1))
            append_rows(growing(part, "Connectivity", rows=max(1, faces.size)), corners.ravel())
        steps = group["Steps"]
        for offset in ("PartOffsets", "NumberOfParts", "PointOffsets"):
            growing(steps, offset)
        for offset in ("CellOffsets", "ConnectivityIdOffsets"):
            growing(steps, offset, (4,))
        _make_fields(group, surface, len(faces))
        if surface.static is not None:
            append_rows(points, surface.static)
        return cls(group)

    @property
    def static(self) -> bool:
        """Whether the points never move."""
        return bool(self.group.attrs["Static"])

    def append(self, time: float, points: ArrayLike | None, point: Mapping[str, Any], cell: Mapping[str, Any]) -> None:
        """Add a step: points (P, 3) m (None for a static surface) and the values on points and triangles, SI units.

        Raises RunError for a wrong set of values or a wrong shape.
        """
        first = 0
        if not self.static:
            first = append_rows(self.group["Points"], shaped("points", points, (self.rows("PointData"), 3)))
        for name, value in (("PartOffsets", 0), ("NumberOfParts", 1), ("PointOffsets", first)):
            append_rows(self.steps[name], [value])
        for name in ("CellOffsets", "ConnectivityIdOffsets"):
            append_rows(self.steps[name], [[0, 0, 0, 0]])
        for kind, values in (("PointData", point), ("CellData", cell)):
            changing = {n for n, d in self.group[kind].items() if not d.attrs["constant"]}
            same_names(f"{self.group.name} {kind}", changing, values)
            for name, dataset in self.group[kind].items():
                row = 0
                if name in changing:
                    row = append_rows(dataset, shaped(name, values[name], (self.rows(kind), *dataset.shape[1:])))
                append_rows(self.steps[f"{kind}Offsets"][name], [row])
        self.tick(time)

    def cut(self, count: int) -> None:
        """Keep the first `count` steps and their data."""
        super().cut(count)
        if not self.static:
            self.group["Points"].resize(count * self.rows("PointData"), 0)
        for kind in ("PointData", "CellData"):
            for dataset in self.group[kind].values():
                if not dataset.attrs["constant"]:
                    dataset.resize(count * self.rows(kind), 0)

    def rows(self, kind: str) -> int:
        """Points ("PointData") or triangles ("CellData") in one step."""
        return int(self.group["NumberOfPoints" if kind == "PointData" else "Polygons/NumberOfCells"][0])


def _make_fields(group: h5py.Group, surface: Surface, faces: int) -> None:
    steps = group["Steps"]
    each = (("PointData", surface.point_fields, surface.points), ("CellData", surface.cell_fields, faces))
    for kind, fields, rows in each:
        data = make_group(group, kind)
        for field, components in fields.items():
            made = growing(data, field, (components,) if components > 1 else (), np.float32, rows)
            made.attrs["constant"] = np.int8(0)
            growing(steps[f"{kind}Offsets"], field)
    for field, values in surface.constant.items():
        made = growing(group["CellData"], field, rows=faces)
        made.attrs["constant"] = np.int8(1)
        append_rows(made, values)
        growing(steps["CellDataOffsets"], field)


def make_collection(file: h5py.File) -> h5py.Group:
    """The root group of a new file: a MultiBlockDataSet without blocks and without steps."""
    import h5py

    root = file.create_group(ROOT, track_order=True)
    root.attrs["Version"] = np.array([2, 3], np.int64)
    root.attrs.create("Type", b"MultiBlockDataSet", dtype=h5py.string_dtype("ascii", len("MultiBlockDataSet")))
    make_group(root, "Assembly")
    new_steps(root)
    return root


def new_block(root: h5py.Group, name: str, kind: str, index: int) -> h5py.Group:
    """An empty block of a type ("ImageData", "PolyData") under the root, with Steps."""
    import h5py

    group = make_group(root, name)
    group.attrs["Version"] = np.array([2, 3], np.int64)
    group.attrs.create("Type", kind.encode("ascii"), dtype=h5py.string_dtype("ascii", len(kind)))
    group.attrs["Index"] = np.int64(index)
    steps = new_steps(group)
    for data in _DATA:
        make_group(steps, f"{data}Offsets")
    root["Assembly"][name] = h5py.SoftLink(f"/{ROOT}/{name}")
    return group


def new_steps(group: h5py.Group) -> h5py.Group:
    """The Steps group of a block or of the root, without steps."""
    steps = make_group(group, "Steps")
    steps.attrs["NSteps"] = np.int64(0)
    growing(steps, "Values", (), np.float64)
    return steps


def make_group(parent: h5py.Group, name: str) -> h5py.Group:
    """A group whose creation order is tracked, which VTK demands."""
    return parent.create_group(name, track_order=True)


def growing(
    parent: h5py.Group, name: str, shape: tuple[int, ...] = (), dtype: Any = np.int64, rows: int = 0
) -> h5py.Dataset:
    """An empty array that grows along its first axis; `rows`: rows in one step (0: an index with one row per step)."""
    if rows:
        chunk, how = chunk_shape((rows, *shape), np.dtype(dtype).itemsize, _CHUNK_BYTES), COMPRESSED
    else:
        chunk, how = (_STEP_CHUNK, *shape), IN_PLACE
    dataset = parent.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunk, **how)
    if name in FIELD_UNITS:
        dataset.attrs["unit"] = FIELD_UNITS[name]
    return dataset


def append_rows(dataset: Any, values: ArrayLike) -> int:
    """Add rows at the end; returns the number of the first of them."""
    array = np.asarray(values, dataset.dtype)
    first = int(dataset.shape[0])
    if len(array):
        dataset.resize(first + len(array), 0)
        dataset[first:] = array
    return first


def shaped(name: str, values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Values as an array of exactly this shape. Raises RunError otherwise."""
    array = np.asarray(values)
    if array.shape != tuple(shape):
        raise RunError(f"{name} has the shape {array.shape}, but this file was made for {tuple(shape)}")
    return array


def same_names(where: str, known: set[str], given: Mapping[str, Any]) -> None:
    """Raises RunError unless exactly the known names are given."""
    if known != set(given):
        raise RunError(f"{where}: this file holds {sorted(known)}, but the step brings {sorted(given)}")


def _datasets(group: Any) -> list[Any]:
    found: list[Any] = []
    for item in group.values():
        found.extend(_datasets(item) if hasattr(item, "values") else [item])
    return found
