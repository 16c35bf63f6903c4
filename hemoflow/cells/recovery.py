"""How a round cell takes up its shape again once nothing holds it: cortical tension against the cytoplasm. SI units.

The cell is a prolate spheroid of constant volume, `stretch` times its radius long. Tension gives up surface, the liquid dissipates as it
is drawn out evenly at the rate e = d ln(stretch)/dt:

    C 3 mu(g) e^2 V = -T dA/dt,    g = sqrt(3) |e|,    C = 0.76

C makes small stretches decay at the exact rate of a viscous drop in nothing, (20/19) T/(mu R) (Lamb 1881, mode 2): a drop that is drawn
out evenly dissipates a little more than it needs to. Source of the picture: Tran-Son-Tay, Needham, Yeung and Hochmuth 1991.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hemoflow.cells.cytoplasm import newtonian
from hemoflow.cells.orifice import Orifice
from hemoflow.cells.passage import LiquidDrop
from hemoflow.errors import InputError

Floats = NDArray[np.float64]

LAMB = 0.76
"""0.8 (even extension) over 20/19 (Lamb): what a free drop dissipates over what an evenly extended one does."""

STATIONS = 400


def spheroid_area(stretch: float | Floats) -> Floats:
    """Surface of a prolate spheroid over that of the sphere of its volume; `stretch` is half its length over their radius."""
    long = np.asarray(stretch, float)
    short = long**-0.5
    eccentricity = np.sqrt(np.maximum(1.0 - (short / long) ** 2, 1e-12))
    return np.asarray(0.5 * short**2 * (1.0 + long / short * np.arcsin(eccentricity) / eccentricity))


def recovery(drop: LiquidDrop, stretch: float, until: float = 1.02) -> tuple[Floats, Floats]:
    """(time in s, stretch) of a cell released at rest with `stretch` > 1, down to the stretch `until`."""
    if not stretch > until > 1.0:
        raise InputError(
            f"recovery: from a stretch of {stretch:g} to {until:g}; the first must be larger, both above 1"
        )
    strain = np.linspace(math.log(stretch), math.log(until), STATIONS + 1)
    area = 4.0 * math.pi * drop.radius**2 * spheroid_area(np.exp(strain))
    power_over_rate = drop.tension * np.diff(area) / np.diff(strain) / drop.volume
    rate = drop.cytoplasm.rate(power_over_rate / (LAMB * math.sqrt(3.0))) / math.sqrt(3.0)
    return np.concatenate([[0.0], np.cumsum(-np.diff(strain) / rate)]), np.exp(strain)


def stretch_inside(drop: LiquidDrop, orifice: Orifice) -> float:
    """Stretch of a cell that fills an opening: length of the rod with round ends over its diameter at rest."""
    radius = math.sqrt(orifice.area / math.pi)
    straight = (drop.volume - 4.0 / 3.0 * math.pi * radius**3) / orifice.area
    return max(straight + 2.0 * radius, 2.0 * drop.radius) / (2.0 * drop.radius)


def apparent_ratio(drop: LiquidDrop, stretch: float, until: float = 1.02) -> float:
    """Tension over viscosity (m/s) of the Newtonian drop that recovers in the same time: what the experiment reports."""
    seconds = recovery(drop, stretch, until)[0][-1]

    def excess(logarithm: float) -> float:
        liquid = LiquidDrop(drop.radius, drop.tension, newtonian(math.exp(logarithm)))
        return math.log(recovery(liquid, stretch, until)[0][-1] / seconds)

    return drop.tension / math.exp(brentq(excess, math.log(1e-4), math.log(1e6), xtol=1e-8))
