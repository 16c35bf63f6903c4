"""The parameters of each vessel formula, as a case file gives them: required and optional ones with their kinds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hemoflow.case.faults import Faults, one_of
from hemoflow.case.kinds import Number, Quantity, Range
from hemoflow.case.tables import Kind

LENGTH = Quantity("m")
ANGLE = Quantity("rad", Range(0.0, math.pi, above=True), "above 0 and at most 180 deg")
COUNT = Number(Range(1, 1000), whole=True, example="3")


@dataclass(frozen=True)
class Formula:
    """Parameters that must be given, and optional ones with their SI default (None: it follows from the others).

    `periodic` names the axes along which the vessel may repeat.
    """

    required: tuple[str, ...]
    optional: dict[str, float | None] = field(default_factory=dict)
    periodic: tuple[str, ...] = ("x",)

    @property
    def kinds(self) -> dict[str, Kind]:
        """All parameters with the kind of their values."""
        return {name: SPECIAL.get(name, LENGTH) for name in (*self.required, *self.optional)}

    @property
    def defaults(self) -> dict[str, float]:
        """Defaults that do not depend on other parameters."""
        return {name: value for name, value in self.optional.items() if value is not None}


SPECIAL: dict[str, Kind] = {"angle": ANGLE, "turns": COUNT, "rows": COUNT, "columns": COUNT, "inlets": COUNT}
_SIDES = ("length", "width", "height")

FORMULAS: dict[str, Formula] = {
    "tube": Formula(("length", "diameter")),
    "channel": Formula(_SIDES, periodic=("x", "y", "z")),
    "box": Formula(_SIDES, periodic=("x", "y", "z")),
    "constriction": Formula(("length", "diameter", "neck_diameter"), {"neck_length": None, "taper_length": None}),
    "slit": Formula((*_SIDES, "neck_width"), {"neck_height": None, "neck_length": 50e-6, "taper_length": None}),
    "bifurcation": Formula(
        ("length", "diameter"),
        {"daughter_length": None, "daughter_diameter": None, "angle": math.radians(70)},
        periodic=(),
    ),
    "serpentine": Formula(("diameter", "amplitude", "wavelength"), {"turns": 2}),
    "honeycomb": Formula(("diameter", "edge_length"), {"rows": 2, "columns": 3, "inlets": 1}, periodic=()),
}
"""Every formula by the name used in case files."""

EVERY_PARAMETER: dict[str, Kind] = {name: kind for formula in FORMULAS.values() for name, kind in formula.kinds.items()}

PLANES = ("x-", "x+", "y-", "y+", "z-", "z+")
WALLS = {"channel": PLANES[2:], "box": PLANES}
"""Plane walls that can move, by formula; x is along a channel."""


def read_parameters(name: str, given: Mapping[str, str]) -> dict[str, float]:
    """Parameters of a formula from texts such as ``{"diameter": "12 um", "turns": "3"}``, in SI.

    Raises one InputError that lists all faults. Nothing is required and no default is added.
    """
    faults = Faults(Path())
    if name not in FORMULAS:
        faults.add("formula", one_of(name, tuple(FORMULAS)))
        faults.refuse("vessel", {})
    kinds = FORMULAS[name].kinds
    values = {}
    for key, text in given.items():
        if key in kinds:
            plain = isinstance(kinds[key], Number) and re.fullmatch(r"\d{1,9}", text)
            values[key] = kinds[key].read(int(text) if plain else text, key, faults)
        else:
            faults.unknown("", key, tuple(kinds))
    faults.refuse(name, {})
    return values
