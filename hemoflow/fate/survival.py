"""Shear survival: the hazard of a cell in flow, integrated over the run, with an interval over what is unknown.

    h = h_acute + h_rupture + h_chronic + h_NK,   H = int h dt,   S = (1 + theta H)^(-1/theta)

h_acute = k_a <(sigma/sigma_0)^beta> G (1 - s_p p)(1 - s_c c), averaged over the membrane. k_a and beta come from two
anchors: at most 10 % survive 4 h at 6 Pa, and ten 1 ms pulses at 634 Pa leave between 0.9 and 0.2. Both are upper
bounds on mechanical killing, so S is a lower bound. Stress is the outer deviatoric traction: none for a cell at rest.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate.parameters import Bounds, build, parameter

Array = NDArray[np.float64]

REGMI = "Regmi 2017 Sci Rep doi:10.1038/srep39975"
BARNES = "Barnes 2012 PLoS ONE doi:10.1371/journal.pone.0050973"
CHIVUKULA = "Chivukula 2015 doi:10.2147/CHC.S71852"
LANDWEHR = "Landwehr 2018 Biomicrofluidics doi:10.1063/1.5063824"
LUZZI = "Luzzi 1998 Am J Pathol, PMID 9736035"
BHAT = "Bhat & Watzl 2007 PLoS ONE 2:e326"
REFERENCES = (REGMI, BARNES, CHIVUKULA, LANDWEHR, LUZZI, BHAT)
TERMS = ("acute", "rupture", "chronic", "immune")
_UNIT_INTERVAL = Bounds(0.0, 1.0)
_LARGEST_EXPONENT = 50.0


@dataclasses.dataclass(frozen=True)
class SurvivalModel:
    """Parameters of the hazard (SI). Shields, immune cells and adaptation are off by default (data: signs only)."""

    reference_traction: float = parameter(6.0, "Pa", "sigma_0: stress of the slow anchor", REGMI, "verified")
    anchor_time: float = parameter(14400.0, "s", "duration of the slow anchor", REGMI, "verified", bounds=Bounds(1e-9))
    anchor_survival: float = parameter(
        0.1,
        "1",
        "fraction left after it (upper bound on mechanical killing)",
        REGMI,
        "verified",
        bounds=Bounds(1e-6, 0.999),
    )
    exponent: float = parameter(
        2.7, "1", "beta: power of the stress", f"{BARNES}; {REGMI}", "derived", bounds=Bounds(0.1, 10)
    )
    exponent_low: float = parameter(2.4, "1", "beta if ten pulses leave 0.9", BARNES, "derived", bounds=Bounds(0.1, 10))
    exponent_high: float = parameter(
        3.0, "1", "beta if ten pulses leave 0.2", BARNES, "derived", bounds=Bounds(0.1, 10)
    )
    frailty: float = parameter(0.0, "1", "theta: variance of frailty between cells; 0 = all cells alike")
    frailty_low: float = parameter(0.0, "1", "smallest theta of the interval")
    frailty_high: float = parameter(1.0, "1", "largest theta of the interval")
    adaptation: float = parameter(
        0.0, "1", "rho: part of the acute hazard an adapted cell is spared", bounds=_UNIT_INTERVAL
    )
    adaptation_onset: float = parameter(1.0, "Pa", "stress above which a cell adapts")
    adaptation_rate: float = parameter(0.01, "1/s", "rate of adapting (saturates in about 5 min)", LANDWEHR, "derived")
    adaptation_memory: float = parameter(3600.0, "s", "time to lose the adaptation", bounds=Bounds(1e-9))
    rupture_area_ratio: float = parameter(
        2.25,
        "1",
        "A/A0 at which the membrane reserve is used up (2 to 2.5)",
        "micropipette reserve, recalled",
        "recalled",
    )
    rupture_strain: float = parameter(
        0.03, "1", "lytic strain of the smooth bilayer", "lipid bilayer, recalled", "recalled"
    )
    rupture_width: float = parameter(0.005, "1", "strain over which the rate grows e-fold", bounds=Bounds(1e-6))
    rupture_rate: float = parameter(1.0, "1/s", "rate at the lytic strain")
    base_rate: float = parameter(
        8.6e-7, "1/s", "k_0: death without stress, -ln(0.8)/72 h if all loss were death", LUZZI, "derived"
    )
    chronic_rate: float = parameter(
        0.0,
        "1/s",
        "k_c at 6 Pa; zero because the slow anchor is given whole to the acute term and its sign is disputed",
        "Fan 2016 doi:10.1038/srep27073 against Regmi 2017",
        "verified",
    )
    chronic_exponent: float = parameter(1.0, "1", "power of the averaged stress in the chronic term")
    chronic_memory: float = parameter(
        3600.0, "s", "time constant of the moving average of the stress", bounds=Bounds(1e-9)
    )
    immune_cells: float = parameter(0.0, "1", "natural killer cells engaged with this cell")
    immune_rate: float = parameter(
        6.9e-5, "1/s", "kills per engaged natural killer cell (0.25 per hour)", BHAT, "recalled"
    )
    immune_killing: float = parameter(
        0.5,
        "1",
        "share of natural killer cells that kill at all",
        "Vanherberghen 2013 Blood 121:1326",
        "verified",
        bounds=_UNIT_INTERVAL,
    )
    immune_shear: float = parameter(0.0, "1", "rise of the kill rate per Pa of averaged stress")
    contact_shield: float = parameter(0.0, "1", "s_c: acute shield by cell contact", bounds=_UNIT_INTERVAL)
    contact_shield_chronic: float = parameter(0.0, "1", "kappa_c: chronic shield by cell contact")
    platelet_shield: float = parameter(0.0, "1", "s_p: acute shield by platelets", bounds=_UNIT_INTERVAL)
    platelet_shield_chronic: float = parameter(0.0, "1", "kappa_p: chronic shield by platelets")
    platelet_shield_immune: float = parameter(0.0, "1", "s_NK: immune shield by platelets", bounds=_UNIT_INTERVAL)

    @classmethod
    def from_dict(cls, section: Mapping[str, Any] | None) -> SurvivalModel:
        """From the [fate.survival] table of a case; missing keys take the defaults."""
        return build(cls, section, "fate.survival")

    def acute_rate(self, frailty: float) -> float:
        """k_a (1/s) at sigma_0 for which the slow anchor is met exactly with this frailty."""
        return integrated_hazard(self.anchor_survival, frailty) / self.anchor_time


@dataclasses.dataclass(frozen=True)
class Exposure:
    """What one cell met: time (T,) s; traction_histogram (T,B) area fractions in the bins traction_bins (B+1) Pa;
    traction_mean and traction_max (T,) Pa; area_ratio (T,) A/A0; contact and platelets (T,) covered area fractions."""

    time: Array
    traction_histogram: Array
    traction_bins: Array
    traction_mean: Array
    traction_max: Array
    area_ratio: Array
    contact: Array
    platelets: Array


def survival(hazard: float, frailty: float) -> float:
    """Surviving fraction after the integrated hazard H under gamma frailty; exp(-H) when theta is zero."""
    if frailty < 1e-9:
        return math.exp(-hazard)
    return float((1.0 + frailty * hazard) ** (-1.0 / frailty))


def integrated_hazard(fraction: float, frailty: float) -> float:
    """The H that leaves ``fraction`` alive: inverse of ``survival``."""
    if frailty < 1e-9:
        return -math.log(fraction)
    return float((fraction ** (-frailty) - 1.0) / frailty)


def mean_power(exposure: Exposure, scale: float, exponent: float) -> Array:
    """<(sigma/scale)^exponent> over the membrane (T,), log-uniform inside each bin, never above the largest traction.

    The last bin is stretched to the largest traction and every bin is cut there, so no traction gives exactly zero.
    """
    low = np.minimum(exposure.traction_bins[:-1][None, :], exposure.traction_max[:, None]) / scale
    high = np.minimum(exposure.traction_bins[1:][None, :], exposure.traction_max[:, None]) / scale
    high[:, -1] = np.maximum(exposure.traction_max / scale, low[:, -1])
    with np.errstate(divide="ignore", invalid="ignore"):
        width = exponent * np.log(high / low)
        inside = (high**exponent - low**exponent) / width
    inside = np.where(np.isfinite(inside) & (width > 1e-9), inside, high**exponent)
    return np.asarray((exposure.traction_histogram * inside).sum(axis=1))


def relaxed(time: Array, rate_on: Array, tau: float) -> Array:
    """Solution of dR/dt = rate_on (1 - R) - R/tau, R(0) = 0, exact for a rate constant over each interval."""
    level = np.zeros_like(time)
    for i, step in enumerate(np.diff(time)):
        total = rate_on[i] + 1.0 / tau
        end = rate_on[i] / total
        level[i + 1] = end + (level[i] - end) * math.exp(-total * step)
    return level


def moving_average(time: Array, values: Array, tau: float) -> Array:
    """Exponential moving average (T,) that starts from zero: stress met before the run is not known."""
    average = np.zeros_like(values)
    for i, step in enumerate(np.diff(time)):
        now = 0.5 * (values[i] + values[i + 1])
        average[i + 1] = now + (average[i] - now) * math.exp(-step / tau)
    return average


def stiffening(traction: Array) -> Array:
    """Relative rise of an adapted cell's Young's modulus: 0.47 + 0.27 log10(sigma/51 Pa), at least zero."""
    return np.maximum(0.47 + 0.27 * np.log10(np.maximum(traction, 1e-12) / 51.0), 0.0)


def hazards(exposure: Exposure, model: SurvivalModel, exponent: float, frailty: float) -> dict[str, Array]:
    """The four hazards (T,) in 1/s, by name."""
    m, x = model, exposure
    adapted = relaxed(
        x.time, np.where(x.traction_mean > m.adaptation_onset, m.adaptation_rate, 0.0), m.adaptation_memory
    )
    shield = (1 - m.platelet_shield * x.platelets) * (1 - m.contact_shield * x.contact)
    acute = (
        m.acute_rate(frailty) * mean_power(x, m.reference_traction, exponent) * (1 - m.adaptation * adapted) * shield
    )
    beyond = x.area_ratio / m.rupture_area_ratio - 1.0
    growth = np.exp(np.minimum((beyond - m.rupture_strain) / m.rupture_width, _LARGEST_EXPONENT))
    rupture = np.where(beyond > 0, m.rupture_rate * growth, 0.0)
    average = moving_average(x.time, x.traction_mean, m.chronic_memory)
    slow = m.base_rate + m.chronic_rate * (average / m.reference_traction) ** m.chronic_exponent
    chronic = slow * np.exp(-m.contact_shield_chronic * x.contact - m.platelet_shield_chronic * x.platelets)
    immune = m.immune_cells * m.immune_rate * m.immune_killing * (1 - m.platelet_shield_immune * x.platelets)
    immune = immune * (1 - x.contact) * (1 + m.immune_shear * average)
    return dict(zip(TERMS, (acute, rupture, chronic, immune), strict=True))


def integrate(exposure: Exposure, model: SurvivalModel, exponent: float, frailty: float) -> dict[str, float]:
    """Integrated hazard of each term, trapezoid in time."""
    terms = hazards(exposure, model, exponent, frailty)
    return {name: float(np.trapezoid(h, exposure.time)) for name, h in terms.items()}


@dataclasses.dataclass(frozen=True)
class SurvivalScore:
    """H, S with [low, high] over beta and theta, the share of each term, the seconds integrated, and the stress met."""

    hazard: float
    hazard_interval: tuple[float, float]
    survival: float
    survival_interval: tuple[float, float]
    terms: dict[str, float]
    dominant: str
    exposure_seconds: float
    largest_traction: float
    adaptation_level: float
    predicted_stiffening: float


def score_cell(exposure: Exposure, model: SurvivalModel) -> SurvivalScore:
    """Score one cell over the samples of ``exposure`` (at least one; a single sample has no duration and H = 0)."""
    terms = integrate(exposure, model, model.exponent, model.frailty)
    total = sum(terms.values())
    exponents = {model.exponent_low, model.exponent, model.exponent_high}
    frailties = {model.frailty_low, model.frailty, model.frailty_high}
    pairs = []
    for beta, theta in itertools.product(sorted(exponents), sorted(frailties)):
        h = sum(integrate(exposure, model, beta, theta).values())
        pairs.append((h, survival(h, theta)))
    h_all, s_all = zip(*pairs, strict=True)
    x = exposure
    onset = np.where(x.traction_mean > model.adaptation_onset, model.adaptation_rate, 0.0)
    level = float(relaxed(x.time, onset, model.adaptation_memory)[-1])
    mean = float(x.traction_mean.mean())
    return SurvivalScore(
        hazard=total,
        hazard_interval=(min(h_all), max(h_all)),
        survival=survival(total, model.frailty),
        survival_interval=(min(s_all), max(s_all)),
        terms=terms,
        dominant=max(terms, key=lambda name: terms[name]) if total > 0 else "none",
        exposure_seconds=float(x.time[-1] - x.time[0]),
        largest_traction=float(x.traction_max.max()),
        adaptation_level=level,
        predicted_stiffening=level * float(stiffening(np.array([mean]))[0]),
    )
