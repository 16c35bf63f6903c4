"""Capillary arrest: did an object stall, for how long, and is it held by the vessel's neck or by bonds?

Stalled: |v| < 0.02 u for at least max(0.2 s, 10 d/u), with u the undisturbed mean speed at the place and d the lumen;
in a pulsating flow u follows the drive, and moments with less than a fifth of it are not judged.
Mechanical index M = dP_c / dP_available with the drop's static entry threshold dP_c = 2 T (1/R_c - 1/R) (Yeung & Evans
1989); adhesive index B = F_bonds / F_flow, zero without bonds. Only simulated seconds decide a class; what would
follow is kept apart as an extrapolation.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate.parameters import Bounds, build, parameter

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

YEUNG = "Yeung & Evans 1989 Biophys J 56:139"
FOLLAIN = "Follain 2018 Dev Cell 45:33"
VLA4 = "VLA-4/VCAM-1 outer barrier, Zhang 2004 J Cell Sci 117:2567"
BELL = "Bell 1978 Science 200:618"
REFERENCES = (YEUNG, BELL, VLA4, FOLLAIN)
NOT_ARRESTED = "not arrested"
DRIVEN = 0.2
"""Share of the largest drive below which motion tells nothing: anything stands still as the flow turns round."""
_WINDOW = "window chosen from the experiments' time scales"


@dataclasses.dataclass(frozen=True)
class ArrestModel:
    """Windows and thresholds of the arrest classes (SI)."""

    stall_speed_fraction: float = parameter(0.02, "1", "stalled below this fraction of the undisturbed speed")
    stall_time: float = parameter(0.2, "s", "shortest stall that counts", _WINDOW, "assumed")
    stall_lengths: float = parameter(10.0, "1", "or this many lumen diameters of undisturbed flow, if longer")
    slow_time: float = parameter(1.0, "s", "below: pause; above: slow", _WINDOW, "assumed")
    arrest_time: float = parameter(10.0, "s", "above: arrest", _WINDOW, "assumed")
    stable_time: float = parameter(60.0, "s", "above: stable (handed to the exit model)", _WINDOW, "assumed")
    mechanical_threshold: float = parameter(
        1.0, "1", "M at and above which the neck alone holds the object", YEUNG, "verified"
    )
    mixed_threshold: float = parameter(0.5, "1", "M from which the neck contributes")
    adhesive_threshold: float = parameter(0.5, "1", "B from which bonds alone can hold the object")
    adhesive_minor: float = parameter(0.3, "1", "B below which bonds do not count")
    bond_force: float = parameter(7e-12, "N", "force scale kT/x of one bond", VLA4, "recalled", bounds=Bounds(1e-15))
    bond_off_rate: float = parameter(0.13, "1/s", "off rate of one unloaded bond", VLA4, "recalled")
    throat_diameter: float = parameter(
        0.0, "m", "narrowest lumen ahead of the object; 0 = measured from the run's wall"
    )

    @classmethod
    def from_dict(cls, section: Mapping[str, Any] | None) -> ArrestModel:
        """From the [fate.arrest] table of a case; missing keys take the defaults."""
        return build(cls, section, "fate.arrest")


@dataclasses.dataclass(frozen=True)
class Stall:
    """One stretch of slow motion: start and end (s), indices of its samples, whether it lasts to the end of the run."""

    start: float
    end: float
    first: int
    last: int
    open_ended: bool

    @property
    def duration(self) -> float:
        """Simulated seconds of the stall."""
        return self.end - self.start


def slow_mask(speed: Array, undisturbed: Array, model: ArrestModel) -> Mask:
    """Samples (T,) at which |v| < 0.02 u. Without flow (u = 0) nothing is stalled."""
    return np.asarray((np.abs(undisturbed) > 0) & (np.abs(speed) < model.stall_speed_fraction * np.abs(undisturbed)))


def carried_on(slow: Mask, known: Mask) -> Mask:
    """The same series (T,) with the last known answer wherever none is known; moving before the first."""
    last = np.maximum.accumulate(np.where(known, np.arange(len(slow)), -1))
    return np.asarray(np.where(last >= 0, slow[np.maximum(last, 0)], False))


def stalls(time: Array, slow: Mask) -> list[Stall]:
    """Stretches of consecutive slow samples, longest first."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], slow, [False]]).astype(int)))
    found = []
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        last = int(stop) - 1
        found.append(Stall(float(time[first]), float(time[last]), int(first), last, last == len(time) - 1))
    return sorted(found, key=lambda s: -s.duration)


