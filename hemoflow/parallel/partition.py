"""Which device holds which nodes: slabs of equal numbers of nodes along the longest axis of the lumen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hemoflow.errors import InputError
from hemoflow.fluid.boundary import Links

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """`owner` (N,) device of every node, `local` (N,) its index there in the order of ids, `counts` (D,) nodes of every device."""

    owner: Integers
    local: Integers
    counts: Integers

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.counts)

    @property
    def bounds(self) -> Integers:
        """First id and the one after the last (D, 2) of every device, where ids are given device by device."""
        ends = np.cumsum(self.counts)
        return np.stack([ends - self.counts, ends], axis=1)

    @property
    def order(self) -> Integers:
        """Nodes (N,) in the order of those ids."""
        return np.argsort(self.owner, kind="stable")

    def split(self, field: NDArray[Any], size: int) -> Any:
        """A node field (..., N) as (D, ..., size), zero where a device holds fewer nodes."""
        out = np.zeros((self.devices, size, *field.shape[:-1]), field.dtype)
        out[self.owner, self.local] = np.moveaxis(field, -1, 0)
        return np.moveaxis(out, 1, -1)

    def whole(self, parts: NDArray[Any]) -> Any:
        """The node field (..., N) of (D, ..., size)."""
        return np.moveaxis(np.moveaxis(parts, -1, 1)[self.owner, self.local], 0, -1)


def slabs(nodes: NDArray[np.integer], links: Links, devices: int) -> Partition:
    """Slabs of `nodes` (N, 3), whose numbers differ by one at most, except that no pressure opening is cut: its nodes and those before
    them stay together, so that its mean slope needs no exchange.

    Raises InputError where there are more devices than slabs.
    """
    axis = int(np.argmax(np.ptp(nodes, axis=0)))
    group = _together(links, len(nodes))
    place = np.bincount(group, nodes[:, axis]) / np.bincount(group)
    order = np.lexsort((group, place[group]))
    ends = np.flatnonzero(np.diff(group[order], append=-1)) + 1  # where a cut may be
    wanted = np.arange(1, devices) * len(nodes) / devices
    at = ends[np.clip(np.searchsorted(ends, wanted), 0, len(ends) - 1)]
    before = ends[np.clip(np.searchsorted(ends, wanted) - 1, 0, len(ends) - 1)]
    cuts = np.where(np.abs(before - wanted) < np.abs(at - wanted), before, at)
    counts = np.diff(np.concatenate([[0], cuts, [len(nodes)]]))
    if counts.min() <= 0:
        raise InputError(
            f"--devices {devices}: the {len(nodes)} fluid nodes of this lumen cannot be cut into so many slabs without cutting an "
            "opening; take fewer devices"
        )
    owner = np.empty(len(nodes), np.int64)
    owner[order] = np.repeat(np.arange(devices), counts)
    local = np.empty(len(nodes), np.int64)
    local[np.argsort(owner, kind="stable")] = np.concatenate([np.arange(count) for count in counts])
    return Partition(owner, local, counts)


def _together(links: Links, count: int) -> Integers:
    """A number (N,) that nodes share which must stay on one device."""
    node, before = (np.asarray(a, np.int64) for a in (links.node, links.upstream))
    opening = np.asarray(links.opening, np.int64)[links.count - links.pressure_count :]
    first = np.zeros(links.openings, np.int64)
    first[opening] = node
    ends = np.concatenate([node, node]), np.concatenate([before, first[opening]])
    graph = coo_array((np.ones(len(ends[0]), bool), ends), (count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)
