"""Runner for a round pore in a wall between two reservoirs: the pressure difference that it takes, dp R^3/(mu Q).

Sources of the tables: Sampson 1891 (a wall without thickness); Dagan, Weinbaum and Pfeffer 1982.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Condition, Relaxation
from hemoflow.errors import InputError
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.geometry.vessel import AbstractVessel, Opening
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.validate.flow import SLOW, in_precision, number
from hemoflow.validate.flow_cases import lumen_case
from hemoflow.validate.record import Measurement, Settings

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]
Floats = NDArray[np.float64]

RESERVOIR = 5.0
"""Radius and length of each reservoir over the radius of the pore: pressure falls with the cube of the distance from it."""

SETTLED = 2e-4
"""Largest change of the flow rate, as a part of it, in the time R^2/nu at which the flow counts as steady."""

THINNEST, LARGEST_RADIUS = 3.0, 15.0
"""Node spacings in the thickness of a wall at least, and in the radius of the pore at most."""

QUICK_TOLERANCE = 0.09
"""At the quick resolution: the edge of the pore is sharp, and its radius uncertain by 0.15 nodes, whose cube counts."""


@dataclass(frozen=True)
class QuickMeasurement(Measurement):
    """A measurement at a resolution for which the table states no tolerance: `tolerance`, relative."""

    tolerance: float = QUICK_TOLERANCE


class Pore(AbstractVessel):
    """A tube of `radius` and `length` (m) around the origin along x, in a wall between two cylinders as reservoirs.

    A wall without thickness has no place between nodes: the links through it are cut by `with_wall`.
    """

    def __init__(self, radius: float, length: float) -> None:
        self.radius, self.half, self.wide = radius, 0.5 * length, RESERVOIR * radius
        end = self.half + round(self.wide)
        self.end = end
        self.bounds = np.array([[-end, -self.wide, -self.wide], [end, self.wide, self.wide]])
        area = np.pi * self.wide**2
        out = np.array([1.0, 0.0, 0.0])
        self.openings = tuple(
            Opening(name, s * end * out, s * out, self.wide, area) for name, s in (("from", -1.0), ("to", 1.0))
        )
        self.description = {"source": "validation pore"}

    @property
    def volume(self) -> float:
        return float(2.0 * np.pi * (self.radius**2 * self.half + self.wide**2 * (self.end - self.half)))

    def signed_distance(self, points: Floats) -> Floats:
        x, r = np.abs(points[:, 0]) - self.half, np.hypot(points[:, 1], points[:, 2])
        edge = np.hypot(x, r - self.radius)
        nearest = np.minimum(np.where(r > self.radius, np.abs(x), edge), np.abs(r - self.wide))
        nearest = np.where(x < 0.0, np.minimum(nearest, np.abs(r - self.radius)), nearest)
        inside = (r < self.wide) & ((x >= 0.0) | (r < self.radius)) & (np.abs(points[:, 0]) < self.end)
        return np.where(inside, -nearest, nearest)

    def surface(self) -> tuple[Floats, NDArray[np.int64]]:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


def with_wall(lumen: Lumen, radius: float) -> Lumen:
    """The lumen with a wall without thickness at x = 0 outside of a radius: links through it end there."""
    places = lumen.position(lumen.nodes)
    neighbours = lumen.neighbours.copy()
    nodes, directions, fractions = [lumen.link_node], [lumen.link_direction], [lumen.link_fraction]
    for i in np.flatnonzero(DIRECTIONS[:, 0]):
        share = -places[:, 0] / (DIRECTIONS[i, 0] * lumen.spacing)
        crossing = places + np.clip(share, 0.0, 1.0)[:, None] * lumen.spacing * DIRECTIONS[i]
        outside = np.hypot(crossing[:, 1], crossing[:, 2]) > radius
        cut = np.flatnonzero((neighbours[i] >= 0) & (share > 0.0) & (share < 1.0) & outside)
        neighbours[i, cut] = -1
        nodes.append(cut)
        directions.append(np.full(len(cut), i))
        fractions.append(share[cut])
    new = sum(map(len, nodes[1:]))
    return replace(
        lumen,
        neighbours=neighbours,
        link_node=np.concatenate(nodes),
        link_direction=np.concatenate(directions),
        link_fraction=np.concatenate(fractions),
        link_opening=np.concatenate([lumen.link_opening, np.full(new, -1)]),
    )


def pressure_number(params: Params, settings: Settings) -> Measurement:
    """dp R^3/(mu Q) of a pore `length/R` long."""
    ratio = number(params, "length/R", 0.0)
    radius = max(5.3 if settings.quick else 12.3, THINNEST / ratio if ratio > 0.0 else 0.0)
    if not 0.0 <= radius <= LARGEST_RADIUS:
        raise InputError(
            f"length/R={ratio:g}: give 0 for a wall without thickness, or {THINNEST / LARGEST_RADIUS:g} and more"
        )
    length = ratio * radius
    relaxation = Relaxation(3.0)
    drop = SLOW * 3.0 * relaxation.viscosity / radius
    lumen = voxelise(Pore(radius, length), 1.0)
    if length == 0.0:
        lumen = with_wall(lumen, radius)
    ends = {k: (Condition("pressure"), sign * 1.5 * drop) for k, sign in ((0, 1.0), (1, -1.0))}
    case = lumen_case(lumen, relaxation, openings=ends)
    start = np.where(case.positions[:, 0] < 0.0, 1.5, -1.5) * drop
    case.set_velocity(np.zeros((3, len(start))), start)
    chunk, flow_rate = max(50, round(radius**2 / relaxation.viscosity)), 0.0
    for _ in range(200):
        earlier = case.flux[1]
        case.advance(chunk)
        before, flow_rate = flow_rate, (case.flux[1] - earlier) / chunk
        if abs(flow_rate - before) <= SETTLED * abs(flow_rate):
            break
    value = float(drop * radius**3 / (relaxation.viscosity * flow_rate))
    words = f"radius {radius:g} nodes between reservoirs of {RESERVOIR:g} radii"
    return (QuickMeasurement if settings.quick else Measurement)(value, words, case.node_updates)


RUNNERS: dict[tuple[str, str], Runner] = {("flow_networks", "dp R^3/(mu Q)"): in_precision(pressure_number)}
