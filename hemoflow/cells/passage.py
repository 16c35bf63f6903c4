"""How long a round cell takes to enter a narrow opening: tension against it, and a cytoplasm that thins.

The cell is a drop of constant cortical tension T filled with a very viscous liquid (Yeung and Evans 1989). What is outside of the
opening stays a sphere, cut off by its plane, of radius R that falls as volume goes in. The pressure that is left over from tension
moves the liquid through the opening of flow radius R_f (Needham and Hochmuth 1990, for a pipette):

    dP - 2 T (1/R_cap - 1/R) = m mu(g) (1 - R_f/R) g,    Q = pi R_f^3 g,    m = 6

g is the rate at which the cell advances in a pipette over its radius. Tsai, Frank and Waugh 1993 found that viscosity depends on
it as a power. Entry begins as the cell lies in the opening, still a sphere, and ends when half a sphere is left outside, which follows at
once. Nothing else resists: no friction with the wall, no nucleus, no fluid outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hemoflow.cells.cytoplasm import Cytoplasm, newtonian
from hemoflow.cells.orifice import Orifice

Floats = NDArray[np.float64]

ENTRY_COEFFICIENT = 6.0
"""m: pressure over viscosity and rate for a large drop, from the flow computed by Yeung and Evans 1989."""

STATIONS = 400


@dataclass(frozen=True)
class LiquidDrop:
    """A round cell: `radius` (m) in suspension, cortical `tension` (N/m), `cytoplasm`."""

    radius: float
    tension: float
    cytoplasm: Cytoplasm

    @property
    def volume(self) -> float:
        """Volume in m^3, which never changes."""
        return 4.0 / 3.0 * math.pi * self.radius**3


@dataclass(frozen=True)
class Entry:
    """One entry: `time` (s, N + 1), `inside` (m^3 beyond the plane of the opening, N + 1), `rate` g (1/s, N) in between."""

    time: Floats
    inside: Floats
    rate: Floats

    @property
    def duration(self) -> float:
        """Seconds until the rest follows by itself; 0 for a cell that fits, infinite for one that tension keeps out."""
        return float(self.time[-1])


def threshold_pressure(drop: LiquidDrop, orifice: Orifice) -> float:
    """Pressure (Pa) below which the cell never enters: 2 T (1/R_cap - 1/R) with a half sphere in the opening; 0 if it fits."""
    return max(2.0 * drop.tension * (1.0 / orifice.cap_radius - 1.0 / drop.radius), 0.0)


def entry(drop: LiquidDrop, orifice: Orifice, pressure: float) -> Entry:
    """Entry of a cell into an opening under a constant `pressure` difference (Pa)."""
    opening = orifice.flow_radius
    half = 2.0 / 3.0 * math.pi * opening**3
    if drop.radius <= opening:
        return Entry(np.zeros(1), np.array([drop.volume]), np.zeros(0))
    begins = drop.volume - float(_cut_sphere(np.array(drop.radius), opening))
    edges = np.linspace(begins, drop.volume - half, STATIONS + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    radius = outer_radius(drop.volume - middle, opening)
    driving = pressure - 2.0 * drop.tension * (1.0 / orifice.cap_radius - 1.0 / np.maximum(radius, orifice.cap_radius))
    if driving.min() <= 0.0:
        return Entry(np.array([0.0, math.inf]), edges[:2], np.zeros(1))
    rate = drop.cytoplasm.rate(driving / (ENTRY_COEFFICIENT * (1.0 - opening / radius)))
    steps = np.diff(edges) / (math.pi * opening**3 * rate)
    return Entry(np.concatenate([[0.0], np.cumsum(steps)]), edges, rate)


def entry_time(drop: LiquidDrop, orifice: Orifice, pressure: float) -> float:
    """Seconds that a cell needs to enter an opening; 0 where it fits, infinite below the threshold."""
    return entry(drop, orifice, pressure).duration


def outer_radius(volume: Floats, opening: float) -> Floats:
    """Radius R (m) of a sphere cut off by the plane of an opening, more than half of it left: `volume` (m^3) on its side."""
    radius = np.cbrt(3.0 * np.asarray(volume) / (4.0 * np.pi))
    low, high = np.full_like(radius, opening), np.maximum(1.5 * radius, 1.5 * opening)
    for _ in range(60):
        middle = 0.5 * (low + high)
        missing = _cut_sphere(middle, opening) < volume
        low, high = np.where(missing, middle, low), np.where(missing, high, middle)
    return np.asarray(0.5 * (low + high))


def _cut_sphere(radius: Floats, opening: float) -> Floats:
    """Volume of a sphere without the cap beyond a circle of radius `opening` on it."""
    reach = np.sqrt(np.maximum(radius**2 - opening**2, 0.0))
    height = radius - reach
    return np.asarray(np.pi * (4.0 * radius**3 - height**2 * (3.0 * radius - height)) / 3.0)


def apparent_viscosity(drop: LiquidDrop, orifice: Orifice, pressure: float) -> float:
    """Viscosity (Pa s) of the Newtonian drop that would enter in the same time: what a pipette measures."""
    wanted = entry_time(drop, orifice, pressure)
    reference = entry_time(LiquidDrop(drop.radius, drop.tension, newtonian(1.0)), orifice, pressure)
    return wanted / reference


def viscosity_factor(drop: LiquidDrop, orifice: Orifice, pressure: float, seconds: float) -> float:
    """How many times thicker the cytoplasm has to be for the entry to take `seconds`."""

    def excess(logarithm: float) -> float:
        thicker = drop.cytoplasm.scaled(math.exp(logarithm))
        return math.log(entry_time(LiquidDrop(drop.radius, drop.tension, thicker), orifice, pressure) / seconds)

    return math.exp(brentq(excess, math.log(1e-4), math.log(1e4), xtol=1e-8))
