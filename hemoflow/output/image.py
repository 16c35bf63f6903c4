"""The fluid block of results.vtkhdf: values on scattered nodes written into the tiles of a box that hold any.

The image is the bounding box of the lumen, one voxel per node with the node at its centre (CellData), because ParaView
opens it at once; but only tiles with fluid are stored, so memory and disk follow the lumen. The rest reads as
not-a-number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError, RunError
from hemoflow.output.hdf5 import COMPRESSED
from hemoflow.output.layout import FIELD_UNITS
from hemoflow.output.vtkhdf import Block, append_rows, growing, make_group, new_block, same_names

if TYPE_CHECKING:
    import h5py

MASK = "lumen"
MOST_VOXELS = 1 << 26
"""Voxels above which ParaView needs more memory than a workstation has; `thinning` keeps a box below it."""

_TILE = 32
_TO_VTK_TENSOR = [0, 1, 2, 3, 5, 4]  # from xx yy zz xy xz yz to the order of VTK, xx yy zz xy yz xz


@dataclass(frozen=True)
class FluidGrid:
    """Which nodes are written and what on them.

    nodes (N, 3) integer lattice indices x, y, z; origin (3,) position in m of index (0, 0, 0); spacing in m; fields:
    components of each (1, 3, or 6 for a symmetric tensor as xx yy zz xy xz yz); stride: only every stride-th node per
    axis is written.
    """

    nodes: NDArray[np.integer]
    origin: NDArray[np.floating]
    spacing: float
    fields: Mapping[str, int]
    stride: int = 1

    @cached_property
    def low(self) -> NDArray[np.int64]:
        """Smallest index per axis."""
        return np.asarray(self.nodes).min(axis=0).astype(np.int64)

    @cached_property
    def dims(self) -> tuple[int, int, int]:
        """Voxels of the box per axis x, y, z."""
        nx, ny, nz = (np.asarray(self.nodes).max(axis=0) - self.low) // self.stride + 1
        return int(nx), int(ny), int(nz)

    @property
    def corner(self) -> NDArray[np.float64]:
        """Lower corner of the box in m: half a voxel below its first node."""
        return np.asarray(self.origin, float) + self.spacing * (self.low - 0.5 * self.stride)

    @cached_property
    def tiles(self) -> _Tiles:
        """Where the values of the written nodes go."""
        offset = np.asarray(self.nodes).astype(np.int64) - self.low
        kept = np.flatnonzero((offset % self.stride == 0).all(axis=1))
        return _Tiles(offset[kept][:, ::-1] // self.stride, kept, self.dims[::-1])


def thinning(nodes: NDArray[np.integer], most: int = MOST_VOXELS) -> int:
    """Smallest stride that keeps the bounding box of the nodes (N, 3) at or below `most` voxels."""
    size = np.ptp(np.asarray(nodes).astype(np.int64), axis=0)
    stride = 1
    while np.prod((size // stride + 1).astype(float)) > most:
        stride += 1
    return stride


class _Tiles:
    """Scattered voxels (M, 3) in z, y, x order, grouped by the tile of the box they lie in."""

    def __init__(self, voxels: NDArray[np.int64], kept: NDArray[np.int64], shape: tuple[int, ...]) -> None:
        self.shape = tuple(shape)
        self.size = np.minimum(_TILE, np.asarray(shape))
        counts = -(-np.asarray(shape) // self.size)
        number = np.ravel_multi_index(tuple((voxels // self.size).T), tuple(counts))
        order = np.argsort(number, kind="stable")
        self._voxels, self._kept = voxels[order], kept[order]
        tiles, starts = np.unique(number[order], return_index=True)
        self._corners = np.stack(np.unravel_index(tiles, tuple(counts)), axis=1) * self.size
        self._bounds = np.append(starts, len(order))

    def blocks(self, values: NDArray[Any], outside: float) -> Iterator[tuple[tuple[slice, ...], NDArray[Any]]]:
        """For each tile with fluid its place in the box and its dense values; values (N[, k]) over all nodes."""
        for k, corner in enumerate(self._corners):
            mine = slice(self._bounds[k], self._bounds[k + 1])
            end = np.minimum(corner + self.size, self.shape)
            dense = np.full((*(end - corner), *values.shape[1:]), outside, values.dtype)
            dense[tuple((self._voxels[mine] - corner).T)] = values[self._kept[mine]]
            yield tuple(slice(a, b) for a, b in zip(corner, end, strict=True)), dense


class ImageBlock(Block):
    """Values on the fluid nodes of a box, one per voxel: a node is the centre of its voxel."""

    @classmethod
    def make(cls, root: h5py.Group, name: str, index: int, grid: FluidGrid) -> ImageBlock:
        """A new block; the mask of voxels that hold a node ("lumen") is written here once and shown in every step."""
        group = new_block(root, name, "ImageData", index)
        nx, ny, nz = grid.dims
        group.attrs["WholeExtent"] = np.array([0, nx, 0, ny, 0, nz], np.int64)
        group.attrs["Origin"] = grid.corner
        group.attrs["Spacing"] = np.full(3, grid.spacing * grid.stride)
        group.attrs["Direction"] = np.eye(3).ravel()
        cells = make_group(group, "CellData")
        for field, components in grid.fields.items():
            _image(cells, field, grid, (components,) if components > 1 else (), np.float32)
            growing(group["Steps/CellDataOffsets"], field)
        mask = _image(cells, MASK, grid, (), np.uint8)
        _write(mask, 0, grid, np.ones(len(grid.nodes), np.uint8), 0)
        growing(group["Steps/CellDataOffsets"], MASK)
        return cls(group)

    def check(self, grid: FluidGrid) -> None:
        """Raises InputError unless the block was made for this grid."""
        attrs = self.group.attrs
        fields = {n: d.shape[4] if d.ndim == 5 else 1 for n, d in self.group["CellData"].items() if n != MASK}
        same = tuple(attrs["WholeExtent"][1::2]) == grid.dims and fields == dict(grid.fields)
        if not same or not np.allclose(attrs["Origin"], grid.corner, rtol=0, atol=1e-6 * grid.spacing):
            raise InputError(f"{self.group.file.filename or 'the results'}: the fluid block was made for another grid")

    def append(self, time: float, grid: FluidGrid, values: Mapping[str, Any]) -> None:
        """Add a step: every field on all nodes, (N,) or (N, k), SI units. Raises RunError for a wrong set or shape."""
        same_names("fluid", set(self.group["CellData"]) - {MASK}, values)
        offsets, step = self.steps["CellDataOffsets"], self.count
        for name, dataset in self.group["CellData"].items():
            if name != MASK:
                _write(dataset, step, grid, _node_values(name, values[name], grid), np.nan)
            append_rows(offsets[name], [0 if name == MASK else step])
        self.tick(time)

    def cut(self, count: int) -> None:
        """Keep the first `count` steps and their data."""
        super().cut(count)
        for name, dataset in self.group["CellData"].items():
            if name != MASK:
                dataset.resize(count, 0)


def _image(cells: h5py.Group, name: str, grid: FluidGrid, rest: tuple[int, ...], dtype: Any) -> h5py.Dataset:
    shape, fill = grid.dims[::-1], (np.nan if dtype is np.float32 else 0)
    chunk = (1, *(min(_TILE, n) for n in shape), *rest)
    dataset = cells.create_dataset(
        name, (0, *shape, *rest), dtype, maxshape=(None, *shape, *rest), chunks=chunk, fillvalue=fill, **COMPRESSED
    )
    dataset.attrs["unit"] = FIELD_UNITS.get(name, "")
    return dataset


def _write(dataset: h5py.Dataset, step: int, grid: FluidGrid, values: NDArray[Any], outside: float) -> None:
    dataset.resize(step + 1, 0)
    for place, dense in grid.tiles.blocks(values, outside):
        dataset[(step, *place)] = dense


def _node_values(name: str, given: Any, grid: FluidGrid) -> NDArray[np.float32]:
    components = grid.fields[name]
    values = np.asarray(given, np.float32)
    wanted = (len(grid.nodes), components) if components > 1 else (len(grid.nodes),)
    if values.shape != wanted:
        raise RunError(f"{name} has the shape {values.shape}, but the nodes of this file need {wanted}")
    return values[:, _TO_VTK_TENSOR] if components == 6 else values
