"""Predicts how long HL60 cells take through the slit, from what a neutrophil's cytoplasm does and three fitted numbers.

A passage is the free transit of the device plus the entry of the reduced model (`cells.passage`). Fitted, in this order: the effective
pressure and the free transit, to the median cells of the two smallest ranges of size with the cytoplasm of a neutrophil; how much thicker
or thinner than that an HL60 cell is, to the median of 12 to 13 um; how much that varies from cell to cell, to the quartiles there.
Each treatment then has one factor of viscosity, fitted to its median of 12 to 14 um. Everything else is predicted.

What the data cannot tell: only viscosity over pressure counts, tension does not (its threshold is a few Pa), so that the split into a
pressure and a viscosity rests on the neutrophil.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.cytoplasm import cytoplasm_of
from hemoflow.cells.passage import LiquidDrop, entry_time, viscosity_factor
from hemoflow.errors import InputError
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.slit import BAND, MIDDLE, MIDDLE_RANGE, POOLED, SAMPLES, SLIT, SMALL

Params = dict[str, str]
Floats = NDArray[np.float64]
Runner = Callable[[Params, Settings], Measurement]

SMALLEST, LARGEST = 6e-6, 26e-6
"""Diameters (m) between which entry times are tabulated: all cells of all treatments but one in a million."""

SIZES, VISCOSITIES = 400, 41
"""Equally likely diameters and viscosities that stand for the cells of a sample."""


@dataclass(frozen=True)
class Study:
    """What was fitted: `pressure` (Pa), `free` transit (s), `factor` on the neutrophil's viscosity, `spread` of its logarithm."""

    pressure: float
    free: float
    factor: float
    spread: float = 0.0

    def cell(self, diameter: float) -> LiquidDrop:
        """An HL60 cell of a diameter (m)."""
        return replace(_neutrophil(diameter), cytoplasm=_neutrophil(diameter).cytoplasm.scaled(self.factor))

    def passage(self, diameter: float) -> float:
        """Passage time (s) of one cell of median viscosity."""
        return self.free + entry_time(self.cell(diameter), SLIT, self.pressure)

    def quantiles(self, treatment: str, limits: tuple[float, float], shares: Floats, factor: float) -> Floats:
        """Quantiles (s) of the passage of a sample's cells between two diameters (m), their viscosity times `factor`.

        At these rates a viscosity counts with the power 1/(1 - b) in the entry time.
        """
        diameters = SAMPLES[treatment].diameters(*limits, SIZES)
        power = 1.0 / (1.0 - _neutrophil(MIDDLE.diameter).cytoplasm.thinning)
        scatter = self.spread * ndtri((np.arange(VISCOSITIES) + 0.5) / VISCOSITIES)
        entries = np.interp(diameters, *self._entries)[:, None] * np.exp(power * (scatter + math.log(factor)))[None]
        return self.free + np.quantile(entries, shares)

    @property
    def _entries(self) -> tuple[Floats, Floats]:
        return _entries(self.pressure, self.factor)


@cache
def study() -> Study:
    """The fitted study."""
    found = _device()
    target = MIDDLE.median - found.free
    found = replace(found, factor=viscosity_factor(_neutrophil(MIDDLE.diameter), SLIT, found.pressure, target))
    wanted = math.log((MIDDLE.upper - found.free) / (MIDDLE.lower - found.free))

    def excess(spread: float) -> float:
        lower, upper = replace(found, spread=spread).quantiles(POOLED, MIDDLE_RANGE, np.array([0.25, 0.75]), 1.0)
        return math.log((upper - found.free) / (lower - found.free)) - wanted

    return replace(found, spread=float(brentq(excess, 0.0, 1.0)))


def _device() -> Study:
    """Pressure and free transit from the smallest cells, as if they were neutrophils."""
    first, second = (_neutrophil(one.diameter) for one in SMALL)

    def excess(logarithm: float) -> float:
        pressure = math.exp(logarithm)
        longer = entry_time(second, SLIT, pressure) - entry_time(first, SLIT, pressure)
        return longer - (SMALL[1].median - SMALL[0].median)

    pressure = math.exp(brentq(excess, math.log(50.0), math.log(1e6)))
    return Study(pressure, SMALL[0].median - entry_time(first, SLIT, pressure), 1.0)


