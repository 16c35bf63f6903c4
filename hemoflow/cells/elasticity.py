"""In-plane elasticity of a membrane: energy per unit reference area of a triangle stretched from its reference shape.

With principal stretches l1, l2 the invariants are I1 = l1^2 + l2^2 - 2 and I2 = l1^2 l2^2 - 1. They are taken from
the metric of the triangle (dot products of its sides), never from eigenvalues, so that gradients are finite at zero
deformation.

Conventions, which differ between papers by factors of 3:

- Skalak: W = G/4 (I1^2 + 2 I1 - 2 I2 + C I2^2), which is kappa_S/12 (I1^2 + 2 I1 - 2 I2) + kappa_alpha/12 I2^2 with
  kappa_S = 3 G and kappa_alpha = 3 C G;
- neo-Hookean: W = G/2 (I1 + 1/(I2 + 1) - 1), with surface Young modulus E_s = 3 G;
- Hookean: linear in the Green strains (l^2 - 1)/2, W = G/4 ((1 + C) I1^2 + 2 I1 - 2 I2), with the surface Poisson ratio
  nu = C/(1 + C); it differs from Skalak's law in C alone: C I1^2 for C I2^2;
- Evans-Skalak: W = G ((l1^2 + l2^2)/(2 l1 l2) - 1), resistance to shear at fixed area and none to a change of area, which the
  area terms of the membrane hold: T1 - T2 = G (l1^2 - l2^2)(l1^2 + l2^2)/(2 l1^2 l2^2) / (l1 l2) and T1 + T2 = 0.

All have the same shear modulus G at small strain; the area modulus is (1 + 2 C) G (Skalak, Hookean), 3 G and 0.
Source: Skalak et al. 1973; Evans and Skalak 1980; Barthes-Biesel, Diaz and Dhenin 2002.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike, NDArray

from hemoflow.cells.vectors import Vector, dot, subtract
from hemoflow.errors import InputError

LAWS = ("skalak", "neo-hookean", "hookean", "evans-skalak", "none")
"""Names of the laws; "none" is a membrane without shear elasticity, such as a drop or a pure cortical tension."""


class ReferenceShape(NamedTuple):
    """Unstressed triangles: `area` (F,) and the inverse metric `inverse` (3, F): components 11, 12, 22."""

    area: NDArray[np.float64] | Array
    inverse: NDArray[np.float64] | Array


def reference_shape(vertices: ArrayLike, faces: ArrayLike) -> ReferenceShape:
    """Reference triangles from the positions at which the membrane is free of elastic stress. Host side, float64."""
    a, b, c = np.moveaxis(np.asarray(vertices, dtype=np.float64)[np.asarray(faces)], 1, 0)
    u, v = b - a, c - a
    g11, g12, g22 = (np.einsum("fi,fi->f", p, q) for p, q in ((u, u), (u, v), (v, v)))
    determinant = g11 * g22 - g12 * g12
    if not np.all(determinant > 0.0):
        raise InputError(f"reference shape: face {int(np.argmin(determinant))} has no area")
    return ReferenceShape(0.5 * np.sqrt(determinant), np.stack([g22, -g12, g11]) / determinant)


def strain_invariants(a: Vector, b: Vector, c: Vector, reference: ReferenceShape, scale: Array) -> tuple[Array, Array]:
    """I1 and I2 (C, F) of triangles with corners a, b, c; `scale` (C, 1) is the size of the reference shape."""
    u, v = subtract(b, a), subtract(c, a)
    g11, g12, g22 = dot(u, u), dot(u, v), dot(v, v)
    h11, h12, h22 = reference.inverse[0], reference.inverse[1], reference.inverse[2]
    shrink = 1.0 / (scale * scale)
    first = shrink * (h11 * g11 + 2.0 * h12 * g12 + h22 * g22) - 2.0
    second = shrink * shrink * (h11 * h22 - h12 * h12) * (g11 * g22 - g12 * g12) - 1.0
    return first, second


def energy_density(law: str, i1: Array, i2: Array, shear_modulus: Array, dilation: Array) -> Array:
    """Energy per unit reference area. `dilation` is C of Skalak's and the Hookean law, without effect in the others."""
    if law == "skalak":
        return 0.25 * shear_modulus * (i1 * i1 + 2.0 * (i1 - i2) + dilation * i2 * i2)
    if law == "neo-hookean":
        return 0.5 * shear_modulus * (i1 - i2 / (i2 + 1.0))
    if law == "hookean":
        return 0.25 * shear_modulus * ((1.0 + dilation) * i1 * i1 + 2.0 * (i1 - i2))
    if law == "evans-skalak":
        return shear_modulus * (0.5 * (i1 + 2.0) / area_ratio(i2) - 1.0)
    if law == "none":
        return jnp.zeros_like(i1)
    raise InputError(f"membrane law '{law}' is not one of {', '.join(LAWS)}")


def area_ratio(i2: Array) -> Array:
    """J = l1 l2, area over reference area, with a finite gradient where a triangle has collapsed."""
    return jnp.sqrt(jnp.maximum(i2 + 1.0, jnp.finfo(i2.dtype).tiny))


def principal_stretches(i1: Array, i2: Array) -> tuple[Array, Array]:
    """l1 >= l2 from the invariants."""
    # (trace/2)^2 - determinant without the ones that cancel; where both stretches are equal, round-off e moves them by
    # the root of e all the same
    root = jnp.sqrt(jnp.maximum(0.25 * i1 * i1 + i1 - i2, 0.0))
    large = jnp.sqrt(1.0 + 0.5 * i1 + root)
    return large, jnp.sqrt(jnp.maximum(i2 + 1.0, 0.0)) / large


def principal_tensions(law: str, i1: Array, i2: Array, shear_modulus: Array, dilation: Array) -> tuple[Array, Array]:
    """Cauchy tensions T1 = (1/l2) dW/dl1 and T2 = (1/l1) dW/dl2, per deformed length, along the principal stretches."""
    _, pull = jax.vjp(lambda p, q: energy_density(law, p, q, shear_modulus, dilation), i1, i2)
    by_first, by_second = pull(jnp.ones_like(i1))
    l1, l2 = principal_stretches(i1, i2)
    isotropic = 2.0 * l1 * l2 * by_second
    return 2.0 * l1 / l2 * by_first + isotropic, 2.0 * l2 / l1 * by_first + isotropic
