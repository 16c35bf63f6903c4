"""Orientation as a unit quaternion (w, x, y, z) that turns vectors of the body's frame into those of the lattice.

Source: Diebel 2006, Representing attitude: Euler angles, unit quaternions, and rotation vectors.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def matrix(turn: Array) -> Array:
    """Rotation matrices (C, 3, 3) of quaternions (C, 4)."""
    w, x, y, z = (turn[:, k] for k in range(4))
    rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def turned(points: Array, turn: Array) -> Array:
    """Points (V, 3) of the body's frame as (C, V, 3) for quaternions (C, 4)."""
    r = matrix(turn)
    return sum(points[None, :, None, k] * r[:, None, :, k] for k in range(3))  # type: ignore[return-value]


def turning(turn: Array, spin: Array) -> Array:
    """What a rotation vector `spin` (C, 3) of one step, in the lattice's frame, adds to quaternions (C, 4); exact to the sixth power
    of the angle, and with half of what the length of the quaternion lacks to one."""
    half = 0.5 * spin
    square = jnp.sum(half * half, axis=-1)
    less = -square * (0.5 - square / 24.0)
    x, y, z = (half[:, k] * (1.0 - square / 6.0 + square * square / 120.0) for k in range(3))
    a, b, c, d = (turn[:, k] for k in range(4))
    short = less + 0.5 * (1.0 - jnp.sum(turn * turn, axis=-1))
    return jnp.stack(
        [
            short * a - x * b - y * c - z * d,
            short * b + x * a + y * d - z * c,
            short * c + y * a + z * b - x * d,
            short * d + z * a + x * c - y * b,
        ],
        axis=-1,
    )


def add_exactly(value: Array, change: Array, lost: Array) -> tuple[Array, Array]:
    """A sum with a change far smaller than it, and what rounding lost of it, to be given with the next one.

    Source: Kahan 1965, Further remarks on reducing truncation errors.
    """
    wanted = change + lost
    total = value + wanted
    return total, wanted - (total - value)