def _neutrophil(diameter: float) -> LiquidDrop:
    """A cell of a diameter (m) with the tension and the cytoplasm of the catalogue's neutrophil."""
    kind = CATALOGUE["neutrophil"]
    return LiquidDrop(0.5 * diameter, kind.value("cortical_tension"), cytoplasm_of(kind))


@cache
def _entries(pressure: float, factor: float) -> tuple[Floats, Floats]:
    """(diameters m, entry times s) close enough to interpolate."""
    diameters = np.linspace(SMALLEST, LARGEST, 201)
    one = Study(pressure, 0.0, factor)
    return diameters, np.array([one.passage(d) for d in diameters])


@cache
def treatment_factor(treatment: str) -> float:
    """How many times thicker than in the pooled controls the cytoplasm is, from the median of 12 to 14 um."""
    if treatment == POOLED:
        return 1.0
    wanted = SAMPLES[treatment].time

    def excess(logarithm: float) -> float:
        return float(study().quantiles(treatment, BAND, np.array([0.5]), math.exp(logarithm))[0]) - wanted

    return math.exp(brentq(excess, math.log(1e-2), math.log(1e2)))


def predicted(treatment: str, limits: tuple[float, float], shares: Floats) -> Floats:
    """Quantiles (s) of the passage of a treatment's cells between two diameters (m)."""
    return study().quantiles(treatment, limits, np.asarray(shares, float), treatment_factor(treatment))


def limits_of(text: str) -> tuple[float, float]:
    """Diameters (m) of "12-14" (um) or "all"."""
    if text == "all":
        return SMALLEST, LARGEST
    try:
        low, high = (float(part) * 1e-6 for part in text.split("-"))
    except ValueError:
        low, high = 0.0, 0.0
    if not 0.0 < low < high:
        raise InputError(f'diameters={text}: give "all" or a range in um such as 12-14')
    return low, high


def passage_time(params: Params, settings: Settings) -> Measurement:
    """Passage time in ms: of one cell (`diameter=12.5` um) or a quantile of many (`diameters=12-14;quantile=0.5`)."""
    treatment = params.get("cells", POOLED)
    if treatment not in SAMPLES:
        raise InputError(f"cells={treatment}: there is {', '.join(SAMPLES)}")
    try:
        single, share = float(params.get("diameter", "nan")) * 1e-6, float(params.get("quantile", "0.5"))
    except ValueError as error:
        raise InputError(f"passage: diameter (um) and quantile must be numbers ({error})") from error
    if math.isfinite(single):
        thicker = study().factor * treatment_factor(treatment)
        value = replace(study(), factor=thicker).passage(single)
    else:
        value = float(predicted(treatment, limits_of(params.get("diameters", "all")), np.array([share]))[0])
    return Measurement(1e3 * value, "reduced model")


def fitted(pick: Callable[[Study], float]) -> Runner:
    """Reports what was fitted."""
    return lambda params, settings: Measurement(pick(study()), "reduced model, fitted")


def _ratio(params: Params, settings: Settings) -> Measurement:
    large, small = (
        predicted(POOLED, limits_of(params.get(name, other)), np.array([0.5]))[0]
        for name, other in (("large", "14-15"), ("small", "12-13"))
    )
    return Measurement(float(large / small), "reduced model")


RUNNERS: dict[tuple[str, str], Runner] = {
    ("passage", "passage time"): passage_time,
    ("passage", "ratio of median passage times"): _ratio,
    ("passage", "effective pressure"): fitted(lambda s: s.pressure),
    ("passage", "free transit"): fitted(lambda s: 1e3 * s.free),
    ("passage", "viscosity at 1/s"): fitted(lambda s: s.cell(MIDDLE.diameter).cytoplasm.viscosity),
}
"""Runners of the passage of HL60 cells through a slit."""
