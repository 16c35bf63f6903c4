"""Walls and rigid bodies: the repulsion of their surfaces, and the barrier that keeps a body as a whole on its side."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from hemoflow.bodies.rigid import BodyGroup, BodyState, wrench
from hemoflow.bodies.rotation import turned
from hemoflow.fluid.layout import NodeLayout
from hemoflow.interaction.repulsion import BARRIER, gap_and_normal, wall_force


def surface_gap(layout: NodeLayout, bodies: BodyState, arm: Array) -> tuple[Array, Array]:
    """Gap (C, V) to the wall and its unit gradient (C, V, 3) at points of the bodies' surfaces relative to their centres (C, V, 3)."""
    place = bodies.offset[:, None, :] + arm
    anchor = jnp.broadcast_to(bodies.anchor[:, None, :], place.shape).reshape(-1, 3)
    gap, normal = gap_and_normal(layout, anchor, place.reshape(-1, 3))
    return gap.reshape(place.shape[:2]), normal.reshape(place.shape)


def press_bodies(layout: NodeLayout, group: BodyGroup, bodies: BodyState, strength: tuple[Array, Array]) -> Array:
    """Force and torque (C, 6) of the wall on bodies, for its pressure and reach."""
    arm = turned(group.surface, bodies.turn)
    gap, normal = surface_gap(layout, bodies, arm)
    area = jnp.broadcast_to(group.area, gap.shape).reshape(-1)
    force = wall_force(gap.reshape(-1), normal.reshape(-1, 3), area, *strength).reshape(arm.shape)
    return wrench(jnp.where(bodies.alive[:, None, None], force, 0.0), arm)


def keep_bodies_inside(layout: NodeLayout, group: BodyGroup, bodies: BodyState, reach: Array) -> tuple[Array, Array]:
    """Offsets (C, 3) of bodies whose every point is at least `BARRIER` of the range from the wall, and how far the farthest was moved.

    A body that must be moved goes along the normal of its worst point.
    """
    gap, normal = surface_gap(layout, bodies, turned(group.surface, bodies.turn))
    short = jnp.where(bodies.alive[:, None], jnp.maximum(BARRIER * reach - gap, 0.0), 0.0)
    worst = jnp.argmax(short, axis=1)
    push = jnp.take_along_axis(short, worst[:, None], axis=1)
    along = jnp.take_along_axis(normal, worst[:, None, None], axis=1)[:, 0]
    return bodies.offset + push * along, jnp.max(short)
