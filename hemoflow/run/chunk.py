"""Many steps in one compiled call, with what must be known about them."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow import health
from hemoflow.cells.enclosure import face_area
from hemoflow.cells.vectors import corners, cross, dot, subtract
from hemoflow.fluid.moments import density_deviation, momentum
from hemoflow.fluid.solver import begin, finish
from hemoflow.interaction.cells import gaps
from hemoflow.interaction.neighbours import Need, larger, nothing_needed
from hemoflow.interaction.repulsion import wall_gap
from hemoflow.model import CellState, Model, State
from hemoflow.step import Observed, spots_of, step

FOLD_COSINE = -0.5
"""Cosine between the normals of neighbouring faces below which a membrane counts as folded: a crease sharper than 120 degrees."""

BEHIND = 0.1
"""Node spacings behind the wall from which a vertex counts as through it; the distance between nodes is no better known."""

WITHIN = 0.5
"""Part of the range behind another cell's membrane from which a vertex counts as inside."""


class ChunkReport(eqx.Module):
    """Of one chunk: summed mass gain per link group, largest push of the barrier, mass, density and speed extremes,
    volume ratio of every cell (smallest, largest), the error bits, and what the search for neighbours needed."""

    flux: Array
    pushed_back: Array
    mass: Array
    density_min: Array
    density_max: Array
    speed_max: Array
    volume_ratio: Array
    bits: Array
    need: Need


@eqx.filter_jit(donate="none")
def run_chunk(model: Model, state: State, drives: Array) -> tuple[State, ChunkReport]:
    """Advance by len(drives) steps; drives (steps, groups + 1)."""
    state, seen = march(model, state, drives)
    return state, inspect(model, state, seen)


def march(model: Model, state: State, drives: Array) -> tuple[State, Observed]:
    """The state after len(drives) steps, and what they report together."""
    groups = model.fluid.links.openings + 1

    def body(carry: tuple[State, Array, Array, Need], drive: Array) -> tuple[tuple[State, Array, Array, Need], None]:
        new, seen = step(model, carry[0], drive)
        pushed = jnp.maximum(carry[2], seen.pushed_back)
        return (new, carry[1] + seen.flux, pushed, larger(carry[3], seen.need)), None

    zero = jnp.zeros(groups, state.fluid.populations.dtype)
    carried = State(begin(model.fluid, state.fluid), state.cells, state.bonds, state.outlets, state.bodies)  # type: ignore[arg-type]
    none = larger(nothing_needed(), nothing_needed())
    (carried, flux, pushed, need), _ = jax.lax.scan(body, (carried, zero, zero[0], none), drives)
    state = State(finish(model.fluid, carried.fluid), carried.cells, carried.bonds, carried.outlets, carried.bodies)
    return state, Observed(flux, jnp.zeros(3), pushed, need)


def inspect(model: Model, state: State, seen: Observed) -> ChunkReport:
    """Health of a state."""
    h = state.fluid.populations
    rho = density_deviation(list(h))
    u = jnp.stack(momentum(list(h)))
    speed = jnp.sqrt(jnp.max(jnp.sum(u * u, axis=0)))
    finite = jnp.all(jnp.isfinite(h))
    ratios = [jnp.ones(2, h.dtype)]
    folded = behind = lost = jnp.asarray(False)
    for group, cells in zip(model.groups, state.cells, strict=True):
        ratio = group.membrane.volume(cells.offset) / group.membrane.parameters.rest_volume
        ratio = jnp.where(cells.alive, ratio, 1.0)
        finite = finite & jnp.all(jnp.isfinite(ratio))
        ratios.append(jnp.stack([jnp.min(ratio), jnp.max(ratio)]))
        mesh = group.membrane.mesh
        folded = folded | jnp.any(cells.alive & folded_cells(mesh.faces, mesh.edges, cells.offset))
        behind = behind | jnp.any(behind_wall(model, cells))
        lost = lost | jnp.any(out_of_lumen(model, cells))
    for bodies in state.bodies:
        finite = finite & jnp.all(jnp.isfinite(bodies.offset)) & jnp.all(jnp.isfinite(bodies.motion))
    inside, need = _inside(model, state.cells)
    need = larger(seen.need, need)
    every = jnp.stack(ratios)
    volume = jnp.stack([jnp.min(every[:, 0]), jnp.max(every[:, 1])])
    bits = (
        jnp.where(finite, 0, health.NOT_FINITE)
        + jnp.where(jnp.min(rho) > -1.0, 0, health.NEGATIVE_DENSITY)
        + jnp.where(speed < 0.17, 0, health.TOO_FAST)
        + jnp.where(jnp.all(jnp.abs(volume - 1.0) < 0.05), 0, health.VOLUME)
        + jnp.where(folded, health.FOLDED, 0)
        + jnp.where(behind, health.THROUGH_WALL, 0)
        + jnp.where(inside, health.INSIDE_CELL, 0)
        + jnp.where(lost, health.OUT_OF_LUMEN, 0)
        + jnp.where(_holds(model, need), 0, health.CROWDED)
    )
    return ChunkReport(seen.flux, seen.pushed_back, jnp.sum(rho), jnp.min(rho), jnp.max(rho), speed, volume, bits, need)


