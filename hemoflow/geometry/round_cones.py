"""Many truncated cones with round or open ends at once: the exact distance to each, and which of them matter where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

STEEPEST = 0.95
"""Where the radius changes by more than this share of the length, the smaller end sphere is taken as swallowed."""

PAIRS = 1 << 20
"""Pairs of a point and a cone worked on together, so that memory stays bounded."""


@dataclass(frozen=True)
class Cut:
    """A plane that ends a cone near an opening: what lies beyond it within `reach` of `centre` is no lumen."""

    cone: int
    centre: Array
    normal: Array
    radius: float
    reach: float


class RoundCones:
    """The hulls of two spheres each: `start`, `end` (m, 3), `radii` (m, 2), all in one unit of length.

    An end marked in `open_ends` (m, 2) is cut flat by the plane through it, normal to the axis; the cone goes straight on
    to that plane, where its radius is `end_radii`. The distance to an open cone counts its side only, not the flat cap.
    """

    def __init__(
        self, start: Array, end: Array, radii: Array, open_ends: NDArray[np.bool_], cuts: tuple[Cut, ...] = ()
    ):
        start, end, radii = (np.array(a, float) for a in (start, end, radii))
        length = np.linalg.norm(end - start, axis=1)
        swallowed = np.abs(radii[:, 0] - radii[:, 1]) > STEEPEST * length
        _straighten(start, end, radii, open_ends, swallowed)
        length = np.linalg.norm(end - start, axis=1)
        self.start, self.radii, self.open_ends, self.cuts = start, radii, np.asarray(open_ends, bool), cuts
        self.length = length
        self.axis = (
            np.where(length[:, None] > 0, end - start, [1.0, 0.0, 0.0]) / np.where(length > 0, length, 1.0)[:, None]
        )
        self.sine = np.where(length > 0, (radii[:, 0] - radii[:, 1]) / np.where(length > 0, length, 1.0), 0.0)
        self.cosine = np.sqrt(1.0 - self.sine**2)
        self.end_radii = np.where(self.open_ends, radii / self.cosine[:, None], radii)
        slide = radii * (self.sine / self.cosine)[:, None] * self.open_ends
        self.first = -slide[:, 0]
        self.last = length * self.cosine - slide[:, 1]
        largest = radii.max(axis=1)
        any_open = self.open_ends.any(axis=1)
        self.slack = np.where(any_open, largest * np.abs(self.sine) / self.cosine, 0.0)
        self.excess = np.where(any_open, 2.5 * self.end_radii.max(axis=1), 0.0)
        for cut in cuts:
            self.excess[cut.cone] += cut.reach + 2.5 * largest[cut.cone]

    @property
    def count(self) -> int:
        return len(self.length)

    @property
    def end(self) -> Array:
        return self.start + self.length[:, None] * self.axis

    def bounds(self) -> Array:
        """Lowest and highest corner of the union (2, 3); an open end reaches as far as its disc."""
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for side, centre in enumerate((self.start, self.end)):
            disc = self.end_radii[:, side, None] * np.sqrt(np.maximum(1.0 - self.axis**2, 0.0))
            reach = np.where(self.open_ends[:, side, None], disc, self.radii[:, side, None])
            low = np.minimum(low, (centre - reach).min(axis=0))
            high = np.maximum(high, (centre + reach).max(axis=0))
        return np.stack([low, high])

    def closed_distance(self, points: Array, cones: Index) -> Array:
        """Exact signed distance (n,) from point k to cone `cones[k]`, every end round: negative inside, 1-Lipschitz."""
        along, across = self._along_across(points, cones)
        sine, cosine = self.sine[cones], self.cosine[cones]
        position = along * cosine - across * sine
        side = along * sine + across * cosine - self.radii[cones, 0]
        first = np.hypot(along, across) - self.radii[cones, 0]
        last = np.hypot(along - self.length[cones], across) - self.radii[cones, 1]
        return np.where(position < 0, first, np.where(position > self.length[cones] * cosine, last, side))

    def distance(self, points: Array, cones: Index) -> Array:
        """Signed distance (n,) from point k to the wall of cone `cones[k]`: caps of open ends are no wall."""
        along, across = self._along_across(points, cones)
        sine, cosine = self.sine[cones], self.cosine[cones]
        position = along * cosine - across * sine
        side = along * sine + across * cosine - self.radii[cones, 0]
        before = np.minimum(position - self.first[cones], 0.0)
        after = np.maximum(position - self.last[cones], 0.0)
        open_first, open_last = self.open_ends[cones, 0], self.open_ends[cones, 1]
        beyond = (open_first & (along <= 0)) | (open_last & (along >= self.length[cones]))
        magnitude = np.hypot(side, before + after)
        found = np.where((side < 0) & ~beyond, -magnitude, magnitude)
        first = np.hypot(along, across) - self.radii[cones, 0]
        last = np.hypot(along - self.length[cones], across) - self.radii[cones, 1]
        found = np.where((before < 0) & ~open_first, _beyond(first, beyond), found)
        found = np.where((after > 0) & ~open_last, _beyond(last, beyond), found)
        return self._apply_cuts(found, points, cones) if self.cuts else found

    def union(self, points: Array) -> Array:
        """Signed distance (n,) from points (n, 3) to the union: exact outside; inside never more than the true depth
        and equal to it wherever the nearest wall belongs to the cone that the point is deepest in.
        """
        found = np.full(len(points), np.inf)
        for chosen, counts, cones in self._candidates(points, covering=False):
            values = self.distance(np.repeat(points[chosen], counts, axis=0), cones)
            found[chosen] = np.minimum.reduceat(values, np.cumsum(counts) - counts)
        return found

    def cover(self, points: Array) -> NDArray[np.int64]:
        """How many of the cones hold each point (n,)."""
        found = np.zeros(len(points), np.int64)
        for chosen, counts, cones in self._candidates(points, covering=True):
            inside = self.distance(np.repeat(points[chosen], counts, axis=0), cones) < 0
            found[chosen] = np.bincount(np.repeat(np.arange(len(chosen)), counts), inside, len(chosen)).astype(int)
        return found

    def _along_across(self, points: Array, cones: Index) -> tuple[Array, Array]:
        relative = points - self.start[cones]
        axis = self.axis[cones]
        along = np.einsum("ij,ij->i", relative, axis)
        return along, np.linalg.norm(relative - along[:, None] * axis, axis=1)

    def _apply_cuts(self, found: Array, points: Array, cones: Index) -> Array:
        for cut in self.cuts:
            at = np.flatnonzero(cones == cut.cone)
            offset = points[at] - cut.centre
            height = offset @ cut.normal
            gone = (height > 0) & (np.einsum("ij,ij->i", offset, offset) < cut.reach**2)
            at, offset, height = at[gone], offset[gone], height[gone]
            radial = np.linalg.norm(offset - height[:, None] * cut.normal, axis=1)
            found[at] = np.maximum(np.hypot(height, cut.radius - radial), 1e-6 * cut.radius)
        return found

    def _candidates(self, points: Array, covering: bool) -> Iterator[tuple[Index, Index, Index]]:
        """Groups of points with, for each, the cones that can be the nearest (or, `covering`, that can hold it):
        indices of points, the number of cones of each, and these cones one after another.
        """
        if not len(points):
            return
        low = points.min(axis=0)
        size = float(np.max(points.max(axis=0) - low)) * (1 + 1e-9) + 1e-300
        depth = int(np.clip(np.ceil(np.log2(size / float(np.median(self.radii)))), 0, 7))
        coordinates = np.minimum(((points - low) * (2**depth / size)).astype(np.int64), 2**depth - 1)
        keys, block = np.unique(_key(coordinates), return_inverse=True)
        starts, counts, cones = self._cones_of_blocks(keys, depth, (low, size), covering)
        order = np.argsort(block, kind="stable")
        order = order[counts[block[order]] > 0]
        total = np.cumsum(counts[block[order]])
        for part in np.split(order, np.searchsorted(total, np.arange(PAIRS, total[-1] if len(total) else 0, PAIRS))):
            if len(part):
                number = counts[block[part]]
                yield part, number, cones[_expand(starts[block[part]], number)]

    def _cones_of_blocks(
        self, keys: Index, depth: int, box: tuple[Array, float], covering: bool
    ) -> tuple[Index, Index, Index]:
        """The cones that matter in each cubic block, from one block for all down through its halves, quarters, ..."""
        low, size = box
        finest = _unkey(keys)
        above = np.zeros(1, np.int64)
        starts, counts, cones = np.zeros(1, np.int64), np.full(1, self.count), np.arange(self.count)
        for level in range(depth + 1):
            here = np.unique(_key(finest >> (depth - level)))
            cells = _unkey(here)
            parent = np.searchsorted(above, _key(cells >> 1)) if level else np.zeros(len(here), np.int64)
            number = counts[parent]
            candidates = cones[_expand(starts[parent], number)]
            side = size / 2**level
            centres = low + side * (cells + 0.5)
            owner = np.repeat(np.arange(len(here)), number)
            keep = self._relevant(centres, owner, candidates, 0.5 * np.sqrt(3) * side, covering)
            counts = np.bincount(owner[keep], minlength=len(here))
            starts, cones, above = np.cumsum(counts) - counts, candidates[keep], here
        return starts, counts, cones

    def _relevant(self, centres: Array, owner: Index, cones: Index, reach: float, covering: bool) -> NDArray[np.bool_]:
        """Which pairs of a block and a cone can matter to a point within `reach` of the block's centre."""
        distance = np.concatenate(
            [
                self.closed_distance(centres[owner[k : k + PAIRS]], cones[k : k + PAIRS])
                for k in range(0, len(cones), PAIRS)
            ]
            or [np.zeros(0)]
        )
        lowest = distance - reach - self.slack[cones]
        if covering:
            return lowest <= 0
        highest = np.full(len(centres), np.inf)
        np.minimum.at(highest, owner, distance + reach + self.excess[cones])
        return lowest <= highest[owner]


