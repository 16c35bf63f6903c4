"""Sliding vertices along the surface of cells whose membrane does not resist shear.

Under a constant tension nothing holds a triangle in shape: vertices drift with the flow until triangles collapse.
Where the membrane carries no shear stress a vertex is only a label of the surface, so it may be moved along the
surface without changing the physics. It must not be used with an elastic law: there the vertices are material points.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from hemoflow.cells.mesh import Mesh, vertex_areas, vertex_sums
from hemoflow.cells.vectors import Vector, corners, cross, norm, subtract

LARGEST_SHIFT = 0.1
"""No vertex is asked to move further than this times the square root of its share of the area."""


def tangential_shift(x: Array, mesh: Mesh) -> Array:
    """Displacement (C, V, 3) of every vertex of x (C, V, 3) towards the centre of area of the faces around it.

    It is orthogonal to the vertex normal, which is the derivative of the enclosed volume by that vertex: no normal
    displacement, and the volume changes only to second order. Add a part of it (a rate of at most 1) in every step.
    """
    a, b, c = corners(x, mesh.faces)
    normal = cross(subtract(b, a), subtract(c, a))
    area = 0.5 * norm(normal)
    share = vertex_areas(area, mesh)
    moment: Vector = (
        area * (a[0] + b[0] + c[0]),
        area * (a[1] + b[1] + c[1]),
        area * (a[2] + b[2] + c[2]),
    )
    tiny = jnp.finfo(x.dtype).tiny
    centre = vertex_sums(moment, mesh) / jnp.maximum(9.0 * share, tiny)[..., None]
    outward = vertex_sums(normal, mesh)
    outward = outward / jnp.sqrt(jnp.maximum((outward * outward).sum(axis=-1, keepdims=True), tiny))
    step = centre - x
    step = step - (step * outward).sum(axis=-1, keepdims=True) * outward
    length = jnp.sqrt(jnp.maximum((step * step).sum(axis=-1), tiny))
    return step * jnp.minimum(1.0, LARGEST_SHIFT * jnp.sqrt(share) / length)[..., None]
