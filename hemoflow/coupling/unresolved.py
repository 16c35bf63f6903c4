"""The motion that forces finer than the node spacing would cause, which the lattice cannot carry.

The kernels spread a force that alternates from vertex to vertex to almost nothing, so the fluid never answers it: such
patterns, which contact and stretched triangles feed, would stay for ever and grow into folds. In a viscous fluid
they relax fastest of all: a pattern of traction of wave number k on a membrane moves it at traction / (4 mu k). That is added
for the part of the traction that differs from its mean over the neighbouring faces, with k = pi over the vertex spacing.
On a smooth scale a the addition is of the order (spacing/a)^3 of the motion itself, below what the kernels resolve.

Source of the mobility: a sheet of traction f cos(kx) in a fluid of viscosity mu on both sides, Stokes flow (Pozrikidis
1992, Boundary Integral and Singularity Methods, section 2.5, by superposition of Stokeslets).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from hemoflow.cells.mesh import Mesh, vertex_areas, vertex_sums
from hemoflow.cells.vectors import corners, cross, norm, subtract


def unresolved_velocity(x: Array, force: Array, mesh: Mesh, viscosity: Array) -> Array:
    """Velocity (C, V, 3) of vertices x (C, V, 3) that carry forces (C, V, 3), beyond that of the lattice; `viscosity` a scalar or
    (C, V)."""
    a, b, c = corners(x - x.mean(axis=1, keepdims=True), mesh.faces)
    area = 0.5 * norm(cross(subtract(b, a), subtract(c, a)))
    share = jnp.maximum(vertex_areas(area, mesh), jnp.finfo(x.dtype).tiny)
    traction = force / share[..., None]
    at = corners(traction, mesh.faces)
    third = area / 3.0
    x0, x1, x2 = (third * (at[0][k] + at[1][k] + at[2][k]) for k in range(3))
    smooth = vertex_sums((x0, x1, x2), mesh) / (3.0 * share)[..., None]
    mobility = jnp.sqrt(share) / (4.0 * jnp.pi * viscosity)
    return mobility[..., None] * (traction - smooth)