def _straighten(
    start: Array, end: Array, radii: Array, open_ends: NDArray[np.bool_], swallowed: NDArray[np.bool_]
) -> None:
    """In place: a cone with one end sphere inside the other becomes that sphere, or where it has an open end a straight
    piece of that end's radius (its neighbour's joint holds the wider part).
    """
    for k in np.flatnonzero(swallowed):
        wide = int(radii[k, 1] > radii[k, 0])
        if open_ends[k].any():
            radii[k] = radii[k, 0] if open_ends[k, 0] else radii[k, 1]
        else:
            start[k] = end[k] = (start[k], end[k])[wide]
            radii[k] = radii[k, wide]


def _beyond(distance: Array, beyond: NDArray[np.bool_]) -> Array:
    return np.where(beyond, np.abs(distance), distance)


def _expand(starts: Index, counts: Index) -> Index:
    """The indices starts[k], starts[k] + 1, ... (counts[k] of them) one after another."""
    total = int(counts.sum())
    return np.arange(total) + np.repeat(starts - (np.cumsum(counts) - counts), counts)


def _key(cells: Index) -> Index:
    return (cells[:, 0] << 40) | (cells[:, 1] << 20) | cells[:, 2]


def _unkey(keys: Index) -> Index:
    return np.stack([keys >> 40, (keys >> 20) & 0xFFFFF, keys & 0xFFFFF], axis=1)
