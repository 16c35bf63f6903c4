"""The passage of HL60 cells through a slit of 6 x 15 um as measured: what a model may be fitted to, and the cells' sizes.

Source: Urbanska et al. 2020, Nature Methods 17:587, doi:10.1038/s41592-020-0818-8, suspended microchannel resonators; quantiles of
the raw values at github.com/dicarlo-lab/metadeformability (commit 01ff39f, MIT). A device under constant pressure weighs a cell and
times its passage. Times in s, diameters in m (of a sphere with the cell's volume).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from hemoflow.cells.orifice import rectangle

Floats = NDArray[np.float64]

SLIT = rectangle(6e-6, 15e-6)

BAND = (12e-6, 14e-6)
"""Sizes in which the factor of each treatment is fitted."""


@dataclass(frozen=True)
class Bin:
    """Cells of the pooled controls of one range of sizes: median `diameter`, quartiles and median of the passage."""

    diameter: float
    lower: float
    median: float
    upper: float


SMALL = (Bin(8.9e-6, 13.6e-3, 16.8e-3, 25.2e-3), Bin(10.77e-6, 16.58e-3, 18.05e-3, 20.02e-3))
"""8 to 10 um (73 cells) and 10 to 11 um (120 cells): these fix the device."""

MIDDLE, MIDDLE_RANGE = Bin(12.52e-6, 22.2e-3, 24.7e-3, 27.5e-3), (12e-6, 13e-6)
"""12 to 13 um (2880 cells): these fix the cell."""


@dataclass(frozen=True)
class Sample:
    """Cells of one treatment: how many, median `diameter`, how many in `BAND` and the median `time` of those."""

    cells: int
    diameter: float
    in_band: int
    time: float

    @cached_property
    def deviation(self) -> float:
        """Standard deviation of the logarithm of the diameter, from the share of cells in `BAND`."""
        low, high = (math.log(edge / self.diameter) for edge in BAND)
        share = self.in_band / self.cells
        return float(brentq(lambda s: ndtr(high / s) - ndtr(low / s) - share, 0.02, 0.5))

    def diameters(self, low: float, high: float, count: int) -> Floats:
        """`count` equally likely diameters (m) between two limits, of a log-normal distribution."""
        ends = ndtr(np.log(np.array([low, high]) / self.diameter) / self.deviation)
        parts = ends[0] + (ends[1] - ends[0]) * (np.arange(count) + 0.5) / count
        return np.asarray(self.diameter * np.exp(self.deviation * ndtri(parts)))


SAMPLES = {
    "control_pooled": Sample(9734, 13.15e-6, 2837 + 2588, 29.1e-3),
    "control_0LatB": Sample(5092, 13.23e-6, 2837, 28.1e-3),
    "LatB_0.001ug_per_mL": Sample(2860, 13.31e-6, 1625, 27.0e-3),
    "LatB_0.005ug_per_mL": Sample(2830, 13.20e-6, 1554, 27.65e-3),
    "LatB_0.01ug_per_mL": Sample(3100, 13.21e-6, 1752, 24.8e-3),
    "LatB_0.025ug_per_mL": Sample(2661, 13.10e-6, 1486, 20.3e-3),
    "osm_200mOsm": Sample(2662, 13.41e-6, 1417, 27.5e-3),
    "osm_250mOsm": Sample(2821, 13.55e-6, 1506, 26.4e-3),
    "control_300mOsm": Sample(4642, 13.07e-6, 2588, 30.2e-3),
    "osm_400mOsm": Sample(2556, 12.37e-6, 1294, 48.8e-3),
}
"""Treatments: latrunculin B dissolves actin, the osmolarity changes how much water is inside. The pooled controls' band is the two
controls together; its median there is their weighted mean, and nothing is fitted to it."""

POOLED = "control_pooled"
