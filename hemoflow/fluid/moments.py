"""Density deviation, momentum and stress of the populations.

Populations are stored as deviations from the rest state, h_i = f_i - w_i, so that float32 keeps its digits: the density
deviation is their plain sum, and the momentum needs no subtraction.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from hemoflow.fluid.lattice import DIRECTIONS, PAIRS, SPEED_OF_SOUND_SQUARED, WEIGHTS


def density_deviation(h: Sequence[Array]) -> Array:
    """Density minus one, (N,), from 19 populations (N,)."""
    total = h[0]
    for a, b in PAIRS:
        total = total + (h[a] + h[b])
    return total


def momentum(h: Sequence[Array]) -> list[Array]:
    """The three components (N,) of the bare momentum, before half of the force is added."""
    return [sum(terms[1:], terms[0]) for terms in (_signed_differences(h, axis) for axis in range(3))]


def _signed_differences(h: Sequence[Array], axis: int) -> list[Array]:
    signs = [(a, b, int(DIRECTIONS[a, axis])) for a, b in PAIRS]
    return [h[a] - h[b] if c > 0 else h[b] - h[a] for a, b, c in signs if c]


def equilibrium_even(i: int, rho: Array, cu: Array, u_squared: Array) -> Array:
    """Even part of the incompressible equilibrium of He and Luo 1997, w (drho + 4.5 (c.u)^2 - 1.5 u^2)."""
    return float(WEIGHTS[i]) * (rho + 4.5 * cu * cu - 1.5 * u_squared)


def projected(i: int, v: Sequence[Array]) -> Array:
    """c_i . v for a vector field given by components."""
    total = None
    for axis in range(3):
        c = int(DIRECTIONS[i, axis])
        if c:
            term = v[axis] if c > 0 else -v[axis]
            total = term if total is None else total + term
    return total if total is not None else jnp.zeros_like(v[0])


def stress_moment(h: Array, rho: Array, u: Array, force: Array) -> Array:
    """Non-equilibrium second moment sum_i c_a c_b (f_i - f_i^eq), plus half of the Guo source; shape (N, 3, 3).

    h (19, N) before collision, rho (N,), u (3, N) and force (3, N). The deviatoric fluid stress is
    -(1 - 1/(2 tau)) times this tensor (Chai and Zhao 2012), second order in space, with no finite difference.
    """
    c = jnp.asarray(DIRECTIONS, h.dtype)
    second = jnp.einsum("ia,ib,in->nab", c, c, h)
    eye = jnp.eye(3, dtype=h.dtype)
    equilibrium = SPEED_OF_SOUND_SQUARED * rho[:, None, None] * eye + jnp.einsum("an,bn->nab", u, u)
    source = 0.5 * (jnp.einsum("an,bn->nab", u, force) + jnp.einsum("an,bn->nab", force, u))
    return second - equilibrium + source
