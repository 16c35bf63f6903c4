"""What a membrane encloses and covers as a whole: volume and area held near their values, and a constant cortical
tension.

- volume: E = K_V/2 (V - V0)^2 / V0 - p0 (V - V0), an inner excess pressure p = p0 - K_V (V - V0)/V0;
- area: E = K_A/2 (A - A0)^2 / A0, an isotropic tension K_A (A - A0)/A0, the same everywhere;
- cortex: E = T (A - A0), an isotropic tension T whatever the area: actomyosin, or a drop's surface tension.

The offset p0 (usually the Laplace pressure 2 T/R) makes the cell at rest have its nominal volume.
"""

from __future__ import annotations

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


def area_energy(area: Array, rest: Array, modulus: Array) -> Array:
    """Energy of the total area (C,)."""
    return 0.5 * modulus * (area - rest) ** 2 / rest


def tension_energy(area: Array, rest: Array, tension: Array) -> Array:
    """Energy of a constant cortical tension (C,), counted from the rest area."""
    return tension * (area - rest)
