"""Flows without cells for the validation runners: the public solver on a periodic or open lumen, run to a time or to a steady state."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Relaxation, WallVelocity, assemble_fluid
from hemoflow.fluid.solver import Fluid, FluidState, equilibrium_state, relax, stream
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import Lumen, voxelise


@dataclass
class FluidCase:
    """A lumen with its fluid, current state and velocity (3, N) after `steps` steps."""

    lumen: Lumen
    fluid: Fluid
    state: FluidState
    drive: jax.Array
    velocity: jax.Array
    steps: int = 0

    @property
    def node_updates(self) -> int:
        """Nodes times steps so far."""
        return len(self.lumen.nodes) * self.steps

    def advance(self, steps: int) -> None:
        """Run for a number of steps."""
        self.state, self.velocity = _advance(self.fluid, self.state, self.drive, jnp.asarray(steps))
        self.steps += steps

    def settle(self, tolerance: float, chunk: int, most: int = 400) -> None:
        """Run until the velocity changes by less than `tolerance` of its largest value per chunk of steps."""
        for _ in range(most):
            before = np.asarray(self.velocity)
            self.advance(chunk)
            after = np.asarray(self.velocity)
            if np.max(np.abs(after - before)) <= tolerance * np.max(np.abs(after)):
                return
        raise RuntimeError(f"the flow has not settled to {tolerance:g} after {self.steps} steps")


def fluid_case(
    vessel: AbstractVessel,
    spacing: float,
    relaxation: Relaxation,
    body_force: NDArray[np.float64] | None = None,
    wall_velocity: WallVelocity | None = None,
) -> FluidCase:
    """A closed or periodic flow at rest. `body_force` (3,) and `wall_velocity` in lattice units."""
    lumen = voxelise(vessel, spacing)
    fluid, _ = assemble_fluid(lumen, {}, relaxation, body_force, wall_velocity)
    n = len(lumen.nodes)
    velocity = jnp.zeros((3, n))
    return FluidCase(lumen, fluid, equilibrium_state(fluid, jnp.zeros(n), velocity), jnp.ones(2), velocity)


@jax.jit
def _advance(fluid: Fluid, state: FluidState, drive: jax.Array, steps: jax.Array) -> tuple[FluidState, jax.Array]:
    count = state.populations.shape[1]
    force = jnp.broadcast_to((fluid.body_force * drive[-1])[:, None], (3, count))

    def one(_: int, carry: tuple[FluidState, jax.Array]) -> tuple[FluidState, jax.Array]:
        arrived = stream(fluid, carry[0], drive)
        velocity = arrived.momentum + 0.5 * force
        return relax(fluid, arrived, force, velocity), velocity

    return jax.lax.fori_loop(0, steps, one, (state, jnp.zeros((3, count), state.populations.dtype)))
