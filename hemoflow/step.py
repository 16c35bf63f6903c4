"""One time step, on one screen."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from hemoflow.coupling.kernel import interpolate, spread_onto, stencil
from hemoflow.coupling.unresolved import unresolved_velocity
from hemoflow.fluid.outlets import respond, with_loads
from hemoflow.fluid.solver import advance as advance_fluid
from hemoflow.fluid.solver import body_force, viscosity
from hemoflow.interaction.repulsion import gap_and_normal, keep_inside, wall_force
from hemoflow.model import CellGroup, CellState, Model, State

VOLUME_RATE = 0.1
"""Part of a leaked volume that is restored in one step: slow against round-off, fast against any leak."""


class Observed(eqx.Module):
    """What a step reports: mass gained per link group, force of the wall on cells (3,), and how far the barrier had to move a vertex."""

    flux: Array
    wall_force: Array
    pushed_back: Array


def step(model: Model, state: State, drive: Array) -> tuple[State, Observed]:
    """Advance by one lattice time step; the fluid of `state` is as `fluid.solver.begin` has made it.

    `drive` holds 1 for walls, the strength of every opening (velocity factor or density deviation), and last that of
    the body force; the loads of openings add to it.
    """
    drive = with_loads(model.outlets, state.outlets, drive)
    points = [point_stencil(model, cells) for cells in state.cells]
    loads = [cell_forces(model, group, cells) for group, cells in zip(model.groups, state.cells, strict=True)]
    force = membrane_force(model, [load for load, _ in loads], points) if loads else None
    fluid, velocity, flux = advance_fluid(model.fluid, state.fluid, drive, force, wanted=bool(loads))
    moved = [
        advance(model, g, c, (velocity, load), p)
        for g, c, (load, _), p in zip(model.groups, state.cells, loads, points, strict=True)
    ]
    total_wall = sum((wall for _, wall in loads), jnp.zeros(3, velocity.dtype))
    pushed = jnp.max(jnp.stack([jnp.zeros((), velocity.dtype)] + [push for _, push in moved]))
    outlets = respond(model.outlets, state.outlets, flux)
    new = State(fluid, tuple(cells for cells, _ in moved), state.bonds, outlets)  # type: ignore[arg-type]
    return new, Observed(flux, total_wall, pushed)


def with_velocity(model: Model, state: State, velocity: Array) -> State:
    """A state at its beginning, whose vertices have already moved with a velocity (3, N) of the fluid."""
    cells = []
    for one in state.cells:
        ids, weights = point_stencil(model, one)
        carried = interpolate(velocity, ids, weights, model.layout.native).reshape(one.offset.shape)
        cells.append(CellState(one.anchor, one.offset, one.alive, one.ident, carried.astype(one.offset.dtype)))
    return State(state.fluid, tuple(cells), state.bonds, state.outlets)


def point_stencil(model: Model, cells: CellState) -> tuple[Array, Array]:
    anchor = jnp.broadcast_to(cells.anchor[:, None, :], cells.offset.shape).reshape(-1, 3)
    return stencil(model.layout, anchor, cells.offset.reshape(-1, 3), model.kernel_width)


def cell_forces(model: Model, group: CellGroup, cells: CellState) -> tuple[Array, Array]:
    """Forces (C, V, 3) on the vertices of a group: membrane and wall; and the wall's share (3,)."""
    membrane = group.membrane.forces(cells.offset)
    count, vertices = cells.offset.shape[:2]
    anchor = jnp.broadcast_to(cells.anchor[:, None, :], cells.offset.shape).reshape(-1, 3)
    gap, normal = gap_and_normal(model.layout, anchor, cells.offset.reshape(-1, 3))
    area = jnp.broadcast_to(group.vertex_area, (count, vertices)).reshape(-1)
    wall = wall_force(gap, normal, area, model.contact.pressure, model.contact.reach).reshape(membrane.shape)
    live = cells.alive[:, None, None]
    wall = jnp.where(live, wall, 0.0)
    return jnp.where(live, membrane, 0.0) + wall, jnp.sum(wall, axis=(0, 1))


def force_density(model: Model, loads: list[Array], points: list[tuple[Array, Array]], drive: Array) -> Array:
    """Force per node (3, N): the imposed body force and what the membranes spread."""
    return body_force(model.fluid, drive, model.layout.count) + membrane_force(model, loads, points)


def membrane_force(model: Model, loads: list[Array], points: list[tuple[Array, Array]]) -> Array:
    """Force per node (3, N) that the membranes spread."""
    total = jnp.zeros((3, model.layout.count), model.fluid.body_force.dtype)
    for load, (ids, weights) in zip(loads, points, strict=True):
        total = spread_onto(total, load.reshape(-1, 3), ids, weights, model.layout.native)
    return total


def advance(
    model: Model, group: CellGroup, cells: CellState, causes: tuple[Array, Array], points: tuple[Array, Array]
) -> tuple[CellState, Array]:
    """Move the vertices with the fluid, slide them along the membrane where that is asked for, restore the
    volume that interpolation leaked, and keep them off the wall.

    The fluid's velocity is that of this step and the last in equal parts. Lattice Boltzmann conserves momentum that changes
    its sign from node row to node row and from step to step (Qian's staggered invariants), and the force on a vertex that follows
    it would feed it; over two steps it averages out.
    """
    (velocity, load), (ids, weights) = causes, points
    carried = interpolate(velocity, ids, weights, model.layout.native).reshape(cells.offset.shape)
    mean = 0.5 * (carried + cells.carried)
    fine = unresolved_velocity(cells.offset, load, group.membrane.mesh, viscosity(model.fluid))
    moved = cells.offset + jnp.where(cells.alive[:, None, None], mean + fine, 0.0)
    if group.sliding:
        moved = moved + group.sliding * group.membrane.tangential_shift(moved)
    if group.keeps_volume:
        moved = moved + VOLUME_RATE * group.membrane.volume_shift(moved)
    moved = jnp.where(cells.alive[:, None, None], moved, cells.offset)
    anchor = jnp.broadcast_to(cells.anchor[:, None, :], moved.shape).reshape(-1, 3)
    kept, pushed = keep_inside(model.layout, anchor, moved.reshape(-1, 3), model.contact.reach)
    return CellState(cells.anchor, kept.reshape(moved.shape), cells.alive, cells.ident, carried), pushed
