"""An opening that a cell has to enter, reduced to two radii: one for its cap, one for the flow into it. SI units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from scipy.optimize import brentq
from scipy.special import ellipe

from hemoflow.errors import InputError

LARGEST_ASPECT = 1e4


@dataclass(frozen=True)
class Orifice:
    """A cross-section of `area` (m^2) and `perimeter` (m); no shape has less than the perimeter of the circle."""

    area: float
    perimeter: float

    def __post_init__(self) -> None:
        if not (self.area > 0.0 and self.perimeter > 0.0):
            raise InputError(f"orifice: area {self.area:g} m^2 and perimeter {self.perimeter:g} m must be positive")

    @property
    def cap_radius(self) -> float:
        """2 A/P (m): a cap that fills the section has the mean curvature 1/(2 A/P), for a rectangle 1/w + 1/h. Its pressure is
        2 T over this."""
        return 2.0 * self.area / self.perimeter

    @cached_property
    def aspect(self) -> float:
        """Larger over smaller axis of the ellipse with this area and perimeter; 1 for what is as round as a circle."""

        def excess(ratio: float) -> float:
            half = math.sqrt(self.area / math.pi * ratio)
            return float(4.0 * half * ellipe(1.0 - 1.0 / ratio**2) - self.perimeter)

        if excess(1.0 + 1e-9) >= 0.0:
            return 1.0
        return float(brentq(excess, 1.0 + 1e-9, LARGEST_ASPECT))

    @cached_property
    def flow_radius(self) -> float:
        """Radius (m) of the circular opening in a plane through which a creeping flow has the same resistance.

        Of the ellipse above with half axes a and b, from R^3 = pi a b^2/(2 E(1 - b^2/a^2)); for a circle it is R. Source: Roscoe
        1949, Philosophical Magazine 40:338; Sampson 1891 for the circle.
        """
        short = math.sqrt(self.area / math.pi / self.aspect)
        long = short * self.aspect
        return float(math.pi * long * short**2 / (2.0 * ellipe(1.0 - 1.0 / self.aspect**2))) ** (1.0 / 3.0)


def circle(radius: float) -> Orifice:
    """A round opening, such as a pipette or a pore, of a radius in m."""
    return Orifice(math.pi * radius**2, 2.0 * math.pi * radius)


def rectangle(width: float, height: float) -> Orifice:
    """A slit of `width` by `height` in m."""
    return Orifice(width * height, 2.0 * (width + height))
