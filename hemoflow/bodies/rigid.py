"""Rigid bodies in the fluid: six degrees of freedom each, held, driven or free, bound to the lattice by markers on their surface.

A marker acts on the fluid with the force F = I + k (V + W x r - u), where u is the fluid's velocity there and I grows by the
difference every step (feedback forcing: Goldstein, Handler and Sirovich 1993, J Comput Phys 105:354), so that at rest next to nothing
slips. The velocity V and rotation W of a free body follow at once, implicitly, from the balance of all that acts on it:

    sum F = P - M dV/dt,   sum r x F = T - (J dW/dt + W x J W)

with the excess mass M and inertia J over those of the fluid in its place, which takes part in the motion by itself, and the given or
contact forces P and torques T. A neutrally buoyant body has neither: what its markers give to the fluid is exactly P and T. The
fluid's velocity is the mean of two steps, as it is for the vertices of cells: a force that followed momentum which alternates from
step to step would feed it.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from hemoflow.bodies.rotation import add_exactly, matrix, turned, turning

GAIN = 0.5
"""Part of a marker's slip that its force takes away in one step, for the kernel's share of a force at its own place."""

GROWTH = 0.1
"""Part of the slip, in the same measure, by which the lasting force grows every step."""

FADING = 2e-3
"""Part of the lasting force that fades every step. Patterns of force between neighbouring markers, which the kernels blur to almost
nothing, would otherwise grow for ever. In exchange a marker under the traction f (lattice units) slips by 0.01 f with 3 points: a sphere
of 5 nodes at relaxation time 1 by 0.05 % of its velocity."""

SELF_SHARE = {2: 0.6, 3: 0.5, 4: 0.375}
"""What a layer of force of one unit per area gives to the velocity of its own markers in one step: the sum of squares of the kernel."""


class BodyGroup(eqx.Module):
    """Bodies of one shape, in lattice units. In the body's frame: `markers` and physical `surface` (V, 3), mesh `faces` (F, 3), `area`
    (V,) of each marker. Of every body: `excess_mass` (C,), `excess_inertia` (C, 3), `free` (C, 6) which of the components of velocity
    and rotation follow from the balance of forces, `push` (C, 6) given force and torque."""

    markers: Array
    surface: Array
    faces: Array
    area: Array
    excess_mass: Array
    excess_inertia: Array
    free: Array
    push: Array
    name: str = eqx.field(static=True)


class BodyState(eqx.Module):
    """Where the bodies of one group are.

    The centre is at `anchor` (C, 3) int32 + `offset` (C, 3), the orientation a unit quaternion `turn` (C, 4); `lost` (C, 7) is what
    rounding took from both. `motion` (C, 6) velocity and rotation per step; `lasting` (C, V, 3) forces of the markers; `carried` (C, V, 3)
    the fluid's velocity there in the last step, `seen` the mean of that and the one before; `load` (C, 6) force and torque of the
    fluid on the body in the last step, with what the fluid inside needs to follow its motion; `alive` (C,), `ident` (C,).
    """

    anchor: Array
    offset: Array
    turn: Array
    lost: Array
    motion: Array
    lasting: Array
    carried: Array
    seen: Array
    load: Array
    alive: Array
    ident: Array


def arms(group: BodyGroup, bodies: BodyState) -> Array:
    """Markers (C, V, 3) relative to the centres."""
    return turned(group.markers, bodies.turn)


def wrench(force: Array, arm: Array) -> Array:
    """Force and torque (C, 6) of forces (C, V, 3) at arms (C, V, 3)."""
    return jnp.concatenate([jnp.sum(force, axis=1), jnp.sum(jnp.cross(arm, force), axis=1)], axis=-1)


def velocity_at(motion: Array, arm: Array) -> Array:
    """Velocity (C, V, 3) of points at arms of bodies in motion (C, 6)."""
    return motion[:, None, :3] + jnp.cross(motion[:, None, 3:], arm)


def gain(group: BodyGroup, width: int) -> Array:
    """k (V,) of every marker."""
    return GAIN / SELF_SHARE[width] * group.area


def constrain(group: BodyGroup, bodies: BodyState, contact: Array, width: int) -> tuple[BodyState, Array]:
    """The bodies with their new motion and load, and the forces (C, V, 3) of their markers on the fluid, beside the force and torque
    `contact` (C, 6) of walls."""
    arm = arms(group, bodies)
    k = gain(group, width)
    base = bodies.lasting - k[:, None] * bodies.seen
    motion = _balanced(group, bodies, (arm, k, base), contact)
    force = jnp.where(bodies.alive[:, None, None], base + k[:, None] * velocity_at(motion, arm), 0.0)
    bodies = eqx.tree_at(lambda b: (b.motion, b.load), bodies, (motion, -wrench(force, arm)))
    return bodies, force


def _balanced(group: BodyGroup, bodies: BodyState, marker: tuple[Array, Array, Array], contact: Array) -> Array:
    """Velocity and rotation (C, 6) for which the forces of the markers balance all others."""
    arm, k, base = marker
    old, real = bodies.motion, bodies.motion.dtype
    r = matrix(bodies.turn)
    inertia = jnp.einsum("cij,cj,ckj->cik", r, group.excess_inertia, r)
    total = jnp.sum(k)
    first = jnp.einsum("v,cvi->ci", k, arm)
    second = jnp.einsum("v,cvi,cvj->cij", k, arm, arm)
    eye = jnp.eye(3, dtype=real)
    skew = _skew(first)
    mass = (total + group.excess_mass)[:, None, None] * eye
    turn = jnp.trace(second, axis1=1, axis2=2)[:, None, None] * eye - second + inertia
    matrix_ = jnp.concatenate([jnp.concatenate([mass, -skew], axis=2), jnp.concatenate([skew, turn], axis=2)], axis=1)
    spin = jnp.einsum("cij,cj->ci", inertia, old[:, 3:])
    kept = jnp.concatenate([group.excess_mass[:, None] * old[:, :3], spin - jnp.cross(old[:, 3:], spin)], axis=-1)
    right = group.push + contact + kept - wrench(base, arm)
    free, given = group.free, jnp.where(group.free, 0.0, old)
    right = jnp.where(free, right - jnp.einsum("cij,cj->ci", matrix_, given), given)
    both = free[:, :, None] & free[:, None, :]
    system = jnp.where(both, matrix_, jnp.eye(6, dtype=real))
    return _solved(system, right)


def _solved(system: Array, right: Array) -> Array:
    """Solutions (C, 6) of symmetric positive definite systems (C, 6, 6): elimination, which needs no pivots."""
    rows = jnp.concatenate([system, right[..., None]], axis=2)
    for k in range(6):
        pivot = rows[:, k] / rows[:, k, k, None]
        rows = (rows - rows[:, :, k, None] * pivot[:, None, :]).at[:, k].set(pivot)
    return rows[..., 6]


def _skew(a: Array) -> Array:
    """Matrices (C, 3, 3) that multiply by a (C, 3) from the left, as a cross product."""
    x, y, z = (a[:, k] for k in range(3))
    o = jnp.zeros_like(x)
    return jnp.stack([jnp.stack(row, axis=-1) for row in ([o, -z, y], [z, o, -x], [-y, x, o])], axis=-2)


def follow(group: BodyGroup, bodies: BodyState, carried: Array, width: int) -> BodyState:
    """The bodies after a step in which the fluid had the velocity `carried` (C, V, 3) at their markers."""
    arm = arms(group, bodies)
    seen = 0.5 * (carried + bodies.carried)
    slip = velocity_at(bodies.motion, arm) - seen
    rate = (GROWTH / GAIN) * gain(group, width)
    lasting = (1.0 - FADING) * bodies.lasting + rate[:, None] * slip
    offset, lost = add_exactly(bodies.offset, bodies.motion[:, :3], bodies.lost[:, :3])
    turn, also = add_exactly(bodies.turn, turning(bodies.turn, bodies.motion[:, 3:]), bodies.lost[:, 3:])
    new = BodyState(
        bodies.anchor, offset, turn, jnp.concatenate([lost, also], axis=-1), bodies.motion, lasting, carried, seen,
        bodies.load, bodies.alive, bodies.ident,
    )  # fmt: skip
    alive = bodies.alive
    return eqx.tree_at(
        lambda b: (b.offset, b.turn),
        new,
        (jnp.where(alive[:, None], offset, bodies.offset), jnp.where(alive[:, None], turn, bodies.turn)),
    )
