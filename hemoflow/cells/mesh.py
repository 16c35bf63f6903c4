"""The index tables of a mesh on the device, and sums from faces into vertices."""

from __future__ import annotations

from dataclasses import dataclass, fields

import jax
import jax.numpy as jnp
from jax import Array

from hemoflow.cells.topology import Topology
from hemoflow.cells.vectors import Vector, gather_sum


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Mesh:
    """Index tables (int32) as in `topology.Topology`."""

    faces: Array
    edges: Array
    edge_faces: Array
    face_edges: Array
    vertex_corners: Array
    vertex_edges: Array
    vertex_edge_corners: Array
    neighbours: Array

    @property
    def vertex_faces(self) -> Array:
        """Faces at every vertex (V, K), padded with F."""
        count = self.faces.shape[0]
        return jnp.where(self.vertex_corners < 3 * count, self.vertex_corners % count, count)


def device_mesh(topology: Topology) -> Mesh:
    """The tables of a topology as JAX arrays."""
    return Mesh(**{f.name: jnp.asarray(getattr(topology, f.name)) for f in fields(Mesh)})


def vertex_areas(areas: Array, mesh: Mesh) -> Array:
    """A third of the area of the faces around each vertex: (C, F) -> (C, V)."""
    return gather_sum(areas, mesh.vertex_faces) / 3.0


def vertex_sums(value: Vector, mesh: Mesh) -> Array:
    """Sum of a vector of every face, components (C, F), over the faces around each vertex: (C, V, 3)."""
    return jnp.stack([gather_sum(part, mesh.vertex_faces) for part in value], axis=-1)
