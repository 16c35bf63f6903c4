"""A vessel network: nodes in space joined by segments with radii, and what is known of its flow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError

Array = NDArray[np.float64]

LISTED = 20
"""How many ids one line of an error names before it only counts the rest."""


@dataclass(frozen=True)
class BoundaryCondition:
    """What is imposed at a node: a `pressure` in Pa or a `flow` in m^3/s, positive into the network; `hematocrit` of
    what enters.
    """

    node: str
    kind: Literal["pressure", "flow"]
    value: float
    hematocrit: float | None = None


@dataclass(frozen=True)
class Network:
    """Segments between nodes, everything in SI units; n nodes, m segments.

    `node_names` and `edge_names` are the ids of the file. `positions` (n, 3) m, or None for a network known only by its
    links. `edges` (m, 2) are indices into the nodes. `radii` (m, 2) m, at either end: a segment is a truncated cone.
    `lengths` (m,) m along the segment, NaN where unknown. `flows` (m,) m^3/s from the first to the second node and
    `hematocrit` (m,) as stored in the file, or None. `boundary`: what the file imposes. `levels`: pressures at terminal
    nodes in no known unit, of which only the proportions count. `notes`: what the reader assumed, skipped or repaired.
    """

    node_names: tuple[str, ...]
    positions: Array | None
    edge_names: tuple[str, ...]
    edges: NDArray[np.int64]
    radii: Array
    lengths: Array
    flows: Array | None = None
    hematocrit: Array | None = None
    boundary: tuple[BoundaryCondition, ...] = ()
    levels: tuple[BoundaryCondition, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""

    def with_lengths(self, lengths: float | Sequence[float]) -> Network:
        """The same network with other segment lengths (m), one for all or (m,), for files without coordinates."""
        values = np.broadcast_to(np.asarray(lengths, float), (len(self.edges),)).copy()
        bad = [self.edge_names[i] for i in np.flatnonzero(~(np.isfinite(values) & (values > 0)))]
        if bad:
            raise InputError(f"{self.source}: a length must be above zero: segments {listed(bad)}")
        return replace(self, lengths=values)

    def degrees(self) -> NDArray[np.int64]:
        """How many segments meet at each node (n,)."""
        return np.bincount(self.edges.ravel(), minlength=len(self.node_names)).astype(np.int64)

    def terminals(self) -> NDArray[np.int64]:
        """Indices of the nodes where exactly one segment ends."""
        return np.flatnonzero(self.degrees() == 1)

    def node_index(self, name: str) -> int:
        """Index of a node by its id. Raises InputError where there is none of that name."""
        try:
            return self.node_names.index(name)
        except ValueError:
            raise InputError(
                f"{self.source}: no node '{name}' in this network of {len(self.node_names)} nodes"
            ) from None

    def components(self) -> list[NDArray[np.int64]]:
        """The connected parts with at least one segment, as node indices, the part with most segments first."""
        labels = connected_labels(len(self.node_names), self.edges)
        per_label = np.bincount(labels[self.edges[:, 0]], minlength=labels.max(initial=0) + 1)
        order = np.argsort(-per_label, kind="stable")
        return [np.flatnonzero(labels == k) for k in order if per_label[k] > 0]


def connected_labels(nodes: int, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Label (nodes,) of the connected part each node belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def listed(names: Iterable[object]) -> str:
    """Ids in one readable line: '4, 7, 9 and 120 more'."""
    every = [str(n) for n in names]
    more = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + more
