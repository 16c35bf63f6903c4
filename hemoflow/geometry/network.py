"""From a vessel network to a vessel: which part of it, cut where, with which pressures at its ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_conditions import driving_levels, opening_conductance
from hemoflow.geometry.network_crop import Piece, connected_part, cut_to_box
from hemoflow.geometry.network_record import BoundaryCondition, Network, listed
from hemoflow.geometry.poiseuille import NetworkFlow, conductances, solve_poiseuille
from hemoflow.geometry.vessel import AbstractVessel

__all__ = ["BoundaryCondition", "Network", "network_vessel"]

Array = NDArray[np.float64]


def network_vessel(
    network: Network,
    crop: Array | None = None,
    component: str | None = None,
    viscosity: float | Callable[[Array, Array], Array] = 1.2e-3,
) -> AbstractVessel:
    """The lumen of a network: a truncated cone with round joints along every segment, cut flat and open at its terminal
    nodes.

    `crop` (2, 3) m: lowest and highest corner of a box; segments that cross it are cut there and open. `component`: id
    of a node in the connected part wanted, by default the largest; what is left out is said in the description.
    `viscosity` of the 0-D flow, as in `solve_poiseuille`. Openings are called node_<id> and segment_<id> (a cut), the
    highest pressure first. `description` holds what `network_conditions` needs, by opening name: `opening_radii` (m),
    `opening_viscosity` (Pa s), `opening_roles` (inlet, outlet or closed), and from the 0-D flow of the whole connected
    part either `opening_pressures` (Pa) and `opening_flows` (m^3/s, positive into the lumen), where the file has
    boundary conditions, or `opening_levels`, pressures without a unit; and `opening_conductance` (k, k) in the order
    of `opening_radii`. Raises InputError for a network without coordinates, an empty box or an unknown node.
    """
    from hemoflow.geometry.capsules import CapsuleVessel

    if network.positions is None:
        raise InputError(
            f"{network.source}: this network has no coordinates, so there is no lumen to fill; it serves the 0-D flow "
            "only (solve_poiseuille, with lengths given)"
        )
    box = _checked_box(crop)
    part, parts = connected_part(network, component)
    notes = list(network.notes)
    if parts > 1:
        which = "the largest" if component is None else f"the one with node {component}"
        notes.append(f"kept {which} of {parts} parts: {len(part.edges)} of {len(network.edges)} segments")
    flow, absolute = _flow(part, viscosity, notes)
    everything = np.array([[-np.inf] * 3, [np.inf] * 3])
    piece = cut_to_box(part, everything if box is None else box, flow, component)
    if box is not None:
        notes.append(
            f"cut to a box: {len(piece.edges)} of {len(part.edges)} segments kept, {len(piece.cut)} cut "
            f"({listed(piece.cut) or 'none'})"
        )
    notes += _coincident(piece)
    vessel = CapsuleVessel(piece.positions, piece.edges, piece.radii, piece.names)
    openings = _openings(piece, np.full(len(part.edges), np.nan) if flow is None else flow.viscosity, absolute)
    found = {"source": network.source, "segments": len(piece.edges), "notes": tuple(notes), **openings}
    vessel.description = {**vessel.description, **found}
    return vessel


def _checked_box(crop: Array | None) -> Array | None:
    if crop is None:
        return None
    box = np.asarray(crop, float)
    if box.shape != (2, 3) or not np.isfinite(box).all() or not (box[0] < box[1]).all():
        raise InputError("vessel.crop: needs min and max, three finite lengths each, min below max along every axis")
    return box


def _flow(
    part: Network, viscosity: float | Callable[[Array, Array], Array], notes: list[str]
) -> tuple[NetworkFlow | None, bool]:
    """The 0-D flow of the part and whether its pressures are in Pa; conditions that cannot be used are noted, for a
    user may still drive the vessel otherwise.
    """
    if part.boundary:
        degrees = part.degrees()
        inner = [c.node for c in part.boundary if degrees[part.node_index(c.node)] > 1]
        if inner:
            notes.append(
                f"conditions of the file at nodes inside the network, used in the 0-D flow only: {listed(inner)}"
            )
        try:
            flow = solve_poiseuille(part, viscosity)
            if not np.any(flow.flows):
                raise InputError("nothing flows with them")
            notes += flow.notes
            return flow, True
        except InputError as error:
            notes.append(f"the file's own boundary conditions are not used: {error}")
    levels, note = driving_levels(part)
    notes.append(note)
    return (solve_poiseuille(part, viscosity, levels) if levels else None), False


def _coincident(piece: Piece) -> list[str]:
    """A note where straight segments join the same two nodes: in space they are one."""
    pairs = np.sort(piece.edges, axis=1)
    extra = len(pairs) - len(np.unique(pairs, axis=0))
    return (
        [f"{extra} segments join nodes that another one joins too; straight between the same ends they are one lumen"]
        if extra
        else []
    )


def _openings(piece: Piece, viscosity: Array, absolute: bool) -> dict[str, Any]:
    """What the description says of the openings, from the 0-D flow; `viscosity` (m,) Pa s of the whole part."""
    nodes = list(piece.names)
    if not piece.pressures or len(nodes) < 2:
        return {}
    at = {n: int(np.flatnonzero((piece.edges == n).any(axis=1))[0]) for n in nodes}
    side = {n: int(piece.edges[at[n], 1] == n) for n in nodes}
    mu = viscosity[piece.segments]
    span = np.linalg.norm(piece.positions[piece.edges[:, 1]] - piece.positions[piece.edges[:, 0]], axis=1)
    largest = max(abs(q) for q in piece.inflows.values())
    still = 1e-9 * largest
    found: dict[str, Any] = {
        "opening_radii": {piece.names[n]: float(piece.radii[at[n], side[n]]) for n in nodes},
        "opening_viscosity": {piece.names[n]: float(mu[at[n]]) for n in nodes},
        "opening_roles": {
            name: "inlet" if q > still else "outlet" if q < -still else "closed" for name, q in piece.inflows.items()
        },
        "opening_conductance": opening_conductance(piece.edges, conductances(piece.radii, span, mu), nodes).tolist(),
    }
    if absolute:
        return found | {"opening_pressures": dict(piece.pressures), "opening_flows": dict(piece.inflows)}
    return found | {"opening_levels": dict(piece.pressures)}
