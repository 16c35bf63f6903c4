"""Flows without cells for the validation runners: the public solver on a closed, periodic or open lumen, run to a time or to rest."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Condition, Relaxation, WallVelocity, assemble_fluid
from hemoflow.fluid.boundary import held_back
from hemoflow.fluid.moments import stress_moment
from hemoflow.fluid.solver import (
    Carried,
    Fluid,
    FluidState,
    advance,
    begin,
    body_force,
    equilibrium_state,
    finish,
    local_rates,
    stream,
    viscosity,
)
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import Lumen, voxelise

Floats = NDArray[np.float64]
MEMORY = 6
"""Earlier states that `FluidCase.steady` mixes."""


@dataclass
class FluidCase:
    """A lumen with its fluid and current state; `velocity` (3, N) after `steps` steps, `flux` (1 + openings,) mass gained over the walls
    (before it is put back) and over each opening since the start."""

    lumen: Lumen
    fluid: Fluid
    state: FluidState
    drive: jax.Array
    velocity: jax.Array
    flux: Floats
    steps: int = 0

    @property
    def node_updates(self) -> int:
        """Nodes times steps so far."""
        return len(self.lumen.nodes) * self.steps

    @property
    def positions(self) -> Floats:
        """Positions (N, 3) of the nodes."""
        return self.lumen.position(self.lumen.nodes)

    @property
    def mass(self) -> float:
        """Sum of the density deviation over the nodes, less what their walls hold back and what they owe."""
        held = np.asarray(held_back(self.fluid.links, self.state.populations), np.float64).sum()
        return float(np.asarray(self.state.populations, np.float64).sum() - held - float(self.state.memory.owed[0]))

    def advance(self, steps: int) -> None:
        """Run for a number of steps."""
        if steps < 1:
            return
        self.state, self.velocity, flux = _advance(self.fluid, self.state, self.drive, jnp.asarray(steps))
        self.flux = self.flux + np.asarray(flux, np.float64)
        self.steps += steps

    def set_velocity(self, velocity: Floats, density: Floats | None = None) -> None:
        """Start from local equilibrium with a velocity (3, N) and a density deviation (N,)."""
        real = self.state.populations.dtype
        u = jnp.asarray(velocity, real)
        rho = jnp.zeros(u.shape[1], real) if density is None else jnp.asarray(density, real)
        self.state, self.velocity = equilibrium_state(self.fluid, rho, u), u

    def settle(self, tolerance: float, chunk: int, most: int = 400) -> None:
        """Run until the velocity changes by less than `tolerance` of its largest value per chunk of steps."""
        for _ in range(most):
            before = np.asarray(self.velocity)
            self.advance(chunk)
            after = np.asarray(self.velocity)
            if np.max(np.abs(after - before)) <= tolerance * np.max(np.abs(after)):
                return
        raise RuntimeError(f"the flow has not settled to {tolerance:g} after {self.steps} steps")

    def steady(self, tolerance: float, chunk: int, most: int = 400) -> None:
        """Find the state that `chunk` further steps leave as it is: the same stop as `settle`, in far fewer steps.

        Between chunks the latest states are mixed with weights that make their remaining change smallest (Anderson 1965); the weights
        sum to one, so mass is kept. What ends the search is a chunk of plain steps of the solver.
        """
        states: list[Floats] = []
        changes: list[Floats] = []
        for _ in range(most):
            before, velocity = np.asarray(self.state.populations), np.asarray(self.velocity)
            self.advance(chunk)
            after, now = np.asarray(self.state.populations), np.asarray(self.velocity)
            if np.max(np.abs(now - velocity)) <= tolerance * np.max(np.abs(now)) and self.steps > chunk:
                return
            states, changes = [*states[-MEMORY:], after], [*changes[-MEMORY:], after - before]
            self.state = FluidState(jnp.asarray(_mixed(states, changes), after.dtype), self.state.memory)
        raise RuntimeError(f"the flow has not settled to {tolerance:g} after {self.steps} steps")

    def stress(self) -> Floats:
        """Deviatoric stress (N, 3, 3) in lattice units, from the populations."""
        return np.asarray(_stress(self.fluid, self.state, self.drive)[0], np.float64)

    def viscosity(self) -> Floats:
        """Kinematic viscosity (N,) in lattice units of the next collision."""
        return np.asarray(_stress(self.fluid, self.state, self.drive)[1], np.float64)

    def shear_rate(self) -> Floats:
        """sqrt(2 E:E) (N,) per step, from the populations."""
        stress = self.stress()
        deviator = stress - np.trace(stress, axis1=1, axis2=2)[:, None, None] / 3.0 * np.eye(3)
        return np.sqrt(0.5 * np.sum(deviator**2, axis=(1, 2))) / self.viscosity()


def fluid_case(
    vessel: AbstractVessel,
    spacing: float,
    relaxation: Relaxation,
    body_force: Floats | None = None,
    wall_velocity: WallVelocity | None = None,
    openings: Mapping[int, tuple[Condition, float]] | None = None,
) -> FluidCase:
    """A flow at rest. `body_force` (3,) and `wall_velocity` in lattice units; `openings`: condition and strength by opening index."""
    return lumen_case(voxelise(vessel, spacing), relaxation, body_force, wall_velocity, openings)


def lumen_case(
    lumen: Lumen,
    relaxation: Relaxation,
    body_force: Floats | None = None,
    wall_velocity: WallVelocity | None = None,
    openings: Mapping[int, tuple[Condition, float]] | None = None,
) -> FluidCase:
    """As `fluid_case`, on a lumen."""
    conditions = {k: condition for k, (condition, _) in (openings or {}).items()}
    fluid, _ = assemble_fluid(lumen, conditions, relaxation, body_force, wall_velocity)
    n = len(lumen.nodes)
    strengths = [strength for _, (_, strength) in sorted((openings or {}).items())]
    velocity = jnp.zeros((3, n))
    state = equilibrium_state(fluid, jnp.zeros(n), velocity)
    return FluidCase(
        lumen, fluid, state, jnp.asarray([1.0, *strengths, 1.0]), velocity, np.zeros(1 + fluid.links.openings)
    )


def _mixed(states: list[Floats], changes: list[Floats]) -> Floats:
    """The combination of states whose change is smallest."""
    if len(states) < 2:
        return states[-1]
    differences = np.stack([(one - two).ravel() for two, one in itertools.pairwise(changes)], axis=1)
    weights = np.linalg.lstsq(differences.astype(np.float64), changes[-1].ravel(), rcond=1e-10)[0]
    steps = [one - two for two, one in itertools.pairwise(states)]
    return states[-1] - sum(w * s for w, s in zip(weights, steps, strict=True))


@jax.jit
def _advance(
    fluid: Fluid, state: FluidState, drive: jax.Array, steps: jax.Array
) -> tuple[FluidState, jax.Array, jax.Array]:
    count = state.populations.shape[1]
    real = state.populations.dtype

    def one(_: int, carry: tuple[Carried, jax.Array, jax.Array]) -> tuple[Carried, jax.Array, jax.Array]:
        new, velocity, flux = advance(fluid, carry[0], drive)
        return new, velocity, carry[2] + flux

    start = (begin(fluid, state), jnp.zeros((3, count), real), jnp.zeros(1 + fluid.links.openings, real))
    carried, velocity, flux = jax.lax.fori_loop(0, steps, one, start)
    return finish(fluid, carried), velocity, flux


@jax.jit
def _stress(fluid: Fluid, state: FluidState, drive: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Deviatoric stress (N, 3, 3) and viscosity (N,)."""
    arrived = stream(fluid, state, drive)
    force = body_force(fluid, drive, arrived.density.shape[0])
    moment = stress_moment(arrived.populations, arrived.density, arrived.momentum + 0.5 * force, force)
    rate = local_rates(fluid, arrived.populations, force)[0]
    nu = jnp.broadcast_to(viscosity(rate), arrived.density.shape)
    return -(1.0 - 0.5 * rate[..., None, None]) * moment, nu
