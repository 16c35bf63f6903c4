"""Sliding vertices along the surface of cells whose membrane does not resist shear.

Under a constant tension nothing holds a triangle in shape: vertices drift with the flow until triangles collapse.
Where the membrane carries no shear stress a vertex is only a label of the surface, so it may be moved along the
surface without changing the physics. It must not be used with an elastic law: there the vertices are material points.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from hemoflow.cells.membrane import Mesh
from hemoflow.cells.vectors import Vector, corners, cross, gather_sum, subtract


def redistribute(x: Array, mesh: Mesh, strength: float = 0.3, largest: float = 0.1) -> Array:
    """Move every vertex of x (C, V, 3) along the surface towards the centre of area of the faces around it.

    `strength` (0 to 1) is the part of the way; no vertex moves further than `largest` times the square root of the
    mean face area at it. The displacement is orthogonal to the derivative of the enclosed volume by that vertex,
    which is the vertex normal: no normal displacement, and the volume changes only to second order in the
    displacement. Repeat over steps as needed.
    """
    a, b, c = corners(x, mesh.faces)
    normal = cross(subtract(b, a), subtract(c, a))
    twice = jnp.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    count = mesh.faces.shape[0]
    around = jnp.where(mesh.vertex_corners < 3 * count, mesh.vertex_corners % count, count)
    weight = gather_sum(twice, around)
    centre = (
        _sums(tuple(twice * (p + q + r) / 3.0 for p, q, r in zip(a, b, c, strict=True)), around) / weight[..., None]
    )
    outward = _sums(normal, around)
    outward = outward / jnp.linalg.norm(outward, axis=-1, keepdims=True)
    step = strength * (centre - x)
    step = step - (step * outward).sum(axis=-1, keepdims=True) * outward
    valence = (mesh.vertex_corners < 3 * count).sum(axis=-1)
    limit = largest * jnp.sqrt(0.5 * weight / valence)
    square = jnp.maximum((step * step).sum(axis=-1), jnp.finfo(x.dtype).tiny)
    return x + step * jnp.minimum(1.0, limit / jnp.sqrt(square))[..., None]


def _sums(value: Vector, around: Array) -> Array:
    """Sum a vector of every face into vertices, (C, V, 3)."""
    return jnp.stack([gather_sum(part, around) for part in value], axis=-1)
