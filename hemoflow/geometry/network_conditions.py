"""Pressures at the openings of a vessel made from a network, from the 0-D flow of the network it belongs to.

A vessel with k openings answers pressures p at them with inflows Q = G p, G (k, k) its opening conductance: what
remains of the Hagen-Poiseuille equations of all segments once the inner nodes are eliminated. The pattern of the
pressures comes from the whole network (its own conditions, or the terminals that drive it), its size from the drive.
Joints have no size here: in three dimensions pipes overlap there, which eases the flow, and bends cost pressure. An
opening close to a joint, with little pressure left to lose, may carry a flow that differs by half and more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_record import BoundaryCondition, Network

Array = NDArray[np.float64]

DRIVES = ("pressure_drop", "flow_rate", "mean_velocity", "wall_shear_stress")


def network_conditions(
    description: Mapping[str, Any], drive: tuple[str, float] | None = None, inlets: Sequence[str] = ()
) -> dict[str, float]:
    """Pressure in Pa at every opening of a vessel of `network_vessel`, the highest first, from its `description`.

    `drive`: None for the conditions of the network's own file, else a kind and its value in SI: "pressure_drop" between
    the highest and the lowest opening, "flow_rate" of everything that enters, "mean_velocity" of it over the area of
    the openings where it enters, or "wall_shear_stress" in the opening of highest pressure. The lowest pressure is then
    zero, and the openings in between follow the 0-D flow of the whole network. `inlets`: openings that share the
    highest pressure while all others share the lowest, in place of that pattern; only with a drive. Raises InputError
    for a vessel that is no network, a network without conditions and no drive, openings or drives of another name, and
    openings between which nothing would flow.
    """
    names = list(description.get("opening_radii", ()))
    if not names:
        raise InputError(
            "vessel: no 0-D flow for this vessel: it is no network with openings; give a pressure or a flow at each of "
            "its openings (flow.openings)"
        )
    if drive is None:
        if "opening_pressures" not in description or inlets:
            raise InputError(
                f"flow: {description.get('source', 'this network')} has no boundary conditions of its own that can be "
                f"used: give one of {', '.join(DRIVES)}, or pressures at its openings (flow.openings)"
            )
        return _highest_first(dict(description["opening_pressures"]))
    levels = _levels(description, names, inlets)
    return _highest_first(dict(zip(names, (levels * _factor(description, levels, drive)).tolist(), strict=True)))


def network_inflows(description: Mapping[str, Any], pressures: Mapping[str, float]) -> dict[str, float]:
    """Flow (m^3/s, positive into the lumen) through every opening for its pressures in Pa, by the 0-D flow."""
    names = list(description["opening_radii"])
    values = np.array([pressures[n] for n in names])
    return dict(zip(names, _inflows(description, values).tolist(), strict=True))


def driving_levels(network: Network) -> tuple[tuple[BoundaryCondition, ...], str]:
    """Relative pressures at the terminals of a connected network that has no usable conditions, and a note about them.

    They are the file's own where it has some in no known unit; else the widest terminal feeds all others. Empty where
    the network has fewer than two terminals.
    """
    if len({c.value for c in network.levels}) > 1:
        return network.levels, "pressures in no known unit at the terminals of the file give the pattern of the flow"
    ends = network.terminals()
    if len(ends) < 2:
        return (), "fewer than two terminal nodes: no way through this network"
    width = np.full(len(network.node_names), -np.inf)
    np.maximum.at(width, network.edges.ravel(), network.radii.ravel())
    # Nodes as wide as the widest to the last digit are one choice: the first of the file.
    first = ends[np.flatnonzero(width[ends] >= width[ends].max() * (1 - 1e-9))[0]]
    levels = tuple(BoundaryCondition(network.node_names[k], "pressure", float(k == first)) for k in ends)
    return levels, (
        f"no boundary conditions in the file: where a drive is given, the widest terminal, node "
        f"{network.node_names[first]}, feeds all others"
    )


def opening_conductance(edges: NDArray[np.int64], conductance: Array, openings: Sequence[int]) -> Array:
    """G (k, k) in m^3/(s Pa) of a connected network of `edges` (m, 2) with `conductance` (m,) in the same unit.

    `openings`: the nodes where it is open. Inflows are G times the pressures there; rows sum to zero.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    n = int(edges.max()) + 1
    i, j = edges.T
    unit = float(np.median(conductance))
    w = conductance / unit
    places = (np.concatenate([i, j, i, j]), np.concatenate([i, j, j, i]))
    matrix = coo_matrix((np.concatenate([w, w, -w, -w]), places), shape=(n, n)).tocsr()
    at = np.asarray(openings, int)
    inner = np.setdiff1d(np.arange(n), at)
    g = matrix[at][:, at].toarray()
    if inner.size:
        link = matrix[inner][:, at].toarray()
        g = g - link.T @ splu(matrix[inner][:, inner].tocsc()).solve(link)
    # Exact symmetry and rows that sum to zero, which elimination keeps only to rounding.
    g = 0.5 * (g + g.T)
    np.fill_diagonal(g, 0.0)
    np.fill_diagonal(g, -g.sum(axis=1))
    return np.asarray(g * unit)


def _levels(description: Mapping[str, Any], names: list[str], inlets: Sequence[str]) -> Array:
    """Pattern (k,) of the pressures, zero at the lowest opening and one at the highest."""
    for name in inlets:
        if name not in names:
            near = get_close_matches(name, names, n=3)
            raise InputError(f"flow: no opening is called '{name}'; " + f"openings: {', '.join(near or names[:20])}")
    if inlets:
        values = np.array([float(n in inlets) for n in names])
    else:
        found = description.get("opening_pressures") or description.get("opening_levels") or {}
        values = np.array([found.get(n, np.nan) for n in names])
    span = float(np.ptp(values)) if np.isfinite(values).all() else 0.0
    if not span > 0:
        raise InputError(
            f"flow: nothing would flow through this vessel: its {len(names)} openings ({', '.join(names[:20])}) "
            "have the same pressure; name the inlets, or crop elsewhere"
        )
    return (values - values.min()) / span


def _factor(description: Mapping[str, Any], levels: Array, drive: tuple[str, float]) -> float:
    """Pa per unit of `levels` that a drive asks for."""
    kind, value = drive
    if kind not in DRIVES:
        raise InputError(f"flow.{kind}: a network is driven by one of {', '.join(DRIVES)}, or by its openings")
    if not 0 < value < np.inf:
        raise InputError(f"flow.{kind}: must be above zero, not {value:g}")
    if kind == "pressure_drop":
        return value
    flows = _inflows(description, levels)
    radii = np.array(list(description["opening_radii"].values()))
    entering = flows > 1e-9 * flows.max()
    if kind == "flow_rate":
        return value / float(flows[entering].sum())
    if kind == "mean_velocity":
        return value * float(np.pi * (radii[entering] ** 2).sum() / flows[entering].sum())
    first = int(np.argmax(levels))
    viscosity = float(list(description["opening_viscosity"].values())[first])
    return value * float(np.pi * radii[first] ** 3 / (4 * viscosity * flows[first]))


def _inflows(description: Mapping[str, Any], pressures: Array) -> Array:
    return np.asarray(description["opening_conductance"], float) @ pressures


def _highest_first(pressures: dict[str, float]) -> dict[str, float]:
    return dict(sorted(pressures.items(), key=lambda item: -item[1]))
