"""Resistance of a membrane to bending, on the edges of its triangulation.

Helfrich: E = kappa/2 sum_v A_v (S_v/A_v - c0)^2 with S_v = 1/2 sum_e l_e theta_e over the edges at a vertex (the
integral of 2H over its share of the surface), theta_e the angle between the normals of the two faces at an edge of
length l_e, positive where convex, and A_v a third of the area of the faces around (Juelicher 1996). On gently sloped
surfaces S_v is the cotangent Laplacian. A sphere costs 8 pi kappa; a sphere of radius 2/c0 nothing.

Hinge: E = k_b sum_e (1 - cos(theta_e - theta0_e)). On a regular triangulation it acts like Helfrich with kappa =
sqrt(3)/2 k_b, but its energy contains a Gaussian part: a sphere costs 4 pi k_b / sqrt(3) (Seung and Nelson 1988).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from hemoflow.cells.vectors import Vector, cross, dot, norm, subtract

MODELS = ("helfrich", "hinge", "none")
"""Names of the bending models."""


def fold(i: Vector, j: Vector, k: Vector, m: Vector) -> tuple[Array, Array]:
    """Length l and angle theta of the edge i-j between the faces (i, j, k) and (j, i, m), convex positive."""
    along = subtract(j, i)
    one = cross(along, subtract(k, i))
    two = cross(subtract(m, i), along)
    length = norm(along)
    return length, jnp.arctan2(dot(cross(one, two), along), length * dot(one, two))


def integrated_curvature(i: Vector, j: Vector, k: Vector, m: Vector) -> Array:
    """l theta of an edge: the integral of twice the mean curvature over the strip that the edge stands for."""
    length, angle = fold(i, j, k, m)
    return length * angle


def helfrich_energy(curvature: Array, area: Array, modulus: Array, spontaneous: Array) -> Array:
    """Energy of a vertex with integrated curvature S_v and area A_v."""
    excess = curvature / area - spontaneous
    return 0.5 * modulus * area * excess * excess


def hinge_energy(angle: Array, rest: Array, modulus: Array) -> Array:
    """Energy of an edge."""
    return modulus * (1.0 - jnp.cos(angle - rest))
