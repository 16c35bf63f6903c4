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
from scipy.optimize import minimize

from hemoflow.cells.membrane import Membrane
from hemoflow.errors import RunError

Floats = NDArray[np.float64]
MEMORY = 30
"""Steps that the minimisation remembers (L-BFGS)."""


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

    limits = {
        "maxiter": evaluations,
        "maxfun": evaluations,
        "maxcor": MEMORY,
        "ftol": 0.0,
        "gtol": tolerance,
        "maxls": 40,
    }
    found = minimize(measure, start.ravel(), jac=True, method="L-BFGS-B", options=limits)
    residual = float(np.abs(found.jac).max())
    if residual > 100.0 * tolerance or not np.isfinite(residual):
        raise RunError(
            f"equilibrium: forces of up to {residual:.3g} are left unbalanced after {found.nfev} evaluations (wanted: "
            f"{tolerance:.3g}): load the cell in smaller steps, or give it a finer mesh"
        )
    return Equilibrium(found.x.reshape(start.shape), residual, int(found.nfev))


@jax.jit
def _energy_and_force(membrane: Membrane, potential: Callable[[Array], Array] | None, x: Array) -> tuple[Array, Array]:
    energy, force = membrane.energy(x), membrane.forces(x)
    if potential is None:
        return energy, force
    outer, slope = jax.value_and_grad(lambda at: potential(at))(x)
    return energy + outer, force - slope
