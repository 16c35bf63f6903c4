"""From shapes and places to the rigid bodies of a model, in lattice units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.bodies.calibration import excess_of_body
from hemoflow.bodies.rigid import BodyGroup, BodyState
from hemoflow.bodies.shape import Shape
from hemoflow.cells.surface import area_vectors

Floats = NDArray[np.float64]
MARKER_AREA = 1.4
"""Surface per marker in node spacings squared, as for the vertices of cells."""

FREE = (True,) * 6


@dataclass(frozen=True)
class Body:
    """One rigid body in lattice units: `shape` with its hydrodynamic size, `centre` (3,) from the first node, quaternion `turn`, `motion`
    (6,) velocity and rotation at the start (kept where not `free`), `push` (6,) given force and torque, `density` over that of the
    fluid, at least 1."""

    shape: Shape
    centre: Floats
    turn: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)
    motion: tuple[float, ...] = (0.0,) * 6
    free: tuple[bool, ...] = FREE
    push: tuple[float, ...] = (0.0,) * 6
    density: float = 1.0
    ident: int = 0


@dataclass(frozen=True)
class Drawn:
    """How the markers of a body are placed: kernel, and by how much (node spacings) they lie inside of the surface; by default as
    calibrated."""

    kernel: int = 3
    depth: float | None = None
    marker_area: float = MARKER_AREA
    name: str = field(default="body")

    def inside(self, shape: Shape, curvature: Floats) -> Floats:
        """Depths of markers below the surface of a shape in lattice units, where it has these mean curvatures."""
        wanted = excess_of_body(curvature, self.kernel) if self.depth is None else np.full_like(curvature, self.depth)
        return shape.drawn_in(wanted)


def build_bodies(bodies: Sequence[Body], drawn: Drawn) -> tuple[BodyGroup, BodyState]:
    """Group and state of bodies of one shape, in the current precision of JAX."""
    shape, count, real = bodies[0].shape, len(bodies), jnp.result_type(float)
    surface, normal, curvature = shape.surface(int(np.ceil(shape.area() / drawn.marker_area)))
    markers = surface.vertices - drawn.inside(shape, curvature)[:, None] * normal
    share = np.zeros(len(markers))
    face = np.linalg.norm(area_vectors(markers, surface.faces), axis=1)
    for corner in range(3):
        np.add.at(share, surface.faces[:, corner], face / 3.0)
    excess = np.array([body.density - 1.0 for body in bodies])
    centre = np.stack([body.centre for body in bodies])
    anchor = np.round(centre).astype(np.int32)
    zero = jnp.zeros((count, len(markers), 3), real)
    group = BodyGroup(
        jnp.asarray(markers, real),
        jnp.asarray(surface.vertices, real),
        jnp.asarray(surface.faces),
        jnp.asarray(share, real),
        jnp.asarray(excess * shape.volume(), real),
        jnp.asarray(excess[:, None] * shape.inertia(), real),
        jnp.asarray([body.free for body in bodies], bool),
        jnp.asarray([body.push for body in bodies], real),
        drawn.name,
    )
    state = BodyState(
        jnp.asarray(anchor),
        jnp.asarray(centre - anchor, real),
        jnp.asarray([body.turn for body in bodies], real),
        jnp.zeros((count, 7), real),
        jnp.asarray([body.motion for body in bodies], real),
        zero,
        zero,
        zero,
        jnp.zeros((count, 6), real),
        jnp.ones(count, bool),
        jnp.asarray([body.ident for body in bodies], jnp.int32),
    )
    return group, state
