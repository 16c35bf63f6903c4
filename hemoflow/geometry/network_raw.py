"""What a reader of network files found, and the checks that turn it into a Network: one door for every format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_record import BoundaryCondition, Network, listed

Array = NDArray[np.float64]


@dataclass
class RawNetwork:
    """What a reader found in a file, unchecked; `assemble` turns it into a Network.

    Lengths are in the file's own `unit` (None where the file does not say); flows, pressures and conditions are in SI
    already. `problems` are defects the reader met and read past, so that all are reported together.
    """

    node_names: list[str] = field(default_factory=list)
    positions: list[tuple[float, float, float]] | None = field(default_factory=list)
    edge_names: list[str] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)
    radii: list[tuple[float, float]] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    flows: list[float] = field(default_factory=list)
    hematocrit: list[float] = field(default_factory=list)
    boundary: list[BoundaryCondition] = field(default_factory=list)
    levels: list[BoundaryCondition] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unit: str | None = None


def assemble(raw: RawNetwork, source: str, scale: float, min_radius: float | None = None) -> Network:
    """Check what a reader found and return it as a Network; flows and conditions of `raw` are in SI already.

    `scale` m per unit of the file. `min_radius` m: radii below it, zero included, are raised to it (negative ones stay
    errors). Raises one InputError that lists every defect with the ids of the segments or nodes concerned.
    """
    problems = [*raw.problems, *_node_problems(raw), *_segment_problems(raw)]
    radii = np.asarray(raw.radii, float).reshape(-1, 2) * scale
    notes = list(raw.notes)
    if min_radius is not None:
        low = (radii < min_radius) & (radii >= 0)
        if low.any():
            notes.append(
                f"{int(low.sum())} segment ends thinner than {min_radius * 1e6:.4g} um were widened to that radius"
            )
        radii = np.where(low, min_radius, radii)
    problems += _radius_problems(raw, radii)
    if problems:
        count = "a defect" if len(problems) == 1 else f"{len(problems)} defects"
        raise InputError(f"{source}: this network has {count}\n" + "\n".join(f"  - {p}" for p in problems))
    index = {name: i for i, name in enumerate(raw.node_names)}
    edges = np.array([(index[a], index[b]) for a, b in raw.ends], np.int64)
    positions = None if raw.positions is None else np.asarray(raw.positions, float).reshape(-1, 3) * scale
    lengths, distance_notes = _lengths(raw, edges, positions, scale)
    network = Network(
        tuple(raw.node_names), positions, tuple(raw.edge_names), edges, radii, lengths, _optional(raw.flows),
        _optional(raw.hematocrit), tuple(raw.boundary), tuple(raw.levels), (*notes, *distance_notes), source,
    )  # fmt: skip
    return replace(network, notes=(*network.notes, *_part_notes(network)))


def _optional(values: list[float]) -> Array | None:
    found = np.asarray(values, float)
    return found if found.size and np.isfinite(found).any() else None


def _node_problems(raw: RawNetwork) -> list[str]:
    problems = []
    twice = [n for n, count in Counter(raw.node_names).items() if count > 1]
    if twice:
        problems.append(f"node ids used more than once: {listed(twice)}")
    if raw.positions is not None and raw.positions:
        finite = np.isfinite(np.asarray(raw.positions, float)).all(axis=1)
        if not finite.all():
            problems.append(
                f"coordinates that are not finite: nodes {listed(raw.node_names[i] for i in np.flatnonzero(~finite))}"
            )
    known = set(raw.node_names)
    lost = [c.node for c in raw.boundary if c.node not in known]
    if lost:
        problems.append(f"boundary conditions at nodes that do not exist: {listed(lost)}")
    twice = [n for n, count in Counter(c.node for c in raw.boundary).items() if count > 1]
    if twice:
        problems.append(f"more than one boundary condition at nodes {listed(twice)}")
    wrong = [c.node for c in raw.boundary if not np.isfinite(c.value)]
    if wrong:
        problems.append(f"boundary values that are not finite: nodes {listed(wrong)}")
    wrong = [c.node for c in raw.boundary if c.hematocrit is not None and not 0 <= c.hematocrit < 1]
    if wrong:
        problems.append(f"hematocrit outside of 0 to below 1 at boundary nodes {listed(wrong)}")
    return problems


def _segment_problems(raw: RawNetwork) -> list[str]:
    if not raw.ends:
        return [] if raw.problems else ["no segments"]
    problems = []
    twice = [n for n, count in Counter(raw.edge_names).items() if count > 1]
    if twice:
        problems.append(f"segment ids used more than once: {listed(twice)}")
    place: dict[str, object] = dict.fromkeys(raw.node_names)
    if raw.positions is not None:
        place.update(zip(raw.node_names, raw.positions, strict=True))
    missing, loops, flat = [], [], []
    for name, (a, b) in zip(raw.edge_names, raw.ends, strict=True):
        gone = [n for n in (a, b) if n not in place]
        if gone:
            missing.append(f"{name} (node {' and '.join(gone)})")
        elif a == b:
            loops.append(name)
        elif raw.positions is not None and place[a] == place[b]:
            flat.append(name)
    if missing:
        problems.append(f"ends at a node that does not exist: segments {listed(missing)}")
    if loops:
        problems.append(f"begins and ends at the same node: segments {listed(loops)}")
    if flat:
        problems.append(f"zero length, both ends at the same place: segments {listed(flat)}")
    for what, values, low, high in (
        ("hematocrit", raw.hematocrit, 0.0, 1.0),
        ("stored length", raw.lengths, 5e-324, np.inf),
    ):
        bad = [n for n, v in zip(raw.edge_names, values, strict=False) if not np.isnan(v) and not low <= v < high]
        if bad:
            problems.append(
                f"{what} outside of its range ({'0 to below 1' if high == 1 else 'above 0'}): segments {listed(bad)}"
            )
    bad = [n for n, v in zip(raw.edge_names, raw.flows, strict=False) if np.isinf(v)]
    return [*problems, f"flow that is not finite: segments {listed(bad)}"] if bad else problems


def _radius_problems(raw: RawNetwork, radii: Array) -> list[str]:
    zero = np.flatnonzero((radii == 0).any(axis=1))
    wrong = np.flatnonzero((~np.isfinite(radii) | (radii < 0)).any(axis=1))
    problems = []
    if wrong.size:
        problems.append(f"diameter negative or not a number: segments {listed(raw.edge_names[i] for i in wrong)}")
    if zero.size:
        nodes = dict.fromkeys(raw.ends[i][k] for i in zero for k in (0, 1) if radii[i, k] == 0)
        problems.append(
            f"diameter zero: segments {listed(raw.edge_names[i] for i in zero)} (at nodes {listed(nodes)}); correct "
            "them in the file, or widen them with the option min_radius of read_network"
        )
    return problems


def _lengths(
    raw: RawNetwork, edges: NDArray[np.int64], positions: Array | None, scale: float
) -> tuple[Array, list[str]]:
    """Segment lengths in m: the stored ones unless shorter than the straight line, which no vessel can be."""
    stored = np.asarray(raw.lengths if raw.lengths else np.full(len(edges), np.nan), float) * scale
    if positions is None:
        return stored, []
    straight = np.linalg.norm(positions[edges[:, 1]] - positions[edges[:, 0]], axis=1)
    short = stored < straight * (1 - 1e-3)
    notes = []
    if short.any():
        ratio = stored[short] / straight[short]
        notes.append(
            f"stored length inconsistent, shorter than the distance between the ends in {int(short.sum())} of "
            f"{len(edges)} segments (ratio {ratio.min():.3g} to {ratio.max():.3g}); the distance is used: segments "
            f"{listed(raw.edge_names[i] for i in np.flatnonzero(short))}"
        )
    return np.where(np.isnan(stored) | short, straight, stored), notes


def _part_notes(network: Network) -> list[str]:
    parts = network.components()
    notes = []
    if len(parts) > 1:
        label = np.empty(len(network.node_names), np.int64)
        for k, part in enumerate(parts):
            label[part] = k
        counts = np.bincount(label[network.edges[:, 0]], minlength=len(parts))
        sizes = ", ".join(
            f"{c} segments with node {network.node_names[p[0]]}" for c, p in zip(counts[:6], parts[:6], strict=True)
        )
        notes.append(f"{len(parts)} parts that are not connected: {sizes}{' ...' if len(parts) > 6 else ''}")
    lonely = np.flatnonzero(network.degrees() == 0)
    if lonely.size:
        notes.append(f"nodes without any segment: {listed(network.node_names[i] for i in lonely)}")
    return notes
