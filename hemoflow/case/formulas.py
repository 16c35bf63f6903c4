"""The parameters of each vessel formula, as a case file gives them: required and optional ones with their kinds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hemoflow.case.kinds import Number, Quantity, Range
from hemoflow.case.tables import Kind

LENGTH = Quantity("m")
ANGLE = Quantity("rad", Range(0.0, math.pi, above=True), "above 0 and at most 180 deg")
COUNT = Number(Range(1, 10_000), whole=True, example="3")


@dataclass(frozen=True)
class Formula:
    """Parameters that must be given, and those that the formula can do without."""

    required: dict[str, Kind]
    optional: dict[str, Kind] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Kind]:
        """All parameters."""
        return self.required | self.optional


def _lengths(names: str) -> dict[str, Kind]:
    return dict.fromkeys(names.split(), LENGTH)


FORMULAS: dict[str, Formula] = {
    "tube": Formula(_lengths("length diameter")),
    "channel": Formula(_lengths("length width height")),
    "box": Formula(_lengths("length width height")),
    "constriction": Formula(_lengths("length diameter neck_diameter"), _lengths("neck_length taper_length")),
    "bifurcation": Formula(
        _lengths("length diameter"), _lengths("daughter_diameter daughter_length") | {"angle": ANGLE}
    ),
    "serpentine": Formula(_lengths("diameter amplitude wavelength"), {"turns": COUNT}),
    "honeycomb": Formula(_lengths("diameter edge_length"), {"rows": COUNT, "columns": COUNT}),
}
"""Every formula by the name used in case files."""

EVERY_PARAMETER: dict[str, Kind] = {name: kind for formula in FORMULAS.values() for name, kind in formula.kinds.items()}

PLANES = ("x-", "x+", "y-", "y+", "z-", "z+")
WALLS = {"channel": PLANES[2:], "box": PLANES}
"""Plane walls that can move, by formula; x is along a channel."""
