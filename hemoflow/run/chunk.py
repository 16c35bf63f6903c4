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
from hemoflow.interaction.repulsion import wall_gap
from hemoflow.model import CellState, Model, State
from hemoflow.step import Observed, step

FOLD_COSINE = -0.5
"""Cosine between the normals of neighbouring faces below which a membrane counts as folded: a crease sharper than 120 degrees."""

BEHIND = 0.1
"""Node spacings behind the wall from which a vertex counts as through it; the distance between nodes is no better known."""


class ChunkReport(eqx.Module):
    """Of one chunk: summed mass gain per link group, largest push of the barrier, mass, density and speed extremes,
    volume ratio of every cell (smallest, largest), and the error bits."""

    flux: Array
    pushed_back: Array
    mass: Array
    density_min: Array
    density_max: Array
    speed_max: Array
    volume_ratio: Array
    bits: Array


@eqx.filter_jit(donate="none")
def run_chunk(model: Model, state: State, drives: Array) -> tuple[State, ChunkReport]:
    """Advance by len(drives) steps; drives (steps, groups + 1)."""
    state, seen = march(model, state, drives)
    return state, inspect(model, state, seen)


def march(model: Model, state: State, drives: Array) -> tuple[State, Observed]:
    """The state after len(drives) steps, and what they report together."""
    groups = model.fluid.links.openings + 1

    def body(carry: tuple[State, Array, Array], drive: Array) -> tuple[tuple[State, Array, Array], None]:
        new, seen = step(model, carry[0], drive)
        return (new, carry[1] + seen.flux, jnp.maximum(carry[2], seen.pushed_back)), None

    zero = jnp.zeros(groups, state.fluid.populations.dtype)
    carried = State(begin(model.fluid, state.fluid), state.cells, state.bonds, state.outlets, state.bodies)  # type: ignore[arg-type]
    (carried, flux, pushed), _ = jax.lax.scan(body, (carried, zero, zero[0]), drives)
    state = State(finish(model.fluid, carried.fluid), carried.cells, carried.bonds, carried.outlets, carried.bodies)
    return state, Observed(flux, jnp.zeros(3), pushed)


def inspect(model: Model, state: State, seen: Observed) -> ChunkReport:
    """Health of a state."""
    h = state.fluid.populations
    rho = density_deviation(list(h))
    u = jnp.stack(momentum(list(h)))
    speed = jnp.sqrt(jnp.max(jnp.sum(u * u, axis=0)))
    finite = jnp.all(jnp.isfinite(h))
    ratios = [jnp.ones(2, h.dtype)]
    folded = behind = jnp.asarray(False)
    for group, cells in zip(model.groups, state.cells, strict=True):
        ratio = group.membrane.volume(cells.offset) / group.membrane.parameters.rest_volume
        ratio = jnp.where(cells.alive, ratio, 1.0)
        finite = finite & jnp.all(jnp.isfinite(ratio))
        ratios.append(jnp.stack([jnp.min(ratio), jnp.max(ratio)]))
        folded = folded | _folded(group.membrane.mesh.faces, group.membrane.mesh.edges, cells.offset)
        behind = behind | _behind_wall(model, cells)
    for bodies in state.bodies:
        finite = finite & jnp.all(jnp.isfinite(bodies.offset)) & jnp.all(jnp.isfinite(bodies.motion))
    every = jnp.stack(ratios)
    volume = jnp.stack([jnp.min(every[:, 0]), jnp.max(every[:, 1])])
    bits = (
        jnp.where(finite, 0, health.NOT_FINITE)
        + jnp.where(jnp.min(rho) > -1.0, 0, health.NEGATIVE_DENSITY)
        + jnp.where(speed < 0.17, 0, health.TOO_FAST)
        + jnp.where(jnp.all(jnp.abs(volume - 1.0) < 0.05), 0, health.VOLUME)
        + jnp.where(folded, health.FOLDED, 0)
        + jnp.where(behind, health.THROUGH_WALL, 0)
    )
    return ChunkReport(seen.flux, seen.pushed_back, jnp.sum(rho), jnp.min(rho), jnp.max(rho), speed, volume, bits)


def _behind_wall(model: Model, cells: CellState) -> Array:
    """Whether a vertex of a living cell is behind the wall. Behind an opening there is none: a vertex beside a node
    there, or out of reach of the lumen, where the two cannot be told apart, is left out."""
    layout, x = model.layout, cells.offset.reshape(-1, 3)
    anchor = jnp.broadcast_to(cells.anchor[:, None, :], cells.offset.shape).reshape(-1, 3)
    gap = wall_gap(layout, anchor, x)
    base = anchor + jnp.floor(x).astype(jnp.int32)
    ids = jnp.stack([layout.find(base + jnp.array(corner, jnp.int32)) for corner in np.ndindex(2, 2, 2)])
    fluid = ids < layout.count
    open_ = ~fluid & (layout.wall_distance[ids] > 0.0)
    alive = jnp.repeat(cells.alive, cells.offset.shape[1])
    return jnp.any(alive & (gap < -BEHIND) & jnp.any(fluid, axis=0) & ~jnp.any(open_, axis=0))


def _folded(faces: Array, edges: Array, x: Array) -> Array:
    """Whether any two faces that share an edge nearly lie on each other; edges (E, 4): ends, then the two opposite vertices."""
    i, j, k, m = corners(x, edges)
    one = cross(subtract(j, i), subtract(k, i))
    two = cross(subtract(m, i), subtract(j, i))
    size = 4.0 * face_area(i, j, k) * face_area(i, j, m)
    return jnp.any(dot(one, two) < FOLD_COSINE * size)
