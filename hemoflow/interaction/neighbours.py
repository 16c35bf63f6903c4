"""Which face of another cell is nearest to a vertex: a grid of bins with a fixed number of slots, whose overflow is counted.

Every face that may meet another cell is entered into the bins that its bounding box, widened by the range, touches; a
vertex looks into its own bin alone. Bins are entries of a hash table, so that memory follows the membranes and not the
vessel. Two numbers are fixed when a model is built, the slots of a bin and its edge: a face wider than a bin or a bin with more faces
than slots would be missed, so every search says how many slots and how wide a bin it would have needed (`Need`).
What runs the search must compare and, where they were exceeded, discard the result, enlarge the search and repeat.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow.native.calls import call, new

PAD = 0.02
"""Node spacings by which bounding boxes are widened beyond the range: more than float32 rounds at 1e5 nodes."""

ROOM, SLACK = 1.5, 1.25
"""Slots and edge that a search is given over what it needed, so that it does not have to grow again at once."""

PRIMES = (73856093, 19349663, 83492791)


class Search(eqx.Module):
    """Capacities and the box: `bins` a power of two, `slots` faces in each, `edge` of a bin in node spacings; `shape` of the lattice in
    nodes and its periodic axes."""

    bins: int = eqx.field(static=True)
    slots: int = eqx.field(static=True)
    edge: float = eqx.field(static=True)
    shape: tuple[int, int, int] = eqx.field(static=True)
    periodic: tuple[bool, bool, bool] = eqx.field(static=True)

    @property
    def along(self) -> tuple[int, ...]:
        """Bins along each periodic axis; 0 along the others, where there is no end to them."""
        return tuple(max(1, int(n / self.edge)) if p else 0 for n, p in zip(self.shape, self.periodic, strict=True))

    @property
    def edges(self) -> tuple[float, ...]:
        """Edge of a bin along each axis: a whole number of bins fills a period."""
        return tuple(n / k if k else self.edge for n, k in zip(self.shape, self.along, strict=True))

    def grown(self, fullest: int, widest: float) -> Search:
        """A search that holds what this one could not."""
        slots = self.slots if fullest <= self.slots else int(ROOM * fullest) + 1
        edge = self.edge if widest <= self.edge else float(np.float32(SLACK * widest))
        return dataclasses.replace(self, slots=slots, edge=edge)


class Surfaces(eqx.Module):
    """All membranes as one: `faces` (F, 3) of P vertices, and the cell that every vertex (P,) and every face (F,) belongs to."""

    faces: Array
    owner: Array
    face_owner: Array


class Spots(eqx.Module):
    """Where the vertices are: `base` (P, 3) int32 plus `part` (P, 3) from 0 to 1, so that float32 keeps small gaps anywhere; and which
    of the N cells are there, `alive` (N,)."""

    base: Array
    part: Array
    alive: Array


class Nearest(eqx.Module):
    """For every vertex the nearest `face` (P,) of another living cell within the range, -1 where there is none; the `weights` (P, 3) of its
    corners at the nearest point; the `gap` (P,), negative inside, infinite without a face; and the unit `normal` (P, 3) away from it."""

    face: Array
    weights: Array
    gap: Array
    normal: Array


class Need(eqx.Module):
    """What a search would have needed: slots in the `fullest` bin, and an edge of the `widest` face with the range around it."""

    fullest: Array
    widest: Array


def nothing_needed() -> Need:
    """That of no search."""
    return Need(np.int32(0), np.float32(0.0))  # type: ignore[arg-type]


def larger(one: Need, other: Need) -> Need:
    """What both needed."""
    widest = jnp.maximum(jnp.float32(one.widest), jnp.float32(other.widest))
    return Need(jnp.maximum(one.fullest, other.fullest), widest)


def make_search(
    faces: int, widest: float, area: float, box: tuple[tuple[int, int, int], tuple[bool, bool, bool]]
) -> Search:
    """A search for so many faces of a mean `area`, the widest of which is `widest` with the range around it, in a box (shape, periodic).

    There is room for two flat membranes that pass through a bin, and half as many faces again.
    """
    edge = float(np.float32(SLACK * widest))
    slots = int(ROOM * 2.0 * (edge + widest) ** 2 / area) + 1
    bins = 1 << max(4, int(np.ceil(np.log2(max(1, faces // 4)))))
    return Search(bins, slots, edge, *box)


def find_nearest(search: Search, surfaces: Surfaces, spots: Spots, reach: Array) -> tuple[Nearest, Need]:
    """The nearest face of every vertex within `reach` node spacings. The search has no derivative, the geometry it returns does."""
    still = jax.lax.stop_gradient(spots)
    position = _unwrapped(search, surfaces, still)
    low, high = _meeting_boxes(search, surfaces, position, still.alive, reach)
    table, need = _fill(search, surfaces, position, (low, high), reach)
    own = jnp.all((position >= low[surfaces.owner]) & (position <= high[surfaces.owner]), axis=1)
    found = table[_key(search, _bin(search, position))]
    candidates = jnp.where(own[:, None], found, -1)
    return _closest(search, surfaces, spots, _best(search, surfaces, still, candidates), reach), need


def native_nearest_arguments(
    search: Search, surfaces: Surfaces, spots: Spots, reach: Array
) -> tuple[tuple[Array, ...], dict[str, int]]:
    """What a compiled kernel that searches is given first, and its sizes."""
    real = spots.part.dtype
    limits = jnp.stack([jnp.asarray(reach, real), jnp.asarray(search.edge, real)])
    sizes = dict(zip(("nx", "ny", "nz"), search.shape, strict=True))
    periodic = sum(1 << axis for axis in range(3) if search.periodic[axis])
    arguments = (
        spots.part, spots.base, surfaces.faces, surfaces.owner, surfaces.face_owner, spots.alive, limits
    )  # fmt: skip
    return arguments, {**sizes, "periodic": periodic, "bins": search.bins, "slots": search.slots}


def nearest_native(search: Search, surfaces: Surfaces, spots: Spots, reach: Array) -> tuple[Array, Need]:
    """Gaps (P,) alone, from the compiled search."""
    arguments, sizes = native_nearest_arguments(search, surfaces, spots, reach)
    count, real = spots.part.shape[0], spots.part.dtype
    none = jnp.zeros(count, real)
    out = (new((count, 3), real), new((count,), real), new((2,), real))
    _, gap, need = call("contact", out, (*arguments, none, jnp.zeros(1, real)), **sizes)
    return gap, Need(need[0].astype(jnp.int32), need[1])


def _unwrapped(search: Search, surfaces: Surfaces, spots: Spots) -> Array:
    """Positions (P, 3), every cell moved by whole periods so that its lowest vertex lies in the first one."""
    position = spots.base.astype(spots.part.dtype) + spots.part
    lowest = jax.ops.segment_min(position, surfaces.owner, spots.alive.shape[0])
    period = jnp.asarray(search.shape, jnp.int32)
    turns = jnp.floor(lowest / period.astype(lowest.dtype)).astype(jnp.int32)
    shift = jnp.where(jnp.asarray(search.periodic), turns * period, 0)
    return (spots.base - shift[surfaces.owner]).astype(position.dtype) + spots.part


def _meeting_boxes(
    search: Search, surfaces: Surfaces, position: Array, alive: Array, reach: Array
) -> tuple[Array, Array]:
    """Box (N, 3) twice around all places of a cell that can be within the range of another; inside out where there are none."""
    wide = reach + PAD
    low = jax.ops.segment_min(position, surfaces.owner, alive.shape[0]) - wide
    high = jax.ops.segment_max(position, surfaces.owner, alive.shape[0]) + wide
    far = jnp.asarray(1e30, position.dtype)
    pair_low, pair_high = jnp.full((*alive.shape, *low.shape), far), jnp.full((*alive.shape, *low.shape), -far)
    meet = alive[:, None] & alive[None] & ~jnp.eye(alive.shape[0], dtype=bool)
    for turn in (-1, 0, 1):
        shift = turn * jnp.where(jnp.asarray(search.periodic), jnp.asarray(search.shape), 0).astype(low.dtype)
        from_, to = jnp.maximum(low[:, None], low[None] + shift), jnp.minimum(high[:, None], high[None] + shift)
        pair_low = jnp.where(from_ <= to, jnp.minimum(pair_low, from_), pair_low)
        pair_high = jnp.where(from_ <= to, jnp.maximum(pair_high, to), pair_high)
    meet = (meet & jnp.all(pair_low <= pair_high, axis=-1))[..., None]
    return jnp.min(jnp.where(meet, pair_low, far), axis=1), jnp.max(jnp.where(meet, pair_high, -far), axis=1)


def _fill(
    search: Search, surfaces: Surfaces, position: Array, boxes: tuple[Array, Array], reach: Array
) -> tuple[Array, Need]:
    """The table (bins, slots) of faces, -1 where a slot is free, and what it would have needed."""
    corner = position[surfaces.faces]
    low, high = jnp.min(corner, axis=1) - (reach + PAD), jnp.max(corner, axis=1) + (reach + PAD)
    own = [box[surfaces.face_owner] for box in boxes]
    used = jnp.all((low <= own[1]) & (high >= own[0]), axis=1)
    widest = jnp.max(jnp.where(used[:, None], high - low, 0.0))
    first, last = _bin(search, low), _bin(search, high)
    keys = []
    for step in np.ndindex(2, 2, 2):
        second = jnp.asarray(step, bool)
        at = jnp.where(second, last, first)
        fresh = jnp.all(~second | (last != first), axis=1)
        keys.append(jnp.where(used & fresh, _key(search, at), search.bins))
    key = jnp.stack(keys, axis=1).reshape(-1)
    order = jnp.argsort(key, stable=True)
    row = key[order]
    place = jnp.arange(row.shape[0]) - jnp.searchsorted(row, row, side="left")
    real = row < search.bins
    fullest = jnp.max(jnp.where(real, place + 1, 0))
    column = jnp.where(real & (place < search.slots), place, search.slots)
    table = jnp.full((search.bins, search.slots), -1, jnp.int32)
    table = table.at[row, column].set((order // 8).astype(jnp.int32), mode="drop")
    return table, Need(fullest.astype(jnp.int32), widest)


def _bin(search: Search, position: Array) -> Array:
    """Bin (..., 3) of a position."""
    at = jnp.floor(position / jnp.asarray(search.edges, position.dtype)).astype(jnp.int32)
    along = jnp.asarray(search.along, jnp.int32)
    return jnp.where(along > 0, jnp.mod(at, jnp.maximum(along, 1)), at)


def _key(search: Search, at: Array) -> Array:
    """Row of the table that a bin (..., 3) shares with others."""
    mixed = at.astype(jnp.uint32) * jnp.asarray(PRIMES, jnp.uint32)
    return ((mixed[..., 0] ^ mixed[..., 1] ^ mixed[..., 2]) & jnp.uint32(search.bins - 1)).astype(jnp.int32)


def _best(search: Search, surfaces: Surfaces, spots: Spots, candidates: Array) -> Array:
    """The nearest (P,) of the candidates (P, slots) that belong to another cell, -1 where there is none."""

    def look(best: tuple[Array, Array], face: Array) -> tuple[tuple[Array, Array], None]:
        other = (face >= 0) & (surfaces.face_owner[face] != surfaces.owner)
        point = _point(search, surfaces, spots, face)[1]
        square = jnp.where(other, jnp.sum(point * point, axis=1), jnp.inf)
        nearer = square < best[0]
        return (jnp.where(nearer, square, best[0]), jnp.where(nearer, face, best[1])), None

    count = candidates.shape[0]
    start = (jnp.full(count, jnp.inf, spots.part.dtype), jnp.full(count, -1, jnp.int32))
    return jax.lax.scan(look, start, candidates.T)[0][1]


def _point(search: Search, surfaces: Surfaces, spots: Spots, face: Array) -> tuple[Array, Array, Array]:
    """Weights (P, 3) of the corners, offset (P, 3) from every vertex to the nearest point of its face, and the face's normal, not of unit
    length."""
    corner = surfaces.faces[jnp.maximum(face, 0)]
    between = spots.base[corner] - spots.base[:, None]
    period = jnp.asarray(search.shape, jnp.int32)
    turns = jnp.floor_divide(2 * between[:, :1] + period, 2 * period)
    between = between - jnp.where(jnp.asarray(search.periodic), turns * period, 0)
    # a face's corners go together: all by the turns of the first
    at = between.astype(spots.part.dtype) + (spots.part[corner] - spots.part[:, None])
    return point_of_triangle(at[:, 0], at[:, 1], at[:, 2])


def point_of_triangle(a: Array, b: Array, c: Array) -> tuple[Array, Array, Array]:
    """Weights (P, 3) of the corners (P, 3) at the point of a triangle nearest to the origin, that point, and the triangle's normal, not of
    unit length."""
    weights = _weights(a, b, c)
    point = weights[:, :1] * a + weights[:, 1:2] * b + weights[:, 2:] * c
    return weights, point, jnp.cross(b - a, c - a)


def _weights(a: Array, b: Array, c: Array) -> Array:
    """Barycentric weights (P, 3) of the point of a triangle that is nearest to the origin; Ericson 2005, section 5.1.5."""
    ab, ac = b - a, c - a
    d1, d2, d3, d4, d5, d6 = (-jnp.sum(s * p, axis=1) for p in (a, b, c) for s in (ab, ac))
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2

    def share(top: Array, bottom: Array) -> Array:
        return top / jnp.where(bottom != 0.0, bottom, 1.0)

    zero, one = jnp.zeros_like(d1), jnp.ones_like(d1)
    on_ab, on_ac = share(d1, d1 - d3), share(d2, d2 - d6)
    on_bc, total = share(d4 - d3, (d4 - d3) + (d5 - d6)), va + vb + vc
    v, w = share(vb, total), share(vc, total)
    cases = (
        ((d1 <= 0) & (d2 <= 0), (one, zero, zero)),
        ((d3 >= 0) & (d4 <= d3), (zero, one, zero)),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), (1 - on_ab, on_ab, zero)),
        ((d6 >= 0) & (d5 <= d6), (zero, zero, one)),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), (1 - on_ac, zero, on_ac)),
        ((va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0), (zero, 1 - on_bc, on_bc)),
    )
    found = jnp.stack([1 - v - w, v, w], axis=1)
    for true, weights in reversed(cases):
        found = jnp.where(true[:, None], jnp.stack(weights, axis=1), found)
    return found


def _closest(search: Search, surfaces: Surfaces, spots: Spots, face: Array, reach: Array) -> Nearest:
    """Gap and normal at the nearest face.

    A vertex is inside where it is behind that face: right for membranes whose neighbouring faces meet at more than a right angle.
    """
    weights, point, across = _point(search, surfaces, spots, face)
    square = jnp.sum(point * point, axis=1)
    # over a face's own area its normal is the direction: that of a short way to an edge or a corner has few digits
    beside = (square > 1e-12) & (jnp.min(weights, axis=1) <= 0.0)
    length = jnp.sqrt(jnp.maximum(jnp.sum(across * across, axis=1), 1e-30))
    distance = jnp.sqrt(jnp.where(beside, square, 1.0))
    side = jnp.where(jnp.sum(point * across, axis=1) <= 0.0, 1.0, -1.0).astype(distance.dtype)
    normal = jnp.where(beside[:, None], -(side / distance)[:, None] * point, across / length[:, None])
    gap = -jnp.sum(point * normal, axis=1)
    near = (face >= 0) & (jnp.abs(gap) < reach)
    return Nearest(
        jnp.where(near, face, -1), weights, jnp.where(near, gap, jnp.inf), jnp.where(near[:, None], normal, 0.0)
    )
