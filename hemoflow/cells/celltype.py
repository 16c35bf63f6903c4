"""What a kind of cell is made of: every parameter with unit, range, source and confidence. Plain data in SI."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches

from hemoflow.errors import InputError

CONFIDENCES = {
    "verified": "the number was read in the source",
    "recalled": "the number is widely quoted; the source was not read again",
    "assumed": "no measurement was found; the note says why this value",
    "fitted": "chosen so that the model meets the data named in the note",
    "derived": "computed from the other parameters by the rule in the note",
    "given": "set by the user",
    "required": "the user must set it",
    "unknown": "no value was found, and the model does not need one",
}
"""What is known about a value."""

CHOICES = {
    "law": ("skalak", "neo-hookean", "hookean", "evans-skalak", "none"),
    "bending": ("helfrich", "hinge", "none"),
    "shape": ("sphere", "discocyte", "spheroid"),
}
"""What the fields that are words may say: `elasticity.LAWS`, `bending.MODELS`, and the shapes at rest."""

WITH_DILATION = ("skalak", "hookean")
"""Laws with a parameter C; their area modulus is (1 + 2 C) G."""

ABOVE_ZERO = ("diameter", "thickness_ratio", "cytoplasm_viscosity", "resting_viscosity")
"""Parameters that may not be zero either."""

SIGNED = ("spontaneous_curvature",)
"""Parameters that may be negative."""


@dataclass(frozen=True)
class Parameter:
    """One number: `value` in SI `unit` (None where there is none), literature range `low` to `high`, its origin."""

    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    source: str = ""
    confidence: str = "assumed"
    note: str = ""

    def __post_init__(self) -> None:
        if self.confidence not in CONFIDENCES:
            raise ValueError(f"confidence '{self.confidence}' is not one of {', '.join(CONFIDENCES)}")

    @property
    def outside_range(self) -> bool:
        """Whether the value lies outside the range found in the literature."""
        if self.value is None:
            return False
        below = self.low is not None and self.value < self.low
        return below or (self.high is not None and self.value > self.high)


def required(unit: str, note: str = "") -> Parameter:
    """A parameter that only the user can give."""
    return Parameter(None, unit, confidence="required", note=note)


def unknown(unit: str, note: str = "no value found") -> Parameter:
    """A parameter that is recorded as missing."""
    return Parameter(None, unit, confidence="unknown", note=note)


@dataclass(frozen=True)
class CellType:
    """A kind of cell. Fields that are `Parameter` are physical values in SI.

    Mechanics used by the membrane: diameter (at rest), thickness_ratio (along z over diameter, shape "spheroid"),
    cortical_tension, shear_modulus, area_dilation (C of Skalak's and the Hookean law), bending_modulus,
    spontaneous_curvature, area_modulus (of the whole cell), local_area_modulus (of every triangle), area_reserve (areal
    strain that folds give before either resists), volume_modulus. Recorded for fates and reports, not part of the
    membrane: cytoplasm_viscosity (at 1/s, of the power law) with its exponent viscosity_thinning and the
    resting_viscosity where hardly anything moves (`cytoplasm.Cytoplasm`), nucleus_diameter_ratio,
    nucleus_stiffness_ratio, youngs_modulus (whole cell, by indentation), membrane_viscosity, lysis_tension. `law` as in
    `elasticity.LAWS`, `bending` as in `bending.MODELS`, `shape` "sphere", "discocyte" or "spheroid", `vertices` of the
    mesh (at least), `template` the path of a surface file in place of shape and vertices ("": none).
    """

    name: str
    description: str
    diameter: Parameter
    thickness_ratio: Parameter
    cortical_tension: Parameter
    shear_modulus: Parameter
    area_dilation: Parameter
    bending_modulus: Parameter
    spontaneous_curvature: Parameter
    area_modulus: Parameter
    local_area_modulus: Parameter
    area_reserve: Parameter
    volume_modulus: Parameter
    cytoplasm_viscosity: Parameter
    viscosity_thinning: Parameter
    resting_viscosity: Parameter
    nucleus_diameter_ratio: Parameter
    nucleus_stiffness_ratio: Parameter
    youngs_modulus: Parameter
    membrane_viscosity: Parameter
    lysis_tension: Parameter
    law: str = "neo-hookean"
    bending: str = "helfrich"
    shape: str = "sphere"
    vertices: int = 642
    template: str = ""

    def parameters(self) -> dict[str, Parameter]:
        """All physical values by name."""
        found = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in found if isinstance(value, Parameter)}

    def value(self, name: str) -> float:
        """A value in SI. Raises InputError where there is none."""
        parameter = self.parameters()[name]
        if parameter.value is None:
            raise InputError(
                f"cell type '{self.name}': {name} has no value ({parameter.confidence}); set it in the case file"
            )
        return parameter.value

    def with_values(self, overrides: Mapping[str, float | str | int]) -> CellType:
        """This type with SI values, `law`, `bending`, `shape` or `vertices` replaced, complete and ready to be built.

        A volume modulus that nobody gave is derived: 5 times the larger of 2 T/a and 2 G/a (a: radius): the fluid
        inside keeps the volume by itself, and the penalty corrects the drift of long runs. Raises InputError, naming
        all, for unknown names, values that make no sense, and required values that are missing.
        """
        parameters = self.parameters()
        faults = [*self._unknown_names(overrides), *_impossible_values(parameters, overrides)]
        if faults:
            raise InputError(f"cell type '{self.name}': " + "; ".join(faults))
        changed: dict[str, object] = {
            name: _given(parameters[name], float(value)) if name in parameters else value
            for name, value in overrides.items()
        }
        result = replace(self, **changed)  # type: ignore[arg-type]
        missing = [name for name, p in result.parameters().items() if p.confidence == "required" and p.value is None]
        if missing:
            units = ", ".join(f"{name} ({parameters[name].unit})" for name in missing)
            raise InputError(f"cell type '{self.name}' needs {units}; give each as a value with its unit")
        contradictions = list(_contradictions(result))
        if contradictions:
            raise InputError(f"cell type '{self.name}': " + "; ".join(contradictions))
        return _with_volume_modulus(result)

    def _unknown_names(self, overrides: Mapping[str, float | str | int]) -> list[str]:
        known = [*self.parameters(), *CHOICES, "vertices", "template"]
        unknown_names = [name for name in overrides if name not in known]
        near = [match for name in unknown_names for match in get_close_matches(name, known, n=2)]
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        return [f"has no {', '.join(unknown_names)}; {hint}it has {', '.join(known)}"] if unknown_names else []


def _impossible_values(
    parameters: Mapping[str, Parameter], overrides: Mapping[str, float | str | int]
) -> Iterator[str]:
    for name, value in overrides.items():
        if name in CHOICES and value not in CHOICES[name]:
            yield f"{name} '{value}' must be one of {', '.join(CHOICES[name])}"
        elif name == "vertices" and (isinstance(value, str) or not 12 <= value == int(value)):
            yield f"vertices {value} must be a whole number of at least 12"
        elif name in parameters:
            yield from _impossible_number(name, value, parameters[name].unit)


def _impossible_number(name: str, value: float | str | int, unit: str) -> Iterator[str]:
    if isinstance(value, str) or not math.isfinite(value):
        yield f"{name} {value!r} must be a finite number in {unit}"
    elif name in ABOVE_ZERO and not value > 0.0:
        yield f"{name} {value:g} {unit} must be positive"
    elif name == "viscosity_thinning" and not 0.0 <= value < 1.0:
        yield f"{name} {value:g} must be at least 0 and below 1: at 1 the stress would no longer grow with the rate"
    elif value < 0.0 and name not in SIGNED:
        yield f"{name} {value:g} {unit} must not be negative"


def _contradictions(cell: CellType) -> Iterator[str]:
    """What was given and has no effect, or leaves the membrane without something it cannot do without."""
    given = {name for name, p in cell.parameters().items() if p.confidence == "given" and p.value}
    elastic = cell.law != "none" and cell.value("shear_modulus") > 0.0
    if cell.law == "none" and "shear_modulus" in given:
        yield "law 'none' is a membrane without elasticity, but shear_modulus is given: choose a law or leave the modulus out"
    if cell.law not in WITH_DILATION and "area_dilation" in given:
        yield (
            f"area_dilation is C of the laws {' and '.join(WITH_DILATION)}, but the law is '{cell.law}': "
            "give local_area_modulus instead"
        )
    if "local_area_modulus" in given and not elastic:
        yield (
            "local_area_modulus holds the area of material triangles, but without a law and a shear_modulus vertices slide "
            "along the surface: give a shear_modulus, or area_modulus for the whole cell"
        )
    area = [name for name in ("area_modulus", "local_area_modulus") if cell.value(name) > 0.0]
    if elastic and cell.law == "evans-skalak" and not area:
        yield "law 'evans-skalak' does not resist a change of area: give local_area_modulus or area_modulus"
    if "area_reserve" in given and not area:
        yield "area_reserve is what area_modulus or local_area_modulus leave free, but both are 0: give one of them"
    if cell.shape != "spheroid" and "thickness_ratio" in given:
        yield f"thickness_ratio belongs to shape 'spheroid', but the shape is '{cell.shape}'"
    if cell.bending == "none" and "bending_modulus" in given:
        yield "bending 'none' is a membrane that does not resist bending, but bending_modulus is given: choose a model"
    if cell.bending != "helfrich" and "spontaneous_curvature" in given:
        yield f"spontaneous_curvature belongs to bending 'helfrich', but bending is '{cell.bending}'"


def _given(parameter: Parameter, value: float) -> Parameter:
    return replace(parameter, value=value, confidence="given", source="the user", note="")


def _with_volume_modulus(cell: CellType) -> CellType:
    if cell.volume_modulus.value is not None:
        return cell
    stiffest = max(cell.value("cortical_tension"), cell.value("shear_modulus"))
    value = 5.0 * 4.0 * stiffest / cell.value("diameter")
    return replace(cell, volume_modulus=replace(cell.volume_modulus, value=value))
