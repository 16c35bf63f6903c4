"""Shapes of cells at rest: where the forces of a membrane balance a load, found by minimising the energy.

There is no fluid in it. It is what a slow experiment sees: tweezers that pull and wait, a pipette that sucks and waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from hemoflow.cells.membrane import Membrane
from hemoflow.cells.surface import vertex_normals
from hemoflow.errors import RunError

Floats = NDArray[np.float64]
MEMORY = 30
"""Steps that the minimisation remembers (L-BFGS)."""

SLIDES = 10
"""Times that the vertices of a membrane without shear modulus slide towards even triangles between two rounds."""


@dataclass(frozen=True)
class Surroundings:
    """What acts on a cell besides its membrane: `load` (V, 3) forces that stay the same, and `potential`, an energy of the
    positions (V, 3), a JAX pytree that can be called. Any consistent units."""

    load: Floats | None = None
    potential: Callable[[Array], Array] | None = None


@dataclass(frozen=True)
class Equilibrium:
    """`positions` (V, 3) where every force balances up to `residual`, found with that many `evaluations` of the forces."""

    positions: Floats
    residual: float
    evaluations: int


def equilibrium(
    membrane: Membrane,
    start: Floats,
    around: Surroundings = Surroundings(),
    tolerance: float = 1e-4,
    evaluations: int = 20_000,
) -> Equilibrium:
    """The shape of one cell at rest, nearest downhill from `start` (V, 3).

    `tolerance`: largest unbalanced component of a force on a vertex. A membrane without shear modulus has no such shape on a
    mesh: its vertices can slide along the surface. Raises RunError where `evaluations` do not suffice.
    """
    load = np.zeros_like(start) if around.load is None else around.load
    precision = membrane.parameters.rest_area.dtype

    def measure(flat: Floats) -> tuple[float, Floats]:
        x = jnp.asarray(flat.reshape(start.shape), precision)
        energy, force = _energy_and_force(membrane, around.potential, x)
        return float(energy) - float(load.ravel() @ flat), -(np.asarray(force, np.float64) + load).ravel()

    found = _minimum(measure, start.ravel(), tolerance, evaluations)
    residual = float(np.abs(found.jac).max())
    return Equilibrium(found.x.reshape(start.shape), residual, int(found.nfev))


def slid_equilibrium(
    membrane: Membrane,
    start: Floats,
    around: Surroundings = Surroundings(),
    tolerance: float = 1e-4,
    rounds: int = 3,
) -> Equilibrium:
    """The shape of one cell at rest whose membrane does not resist shear, such as a drop, nearest downhill from `start` (V, 3).

    Its vertices are labels of the surface: in each of the `rounds` they move along their normals only, until the forces along
    these balance up to `tolerance`, and between rounds they slide to where the triangles are even. Raises RunError.
    """
    x, evaluations, residual = start, 0, np.inf
    precision = membrane.parameters.rest_area.dtype
    for turn in range(rounds):
        normal = vertex_normals(x, membrane.mesh.faces)
        found = _along(membrane, x, normal, around, tolerance)
        x, residual, evaluations = found.positions, found.residual, evaluations + found.evaluations
        if turn + 1 < rounds:
            for _ in range(SLIDES):
                x = x + np.asarray(membrane.tangential_shift(jnp.asarray(x, precision)), np.float64)
    return Equilibrium(x, residual, evaluations)


def _along(membrane: Membrane, x: Floats, normal: Floats, around: Surroundings, tolerance: float) -> Equilibrium:
    """The shape at rest among those whose vertices left x (V, 3) along `normal` (V, 3)."""
    load = np.zeros_like(x) if around.load is None else around.load
    precision = membrane.parameters.rest_area.dtype

    def measure(height: Floats) -> tuple[float, Floats]:
        at = x + height[:, None] * normal
        energy, force = _energy_and_force(membrane, around.potential, jnp.asarray(at, precision))
        unbalanced = np.asarray(force, np.float64) + load
        return float(energy) - float((load * at).sum()), -(unbalanced * normal).sum(axis=1)

    found = _minimum(measure, np.zeros(len(x)), tolerance, 20_000)
    return Equilibrium(x + found.x[:, None] * normal, float(np.abs(found.jac).max()), int(found.nfev))


def _minimum(
    measure: Callable[[Floats], tuple[float, Floats]], start: Floats, tolerance: float, evaluations: int
) -> OptimizeResult:
    """The minimum of `measure`, which gives a value and its gradient. Raises RunError where `evaluations` do not suffice."""
    limits = {
        "maxiter": evaluations,
        "maxfun": evaluations,
        "maxcor": MEMORY,
        "ftol": 0.0,
        "gtol": tolerance,
        "maxls": 40,
    }
    found = minimize(measure, start, jac=True, method="L-BFGS-B", options=limits)
    residual = float(np.abs(found.jac).max())
    if residual > 100.0 * tolerance or not np.isfinite(residual):
        raise RunError(
            f"equilibrium: forces of up to {residual:.3g} are left unbalanced after {found.nfev} evaluations (wanted: "
            f"{tolerance:.3g}): load the cell in smaller steps, or give it a finer mesh"
        )
    return found


@jax.jit
def _energy_and_force(membrane: Membrane, potential: Callable[[Array], Array] | None, x: Array) -> tuple[Array, Array]:
    energy, force = membrane.energy(x), membrane.forces(x)
    if potential is None:
        return energy, force
    outer, slope = jax.value_and_grad(lambda at: potential(at))(x)
    return energy + outer, force - slope
