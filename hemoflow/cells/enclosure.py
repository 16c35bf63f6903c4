"""What a membrane encloses and covers as a whole: volume and area held near their values, and a constant cortical
tension.

- volume: E = K_V/2 (V - V0)^2 / V0 - p0 (V - V0), an inner excess pressure p = p0 - K_V (V - V0)/V0;
- area: E = K_A/2 A0 e^2 with e the part of (A - A0)/A0 beyond the reserve, an isotropic tension K_A e, the same everywhere;
- local area: K_a/2 e^2 per reference area, with e the same part of each triangle's own strain, a tension K_a e of that triangle;
- cortex: E = T (A - A0), an isotropic tension T whatever the area: actomyosin, or a drop's surface tension.

The reserve r is what folds hold: strains from 0 to r unfold it and meet no resistance, what is beyond meets all of it, and
compression below the rest area does as well (the folds at rest are close packed). Evans and Yeung 1989; r = 0: no folds.

The offset p0 (usually the Laplace pressure 2 T/R) makes the cell at rest have its nominal volume.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from hemoflow.cells.vectors import Vector, cross, dot, norm, subtract


def face_area(a: Vector, b: Vector, c: Vector) -> Array:
    """Area of triangles (C, F)."""
    return 0.5 * norm(cross(subtract(b, a), subtract(c, a)))


def face_volume(a: Vector, b: Vector, c: Vector) -> Array:
    """Signed volume between triangles and the origin (C, F); summed over a closed surface, its volume.

    In float32 the origin must be near the cell, or large volumes cancel.
    """
    return dot(a, cross(b, c)) / 6.0


def volume_energy(volume: Array, rest: Array, modulus: Array, pressure: Array) -> Array:
    """Energy of the volume (C,), up to a constant."""
    return 0.5 * modulus * (volume - rest) ** 2 / rest - pressure * (volume - rest)


def beyond_reserve(strain: Array, reserve: Array) -> Array:
    """The part of an areal strain that the reserve does not take up: none from 0 to `reserve`."""
    return strain - jnp.clip(strain, 0.0, reserve)


def area_energy(area: Array, rest: Array, modulus: Array, reserve: Array) -> Array:
    """Energy of the total area (C,)."""
    return 0.5 * modulus * rest * beyond_reserve((area - rest) / rest, reserve) ** 2


def tension_energy(area: Array, rest: Array, tension: Array) -> Array:
    """Energy of a constant cortical tension (C,), counted from the rest area."""
    return tension * (area - rest)
