"""The strength of every drive, step by step, computed on the host in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.build.conditions import Conditions
from hemoflow.case.waveform import Waveform
from hemoflow.units import UnitSystem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drives:
    """Drive vector of a step: [walls, one per opening, body force] = `fixed` + `modulated` times the waveform at time
    k dt.

    `reference` is the pressure (Pa) that a density deviation of zero stands for.
    """

    fixed: Array
    modulated: Array
    waveform: Waveform
    dt: float
    reference: float

    def table(self, first: int, count: int) -> Array:
        """Drives (count, groups) of the steps first, first + 1, ..."""
        factor = waveform_factor(self.waveform, np.arange(first, first + count, dtype=float) * self.dt)
        return self.fixed + factor[:, None] * self.modulated

    def at(self, step: int) -> Array:
        """Drive (groups,) of one step."""
        return self.table(step, 1)[0]


def waveform_factor(waveform: Waveform, time: Array) -> Array:
    """Factor on the driven quantity: mean + amplitude sin(2 pi t / period + phase), or the mean alone when steady."""
    return waveform.factor(time)


def largest_factor(waveform: Waveform) -> float:
    """Largest size of the factor."""
    return waveform.largest


def make_drives(conditions: Conditions, waveform: Waveform, units: UnitSystem) -> Drives:
    """Drives in lattice units. The reference pressure lies half-way between the extremes, which halves the density change."""
    low, high = conditions.pressure_range
    reference = low + 0.5 * (high - low) * waveform.mean
    count = len(conditions.amount)
    fixed, modulated = np.zeros(count + 2), np.zeros(count + 2)
    pressure = conditions.is_pressure
    loaded = np.isin(np.arange(count), list(conditions.loads))
    steady = np.where(loaded, conditions.amount, low)
    scale = units.density_deviation(1.0)
    opening = slice(1, count + 1)
    fixed[opening] = np.where(pressure, (steady - reference) * scale, 0.0)
    modulated[opening] = np.where(pressure, (conditions.amount - steady) * scale, conditions.amount / units.velocity)
    modulated[-1] = 1.0
    target = modulated if conditions.driven_by_walls_only else fixed
    target[0] = 1.0
    return Drives(fixed, modulated, waveform, units.dt, reference)
