"""The VTKHDF file format, growing in time: a fluid image, moving surfaces and a wall in one MultiBlockDataSet.

Source: the VTKHDF specification of Kitware (file format version 2.3). Learnt from its readers (VTK 9.4 to 9.7): every group tracks
its creation order; every block has Steps, also what never changes (its offsets repeat); the root has Steps too; integers
are 64 bits wide; data of a step start at the offsets written under Steps, so a static array is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemoflow.errors import RunError
from hemoflow.output.hdf5 import COMPRESSED, chunk_shape
from hemoflow.output.layout import FIELD_UNITS

if TYPE_CHECKING:
    import h5py

ROOT = "VTKHDF"
_TOPOLOGIES = ("Vertices", "Lines", "Polygons", "Strips")
_DATA = ("PointData", "CellData", "FieldData")
_STEP_CHUNK = 256  # steps
_CHUNK_BYTES = 1 << 18


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
        _append(self.steps["Values"], [time])
        self.steps.attrs["NSteps"] = np.int64(self.count + 1)

    def cut(self, count: int) -> None:
        """Keep the first `count` steps."""
        self.steps.attrs["NSteps"] = np.int64(count)
        for dataset in _datasets(self.steps):
            dataset.resize(count, 0)


class ImageBlock(Block):
    """Values on the fluid nodes of a box, one per voxel: a node is the centre of its voxel."""

    @classmethod
    def make(cls, root: h5py.Group, name: str, index: int, image: Any) -> ImageBlock:
        """A new block from an ImageSpec; its `mask`, if any, is written here once and shown in every step."""
        group = _new_block(root, name, "ImageData", index)
        nx, ny, nz = image.dims
        group.attrs["WholeExtent"] = np.array([0, nx, 0, ny, 0, nz], np.int64)
        group.attrs["Origin"] = np.asarray(image.origin, np.float64)
        group.attrs["Spacing"] = np.asarray(image.spacing, np.float64)
        group.attrs["Direction"] = np.eye(3).ravel()
        cells = _group(group, "CellData")
        for field, components in image.fields.items():
            shape = (nz, ny, nx) + ((components,) if components > 1 else ())
            _growing(cells, field, shape, np.float32)
            _growing(group["Steps/CellDataOffsets"], field)
        if image.mask is not None:
            _append(_growing(cells, "lumen", (nz, ny, nx), np.uint8), np.asarray(image.mask, np.uint8)[None])
            _growing(group["Steps/CellDataOffsets"], "lumen")
        return cls(group)

    def append(self, time: float, values: Mapping[str, ArrayLike]) -> None:
        """Add a step: every field (z, y, x[, component]) of the block, SI units. Raises RunError for a wrong set or shape."""
        _same_names("fluid", set(self.group["CellData"]) - {"lumen"}, values)
        offsets = self.steps["CellDataOffsets"]
        for name, dataset in self.group["CellData"].items():
            row = 0 if name == "lumen" else _append(dataset, _shaped(name, values[name], dataset.shape[1:])[None])
            _append(offsets[name], [row])
        self.tick(time)

    def cut(self, count: int) -> None:
        """Keep the first `count` steps and their data."""
        super().cut(count)
        for name, dataset in self.group["CellData"].items():
            if name != "lumen":
                dataset.resize(count, 0)


class SurfaceBlock(Block):
    """A triangulated surface whose triangles stay and whose points move, or stay too (the wall)."""

    @classmethod
    def make(cls, root: h5py.Group, name: str, index: int, surface: Any) -> SurfaceBlock:
        """A new block from a SurfaceSpec; its points are written here once if the surface is static."""
        faces = np.asarray(surface.faces, np.int64)
        group = _new_block(root, name, "PolyData", index)
        group.attrs["Static"] = np.int8(surface.static is not None)
        points = _growing(group, "Points", (3,), np.float32, surface.points)
        _append(_growing(group, "NumberOfPoints"), [surface.points])
        for topology in _TOPOLOGIES:
            part = _group(group, topology)
            corners = faces if topology == "Polygons" else faces[:0]
            _append(_growing(part, "NumberOfCells"), [len(corners)])
            _append(_growing(part, "NumberOfConnectivityIds"), [corners.size])
            _append(_growing(part, "Offsets", rows=len(faces)), 3 * np.arange(len(corners) + 1))
            _append(_growing(part, "Connectivity", rows=faces.size), corners.ravel())
        steps = group["Steps"]
        for offset in ("PartOffsets", "NumberOfParts", "PointOffsets"):
            _growing(steps, offset)
        for offset in ("CellOffsets", "ConnectivityIdOffsets"):
            _growing(steps, offset, (4,))
        for kind, fields, rows in (
            ("PointData", surface.point_fields, surface.points),
            ("CellData", surface.cell_fields, len(faces)),
        ):
            data = _group(group, kind)
            for field, components in fields.items():
                _growing(data, field, (components,) if components > 1 else (), np.float32, rows)
                _growing(steps[f"{kind}Offsets"], field)
        if surface.static is not None:
            _append(points, surface.static)
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
            first = _append(self.group["Points"], _shaped("points", points, (self._rows("PointData"), 3)))
        for name, value in (("PartOffsets", 0), ("NumberOfParts", 1), ("PointOffsets", first)):
            _append(self.steps[name], [value])
        for name in ("CellOffsets", "ConnectivityIdOffsets"):
            _append(self.steps[name], [[0, 0, 0, 0]])
        for kind, values in (("PointData", point), ("CellData", cell)):
            _same_names(f"{self.group.name} {kind}", set(self.group[kind]), values)
            for name, dataset in self.group[kind].items():
                shape = (self._rows(kind), *dataset.shape[1:])
                _append(self.steps[f"{kind}Offsets"][name], [_append(dataset, _shaped(name, values[name], shape))])
        self.tick(time)

    def cut(self, count: int) -> None:
        """Keep the first `count` steps and their data."""
        super().cut(count)
        if not self.static:
            self.group["Points"].resize(count * self._rows("PointData"), 0)
        for kind in ("PointData", "CellData"):
            for dataset in self.group[kind].values():
                dataset.resize(count * self._rows(kind), 0)

    def _rows(self, kind: str) -> int:
        """Points or triangles in one step."""
        return int(self.group["NumberOfPoints" if kind == "PointData" else "Polygons/NumberOfCells"][0])


def make_collection(file: h5py.File) -> h5py.Group:
    """The root group of a new file: a MultiBlockDataSet without blocks and without steps."""
    import h5py

    root = file.create_group(ROOT, track_order=True)
    root.attrs["Version"] = np.array([2, 3], np.int64)
    root.attrs.create("Type", b"MultiBlockDataSet", dtype=h5py.string_dtype("ascii", len("MultiBlockDataSet")))
    _group(root, "Assembly")
    _new_steps(root)
    return root


def tick(root: h5py.Group, time: float) -> None:
    """End a step of the whole file, after all its blocks."""
    Block(root).tick(time)


def cut(root: h5py.Group, count: int) -> None:
    """Keep the first `count` steps of the file and of each block."""
    for block in blocks(root).values():
        block.cut(count)
    Block(root).cut(count)


def blocks(root: h5py.Group) -> dict[str, ImageBlock | SurfaceBlock]:
    """The blocks of an open file by name, in their order."""
    found: dict[str, ImageBlock | SurfaceBlock] = {}
    for name in root["Assembly"]:
        group = root[name]
        kind = group.attrs["Type"]
        image = (kind.decode() if isinstance(kind, bytes) else str(kind)) == "ImageData"
        found[name] = ImageBlock(group) if image else SurfaceBlock(group)
    return found


def _new_block(root: h5py.Group, name: str, kind: str, index: int) -> h5py.Group:
    import h5py

    group = _group(root, name)
    group.attrs["Version"] = np.array([2, 3], np.int64)
    group.attrs.create("Type", kind.encode("ascii"), dtype=h5py.string_dtype("ascii", len(kind)))
    group.attrs["Index"] = np.int64(index)
    steps = _new_steps(group)
    for data in _DATA:
        _group(steps, f"{data}Offsets")
    root["Assembly"][name] = h5py.SoftLink(f"/{ROOT}/{name}")
    return group


def _new_steps(group: h5py.Group) -> h5py.Group:
    steps = _group(group, "Steps")
    steps.attrs["NSteps"] = np.int64(0)
    _growing(steps, "Values", (), np.float64)
    return steps


def _group(parent: h5py.Group, name: str) -> h5py.Group:
    return parent.create_group(name, track_order=True)


def _growing(
    parent: h5py.Group, name: str, shape: tuple[int, ...] = (), dtype: Any = np.int64, rows: int = 0
) -> h5py.Dataset:
    """An empty array that grows along its first axis; `rows`: rows in one step (0: one)."""
    chunk = chunk_shape((rows or 1, *shape), np.dtype(dtype).itemsize, _CHUNK_BYTES)
    if not shape and not rows or shape == (4,):
        chunk = (_STEP_CHUNK, *shape)
    dataset = parent.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunk, **COMPRESSED)
    if name in FIELD_UNITS:
        dataset.attrs["unit"] = FIELD_UNITS[name]
    return dataset


def _append(dataset: Any, values: ArrayLike) -> int:
    """Add rows at the end; returns the number of the first of them."""
    array = np.asarray(values, dataset.dtype)
    first = int(dataset.shape[0])
    if len(array):
        dataset.resize(first + len(array), 0)
        dataset[first:] = array
    return first


def _datasets(group: Any) -> list[Any]:
    found: list[Any] = []
    for item in group.values():
        found.extend(_datasets(item) if hasattr(item, "values") else [item])
    return found


def _shaped(name: str, values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != tuple(shape):
        raise RunError(f"{name} has the shape {array.shape}, but this file was made for {tuple(shape)}")
    return array


def _same_names(where: str, known: set[str], given: Mapping[str, Any]) -> None:
    if known != set(given):
        raise RunError(f"{where}: this file holds {sorted(known)}, but the step brings {sorted(given)}")