def required_time(lumen: float, undisturbed: float, model: ArrestModel) -> float:
    """t_s = max(0.2 s, 10 d/u) in s; infinite without flow."""
    if undisturbed <= 0:
        return math.inf
    return max(model.stall_time, model.stall_lengths * lumen / undisturbed)


def duration_class(duration: float, model: ArrestModel) -> str:
    """pause < 1 s <= slow < 10 s <= arrest < 60 s <= stable; 'none' for no stall."""
    if duration <= 0:
        return "none"
    if duration < model.slow_time:
        return "pause"
    if duration < model.arrest_time:
        return "slow"
    return "arrest" if duration < model.stable_time else "stable"


def entry_threshold(tension: float, throat_radius: float, cell_radius: float) -> float:
    """dP_c = 2 T (1/R_c - 1/R) in Pa, zero when the cell fits. T in N/m, radii in m."""
    if not (throat_radius > 0 and cell_radius > 0):
        return math.nan
    return max(2.0 * tension * (1.0 / throat_radius - 1.0 / cell_radius), 0.0)


def mechanical_index(threshold: float, available: float) -> float:
    """M = dP_c/dP_available; zero when nothing has to be overcome, infinite when there is no pressure to do it,
    not-a-number where one of the two is not known."""
    if threshold == 0:
        return 0.0
    if math.isnan(threshold) or math.isnan(available):
        return math.nan
    return threshold / available if available > 0 else math.inf


def flow_force(pressure_drop: float, lumen: float, viscous: tuple[float, float, float]) -> float:
    """Force of the flow on the object (N): the larger of drop x lumen area and Stokes drag 6 pi mu a u.

    ``viscous`` is (viscosity Pa s, cell radius m, undisturbed speed m/s); not-a-number entries count as zero.
    """
    viscosity, radius, speed = viscous
    plug = abs(pressure_drop) * math.pi * lumen**2 / 4
    drag = 6 * math.pi * viscosity * radius * abs(speed)
    return float(np.nanmax([0.0, plug, drag]))


def adhesive_index(bonds: float, force: float, model: ArrestModel) -> float:
    """B = N f_bond / F_flow; zero without bonds, infinite when bonds exist and the flow does not pull."""
    if bonds <= 0:
        return 0.0
    return bonds * model.bond_force / force if force > 0 else math.inf


def bond_lifetime(bonds: int, force: float, model: ArrestModel) -> float:
    """Mean time (s) until the last of N bonds sharing ``force`` lets go: Bell off rates, no rebinding."""
    total = 0.0
    for n in range(max(bonds, 0), 0, -1):
        total += math.exp(-min(force / (n * model.bond_force), 700.0)) / (n * model.bond_off_rate)
    return total


def holding_class(mechanical: float, adhesive: float, confinement: float, model: ArrestModel) -> str:
    """The table of M, B and xi = D/d: 'mechanical', 'adhesive', 'mixed' or 'transient'."""
    if mechanical >= model.mechanical_threshold and adhesive < model.adhesive_minor:
        return "mechanical"
    if (confinement < 1 or mechanical < model.mixed_threshold) and adhesive >= model.adhesive_threshold:
        return "adhesive"
    if mechanical >= model.mixed_threshold and adhesive >= model.adhesive_minor:
        return "mixed"
    return "transient"


@dataclasses.dataclass(frozen=True)
class ArrestInput:
    """One object's history: time (T,), speed and undisturbed speed (T,) m/s, lumen (T,) m, confinement (T,),
    bonds (T,), drop across the object (T,) Pa, available pressure (T,) Pa, entry threshold (Pa), cell radius (m),
    fluid viscosity (Pa s), whether it reached the vessel's end: then no stall holds it at the end of its history; how
    far the drive is on (T,) where it changes, 0 to 1 of its largest, for which the undisturbed speed stands."""

    time: Array
    speed: Array
    undisturbed: Array
    lumen: Array
    confinement: Array
    bonds: Array
    pressure_drop: Array
    available: Array
    threshold: float
    radius: float
    viscosity: float
    passed: bool = False
    drive: Array | None = None


