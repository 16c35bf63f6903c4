"""Where the fluid nodes are in memory: the one object behind which any storage order can hide.

Arrays per node are flat, (N,). A lattice position finds its node through a two-level table, a coarse grid of tiles of
8^3 nodes and one dense block per tile that holds fluid, so that memory follows the lumen and not its bounding box.
Solid nodes beside the fluid (the band) have ids N to N+S-1 and carry a wall distance; everything else has the id N+S.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

TILE = 8


class NodeLayout(eqx.Module):
    """Lattice positions to node ids and back.

    `tile_of` (coarse x, y, z) int32 index into `blocks` (tiles, 8^3) int32 of ids; block 0 is empty. `nodes` (N, 3)
    int32. `wall_distance` (N+S+1,): distance to the wall in node spacings, positive in the lumen, negative behind the
    wall. `row_axis`: the axis along which ids grow from node to node of a row, -1 where there is none. `native`: points
    find their nodes, spread and interpolate in compiled kernels.
    """

    tile_of: Array
    blocks: Array
    nodes: Array
    wall_distance: Array
    shape: tuple[int, int, int] = eqx.field(static=True)
    periodic: tuple[bool, bool, bool] = eqx.field(static=True)
    count: int = eqx.field(static=True)
    band_count: int = eqx.field(static=True)
    row_axis: int = eqx.field(static=True)
    native: bool = eqx.field(static=True, default=False)

    def native_arguments(self) -> tuple[tuple[Array, Array], dict[str, int]]:
        """The table and its sizes as compiled kernels take them."""
        sizes = dict(zip(("nx", "ny", "nz"), self.shape, strict=True))
        periodic = sum(1 << axis for axis in range(3) if self.periodic[axis])
        ids = {"count": self.count, "empty": self.count + self.band_count, "row_axis": self.row_axis}
        return (self.tile_of, self.blocks), {**sizes, **ids, "periodic": periodic}

    def find(self, positions: Array) -> Array:
        """Ids (...) of integer lattice positions (..., 3); periodic axes wrap, positions outside of the box have the empty id."""
        inside = jnp.ones(positions.shape[:-1], bool)
        wrapped = []
        for axis in range(3):
            k = positions[..., axis]
            size = self.shape[axis]
            if self.periodic[axis]:
                wrapped.append(jnp.mod(k, size) + 1)
            else:
                inside = inside & (k >= -1) & (k <= size)
                wrapped.append(jnp.clip(k, -1, size) + 1)
        x, y, z = wrapped
        tile = self.tile_of[x // TILE, y // TILE, z // TILE]
        local = ((x % TILE) * TILE + y % TILE) * TILE + z % TILE
        ids = self.blocks[tile, local]
        return jnp.where(inside, ids, self.count + self.band_count)


def make_layout(
    nodes: NDArray[np.integer],
    distance: NDArray[np.floating],
    band: NDArray[np.integer],
    band_distance: NDArray[np.floating],
    box: tuple[tuple[int, int, int], tuple[bool, bool, bool]],
    native: bool = False,
) -> NodeLayout:
    """Build the table on the host.

    nodes (N, 3) with wall distance (N,) > 0 and band (S, 3) with band_distance (S,), negative behind an opening,
    where no wall is; both in node spacings; box is (shape, periodic). Band positions may lie one node outside of the
    box.
    """
    shape, periodic = box
    fold = np.array([s if p else 1 << 30 for s, p in zip(shape, periodic, strict=True)])
    inside_band = np.where(np.array(periodic), np.mod(band, fold), band)
    coarse = tuple(-(-(s + 2) // TILE) for s in shape)
    everyone = np.concatenate([nodes, inside_band]).astype(np.int64) + 1
    tile_key = np.ravel_multi_index(tuple((everyone // TILE).T), coarse)
    tiles, tile_number = np.unique(tile_key, return_inverse=True)
    empty = len(nodes) + len(band)
    blocks = np.full((len(tiles) + 1, TILE**3), empty, np.int32)
    local = np.ravel_multi_index(tuple((everyone % TILE).T), (TILE, TILE, TILE))
    # Fluid nodes last, so that a periodic image of the band never hides one.
    order = np.concatenate([np.arange(len(nodes), empty), np.arange(len(nodes))])
    blocks[tile_number.ravel()[order] + 1, local[order]] = order
    tile_of = np.zeros(coarse, np.int32)
    tile_of.ravel()[tiles] = np.arange(1, len(tiles) + 1)
    far = -float(np.max(np.abs(band_distance), initial=1.0)) - 1.0
    wall = np.concatenate([distance, -np.asarray(band_distance), [far]])
    return NodeLayout(
        jnp.asarray(tile_of), jnp.asarray(blocks), jnp.asarray(nodes, jnp.int32), jnp.asarray(wall, jnp.result_type(float)),
        shape, periodic, len(nodes), len(band), _row_axis(nodes), native,
    )  # fmt: skip


def _row_axis(nodes: NDArray[np.integer]) -> int:
    """The axis by which nodes are sorted last, after the two that follow it in cyclic order; -1 where they are in no such order."""
    for axis in (2, 1, 0):
        rows = nodes[:, [(axis + 1) % 3, (axis + 2) % 3, axis]].astype(np.int64)
        later = np.sign(np.diff(rows, axis=0))
        first = np.where(later[:, 0] != 0, later[:, 0], np.where(later[:, 1] != 0, later[:, 1], later[:, 2]))
        if len(nodes) > 1 and np.all(first > 0):
            return axis
    return -1
