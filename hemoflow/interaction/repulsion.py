"""Short-range repulsion between a membrane and the wall, and the barrier no vertex crosses.

A vertex closer to the wall than the range r feels the pressure P (1 - g/r) on its share of the membrane, g being the
gap; its energy is P A r (1 - g/r)^2 / 2. P is chosen a few times the largest pressure in the problem, so that the
equilibrium gap is a good part of the range. The range is physical (at most 0.3 um: glycocalyx and microvilli), not a
number of nodes. What the force does not stop, the barrier does: a vertex that would end up closer than a tenth of the
range is put back along the wall's normal.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from hemoflow.fluid.layout import NodeLayout
from hemoflow.native.calls import call, new, same, scratch, teams

BARRIER = 0.1
"""Smallest gap as a fraction of the range."""


def wall_gap(layout: NodeLayout, anchor: Array, offset: Array) -> Array:
    """Distance (P,) to the wall at points, trilinear between nodes; in node spacings, negative behind the wall."""
    base = jnp.floor(offset)
    part = offset - base
    corner = anchor + base.astype(jnp.int32)
    total = jnp.zeros(offset.shape[0], offset.dtype)
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                step = jnp.array([dx, dy, dz], jnp.int32)
                d = layout.wall_distance.at[layout.find(corner + step)].get(mode="promise_in_bounds")
                w = [part[:, a] if on else 1.0 - part[:, a] for a, on in enumerate((dx, dy, dz))]
                total = total + d * w[0] * w[1] * w[2]
    return total


def gap_and_normal(layout: NodeLayout, anchor: Array, offset: Array) -> tuple[Array, Array]:
    """The gap (P,) and its unit gradient (P, 3), which points away from the wall."""
    if layout.native:
        count, real = offset.shape[0], offset.dtype
        arguments, sizes = _native_arguments(layout, anchor, offset[:, None, :])
        gap, normal = call("wall", (new((count,), real), new((count, 3), real)), arguments, **sizes)
        return gap, normal
    gap = wall_gap(layout, anchor, offset)
    gradient = jax.grad(lambda x: jnp.sum(wall_gap(layout, anchor, x)))(offset)
    length = jnp.linalg.norm(gradient, axis=1, keepdims=True)
    return gap, gradient / jnp.maximum(length, 1e-12)


def wall_force(gap: Array, normal: Array, area: Array, pressure: Array, reach: Array) -> Array:
    """Force (P, 3) on points with a share of membrane area (P,)."""
    closeness = jnp.clip(1.0 - gap / reach, 0.0, 1.0)
    return (pressure * area * closeness)[:, None] * normal


def press(
    layout: NodeLayout, cells: tuple[Array, Array, Array], membrane: Array, area: Array, strength: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Forces (C, V, 3) of membranes with that of the wall added, and the wall's sum (3,); dead cells feel nothing.

    `cells`: anchor (C, 3), offset (C, V, 3) and alive (C,); `area` (V,) of every vertex; `strength`: pressure and reach.
    """
    anchor, offset, alive = cells
    if layout.native:
        arguments, sizes = _native_arguments(layout, anchor, offset)
        values = (membrane, area, alive, *(jnp.reshape(part, 1) for part in strength))
        out = (same(membrane), new((3,), offset.dtype), _room(offset))
        load, total, _ = call("press", out, (*arguments, *values), **sizes)
        return load, total
    spots = jnp.broadcast_to(anchor[:, None, :], offset.shape).reshape(-1, 3)
    gap, normal = gap_and_normal(layout, spots, offset.reshape(-1, 3))
    every = jnp.broadcast_to(area, offset.shape[:2]).reshape(-1)
    wall = wall_force(gap, normal, every, *strength).reshape(membrane.shape)
    living = alive[:, None, None]
    wall = jnp.where(living, wall, 0.0)
    return jnp.where(living, membrane, 0.0) + wall, jnp.sum(wall, axis=(0, 1))


def keep_inside(layout: NodeLayout, anchor: Array, offset: Array, reach: Array) -> tuple[Array, Array]:
    """Offsets with every vertex at least `BARRIER` of the range from the wall, and how far the farthest was moved."""
    if layout.native:
        arguments, sizes = _native_arguments(layout, anchor, offset[:, None, :])
        out = (same(offset), new((), offset.dtype), _room(offset))
        kept, farthest, _ = call("keep", out, (*arguments, jnp.reshape(BARRIER * reach, 1)), **sizes)
        return kept, farthest
    gap, normal = gap_and_normal(layout, anchor, offset)
    short = jnp.maximum(BARRIER * reach - gap, 0.0)
    return offset + short[:, None] * normal, jnp.max(short)


def _native_arguments(layout: NodeLayout, anchor: Array, offset: Array) -> tuple[tuple[Array, ...], dict[str, int]]:
    """What every compiled kernel of the wall is given first, and the sizes of the table."""
    table, sizes = layout.native_arguments()
    return (anchor, offset, *table, layout.wall_distance), sizes


def _room(offset: Array) -> jax.ShapeDtypeStruct:
    """For sums of three numbers over points (..., 3)."""
    return scratch(3 * teams(offset.size // 3))
