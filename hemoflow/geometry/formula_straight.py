"""The straight vessels among the formulas: tube, channel, box, constriction, slit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.formula_block import BlockVessel, SlitVessel
from hemoflow.geometry.formula_lathe import LatheVessel
from hemoflow.geometry.vessel import AbstractVessel

Array = NDArray[np.float64]
Values = dict[str, float]
Periodic = tuple[bool, bool, bool]


def tube(values: Values, periodic: Periodic) -> AbstractVessel:
    """A straight round tube."""
    length, radius = values["length"], 0.5 * values["diameter"]
    rings = np.linspace(0.0, length, max(int(np.ceil(length / radius)), 2) + 1)
    return LatheVessel(length, lambda x: np.full(np.shape(x), radius), np.pi * radius**2 * length, rings, periodic[0])


def channel(values: Values, periodic: Periodic) -> AbstractVessel:
    """A straight rectangular channel, open or periodic along x."""
    size = np.array([values["length"], values["width"], values["height"]])
    return BlockVessel(size, (False, not periodic[1], not periodic[2]), periodic)


def box(values: Values, periodic: Periodic) -> AbstractVessel:
    """A box with walls across every axis that is not periodic."""
    size = np.array([values["length"], values["width"], values["height"]])
    return BlockVessel(size, (not periodic[0], not periodic[1], not periodic[2]), periodic)


def constriction(values: Values, periodic: Periodic) -> AbstractVessel:
    """A round tube with a throat: r = r_neck + (R - r_neck) (1 - cos(pi t)) / 2 over each taper."""
    length, wide, narrow = values["length"], 0.5 * values["diameter"], 0.5 * values["neck_diameter"]
    _narrower(values, "neck_diameter", "diameter")
    values.setdefault("neck_length", narrow)
    taper = _taper(values, 2 * (wide - narrow))
    step = taper_profile(length, values["neck_length"], taper)
    # The mean of the step over a taper is 1/2, of its square 3/8.
    rise = wide - narrow
    tapers = 2 * taper * (narrow**2 + narrow * rise + 0.375 * rise**2)
    rest = length - values["neck_length"] - 2 * taper
    volume = np.pi * (tapers + values["neck_length"] * narrow**2 + rest * wide**2)
    rings = throat_stations(length, values["neck_length"], taper, 0.25 * narrow)
    return LatheVessel(length, lambda x: narrow + rise * step(x), float(volume), rings, periodic[0])


def slit(values: Values, periodic: Periodic) -> AbstractVessel:
    """A rectangular channel with a rectangular throat; width and height follow the same cosine tapers."""
    values.setdefault("neck_height", values["height"])
    _narrower(values, "neck_width", "width")
    if values["neck_height"] > values["height"]:
        raise InputError(_too_wide(values, "neck_height", "height", "at most"))
    length, neck = values["length"], values["neck_length"]
    taper = _taper(values, values["width"] - values["neck_width"])
    step = taper_profile(length, neck, taper)
    w, h = values["neck_width"], values["neck_height"]
    dw, dh = values["width"] - w, values["height"] - h
    tapers = 2 * taper * (w * h + 0.5 * (w * dh + h * dw) + 0.375 * dw * dh)
    volume = tapers + neck * w * h + (length - neck - 2 * taper) * values["width"] * values["height"]
    return SlitVessel(length, lambda x: w + dw * step(x), lambda x: h + dh * step(x), volume, periodic[0])


class TaperStep:
    """0 in the throat, 1 outside of the tapers, a half cosine between: continuous with its slope. x in m."""

    def __init__(self, length: float, neck: float, taper: float):
        self.length, self.neck, self.taper = length, neck, taper

    def __call__(self, x: Array) -> Array:
        share = (np.abs(np.asarray(x) - 0.5 * self.length) - 0.5 * self.neck) / self.taper
        return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


def taper_profile(length: float, neck: float, taper: float) -> TaperStep:
    """The step of a vessel with its throat in the middle."""
    return TaperStep(length, neck, taper)


def throat_stations(length: float, neck: float, taper: float, spacing: float) -> Array:
    """Places (k,) along x, `spacing` m apart or less in the throat and tapers and three times that far elsewhere."""
    middle, ends = 0.5 * length, 0.5 * neck + taper
    stops = [0.0, middle - ends, middle - 0.5 * neck, middle + 0.5 * neck, middle + ends, length]
    steps = [3 * spacing, spacing, spacing, spacing, 3 * spacing]
    parts = [
        np.linspace(a, b, max(int(np.ceil((b - a) / h)), 1), endpoint=False)
        for a, b, h in zip(stops[:-1], stops[1:], steps, strict=True)
        if b - a > 1e-9 * length
    ]
    return np.concatenate([*parts, [length]])


def _narrower(values: Values, neck: str, whole: str) -> None:
    if values[neck] >= values[whole]:
        raise InputError(_too_wide(values, neck, whole, "smaller than"))


def _too_wide(values: Values, neck: str, whole: str, must: str) -> str:
    return (
        f"vessel.{neck}: {values[neck] * 1e6:.4g} um must be {must} vessel.{whole} ({values[whole] * 1e6:.4g} um); "
        f"make the throat narrower or the vessel wider"
    )


def _taper(values: Values, difference: float) -> float:
    """The length of each taper, checked against the room that the vessel leaves; noted in `values`."""
    room = 0.5 * (values["length"] - values["neck_length"])
    if room <= 0:
        raise InputError(
            f"vessel.neck_length: {values['neck_length'] * 1e6:.4g} um must be smaller than vessel.length "
            f"({values['length'] * 1e6:.4g} um), which also holds two tapers"
        )
    values.setdefault("taper_length", min(1.5 * difference, 0.8 * room))
    if values["taper_length"] > room * (1 + 1e-9):
        raise InputError(
            f"vessel.taper_length: {values['taper_length'] * 1e6:.4g} um must be at most {room * 1e6:.4g} um, half of what "
            f"vessel.length ({values['length'] * 1e6:.4g} um) leaves beside the neck; shorten it or lengthen the vessel"
        )
    return values["taper_length"]
