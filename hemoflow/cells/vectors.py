"""Vectors as three separate arrays (x, y, z), so that XLA fuses and vectorises geometry written for one triangle."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

Vector = tuple[Array, Array, Array]


def subtract(a: Vector, b: Vector) -> Vector:
    """a - b."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def dot(a: Vector, b: Vector) -> Array:
    """a . b."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """a x b."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def norm(a: Vector) -> Array:
    """Length of a, with a finite (zero) gradient where a is exactly zero."""
    square = dot(a, a)
    positive = square > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def corners(x: Array, indices: Array) -> tuple[Vector, ...]:
    """Positions of the k corners of n elements: x (C, V, 3), indices (n, k) -> k vectors of arrays (C, n)."""
    count, size = indices.shape
    gathered = jnp.moveaxis(x, -1, 0)[:, :, indices.T.reshape(-1)].reshape(3, x.shape[0], size, count)
    return tuple((gathered[0, :, k], gathered[1, :, k], gathered[2, :, k]) for k in range(size))


def gather_sum(slots: Array, table: Array) -> Array:
    """Sum the slots of every vertex: slots (..., S), table (V, K) with S where a row has ended -> (..., V)."""
    padded = jnp.concatenate([slots, jnp.zeros_like(slots[..., :1])], axis=-1)
    # Along the vertices and not along the row, so that the sum runs over contiguous vectors: three times faster.
    return padded.at[..., table.T].get(mode="promise_in_bounds").sum(axis=-2)


def collect(parts: tuple[Vector, ...], table: Array) -> Array:
    """Sum what k corners of n elements get into vertices: k vectors of (C, n), table (V, K) of slots -> (C, V, 3)."""
    slots = jnp.stack([jnp.concatenate([part[axis] for part in parts], axis=-1) for axis in range(3)])
    return jnp.moveaxis(gather_sum(slots, table), 0, -1)