@dataclasses.dataclass(frozen=True)
class ArrestScore:
    """Class by simulated seconds alone, the two indices, and what would follow as a separate extrapolation."""

    arrest_class: str
    held_by: str
    duration_class: str
    stalled_seconds: float
    stalled_at: float | None
    stalled_at_end: bool
    window_needed: float
    window_reached: bool
    mechanical: float
    adhesive: float
    available: float
    force: float
    simulated_seconds: float
    extrapolation: dict[str, Any]


def score_object(x: ArrestInput, model: ArrestModel) -> ArrestScore:
    """Classify one object; indices are taken at the decisive stall, or at the tightest place when there is none.

    The speed it is measured against is that of the flow at its place without it, so a plug that stops the flow is
    stalled too; where that is not known, the last known one counts.
    """
    reference = filled(np.abs(x.undisturbed))
    drive = np.ones(len(x.time)) if x.drive is None else x.drive
    found = stalls(x.time, carried_on(slow_mask(x.speed, reference * drive, model), drive >= DRIVEN))
    if x.passed:
        found = [dataclasses.replace(s, open_ended=False) for s in found]
    stall = _decisive(found)
    at = stall.last if stall else _tightest(x.confinement)
    force = flow_force(float(x.pressure_drop[at]), float(x.lumen[at]), (x.viscosity, x.radius, float(reference[at])))
    available = float(_known_mean(x.available[stall.first : at + 1] if stall else x.available[at : at + 1]))
    m = mechanical_index(x.threshold, available)
    b = adhesive_index(float(x.bonds[at]), force, model)
    needed = required_time(float(x.lumen[at]), float(reference[at]), model)
    reached = stall is not None and stall.duration >= needed
    held = holding_class(m, b, float(np.nanmax(x.confinement)), model) if stall else "none"
    return ArrestScore(
        arrest_class=_name(held, reached, stall),
        held_by=held,
        duration_class=duration_class(stall.duration if stall else 0.0, model),
        stalled_seconds=stall.duration if stall else 0.0,
        stalled_at=stall.start if stall else None,
        stalled_at_end=bool(stall and stall.open_ended),
        window_needed=needed,
        window_reached=reached,
        mechanical=m,
        adhesive=b,
        available=available,
        force=force,
        simulated_seconds=float(x.time[-1] - x.time[0]),
        extrapolation=_extrapolate(held, stall, (int(x.bonds[at]), force), model),
    )


def filled(values: Array) -> Array:
    """The same series (T,) with the last known value wherever one is not a number; zero before the first."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], 0.0)


def _known_mean(values: Array) -> float:
    """Mean over what is known; not-a-number when nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def _decisive(found: list[Stall]) -> Stall | None:
    """The stall that lasts to the end of the run if there is one, else the longest; None without a stall."""
    lasting = [s for s in found if s.duration > 0]
    return next((s for s in lasting if s.open_ended), lasting[0] if lasting else None)


def _tightest(confinement: Array) -> int:
    """Index of the largest confinement; the last sample when none is known."""
    return int(np.nanargmax(confinement)) if np.isfinite(confinement).any() else len(confinement) - 1


def _name(held: str, reached: bool, stall: Stall | None) -> str:
    """The class in words: what the simulated seconds support and no more."""
    if stall is None or not (reached or stall.open_ended):
        return NOT_ARRESTED
    if not stall.open_ended:
        return f"{held}, released"
    return held if reached else f"{held}, window not reached"


def _extrapolate(held: str, stall: Stall | None, bonds: tuple[int, float], model: ArrestModel) -> dict[str, Any]:
    """What the indices suggest beyond the run: a class and a retention time, marked as not simulated."""
    if stall is None or not stall.open_ended:
        return {"class": None, "retention_seconds": None, "basis": "the object was not stalled when the run ended"}
    if held in ("mechanical", "mixed"):
        basis = (
            "static threshold above the available pressure: held as long as pressure, tension and neck stay as they are"
        )
        return {"class": "stable", "retention_seconds": None, "basis": basis}
    if held == "adhesive":
        life = bond_lifetime(*bonds, model)
        basis = "mean life of the bonds under the present force, Bell off rates without rebinding (a lower bound)"
        return {"class": duration_class(stall.duration + life, model), "retention_seconds": life, "basis": basis}
    return {"class": None, "retention_seconds": None, "basis": "neither index explains the stall: run longer"}
