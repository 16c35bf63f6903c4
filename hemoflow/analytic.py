"""Exact solutions that the solver's inputs rest on."""

from __future__ import annotations

import numpy as np


def rectangle_conductance(width: float, height: float) -> float:
    """Mean velocity times viscosity per pressure gradient (m^2) of developed flow in a rectangle; one side may be
    infinite.

    Source: Fourier series, e.g. White, Viscous Fluid Flow, section 3-3.3. Odd terms up to 399 leave a relative error
    below 1e-9.
    """
    short, long = sorted((width, height))
    if not np.isfinite(long):
        return short**2 / 12.0
    n = np.arange(1, 400, 2, dtype=float)
    series = np.sum(np.tanh(n * np.pi * long / (2.0 * short)) / n**5)
    return float(short**2 / 12.0 * (1.0 - 192.0 / np.pi**5 * short / long * series))
