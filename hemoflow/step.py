"""One time step, on one screen."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow.bodies.rigid import BodyGroup, BodyState, arms, constrain, follow
from hemoflow.cells import compiled
from hemoflow.coupling.points import NodeStencil, RowStencil, find_stencil
from hemoflow.coupling.unresolved import unresolved_velocity
from hemoflow.fluid.outlets import respond, with_loads
from hemoflow.fluid.solver import advance_with_rate, body_force, viscosity
from hemoflow.interaction.bodies import keep_bodies_inside, press_bodies
from hemoflow.interaction.cells import keep_apart, make_spots, repulsion
from hemoflow.interaction.neighbours import Need, Spots, larger, nothing_needed
from hemoflow.interaction.repulsion import keep_inside, press
from hemoflow.model import CellGroup, CellState, Model, State

VOLUME_RATE = 0.1
"""Part of a leaked volume that is restored in one step: slow against round-off, fast against any leak."""


Stencil = NodeStencil | RowStencil


class Observed(eqx.Module):
    """What a step reports: mass gained per link group, force of the wall on cells (3,), how far the barrier had to move a vertex, and what
    the search for neighbours needed."""

    flux: Array
    wall_force: Array
    pushed_back: Array
    need: Need = nothing_needed()


def step(model: Model, state: State, drive: Array) -> tuple[State, Observed]:
    """Advance by one lattice time step; the fluid of `state` is as `fluid.solver.begin` has made it.

    `drive` holds 1 for walls, the strength of every opening (velocity factor or density deviation), and last that of
    the body force; the loads of openings add to it.
    """
    drive = with_loads(model.outlets, state.outlets, drive)
    points = [point_stencil(model, cells) for cells in state.cells]
    loads = [cell_forces(model, group, cells) for group, cells in zip(model.groups, state.cells, strict=True)]
    loads, met = with_repulsion(model, state.cells, loads)
    bound = [body_forces(model, group, bodies) for group, bodies in zip(model.bodies, state.bodies, strict=True)]
    markers = [marker_stencil(model, group, bodies) for group, bodies in zip(model.bodies, state.bodies, strict=True)]
    acting = [load for load, _ in loads] + [load for _, load in bound]
    force = membrane_force(model, acting, points + markers) if acting else None
    fluid, velocity, flux, rate = advance_with_rate(model.fluid, state.fluid, drive, force, wanted=bool(acting))
    moved = [
        advance(model, g, c, (velocity, load, rate), p)
        for g, c, (load, _), p in zip(model.groups, state.cells, loads, points, strict=True)
    ]
    cells, pushes, neared = keep_off(model, moved)
    carried = [
        move(model, group, bodies, at.interpolate(velocity))
        for group, (bodies, _), at in zip(model.bodies, bound, markers, strict=True)
    ]
    total_wall = sum((wall for _, wall in loads), jnp.zeros(3, velocity.dtype))
    pushed = jnp.max(jnp.stack([jnp.zeros((), velocity.dtype), *pushes] + [push for _, push in carried]))
    outlets = respond(model.outlets, state.outlets, flux)
    bodies = tuple(body for body, _ in carried)
    new = State(fluid, cells, state.bonds, outlets, bodies)  # type: ignore[arg-type]
    return new, Observed(flux, total_wall, pushed, larger(met, neared))


def with_velocity(model: Model, state: State, velocity: Array) -> State:
    """A state at its beginning, whose vertices and markers have already seen a velocity (3, N) of the fluid."""
    cells = []
    for one in state.cells:
        carried = point_stencil(model, one).interpolate(velocity).reshape(one.offset.shape)
        cells.append(CellState(one.anchor, one.offset, one.alive, one.ident, carried.astype(one.offset.dtype)))
    bodies = []
    for group, body in zip(model.bodies, state.bodies, strict=True):
        seen = marker_stencil(model, group, body).interpolate(velocity).reshape(body.carried.shape)
        seen = seen.astype(body.carried.dtype)
        bodies.append(eqx.tree_at(lambda b: (b.carried, b.seen), body, (seen, seen)))
    return State(state.fluid, tuple(cells), state.bonds, state.outlets, tuple(bodies))


def point_stencil(model: Model, cells: CellState) -> Stencil:
    """The nodes around every vertex of a group."""
    return find_stencil(model.layout, cells.anchor, cells.offset, model.kernel_width)


def marker_stencil(model: Model, group: BodyGroup, bodies: BodyState) -> Stencil:
    """The nodes around every marker of a group of rigid bodies."""
    place = bodies.offset[:, None, :] + arms(group, bodies)
    return find_stencil(model.layout, bodies.anchor, place, model.kernel_width)


def body_forces(model: Model, group: BodyGroup, bodies: BodyState) -> tuple[BodyState, Array]:
    """Rigid bodies with their motion in this step, and the forces (C, V, 3) of their markers on the fluid."""
    contact = press_bodies(model.layout, group, bodies, (model.contact.pressure, model.contact.reach))
    return constrain(group, bodies, contact, model.kernel_width)


def move(model: Model, group: BodyGroup, bodies: BodyState, velocity: Array) -> tuple[BodyState, Array]:
    """Move rigid bodies, whose markers saw a velocity of the fluid, and keep them off the wall."""
    moved = follow(group, bodies, velocity.reshape(bodies.carried.shape), model.kernel_width)
    offset, pushed = keep_bodies_inside(model.layout, group, moved, model.contact.reach)
    return eqx.tree_at(lambda b: b.offset, moved, offset), pushed


def cell_forces(model: Model, group: CellGroup, cells: CellState) -> tuple[Array, Array]:
    """Forces (C, V, 3) on the vertices of a group: membrane and wall; and the wall's share (3,)."""
    membrane = group.membrane.forces(cells.offset)
    places, contact = (cells.anchor, cells.offset, cells.alive), (model.contact.pressure, model.contact.reach)
    return press(model.layout, places, membrane, group.vertex_area, contact)