def _inside(model: Model, cells: tuple[CellState, ...]) -> tuple[Array, Need]:
    """Whether a vertex is inside another cell, and what the search for it needed."""
    contact = model.contact.cells
    if contact is None:
        return jnp.asarray(False), nothing_needed()
    gap, need = gaps(contact, spots_of(cells))
    return jnp.any(gap < -deepest_allowed(model)), need


def deepest_allowed(model: Model) -> Array:
    """How far a vertex may be inside another cell, in node spacings."""
    return WITHIN * (model.contact.reach if model.contact.cells is None else model.contact.cells.reach)


def _holds(model: Model, need: Need) -> Array:
    """Whether every search of a chunk was complete."""
    contact = model.contact.cells
    if contact is None:
        return jnp.asarray(True)
    return (need.fullest <= contact.search.slots) & (need.widest <= contact.search.edge)


def _around(model: Model, cells: CellState) -> tuple[Array, Array]:
    """Of the nodes (8, C, V) around every vertex: which are fluid, and which lie beyond an opening."""
    layout = model.layout
    base = cells.anchor[:, None] + jnp.floor(cells.offset).astype(jnp.int32)
    ids = jnp.stack([layout.find(base + jnp.array(corner, jnp.int32)) for corner in np.ndindex(2, 2, 2)])
    fluid = ids < layout.count
    return fluid, ~fluid & (layout.wall_distance[ids] > 0.0)


def behind_wall(model: Model, cells: CellState) -> Array:
    """Which vertices (C, V) of living cells are behind the wall. Behind an opening there is none: a vertex beside a node
    there, or out of reach of the lumen, where the two cannot be told apart, is left out."""
    x = cells.offset.reshape(-1, 3)
    anchor = jnp.broadcast_to(cells.anchor[:, None, :], cells.offset.shape).reshape(-1, 3)
    gap = wall_gap(model.layout, anchor, x).reshape(cells.offset.shape[:2])
    fluid, open_ = _around(model, cells)
    return cells.alive[:, None] & (gap < -BEHIND) & jnp.any(fluid, axis=0) & ~jnp.any(open_, axis=0)


def out_of_lumen(model: Model, cells: CellState) -> Array:
    """Which living cells (C,) have more than half of their vertices where no fluid is near, beyond walls or openings."""
    fluid, _ = _around(model, cells)
    return cells.alive & (jnp.mean(jnp.any(fluid, axis=0), axis=1) < 0.5)


def folded_cells(faces: Array, edges: Array, x: Array) -> Array:
    """In which cells (C,) two faces that share an edge nearly lie on each other; edges (E, 4): ends, then the two opposite vertices."""
    i, j, k, m = corners(x, edges)
    one = cross(subtract(j, i), subtract(k, i))
    two = cross(subtract(m, i), subtract(j, i))
    size = 4.0 * face_area(i, j, k) * face_area(i, j, m)
    return jnp.any(dot(one, two) < FOLD_COSINE * size, axis=1)
