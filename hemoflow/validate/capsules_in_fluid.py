"""One capsule in a room of fluid, in lattice units, for the validation runners: the public step in compiled chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.build.fluid import Relaxation, assemble_fluid
from hemoflow.cells.inertia import taylor_deformation
from hemoflow.cells.membrane import build_membrane
from hemoflow.cells.surface import frequency_for, icosphere
from hemoflow.fluid.moments import density_deviation
from hemoflow.fluid.solver import equilibrium_state
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.model import CellGroup, CellState, Contact, Model, State, no_bonds
from hemoflow.run.chunk import run_chunk
from hemoflow.run.observe import observe
from hemoflow.step import with_velocity
from hemoflow.validate.shapes import Room

Floats = NDArray[np.float64]
VERTEX_SPACING_AREA = 1.4
"""Membrane area per vertex in node spacings squared, as in simulations."""

CHUNK = 200


@dataclass(frozen=True)
class Flow:
    """The room and what moves the fluid in it: viscosity, velocity (n, 3) of the walls and at the start at positions (n, 3)."""

    room: Room
    relaxation: Relaxation
    velocity: Callable[[Floats], Floats]
    kernel: int = 3


@dataclass(frozen=True)
class Capsule:
    """A sphere that is unstressed at `radius`, placed at `centre` (3,) with all lengths times `stretch`; moduli in lattice units.

    Bending is Helfrich's, with the sum of both curvatures `spontaneous_curvature`.
    """

    radius: float
    centre: tuple[float, float, float]
    shear_modulus: float
    area_dilation: float = 1.0
    volume_modulus: float = 0.0
    law: str = "neo-hookean"
    stretch: float = 1.0
    bending_modulus: float = 0.0
    spontaneous_curvature: float = 0.0


@dataclass
class CapsuleCase:
    """A capsule in its fluid after `steps` steps."""

    lumen: Lumen
    model: Model
    state: State
    steps: int = 0

    @property
    def node_updates(self) -> int:
        """Nodes times steps so far."""
        return len(self.lumen.nodes) * self.steps

    @property
    def drive(self) -> jax.Array:
        return jnp.ones(2, self.state.fluid.populations.dtype)

    @property
    def vertices(self) -> Floats:
        """Positions (V, 3) in lattice units from the first node."""
        cells = self.state.cells[0]
        return np.asarray(cells.anchor[0], np.float64) + np.asarray(cells.offset[0], np.float64)

    @property
    def volume(self) -> float:
        """Volume of the capsule."""
        return float(self.model.groups[0].membrane.volume(self.state.cells[0].offset)[0])

    @property
    def deformation(self) -> float:
        """Taylor's D of the ellipsoid of inertia."""
        return taylor_deformation(self.vertices, np.asarray(self.model.groups[0].membrane.mesh.faces))

    @property
    def velocity(self) -> Floats:
        """Velocity of the fluid (3, N), half of the force included."""
        return np.asarray(observe(self.model, self.state, self.drive)[0].velocity, np.float64)

    @property
    def mass(self) -> float:
        """Sum of the density deviation."""
        return float(np.sum(np.asarray(density_deviation(list(self.state.fluid.populations)), np.float64)))

    def advance(self, steps: int) -> None:
        """Run for a number of steps."""
        whole, rest = divmod(steps, CHUNK)
        for size in [CHUNK] * whole + ([rest] if rest else []):
            self.state, _ = run_chunk(self.model, self.state, jnp.broadcast_to(self.drive, (size, 2)))
        self.steps += steps


def capsule_case(flow: Flow, capsule: Capsule) -> CapsuleCase:
    """Put a capsule into a flow, in the current precision of JAX."""
    lumen = voxelise(flow.room, 1.0)
    fluid, layout = assemble_fluid(lumen, {}, flow.relaxation, None, flow.velocity)
    start = jnp.asarray(flow.velocity(lumen.position(lumen.nodes)).T, jnp.result_type(float))
    group, cells = _seed(capsule, lumen)
    model = Model(fluid, layout, (group,), Contact(jnp.zeros(()), jnp.asarray(0.5)), flow.kernel)
    state = State(equilibrium_state(fluid, jnp.zeros(start.shape[1]), start), (cells,), no_bonds())
    return CapsuleCase(lumen, model, with_velocity(model, state, start))


def _seed(capsule: Capsule, lumen: Lumen) -> tuple[CellGroup, CellState]:
    precision = str(jnp.result_type(float))
    frequency = frequency_for(int(np.ceil(4.0 * np.pi * capsule.radius**2 / VERTEX_SPACING_AREA)))
    sphere = icosphere(frequency, capsule.radius)
    membrane = build_membrane(
        sphere,
        capsule.law,
        "helfrich" if capsule.bending_modulus else "none",
        precision,
        native=native.in_use("membrane"),
        shear_modulus=capsule.shear_modulus,
        area_dilation=capsule.area_dilation,
        volume_modulus=capsule.volume_modulus,
        bending_modulus=capsule.bending_modulus,
        spontaneous_curvature=capsule.spontaneous_curvature,
    )
    centre = (np.asarray(capsule.centre) - lumen.origin) / lumen.spacing
    anchor = np.round(centre).astype(np.int32)
    offset = jnp.asarray(capsule.stretch * sphere.vertices + (centre - anchor), precision)[None]
    area = membrane.vertex_areas(jnp.asarray(sphere.vertices, precision)[None])[0]
    cells = CellState(
        jnp.asarray(anchor)[None], offset, jnp.ones(1, bool), jnp.zeros(1, jnp.int32), jnp.zeros_like(offset)
    )
    return CellGroup(membrane, area, "capsule", 0.0), cells


def shear_flow(
    size: tuple[float, float, float], rate: float, relaxation: Relaxation, axes: tuple[int, int] = (0, 1)
) -> Flow:
    """Simple shear at `rate` along the first of `axes`, growing along the second, between two walls that move oppositely."""
    along, across = axes

    def velocity(x: Floats) -> Floats:
        out = np.zeros_like(x)
        out[:, along] = rate * (x[:, across] - 0.5 * size[across])
        return out

    return Flow(Room(size, "xyz"[across]), relaxation, velocity)