def force_density(model: Model, loads: list[Array], points: list[Stencil], drive: Array) -> Array:
    """Force per node (3, N): the imposed body force and what the membranes spread."""
    return body_force(model.fluid, drive, model.layout.held) + membrane_force(model, loads, points)


def membrane_force(model: Model, loads: list[Array], points: list[Stencil]) -> Array:
    """Force per node (3, N) that the membranes spread."""
    total = jnp.zeros((3, model.layout.held), model.fluid.body_force.dtype)
    for load, at in zip(loads, points, strict=True):
        total = at.spread_onto(total, load.reshape(-1, 3))
    return total


def with_repulsion(
    model: Model, cells: tuple[CellState, ...], loads: list[tuple[Array, Array]]
) -> tuple[list[tuple[Array, Array]], Need]:
    """Loads of the groups, each with the wall's share, with the forces of cells on each other added; and what the search needed."""
    contact = model.contact.cells
    if contact is None:
        return loads, nothing_needed()
    force, _, need = repulsion(contact, spots_of(cells))
    shares = per_group(force, cells)
    return [(load + share, wall) for (load, wall), share in zip(loads, shares, strict=True)], need


def keep_off(model: Model, moved: list[CellState]) -> tuple[tuple[CellState, ...], list[Array], Need]:
    """Cells kept off each other and then off the wall, how far each group was moved by either, and what the search needed."""
    contact, need = model.contact.cells, nothing_needed()
    pushes: list[Array] = []
    if contact is not None:
        shift, push, need = keep_apart(contact, spots_of(moved))
        moved = [with_offset(c, c.offset + s) for c, s in zip(moved, per_group(shift, moved), strict=True)]
        pushes.append(push)
    kept = []
    for cells in moved:
        anchor = jnp.broadcast_to(cells.anchor[:, None, :], cells.offset.shape).reshape(-1, 3)
        offset, push = keep_inside(model.layout, anchor, cells.offset.reshape(-1, 3), model.contact.reach)
        kept.append(with_offset(cells, offset.reshape(cells.offset.shape)))
        pushes.append(push)
    return tuple(kept), pushes, need


def spots_of(cells: Sequence[CellState]) -> Spots:
    """All vertices of all groups."""
    return make_spots([(one.anchor, one.offset, one.alive) for one in cells])


def per_group(values: Array, cells: Sequence[CellState]) -> list[Array]:
    """Vectors (P, 3) on all vertices as (C, V, 3) of every group."""
    ends = np.cumsum([one.offset.size // 3 for one in cells])[:-1]
    return [part.reshape(one.offset.shape) for part, one in zip(jnp.split(values, ends), cells, strict=True)]


def with_offset(cells: CellState, offset: Array) -> CellState:
    """The same cells with their vertices elsewhere."""
    return CellState(cells.anchor, offset, cells.alive, cells.ident, cells.carried)


def advance(
    model: Model, group: CellGroup, cells: CellState, causes: tuple[Array, Array, Array], at: Stencil
) -> CellState:
    """Move the vertices with the fluid."""
    velocity, load, rate = causes
    carried = at.interpolate(velocity).reshape(cells.offset.shape)
    moved = displace(group, cells, carried, load, viscosity_at(rate, cells, at))
    return CellState(cells.anchor, moved, cells.alive, cells.ident, carried)


def displace(group: CellGroup, cells: CellState, carried: Array, load: Array, viscosity: Array) -> Array:
    """Offsets (C, V, 3) after the vertices went with the fluid's velocity `carried` under their load, slid along the membrane
    where that is asked for, and restored the volume that interpolation leaked; `viscosity` a scalar or (C, V).

    The fluid's velocity is that of this step and the last in equal parts. Lattice Boltzmann conserves momentum that changes
    its sign from node row to node row and from step to step (Qian's staggered invariants), and the force on a vertex that follows
    it would feed it; over two steps it averages out.
    """
    membrane, living = group.membrane, cells.alive[:, None, None]
    volume_rate = VOLUME_RATE if group.keeps_volume else 0.0
    if membrane.native:
        motion, rates = (cells.offset, carried, cells.carried, load), (viscosity, group.sliding, volume_rate)
        return compiled.displace(membrane.mesh, motion, cells.alive, membrane.parameters.rest_volume, rates)
    mean = 0.5 * (carried + cells.carried)
    fine = unresolved_velocity(cells.offset, load, membrane.mesh, viscosity)
    moved = cells.offset + jnp.where(living, mean + fine, 0.0)
    if group.sliding:
        moved = moved + group.sliding * membrane.tangential_shift(moved)
    if group.keeps_volume:
        moved = moved + volume_rate * membrane.volume_shift(moved)
    return jnp.where(living, moved, cells.offset)


def viscosity_at(rate: Array, cells: CellState, at: Stencil) -> Array:
    """Viscosity at the vertices: the same everywhere, or (C, V) where the even rate differs from node to node."""
    if rate.ndim:
        rate = at.interpolate(jnp.broadcast_to(rate, (3, *rate.shape)))[:, 0].reshape(cells.offset.shape[:2])
    return viscosity(rate)
