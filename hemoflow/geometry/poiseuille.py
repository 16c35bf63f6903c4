"""Flow in a network by Hagen-Poiseuille: pressure at every node, flow in every segment, mass kept at every node.

    Q = G (p_1 - p_2),   G = pi / (8 mu int ds / r(s)^4) = 3 pi r_1^3 r_2^3 / (8 mu L (r_1^2 + r_1 r_2 + r_2^2))

for a truncated cone of length L and end radii r_1, r_2 (a tube where they are equal, G = pi r^4 / (8 mu L)). Source:
lubrication limit of the Stokes equations, Sutera and Skalak, Annu Rev Fluid Mech 25:1 (1993). Junctions cost nothing
here; in three dimensions they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError, RunError
from hemoflow.geometry.network_record import BoundaryCondition, Network, connected_labels, listed

Array = NDArray[np.float64]

CONSERVED = 1e-9
"""Largest sum of the flows at a free node, as a fraction of the largest flow, that a solution may have."""


@dataclass(frozen=True)
class NetworkFlow:
    """Solution of the 0-D flow; n nodes, m segments.

    `pressures` (n,) Pa, NaN in parts without any condition; `flows` (m,) m^3/s from the first to the second node of a
    segment; `viscosity` (m,) Pa s, apparent; `imbalance`: largest sum of flows at a free node over the largest flow;
    `notes`.
    """

    pressures: Array
    flows: Array
    viscosity: Array
    imbalance: float
    notes: tuple[str, ...]

    def mean_velocities(self, network: Network) -> Array:
        """Mean velocity (m,) in m/s in the middle of each segment, signed as the flow."""
        return self.flows / (np.pi * network.radii.mean(axis=1) ** 2)


def solve_poiseuille(
    network: Network,
    viscosity: float | Callable[[Array, Array], Array] = 1.2e-3,
    boundary: Mapping[str, BoundaryCondition] | tuple[BoundaryCondition, ...] | None = None,
    hematocrit: float | Array | None = None,
) -> NetworkFlow:
    """Pressures and flows of `network` from the pressures and inflows at its boundary.

    `viscosity`: Pa s, or a law of (diameter m, hematocrit) -> Pa s such as `pries.InVivoViscosity()`. `boundary`:
    conditions to use in place of the file's. `hematocrit`: discharge hematocrit for the law, one or (m,); by default
    the law's own, else the file's, which must then have it. Terminal nodes without a condition are closed. A part
    whose conditions are all flows has its lowest pressure set to zero. Raises InputError for missing or contradictory
    conditions and unknown lengths, RunError where mass is not kept to 1e-9.
    """
    conditions = tuple(
        network.boundary if boundary is None else boundary.values() if isinstance(boundary, Mapping) else boundary
    )
    if not conditions:
        raise InputError(
            f"{network.source}: no boundary condition: give a pressure or a flow at two terminal nodes or more"
        )
    unknown = np.flatnonzero(~np.isfinite(network.lengths))
    if unknown.size:
        names = listed(network.edge_names[i] for i in unknown)
        raise InputError(
            f"{network.source}: no length and no coordinates; give lengths with Network.with_lengths: segments {names}"
        )
    mu = _viscosity(network, viscosity, hematocrit)
    g = conductances(network.radii, network.lengths, mu)
    fixed, inflow = _conditions(network, conditions)
    labels = connected_labels(len(network.node_names), network.edges)
    touched = np.zeros(len(fixed), bool)
    touched[[network.node_index(c.node) for c in conditions]] = True
    notes = _check_parts(network, labels, fixed, inflow, touched)
    levels, dead = _reference(labels, fixed, touched)
    pressures = _solve(network, g, np.where(levels, 0.0, fixed), inflow, dead)
    for level in np.flatnonzero(levels):
        part = labels == labels[level]
        pressures[part] -= pressures[part].min()
    drop = np.nan_to_num(pressures[network.edges[:, 0]] - pressures[network.edges[:, 1]])
    flows = g * drop
    imbalance = _imbalance(network, flows, fixed, inflow)
    if not imbalance <= CONSERVED:
        raise RunError(
            f"{network.source}: the 0-D flow loses {imbalance:.2g} of the largest flow at a node, above {CONSERVED:g}"
        )
    return NetworkFlow(pressures, flows, mu, imbalance, tuple(notes))


def conductances(radii: Array, lengths: Array, viscosity: Array | float) -> Array:
    """Flow per pressure drop (m^3/(s Pa)) of truncated cones; `radii` (m, 2) m, `lengths` (m,) m, `viscosity` Pa s."""
    a, b = radii[:, 0], radii[:, 1]
    return 3 * np.pi * a**3 * b**3 / (8 * viscosity * lengths * (a**2 + a * b + b**2))


def _viscosity(
    network: Network, viscosity: float | Callable[[Array, Array], Array], hematocrit: float | Array | None
) -> Array:
    count = len(network.edges)
    if not callable(viscosity):
        if not 0 < viscosity < np.inf:
            raise InputError(f"viscosity: must be above zero, not {viscosity:g} Pa s")
        return np.full(count, float(viscosity))
    stored = getattr(viscosity, "hematocrit", None) if hematocrit is None else hematocrit
    stored = network.hematocrit if stored is None else stored
    if stored is None:
        raise InputError(
            f"{network.source}: a viscosity that depends on the hematocrit, but the file has none: give one"
        )
    values = np.broadcast_to(np.asarray(stored, float), (count,))
    lost = np.flatnonzero(~np.isfinite(values))
    if lost.size:
        raise InputError(f"{network.source}: no hematocrit in segments {listed(network.edge_names[i] for i in lost)}")
    a, b = network.radii[:, 0], network.radii[:, 1]
    # The law is evaluated at the diameter of the tube that has the cone's resistance.
    radius = (3 * a**3 * b**3 / (a**2 + a * b + b**2)) ** 0.25
    return np.asarray(viscosity(2 * radius, values), float)


def _conditions(network: Network, conditions: tuple[BoundaryCondition, ...]) -> tuple[Array, Array]:
    """Imposed pressure (n,) (NaN: free) and imposed inflow (n,)."""
    fixed = np.full(len(network.node_names), np.nan)
    inflow = np.zeros(len(network.node_names))
    for condition in conditions:
        node = network.node_index(condition.node)
        if not np.isfinite(condition.value):
            raise InputError(f"{network.source}: the {condition.kind} at node {condition.node} is not finite")
        (fixed if condition.kind == "pressure" else inflow)[node] = condition.value
    return fixed, inflow


def _check_parts(
    network: Network, labels: NDArray[np.int64], fixed: Array, inflow: Array, touched: NDArray[np.bool_]
) -> list[str]:
    """Notes on parts without a pressure; refuses a part where the flows do not add up to zero."""
    notes = []
    has_pressure = np.unique(labels[np.isfinite(fixed)])
    scale = np.abs(inflow).max(initial=0.0)
    for part in np.unique(labels[network.edges[:, 0]]):
        if part in has_pressure:
            continue
        nodes = np.flatnonzero(labels == part)
        where = f"the part of {len(nodes)} nodes with node {network.node_names[nodes[0]]}"
        given = [network.node_names[i] for i in nodes[touched[nodes]]]
        if not given:
            notes.append(f"{where} has no boundary condition: no flow in it")
        elif abs(inflow[nodes].sum()) > 1e-9 * scale:
            raise InputError(
                f"{network.source}: {where} has no pressure and its inflows sum to {inflow[nodes].sum():.4g} m^3/s, "
                f"not zero (nodes {listed(given)}): give a pressure at one of its terminal nodes"
            )
        else:
            notes.append(f"{where} has flows only: its lowest pressure is set to zero")
    closed = (network.degrees() == 1) & ~touched
    if closed.any():
        notes.append(
            "terminal nodes without a condition, closed in the 0-D flow: "
            + listed(network.node_names[i] for i in np.flatnonzero(closed))
        )
    return notes


def _solve(network: Network, g: Array, fixed: Array, inflow: Array, dead: NDArray[np.bool_]) -> Array:
    """Pressures where `fixed` is NaN from the balance of flows at each such node; NaN in `dead` parts."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    n = len(fixed)
    i, j = network.edges.T
    unit = float(np.median(g))
    w = g / unit
    places = (np.concatenate([i, j, i, j]), np.concatenate([i, j, j, i]))
    matrix = coo_matrix((np.concatenate([w, w, -w, -w]), places), shape=(n, n)).tocsr()
    pressures = np.where(np.isfinite(fixed), fixed, 0.0)
    free = np.flatnonzero(~np.isfinite(fixed) & ~dead)
    if free.size:
        inner = matrix[free][:, free].tocsc()
        right = inflow[free] / unit - matrix[free] @ pressures
        factor = splu(inner)
        solution = factor.solve(right)
        # One step of refinement: conductances of one network span six decades and more.
        pressures[free] = solution + factor.solve(right - inner @ solution)
    pressures[dead] = np.nan
    return pressures


def _reference(
    labels: NDArray[np.int64], fixed: Array, touched: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """One node in each part that has flows only, and every node of parts without any condition."""
    pressure = np.unique(labels[np.isfinite(fixed)])
    conditioned = np.unique(labels[touched])
    dead = ~np.isin(labels, conditioned)
    levels = np.zeros(len(fixed), bool)
    for part in np.setdiff1d(conditioned, pressure):
        levels[np.flatnonzero(labels == part)[0]] = True
    return levels, dead


def _imbalance(network: Network, flows: Array, fixed: Array, inflow: Array) -> float:
    out = np.zeros(len(fixed))
    np.add.at(out, network.edges[:, 0], flows)
    np.add.at(out, network.edges[:, 1], -flows)
    free = ~np.isfinite(fixed)
    largest = max(np.abs(flows).max(initial=0.0), np.abs(inflow).max(initial=0.0))
    return float(np.abs(out - inflow)[free].max(initial=0.0) / largest) if largest > 0 else 0.0
