"""Smoothed delta functions of the immersed boundary: 2, 3 and 4 points wide (Peskin 2002; Roma, Peskin and Berger 1999)."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow.fluid.layout import NodeLayout

WIDTHS = (2, 3, 4)


def delta(distance: Array, width: int) -> Array:
    """One-dimensional kernel of the given width at a distance in node spacings; sums to one over the lattice.

    2: linear (hat). 3: Roma, Peskin and Berger 1999. 4: Peskin 2002, eq. 6.27.
    """
    r = jnp.abs(distance)
    if width == 2:
        return jnp.maximum(1.0 - r, 0.0)
    if width == 3:
        inner = (1.0 + jnp.sqrt(jnp.maximum(1.0 - 3.0 * r * r, 0.0))) / 3.0
        outer = (5.0 - 3.0 * r - jnp.sqrt(jnp.maximum(1.0 - 3.0 * (1.0 - r) ** 2, 0.0))) / 6.0
        return jnp.where(r <= 0.5, inner, jnp.where(r <= 1.5, outer, 0.0))
    if width == 4:
        inner = (3.0 - 2.0 * r + jnp.sqrt(jnp.maximum(1.0 + 4.0 * r - 4.0 * r * r, 0.0))) / 8.0
        outer = (5.0 - 2.0 * r - jnp.sqrt(jnp.maximum(-7.0 + 12.0 * r - 4.0 * r * r, 0.0))) / 8.0
        return jnp.where(r <= 1.0, inner, jnp.where(r <= 2.0, outer, 0.0))
    raise ValueError(f"kernel width {width}: choose 2, 3 or 4")


def stencil(layout: NodeLayout, anchor: Array, offset: Array, width: int) -> tuple[Array, Array]:
    """Node ids and weights (P, width^3) around points at anchor (P, 3) int32 + offset (P, 3).

    Only fluid nodes take part: beside a wall the weights are renormalised to sum to one, so that interpolating a
    uniform flow is exact and the whole force reaches the fluid. Interpolation and spreading share these weights,
    which keeps them adjoint. A point with no fluid node in reach has all weights zero.
    """
    # The lowest node in reach: floor(x) - (width/2 - 1) for even widths, round(x) - 1 for three points.
    first = jnp.floor(offset + 0.5 * (width % 2)).astype(jnp.int32) - (width - 1) // 2
    steps = jnp.arange(width, dtype=jnp.int32)
    near = first[:, None, :] + steps[None, :, None]
    w = delta(near.astype(offset.dtype) - offset[:, None, :], width)
    grid = np.array(list(itertools.product(range(width), repeat=3)))
    position = jnp.stack([near[:, grid[:, a], a] for a in range(3)], axis=-1) + anchor[:, None, :]
    weights = w[:, grid[:, 0], 0] * w[:, grid[:, 1], 1] * w[:, grid[:, 2], 2]
    ids = layout.find(position)
    fluid = ids < layout.count
    weights = jnp.where(fluid, weights, 0.0)
    total = jnp.sum(weights, axis=1, keepdims=True)
    weights = weights / jnp.where(total > 1e-6, total, jnp.inf)
    return jnp.where(fluid, ids, layout.count), weights


def interpolate(field: Array, ids: Array, weights: Array) -> Array:
    """Values (P, k) of a node field (k, N) at points, with the ids and weights of `stencil`."""
    padded = jnp.minimum(ids, field.shape[1] - 1)
    return jnp.stack([jnp.sum(f.at[padded].get(mode="promise_in_bounds") * weights, axis=1) for f in field], axis=-1)


def spread(values: Array, ids: Array, weights: Array, count: int) -> Array:
    """Point values (P, k) onto nodes, (k, N): the adjoint of `interpolate`."""
    out = jnp.zeros((count + 1, values.shape[1]), values.dtype)
    out = out.at[ids].add(weights[..., None] * values[:, None, :], mode="promise_in_bounds")
    return out[:count].T
