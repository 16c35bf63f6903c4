"""The compiled kernels of membranes; what they compute is said where the pure-JAX code is.

Not differentiable: a membrane that is to be differentiated stays in the pure-JAX tier.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from hemoflow.cells import bending, elasticity
from hemoflow.cells.elasticity import ReferenceShape
from hemoflow.cells.mesh import Mesh
from hemoflow.native.calls import call, same


def forces(
    mesh: Mesh,
    models: tuple[str, str],
    reference: ReferenceShape,
    rest_angle: Array,
    x: Array,
    parameters: Sequence[Array],
) -> Array:
    """`Membrane.forces` of x (C, V, 3) for the models (law, bending) and the fields of MembraneParameters in their order."""
    law, bend = models
    # only the hinge model asks for angles at rest
    rest = jnp.stack([jnp.cos(rest_angle), jnp.sin(rest_angle)]) if bend == "hinge" else jnp.zeros((2, 0), x.dtype)
    arguments = (*_tables(mesh), *map(jnp.asarray, reference), rest, x, *parameters)
    return call("membrane", same(x), arguments, law=elasticity.LAWS.index(law), bending=bending.MODELS.index(bend))


def displace(
    mesh: Mesh, motion: Sequence[Array], alive: Array, rest_volume: Array, rates: tuple[Array, float, float]
) -> Array:
    """`step.displace`: `motion` is positions, velocity now and a step ago, and load, (C, V, 3) each; `rates` the viscosity and
    the parts of a step by which vertices slide and the volume is restored."""
    viscosity, sliding, volume = rates
    arguments = (*_tables(mesh), *motion, alive, rest_volume, viscosity.reshape(1), jnp.asarray([sliding, volume]))
    return call("displace", same(motion[0]), arguments)


def _tables(mesh: Mesh) -> tuple[Array, ...]:
    return mesh.faces, mesh.edges, mesh.edge_faces, mesh.face_edges
