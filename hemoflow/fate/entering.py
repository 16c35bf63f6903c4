"""How long a real cell would need to enter the narrowest lumen ahead: modelled, since no lattice carries its cytoplasm.

The simulated cell is filled with plasma and enters in a time that means nothing; whether it enters does not depend on that. The time
comes from the reduced model of `hemoflow.cells.passage`: cortical tension and a cytoplasm that thins, under the pressure available.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.cytoplasm import Cytoplasm
from hemoflow.cells.orifice import Orifice
from hemoflow.cells.passage import LiquidDrop, entry_time
from hemoflow.fate.parameters import interval, score_value
from hemoflow.fate.runfolder import RunRecord

Array = NDArray[np.float64]

MODEL = "reduced model: liquid drop with a thinning cytoplasm (not resolved)"
REFERENCES = (
    "Yeung & Evans 1989 Biophys J 56:139",
    "Needham & Hochmuth 1990 J Biomech Eng 112:269",
    "Tsai et al. 1993 Biophys J",
    "Roscoe 1949 Philos Mag 40:338",
)
MISSING = (
    "the nucleus, friction with the wall, elasticity and activity of the cell",
    "cells behind it that push or block; every cell of a cluster enters as if alone",
    "the pressure is that between the run's openings, an upper bound, so the time is a lower one",
)
VALIDITY = (
    "where it is longer than the simulated time in the neck the cytoplasm decides; HL60 cells in a slit of 6 x 15 um meet it within "
    "6 % in the median by size, and within 40 % in every quantile by treatment"
)
FIELDS = ("cytoplasm_viscosity", "viscosity_thinning", "resting_viscosity")


def entering(record: RunRecord, name: str, radius: float, throat: Orifice | None, pressure: Array) -> dict[str, Any]:
    """The entry `entry_time` (s) of one cell's part of the score.

    `radius` (m) in suspension, `throat` the narrowest lumen, `pressure` (T,) Pa that could fall across the cell; the mean of
    what is known counts. No value where the cytoplasm, the lumen or the pressure is not known, and where tension keeps the cell out.
    """
    known = pressure[np.isfinite(pressure)]
    drop, scale = _drop(record, name, radius)
    if drop is None or throat is None or not known.size:
        what = "cytoplasm" if drop is None else "narrowest lumen" if throat is None else "pressure"
        return _entry(None, outcome=f"the {what} of this cell is not known")
    driving = float(known.mean())
    seconds = entry_time(drop, throat, driving)
    conditions = {
        "pressure": driving,
        "flow_radius": throat.flow_radius,
        "cytoplasm": {"viscosity_at_1_per_s": drop.cytoplasm.viscosity, "thinning": drop.cytoplasm.thinning,
                      "resting_viscosity": drop.cytoplasm.resting},
    }  # fmt: skip
    if math.isinf(seconds):
        return _entry(None, outcome="never: the pressure is below the entry threshold", **conditions)
    if seconds == 0.0:
        return _entry(0.0, outcome="fits: nothing has to be squeezed", **conditions)
    span = None
    if scale is not None:
        ends = tuple(
            entry_time(replace(drop, cytoplasm=drop.cytoplasm.scaled(factor)), throat, driving) for factor in scale
        )
        span = interval((ends[0], ends[1]), "range of the cytoplasm's viscosity in the literature")
    return _entry(seconds, outcome="enters", uncertainty=span, **conditions)


def _entry(value: float | None, **more: Any) -> dict[str, Any]:
    return score_value(value, "s", MODEL, REFERENCES, not_included=MISSING, validity=VALIDITY, **more)


def _drop(record: RunRecord, name: str, radius: float) -> tuple[LiquidDrop | None, tuple[float, float] | None]:
    """The cell as a drop, None where a value is not known, and the range of its viscosity over its value."""
    tension = record.cell_value(name, "cortical_tension", "N/m")
    liquid = [record.cell_value(name, field, "1" if "thinning" in field else "Pa s") for field in FIELDS]
    if tension is None or not radius > 0.0 or any(entry is None for entry in liquid):
        return None, None
    (viscosity, band), (thinning, _), (resting, _) = (entry for entry in liquid if entry is not None)
    scale = None if band is None else (band[0] / viscosity, band[1] / viscosity)
    return LiquidDrop(radius, tension[0], Cytoplasm(viscosity, thinning, resting)), scale
