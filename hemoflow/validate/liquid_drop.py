"""Runners for a round cell as a drop of very viscous liquid: entry into a pipette, and recovery after it.

Both go through the reduced model that also predicts passages (`cells.passage`, `cells.recovery`). Its resistance at the mouth of a
pipette is that of Needham and Hochmuth, so that their row checks how entry is followed, not the coefficient.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.cytoplasm import cytoplasm_of, newtonian
from hemoflow.cells.orifice import circle
from hemoflow.cells.passage import LiquidDrop, entry
from hemoflow.cells.recovery import apparent_ratio, stretch_inside
from hemoflow.errors import InputError
from hemoflow.validate.flow import number
from hemoflow.validate.record import Measurement, Settings

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]

PART = 0.98
"""Part of the final length at which a cell counts as inside."""

PIPETTE = 2e-6
"""Radius (m) of the pipette that a recovering cell was held in, as in most of these experiments."""


def pipette_entry(params: Params, settings: Settings) -> Measurement:
    """Seconds from a half sphere in the pipette to `PART` of the length; R, Rp (m), dP (Pa), T (N/m), mu (Pa s)."""
    radius, pipette, pressure, tension, viscosity = (
        number(params, name, math.nan) for name in ("R", "Rp", "dP", "T", "mu")
    )
    if not (radius > pipette > 0.0 and viscosity > 0.0 and tension >= 0.0 and math.isfinite(pressure)):
        raise InputError("pipette entry needs R > Rp (m), dP (Pa), T (N/m) and mu (Pa s)")
    drop = LiquidDrop(radius, tension, newtonian(viscosity))
    found = entry(drop, circle(pipette), pressure)
    if not math.isfinite(found.duration):
        raise InputError(f"dP={pressure:g} Pa does not overcome the tension: the cell never enters")
    half, section = 2.0 / 3.0 * math.pi * pipette**3, math.pi * pipette**2
    length = 2.0 * pipette + (drop.volume - 2.0 * half) / section
    at = half + section * (np.array([pipette, PART * length]) - pipette)
    begins, ends = np.interp(at, found.inside, found.time)
    return Measurement(float(ends - begins), f"reduced model, {len(found.rate)} stations")


def recovery_ratio(params: Params, settings: Settings) -> Measurement:
    """Tension over viscosity (m/s) seen in the recovery of a cell of the catalogue from a pipette of `Rp` (m)."""
    name = params.get("cell", "neutrophil")
    if name not in CATALOGUE:
        raise InputError(f"cell={name}: no cell type is called that; there is {', '.join(CATALOGUE)}")
    kind = CATALOGUE[name]
    drop = LiquidDrop(0.5 * kind.value("diameter"), kind.value("cortical_tension"), cytoplasm_of(kind))
    stretch = stretch_inside(drop, circle(number(params, "Rp", PIPETTE)))
    return Measurement(apparent_ratio(drop, stretch), f"reduced model, from a stretch of {stretch:.2f}")


RUNNERS: dict[tuple[str, str], Runner] = {
    ("micropipette", "entry time (98 % of length)"): pipette_entry,
    ("micropipette", "tension/viscosity (recovery rate constant)"): recovery_ratio,
}
"""Runners of a cell as a liquid drop."""
