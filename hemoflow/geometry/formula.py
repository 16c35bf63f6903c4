"""Vessels made from a formula: tube, channel, box, constriction, slit, bifurcation, serpentine, honeycomb.

The flow axis is x: the inlet lies at the lowest x, the outlets at the highest. Straight vessels start at x = 0 with their
axis on y = z = 0. All lengths in metres, angles in radians.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hemoflow.errors import InputError
from hemoflow.geometry import formula_branched as branched
from hemoflow.geometry import formula_straight as straight
from hemoflow.geometry.vessel import AbstractVessel

Values = dict[str, float]
AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Parameter:
    """`default` in SI (None: follows from the others, as `meaning` says); `unit` "m", "rad" or "1" (a whole number)."""

    default: float | None
    unit: str
    meaning: str


@dataclass(frozen=True)
class Formula:
    """What a formula is, its parameters, the axes it may repeat along, and the function that builds the vessel."""

    meaning: str
    parameters: dict[str, Parameter]
    periodic: tuple[str, ...]
    build: Callable[[Values, tuple[bool, bool, bool]], AbstractVessel]


def _um(default: float | None, meaning: str) -> Parameter:
    return Parameter(None if default is None else default * 1e-6, "m", meaning)


FORMULAS: dict[str, Formula] = {
    "tube": Formula(
        "a straight round tube",
        {"length": _um(60, "along x"), "diameter": _um(8, "of the lumen")},
        ("x",),
        straight.tube,
    ),
    "channel": Formula(
        "a straight rectangular channel; no walls across a periodic axis",
        {"length": _um(60, "along x"), "width": _um(10, "along y"), "height": _um(10, "along z")},
        AXES,
        straight.channel,
    ),
    "box": Formula(
        "a closed box with walls across every axis that is not periodic; none at all when all three are",
        {"length": _um(20, "along x"), "width": _um(20, "along y"), "height": _um(20, "along z")},
        AXES,
        straight.box,
    ),
    "constriction": Formula(
        "a round tube with a throat, cosine tapers on both sides of it",
        {
            "length": _um(60, "along x, the throat in the middle"),
            "diameter": _um(15, "of the tube"),
            "neck_diameter": _um(8.5, "of the throat"),
            "neck_length": _um(None, "of the throat's straight part; default half the neck's diameter"),
            "taper_length": _um(None, "of each taper; default 1.5 times the difference of diameters, if there is room"),
        },
        ("x",),
        straight.constriction,
    ),
    "slit": Formula(
        "a rectangular channel with a rectangular throat, cosine tapers on both sides of it, as in microfluidic devices",
        {
            "length": _um(120, "along x, the throat in the middle"),
            "width": _um(20, "along y"),
            "height": _um(10, "along z"),
            "neck_width": _um(7, "of the throat along y"),
            "neck_height": _um(None, "of the throat along z; default the height"),
            "neck_length": _um(50, "of the throat's straight part"),
            "taper_length": _um(None, "of each taper; default 1.5 times the difference of widths, if there is room"),
        },
        ("x",),
        straight.slit,
    ),
    "bifurcation": Formula(
        "a Y: one round parent, two equal round daughters in the plane z = 0",
        {
            "length": _um(40, "of the parent's axis"),
            "diameter": _um(10, "of the parent"),
            "daughter_length": _um(None, "of each daughter's axis; default the parent's"),
            "daughter_diameter": _um(None, "of each daughter; default the parent's over 2^(1/3) (Murray's law)"),
            "angle": Parameter(math.radians(70), "rad", "between the daughters"),
        },
        (),
        branched.bifurcation,
    ),
    "serpentine": Formula(
        "a round tube along y = amplitude cos(2 pi x / wavelength)",
        {
            "diameter": _um(8, "of the lumen"),
            "amplitude": _um(10, "of the centre line"),
            "wavelength": _um(60, "along x"),
            "turns": Parameter(2.0, "1", "whole waves"),
        },
        ("x",),
        branched.serpentine,
    ),
    "honeycomb": Formula(
        "a flat bed of round capillaries along the edges of hexagons, in the plane z = 0",
        {
            "diameter": _um(8, "of every capillary"),
            "edge_length": _um(22, "between two branchings"),
            "rows": Parameter(2.0, "1", "hexagons across the flow (y)"),
            "columns": Parameter(3.0, "1", "hexagons along the flow (x)"),
            "inlets": Parameter(1.0, "1", "capillaries that enter, and as many that leave; at most one per row"),
        },
        (),
        branched.honeycomb,
    ),
}
"""Every formula by the name used in case files."""


def make_vessel(name: str, periodic: Iterable[str] = (), **parameters: float) -> AbstractVessel:
    """The vessel that a formula describes.

    `name` and `parameters` as in `FORMULAS`, SI; what is not given takes its default. `periodic`: axes along which the
    vessel repeats ("x", "y", "z"), where the formula allows it; it has no openings there.
    Raises InputError that names the parameter, its value and the remedy.
    """
    formula = FORMULAS.get(name)
    if formula is None:
        raise InputError(
            f"vessel.formula: there is no {name!r}{_nearest(name, FORMULAS)}; there is {', '.join(FORMULAS)}"
        )
    values = _values(name, formula, parameters)
    vessel = formula.build(values, _periodic(name, formula, tuple(periodic)))
    made: dict[str, Any] = {"formula": name, "parameters": dict(values), "meaning": formula.meaning}
    vessel.description = {**vessel.description, **made}
    return vessel


def _values(name: str, formula: Formula, given: dict[str, float]) -> Values:
    """The given values and the defaults of the others; values that follow from others are left to the builder."""
    faults = [
        f"vessel.{key}: {name} has no such parameter{_nearest(key, formula.parameters)}; it has "
        f"{', '.join(formula.parameters)}"
        for key in given
        if key not in formula.parameters
    ]
    for key, value in given.items():
        unit = formula.parameters[key].unit if key in formula.parameters else "m"
        shown = f"{value * 1e6:.4g} um" if unit == "m" else f"{value:.4g}"
        if not (math.isfinite(value) and value > 0):
            faults.append(f"vessel.{key}: {shown} must be a positive number")
        elif unit == "1" and (value != round(value) or value > 1000):
            faults.append(f"vessel.{key}: {shown} must be a whole number from 1 to 1000")
        elif unit == "rad" and value > math.pi:
            faults.append(f"vessel.{key}: {math.degrees(value):.4g} deg must be at most 180 deg")
    if faults:
        raise InputError("\n".join(faults))
    defaults = {key: p.default for key, p in formula.parameters.items() if p.default is not None}
    return {**defaults, **{key: float(value) for key, value in given.items()}}


def _periodic(name: str, formula: Formula, axes: tuple[str, ...]) -> tuple[bool, bool, bool]:
    wrong = [axis for axis in axes if axis not in formula.periodic]
    if wrong:
        allowed = ", ".join(formula.periodic) or "none"
        raise InputError(f"vessel.periodic: a {name} cannot repeat along {', '.join(wrong)}; allowed: {allowed}")
    return "x" in axes, "y" in axes, "z" in axes


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
