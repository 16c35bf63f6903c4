"""From a plan to a model and its first state, in lattice units."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.build.cells import Seed, build_group
from hemoflow.build.conditions import Conditions
from hemoflow.build.drives import Drives, make_drives
from hemoflow.build.fluid import Relaxation, WallVelocity, assemble_fluid
from hemoflow.build.plan import Plan
from hemoflow.fluid.outlets import Outlets, OutletState, make_outlets
from hemoflow.fluid.solver import equilibrium_state
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.interaction.cells import make_cell_contact
from hemoflow.model import CellGroup, CellState, Contact, Model, State, no_bonds
from hemoflow.rheology import CarreauYasuda
from hemoflow.step import with_velocity

Array = NDArray[np.float64]


EDGE = 1e-5
"""Points of a wall closer than this to two of its planes, in parts of the shortest side, lie on the edge between them."""


@dataclass(frozen=True)
class Setup:
    """A plan made ready to run: `groups` of seeds in the order of the model's cell groups."""

    plan: Plan
    model: Model
    state: State
    drives: Drives
    groups: list[list[Seed]]


def make_setup(plan: Plan) -> Setup:
    """Model and first state of a plan, in the precision of the case (float64 needs JAX's x64 switched on around the call)."""
    units, case = plan.units, plan.case
    tau = plan.scales.relaxation_time
    magic = (tau - 0.5) ** 2 if case.resolution.collision == "bgk" else case.resolution.magic
    fluid, layout = assemble_fluid(
        plan.lumen,
        plan.conditions.kinds,
        Relaxation(tau, magic) if case.flow.rheology is None else Relaxation.thinning(_lattice_law(plan), magic),
        plan.conditions.body_force / units.force_density,
        _wall_motion(plan.vessel, plan.conditions, units.velocity),
    )
    drives = make_drives(plan.conditions, case.flow.waveform, units)
    real = jnp.result_type(float)
    density, velocity = _initial_flow(plan, drives)
    first = equilibrium_state(fluid, jnp.asarray(density, real), jnp.asarray(velocity, real))
    groups, members, cells = _cell_groups(plan, str(real))
    contact = _contact(plan, groups, cells)
    outlets, at_rest = _outlets(plan) if plan.conditions.loads else (None, None)
    model = Model(fluid, layout, groups, contact, case.coupling.kernel, outlets)
    state = with_velocity(model, State(first, cells, no_bonds(), at_rest), jnp.asarray(velocity, real))
    return Setup(plan, model, state, drives, members)


def _contact(plan: Plan, groups: tuple[CellGroup, ...], cells: tuple[CellState, ...]) -> Contact:
    """Repulsion of walls, and that between cells where there are several."""
    units, real, lumen = plan.units, jnp.result_type(float), plan.lumen
    pressure = jnp.asarray(plan.contact / units.pressure, real)
    wall, other = (
        jnp.asarray(r / units.dx, real) for r in (plan.case.contact.wall_range, plan.case.contact.cell_range)
    )
    membranes = [(g.membrane.mesh.faces, c.offset, g.vertex_area) for g, c in zip(groups, cells, strict=True)]
    between = make_cell_contact((pressure, other), membranes, (lumen.shape, lumen.periodic), native.in_use("contact"))
    return Contact(pressure, wall, between)


def _lattice_law(plan: Plan) -> CarreauYasuda:
    return plan.case.flow.law.in_units(plan.units.viscosity, plan.units.dt)


def _outlets(plan: Plan) -> tuple[Outlets, OutletState]:
    """The loads behind the openings, in lattice units."""
    units, loads = plan.units, sorted(plan.conditions.loads.items())
    per_flow = units.density_deviation(units.flow_rate)
    return make_outlets(
        [k + 1 for k, _ in loads],
        [(load.proximal * per_flow, load.distal * per_flow, load.time / units.dt) for _, load in loads],
        [plan.vessel.openings[k].area / units.area for k, _ in loads],
    )


