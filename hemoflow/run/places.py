"""Where a cell is along the vessel: progress, what is left, how wide and how fast it would be there without the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.build import Plan

Array = NDArray[np.float64]
NEIGHBOURS = 24
"""Nodes around a point to which a plane is fitted to read a node field there."""

REACH = 0.25
"""Share of the cell's radius within which the widest place counts as the lumen at the cell."""


@dataclass(frozen=True)
class Place:
    """`path` m travelled from the inlet (from the start in a vessel without one), `left` m from the centre and `front` m from the
    foremost vertex to the outlet (a period's end in a periodic vessel, infinite in a closed one), `lumen` radius m, `speed`
    undisturbed m/s; `back` m from the hindmost vertex to the inlet, infinite where there is none, and the name of the
    `inlet` nearest to it."""

    path: float
    left: float
    front: float
    lumen: float
    speed: float
    back: float = np.inf
    inlet: str = ""


def has_ends(plan: Plan) -> bool:
    """Whether blood enters and leaves through openings, so that a cell can leave too."""
    return plan.pathways.pressure is not None


def locate(plan: Plan, points: Array, centre: Array, start: Array) -> Place:
    """Place of a cell with its vertices (V, 3) m and its unwrapped centroid (3,) m, seeded at `start`."""
    ways, lumen = plan.pathways, plan.lumen
    inside = wrapped(plan, centre)
    back, inlet = np.inf, ""
    radius = 0.5 * float(np.max(np.ptp(points, axis=0)))
    if has_ends(plan):
        path, left = _fitted(plan, inside, ways.from_inlet), _fitted(plan, inside, ways.to_outlet)
        near = ways.tree.query(points + (inside - centre))[1]
        front, back = float(ways.to_outlet[near].min()), float(ways.from_inlet[near].min())
    elif any(lumen.periodic):
        drive = np.where(np.array(lumen.periodic), np.abs(plan.conditions.body_force), -1.0)
        axis = int(np.argmax(drive))
        path = float(centre[axis] - start[axis])
        left = front = lumen.shape[axis] * lumen.spacing - abs(path)
    else:
        path, left, front = float(np.linalg.norm(centre - start)), np.inf, np.inf
    wide = ways.local_radius(inside, max(REACH * radius, 1.5 * lumen.spacing))
    speed = ways.speed_near(inside, max(wide, lumen.spacing), plan.pressure, plan.physics.viscosity)
    if np.isfinite(back):
        openings = [lumen.openings[k] for k in plan.conditions.inlets]
        inlet = min(openings, key=lambda o: float(np.linalg.norm(o.centre - inside))).name
    return Place(path, left, front, wide, speed, back, inlet)


def _fitted(plan: Plan, point: Array, field: Array) -> float:
    """A field on the nodes read at a point (3,) m, by a plane through the nearest nodes."""
    distance, node = plan.pathways.tree.query(point, k=min(NEIGHBOURS, len(field)))
    offset = (plan.pathways.positions[node] - point) / plan.lumen.spacing
    weight = np.exp(-((distance / plan.lumen.spacing) ** 2))[:, None]
    design = np.concatenate([np.ones((len(node), 1)), offset], axis=1)
    return float(np.linalg.lstsq(weight * design, weight[:, 0] * field[node], rcond=None)[0][0])


def wrapped(plan: Plan, point: Array) -> Array:
    """The image of a point (3,) inside of the first period."""
    size = np.array(plan.lumen.shape) * plan.lumen.spacing
    low = plan.lumen.origin - 0.5 * plan.lumen.spacing
    shift = np.where(np.array(plan.lumen.periodic), np.floor((point - low) / size) * size, 0.0)
    return np.asarray(point - shift)


def pressure_across(plan: Plan, pressure: Array, centre: Array, half_length: float) -> float:
    """Pressure (Pa) just behind a cell minus just ahead of it, from the pressure (N,) at the nodes; not-a-number
    where one side has no node. Behind and ahead are told by the way along the vessel, within a cell's length of
    it."""
    ways, h = plan.pathways, plan.lumen.spacing
    inside = wrapped(plan, centre)
    near = np.asarray(ways.tree.query_ball_point(inside, half_length + 4.0 * h), int)
    if not len(near):
        return float("nan")
    middle = _fitted(plan, inside, ways.from_inlet)
    along = ways.from_inlet[near] - middle
    behind = near[(along < -half_length - h) & (along > -half_length - 4.0 * h)]
    ahead = near[(along > half_length + h) & (along < half_length + 4.0 * h)]
    if not len(behind) or not len(ahead):
        return float("nan")
    return float(pressure[behind].mean() - pressure[ahead].mean())
