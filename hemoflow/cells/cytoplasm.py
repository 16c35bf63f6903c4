"""The cytoplasm of a round cell as a liquid that thins with the rate of deformation. SI units, no fluid around it.

    mu(g) = mu_0 [1 + (g/g_0)^2]^(-b/2),    g_0 = (mu_c/mu_0)^(1/b) x 1/s

At high rates this is the power law mu_c (g x 1 s)^-b of Tsai, Frank and Waugh 1993, at low rates the constant mu_0: by a power
law alone a cell that was let go would need hours to round up, where about a minute was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.celltype import CellType
from hemoflow.errors import InputError

Floats = NDArray[np.float64]

NEWTON_STEPS = 60
"""At most: the logarithm of stress by that of the rate has slopes from 1 - b to 1, and each step squares the error."""


@dataclass(frozen=True)
class Cytoplasm:
    """`viscosity` mu_c (Pa s) of the power law at 1/s, its exponent `thinning` b (0 to below 1), `resting` mu_0 (Pa s)."""

    viscosity: float
    thinning: float
    resting: float

    def __post_init__(self) -> None:
        if not (self.viscosity > 0.0 and self.resting > 0.0 and 0.0 <= self.thinning < 1.0):
            raise InputError(
                f"cytoplasm: viscosity {self.viscosity:g} Pa s and resting viscosity {self.resting:g} Pa s must be positive, "
                f"and thinning {self.thinning:g} at least 0 and below 1"
            )

    @property
    def onset(self) -> float:
        """Rate g_0 (1/s) at which thinning sets in."""
        return float((self.viscosity / self.resting) ** (1.0 / self.thinning)) if self.thinning else 1.0

    def at(self, rate: float | Floats) -> Floats:
        """Viscosity (Pa s) at a rate of deformation (1/s)."""
        with np.errstate(over="ignore"):
            return np.asarray(self.resting * (1.0 + (np.asarray(rate) / self.onset) ** 2) ** (-0.5 * self.thinning))

    def rate(self, stress: float | Floats) -> Floats:
        """The rate g (1/s) at which mu(g) g is a given stress (Pa, positive)."""
        wanted = np.log(np.asarray(stress, float) / self.resting)
        shift = np.log(self.onset)
        log_rate = wanted.copy()
        for _ in range(NEWTON_STEPS):
            part = self.thinning / (1.0 + np.exp(-2.0 * (log_rate - shift)))
            found = log_rate - 0.5 * self.thinning * np.logaddexp(0.0, 2.0 * (log_rate - shift))
            change = (found - wanted) / (1.0 - part)
            log_rate = log_rate - change
            if np.max(np.abs(change), initial=0.0) < 1e-12:
                break
        return np.asarray(np.exp(log_rate))

    def scaled(self, factor: float) -> Cytoplasm:
        """The same liquid, thicker by `factor` at every rate that is as much smaller."""
        return Cytoplasm(self.viscosity * factor, self.thinning, self.resting * factor)


def newtonian(viscosity: float) -> Cytoplasm:
    """A liquid of one viscosity (Pa s)."""
    return Cytoplasm(viscosity, 0.0, viscosity)


def cytoplasm_of(cell: CellType) -> Cytoplasm:
    """The cytoplasm of a type of the catalogue; InputError where one of its three values is unknown."""
    return Cytoplasm(*(cell.value(name) for name in ("cytoplasm_viscosity", "viscosity_thinning", "resting_viscosity")))
