"""How the viscosity of blood falls with the shear rate.

Carreau and Yasuda: mu = mu_inf + (mu_0 - mu_inf) [1 + (lambda rate)^a]^((n - 1)/a), rate = sqrt(2 E:E) with E the rate of strain.
Sources: Yasuda, Armstrong and Cohen 1981, Rheol. Acta 20, 163 (the law); Cho and Kensey 1991, Biorheology 28, 241 (its values for
blood: 56 and 3.45 mPa s, 3.313 s, n = 0.3568, a = 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CarreauYasuda:
    """The law in any consistent units: viscosities at rest and at infinite shear rate, the time lambda, the index n >= 0 and the
    exponent a > 0 of the transition. A Newtonian fluid has both viscosities equal, or n = 1."""

    zero_shear: float
    infinite_shear: float
    time: float = 1.0
    index: float = 1.0
    transition: float = 2.0

    def __post_init__(self) -> None:
        ends = (self.zero_shear, self.infinite_shear)
        if min(ends) < 0.0 or max(ends) <= 0.0 or self.time < 0.0 or self.index < 0.0 or self.transition <= 0.0:
            raise ValueError(
                f"{self}: viscosities, time and index must not be negative, the transition must be positive"
            )
        if self.index > 1.0 and self.infinite_shear > self.zero_shear:
            raise ValueError(
                f"{self}: an index above 1 takes the viscosity below zero where the one at rest is the smaller"
            )

    def viscosity(self, rate: Array | float) -> Array:
        """Viscosity at shear rates >= 0, in the unit of the viscosities."""
        x = np.maximum(self.time * np.asarray(rate, float), np.finfo(float).tiny)
        # [1 + x^a]^((n-1)/a), where x^a may exceed the largest number
        factor = np.exp((self.index - 1.0) / self.transition * np.logaddexp(0.0, self.transition * np.log(x)))
        return self.infinite_shear + (self.zero_shear - self.infinite_shear) * factor

    def rate(self, stress: Array | float, more: float = 0.0) -> Array:
        """Shear rate at which (viscosity + `more`) x rate is a stress >= 0: unique, since that product grows with the rate.

        Bisection of the logarithm between bounds a factor 1e30 apart, to round-off.
        """
        stress = np.asarray(stress, float)
        ends = [self.zero_shear, self.infinite_shear]
        largest = stress / (min(ends) + more) if min(ends) + more > 0.0 else 1e30 * stress / (max(ends) + more)
        low = np.log(np.maximum(stress / (max(ends) + more), 1e-300)) - (40.0 if self.index > 1.0 else 0.0)
        high = np.log(np.maximum(largest, 1e-300)) + 1e-9
        for _ in range(70):
            middle = 0.5 * (low + high)
            over = (self.viscosity(np.exp(middle)) + more) * np.exp(middle) > stress
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return np.where(stress > 0.0, np.exp(0.5 * (low + high)), 0.0)

    def tube_speed(self, wall_stress: float, radius: float) -> float:
        """Mean velocity of developed flow in a round tube: (R / tau_w^3) times the integral of rate tau^2 up to tau_w.

        Source: Weissenberg, Rabinowitsch 1929; Gauss-Legendre points after tau = tau_w t, 64 of them: 1e-9 at the values of blood.
        """
        points, weights = np.polynomial.legendre.leggauss(64)
        t = 0.5 * (points + 1.0)
        return float(radius * np.sum(0.5 * weights * t * t * self.rate(wall_stress * t)))

    def tube_wall_stress(self, speed: float, radius: float) -> float:
        """The wall stress at which a round tube has this mean velocity (its size, without sign); 0 for a fluid at rest."""
        if speed == 0.0:
            return 0.0
        newtonian = 4.0 * abs(speed) / radius * np.array([self.zero_shear, self.infinite_shear])
        low, high = np.log(newtonian.min()) - 1e-9, np.log(newtonian.max()) + 1e-9
        for _ in range(60):
            middle = 0.5 * (low + high)
            over = self.tube_speed(float(np.exp(middle)), radius) > abs(speed)
            low, high = (low, middle) if over else (middle, high)
        return float(np.exp(0.5 * (low + high)))

    def in_units(self, viscosity: float, time: float) -> CarreauYasuda:
        """The same law with viscosities and time in these units."""
        return CarreauYasuda(
            self.zero_shear / viscosity, self.infinite_shear / viscosity, self.time / time, self.index, self.transition
        )


BLOOD = CarreauYasuda(56e-3, 3.45e-3, 3.313, 0.3568, 2.0)
"""Human blood at 37 C and a normal hematocrit, Pa s and s."""
