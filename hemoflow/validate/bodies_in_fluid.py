"""Rigid bodies in a vessel full of fluid, in lattice units, for the validation runners: the public step in compiled chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.bodies.rigid import BodyState
from hemoflow.build.bodies import Body, Drawn, build_bodies
from hemoflow.build.fluid import Relaxation, assemble_fluid
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.fluid.solver import equilibrium_state
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.model import Contact, Model, State, no_bonds
from hemoflow.run.chunk import run_chunk
from hemoflow.run.loop import re_anchored
from hemoflow.run.observe import observe
from hemoflow.step import with_velocity

Floats = NDArray[np.float64]
CHUNK = 100


@dataclass(frozen=True)
class Setting:
    """The vessel and what moves its fluid: body force (3,), velocity (n, 3) of the walls, and at the start, at positions (n, 3)."""

    vessel: AbstractVessel
    relaxation: Relaxation
    body_force: Floats | None = None
    velocity: Callable[[Floats], Floats] | None = None
    drawn: Drawn = field(default_factory=Drawn)


@dataclass
class BodyCase:
    """Bodies in their fluid after `steps` steps; `strength` of the body force."""

    lumen: Lumen
    model: Model
    state: State
    steps: int = 0
    strength: float = 1.0

    @property
    def node_updates(self) -> int:
        """Nodes times steps so far."""
        return len(self.lumen.nodes) * self.steps

    @property
    def bodies(self) -> BodyState:
        """The bodies of the first group."""
        return self.state.bodies[0]

    @property
    def load(self) -> Floats:
        """Force and torque (C, 6) of the fluid on the bodies in the last step."""
        return np.asarray(self.bodies.load, np.float64)

    @property
    def motion(self) -> Floats:
        """Velocity and rotation (C, 6) of the bodies in the last step."""
        return np.asarray(self.bodies.motion, np.float64)

    @property
    def centre(self) -> Floats:
        """Unwrapped centres (C, 3) from the first node."""
        return np.asarray(self.bodies.anchor, np.float64) + np.asarray(self.bodies.offset, np.float64)

    @property
    def drive(self) -> jax.Array:
        return jnp.asarray([1.0, self.strength], self.state.fluid.populations.dtype)

    @property
    def velocity(self) -> Floats:
        """Velocity of the fluid (3, N), half of the force included."""
        return np.asarray(observe(self.model, self.state, self.drive)[0].velocity, np.float64)

    @property
    def momentum(self) -> Floats:
        """Sum (3,) over the nodes of the momentum after collision."""
        return np.asarray(self.state.fluid.populations, np.float64).sum(axis=1) @ DIRECTIONS

    def advance(self, steps: int) -> None:
        """Run for a number of steps."""
        whole, rest = divmod(steps, CHUNK)
        for size in [CHUNK] * whole + ([rest] if rest else []):
            state, _ = run_chunk(self.model, self.state, jnp.broadcast_to(self.drive, (size, 2)))
            self.state = re_anchored(state)
        self.steps += steps

    def settle(self, values: Callable[[BodyCase], Floats], tolerance: float, chunk: int, most: int = 200) -> Floats:
        """Run until `values` change by less than `tolerance` of their size per chunk of steps; returns them."""
        before = values(self)
        for _ in range(most):
            self.advance(chunk)
            now = values(self)
            if np.max(np.abs(now - before)) <= tolerance * np.max(np.abs(now)) and np.isfinite(now).all():
                return now
            before = now
        raise RuntimeError(f"the bodies have not settled to {tolerance:g} after {self.steps} steps")


def body_case(setting: Setting, bodies: Sequence[Body], contact: Contact | None = None) -> BodyCase:
    """Put bodies, with centres in the vessel's coordinates (one node spacing is 1 m), into a vessel, in the current precision of JAX."""
    lumen = voxelise(setting.vessel, 1.0)
    fluid, layout = assemble_fluid(lumen, {}, setting.relaxation, setting.body_force, setting.velocity)
    placed = [replace(body, centre=(body.centre - lumen.origin) / lumen.spacing) for body in bodies]
    group, state = build_bodies(placed, setting.drawn)
    none = Contact(jnp.zeros(()), jnp.asarray(1e-3))
    model = Model(fluid, layout, (), contact or none, setting.drawn.kernel, bodies=(group,))
    positions = lumen.position(lumen.nodes)
    start = np.zeros_like(positions) if setting.velocity is None else setting.velocity(positions)
    velocity = jnp.asarray(start.T, jnp.result_type(float))
    first = equilibrium_state(fluid, jnp.zeros(velocity.shape[1]), velocity)
    return BodyCase(lumen, model, with_velocity(model, State(first, (), no_bonds(), bodies=(state,)), velocity))
