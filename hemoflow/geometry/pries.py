"""How much thicker than plasma blood seems in a small vessel: the empirical laws of Pries and colleagues.

Relative apparent viscosity = (pressure drop of blood in a tube) / (pressure drop of plasma at the same flow in the same
tube).

In a glass tube [pries1992]:
    mu_vitro = 1 + (mu_45 - 1) f(H),   mu_45 = 220 exp(-1.3 D) + 3.2 - 2.44 exp(-0.06 D^0.645)
In a living vessel [pries1994], where a layer on the wall takes away about 1.1 um of diameter:
    mu_vivo  = (1 + (mu_45 - 1) f(H) s) s,   mu_45 = 6 exp(-0.085 D) + 3.2 - 2.44 exp(-0.06 D^0.645),
    s = (D / (D - 1.1))^2
with D the diameter in um, H the discharge hematocrit and
    f(H) = ((1 - H)^C - 1) / ((1 - 0.45)^C - 1),   C = (0.8 + exp(-0.075 D)) (g - 1) + g,   g = 1 / (1 + 1e-11 D^12).

Without red cells the glass tube gives 1; the living vessel gives s, not 1, because the wall layer resists plasma too.
Fitted to rat mesentery, diameters of about 3 to 50 um and discharge hematocrits up to 0.6 or so.

Sources: pries1992: Pries, Neuhaus, Gaehtgens, Am J Physiol 263:H1770 (1992). pries1994: Pries, Secomb, Gessner,
Sperandio, Gross, Gaehtgens, Circ Res 75:904 (1994), the form also used in Pries and Secomb, Am J Physiol 289:H2657
(2005), for comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemoflow.errors import InputError

Array = NDArray[np.float64]

WALL_LAYER_UM = 1.1
"""Diameter in um that the wall layer of the 1994 law takes away; the law has no meaning at or below it."""


def in_vitro_viscosity(diameter: ArrayLike, hematocrit: ArrayLike) -> Array:
    """Relative apparent viscosity in a glass tube; `diameter` in m, discharge `hematocrit` 0 to below 1. Source:
    pries1992.
    """
    d, h = _checked(diameter, hematocrit, 0.0)
    mu45 = 220 * np.exp(-1.3 * d) + 3.2 - 2.44 * np.exp(-0.06 * d**0.645)
    return 1 + (mu45 - 1) * _hematocrit_factor(d, h)


def in_vivo_viscosity(diameter: ArrayLike, hematocrit: ArrayLike) -> Array:
    """Relative apparent viscosity in a living microvessel; `diameter` in m, discharge `hematocrit` 0 to below 1.
    Source: pries1994.

    Raises InputError for a diameter of 1.1 um or less, where the law diverges.
    """
    d, h = _checked(diameter, hematocrit, WALL_LAYER_UM)
    mu45 = 6 * np.exp(-0.085 * d) + 3.2 - 2.44 * np.exp(-0.06 * d**0.645)
    layer = (d / (d - WALL_LAYER_UM)) ** 2
    return (1 + (mu45 - 1) * _hematocrit_factor(d, h) * layer) * layer


@dataclass(frozen=True)
class InVivoViscosity:
    """Apparent viscosity (Pa s) of blood as `in_vivo_viscosity` times that of `plasma` (Pa s); pass it to
    `solve_poiseuille` or `network_vessel`. `hematocrit`: discharge hematocrit everywhere, in place of what a file says.
    """

    plasma: float = 1.2e-3
    hematocrit: float | None = None

    def __call__(self, diameter: Array, hematocrit: Array) -> Array:
        """Viscosity in Pa s for diameters in m and discharge hematocrits."""
        return self.plasma * in_vivo_viscosity(diameter, hematocrit)


def _checked(diameter: ArrayLike, hematocrit: ArrayLike, smallest: float) -> tuple[Array, Array]:
    d, h = np.broadcast_arrays(np.asarray(diameter, float) * 1e6, np.asarray(hematocrit, float))
    if not np.all(d > smallest):
        raise InputError(f"blood viscosity: a diameter of {np.min(d):.4g} um, the law holds only above {smallest:g} um")
    if not np.all((h >= 0) & (h < 1)):
        raise InputError(
            "blood viscosity: a discharge hematocrit outside of 0 to below 1 (a fraction, not a percentage)"
        )
    return d, h


def _hematocrit_factor(d: Array, h: Array) -> Array:
    """f(H) of the module's text; 0 without cells, 1 at H = 0.45. Its limit is taken where the exponent C passes zero (D
    near 9 um).
    """
    g = 1 / (1 + 1e-11 * d**12)
    c = (0.8 + np.exp(-0.075 * d)) * (g - 1) + g
    small = np.abs(c) < 1e-9
    safe = np.where(small, 1.0, c)
    ratio = np.expm1(safe * np.log1p(-h)) / np.expm1(safe * np.log(0.55))
    return np.where(small, np.log1p(-h) / np.log(0.55), ratio)