def _cell_groups(plan: Plan, precision: str) -> tuple[tuple[CellGroup, ...], list[list[Seed]], tuple[CellState, ...]]:
    members: list[list[Seed]] = []
    for seed in plan.seeds:
        mine = next((group for group in members if group[0].kind == seed.kind), None)
        if mine is None:
            members.append([seed])
        else:
            mine.append(seed)
    built = [build_group(group, plan.units, plan.lumen, precision) for group in members]
    return tuple(group for group, _ in built), members, tuple(cells for _, cells in built)


def _wall_motion(vessel: AbstractVessel, conditions: Conditions, unit: float) -> WallVelocity | None:
    """Lattice velocity of wall points: that of the nearest plane of the bounding box, where it was given one.

    An edge belongs to the slower of its planes. Were round-off to choose, one edge of a sliding plane would push fluid that
    the other does not pull, and a closed box would fill up.
    """
    if not conditions.walls:
        return None
    planes = [
        (axis, side, conditions.walls.get(f"{'xyz'[axis]}{'-+'[side]}"))
        for axis in range(3)
        if not vessel.periodic[axis]
        for side in (0, 1)
    ]

    table = np.stack([np.zeros(3) if v is None else v for _, _, v in planes])
    slowness = np.argsort(np.argsort(np.linalg.norm(table, axis=1), kind="stable"))
    edge = EDGE * float(np.min(np.ptp(np.asarray(vessel.bounds, float), axis=0)))

    def velocity(points: Array) -> Array:
        away = np.stack([np.abs(points[:, axis] - vessel.bounds[side][axis]) for axis, side, _ in planes])
        near = away <= away.min(axis=0) + edge
        return table[np.argmin(np.where(near, slowness[:, None], len(planes)), axis=0)] / unit

    return velocity


def _initial_flow(plan: Plan, drives: Drives) -> tuple[Array, Array]:
    """Density deviation (N,) and velocity (3, N): the pressure of the estimated flow, and the velocity that the case prescribes."""
    units, wanted = plan.units, plan.case.flow.initial_velocity
    count = len(plan.lumen.nodes)
    velocity = np.zeros((3, count))
    if not isinstance(wanted, str):
        velocity[:] = np.asarray(wanted, float)[:, None] / units.velocity
    if wanted == "taylor-green":
        return _taylor_green(plan)
    if plan.pathways.pressure is None or not plan.conditions.inlets or not plan.conditions.outlets:
        return np.zeros(count), velocity
    start = drives.at(0)
    inflow = [k + 1 for k in plan.conditions.inlets]
    outflow = [k + 1 for k in plan.conditions.outlets]
    if not plan.conditions.is_pressure.all():
        return np.zeros(count), velocity
    high, low = float(np.mean(start[inflow])), float(np.mean(start[outflow]))
    return low + (high - low) * plan.pathways.pressure, velocity


def _taylor_green(plan: Plan) -> tuple[Array, Array]:
    """Vortices with one wave along x and y of the box and the speed of the case: u = U (sin kx cos ly, -(k/l) cos kx
    sin ly, 0), and their pressure. Source: Taylor and Green 1937."""
    units = plan.units
    low, high = plan.vessel.bounds
    x, y, _ = (plan.lumen.position(plan.lumen.nodes) - low).T
    k, m = 2.0 * np.pi / (high[0] - low[0]), 2.0 * np.pi / (high[1] - low[1])
    u = (plan.case.flow.initial_speed or 0.0) / units.velocity
    velocity = np.stack(
        [u * np.sin(k * x) * np.cos(m * y), -u * k / m * np.cos(k * x) * np.sin(m * y), np.zeros_like(x)]
    )
    pressure = 0.25 * u * u * (np.cos(2 * k * x) + (k / m) ** 2 * np.cos(2 * m * y))
    return 3.0 * pressure, velocity
