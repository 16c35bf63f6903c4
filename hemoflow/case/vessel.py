"""[vessel]: a file or a formula, with what only the one or the other can have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from hemoflow.case import rules
from hemoflow.case.faults import Faults
from hemoflow.case.formulas import EVERY_PARAMETER, FORMULAS, PLANES, WALLS
from hemoflow.case.kinds import FAULTY, NAME, Choice, Choices, Text, Vector
from hemoflow.case.tables import File, Kind, Named, Record, Table, Tables
from hemoflow.errors import InputError
from hemoflow.schema import length, shown

Triple = tuple[float, float, float]
ONLY_FILES = ("unit", "kind", "openings", "crop", "component")
ONLY_FORMULAS = ("periodic", "wall_velocity")


class _LengthUnit(Text):
    """A unit of length, perhaps after a number: "um", "0.65 um"."""

    needs = 'a unit of length such as "um"'

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The text as given."""
        try:
            text = raw.strip() if isinstance(raw, str) else ""
            if length(text if text[:1] in set("0123456789.") and text else f"1 {text}") > 0:
                return text
        except InputError:
            pass
        faults.add(path, f'{shown(raw)} is not a unit of length; give "um", "mm" or "m", perhaps after a number')
        return FAULTY


class VesselOpening(Record):
    """The opening nearest to `at` (m) is called `name`."""

    name: Annotated[str, NAME]
    at: Annotated[Triple, Vector("m")]


class Crop(Record):
    """A box from `min` to `max` (m) to which a network is cut."""

    min: Annotated[Triple, Vector("m")]
    max: Annotated[Triple, Vector("m")]

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """The box has a volume."""
        if {"min", "max"} <= values.keys() and any(a >= b for a, b in zip(values["min"], values["max"], strict=True)):
            faults.add(
                path, f"min {raw['min']!r} is not below max {raw['max']!r} along every axis; exchange or correct them"
            )


class Vessel(Record):
    """[vessel]: `geometry` (absolute path) with `unit`, `kind`, `openings`, `crop` and `component`; or a `formula`.

    A formula has `parameters` (m, rad, counts), `periodic` axes and `wall_velocity` (m/s) by plane.
    """

    spread = "parameters"

    geometry: Annotated[Path | None, File()] = None
    formula: Annotated[str | None, Choice(tuple(FORMULAS))] = None
    unit: Annotated[str | None, _LengthUnit()] = None
    kind: Annotated[Literal["surface", "network"] | None, Choice(("surface", "network"))] = None
    component: Annotated[str | None, Text(example="12")] = None
    openings: Annotated[tuple[VesselOpening, ...], Tables(VesselOpening)] = ()
    crop: Annotated[Crop | None, Table(Crop)] = None
    periodic: Annotated[tuple[Literal["x", "y", "z"], ...], Choices(("x", "y", "z"))] = ()
    wall_velocity: Annotated[dict[str, Triple], Named(PLANES, Vector("m/s"))] = Field(default_factory=dict)
    parameters: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def more(cls, raw: dict[str, Any]) -> dict[str, Kind]:
        """The parameters of the formula; of all formulas where none is known."""
        formula = raw.get("formula")
        return FORMULAS[formula].kinds if isinstance(formula, str) and formula in FORMULAS else EVERY_PARAMETER

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """Exactly one source; nothing that belongs to the other; all parameters of a formula; walls that can move."""
        rules.exactly_one(
            raw, ("geometry", "formula"), path, faults, ' such as geometry = "vessel.stl" or formula = "tube"'
        )
        rules.named_once(raw.get("openings"), f"{path}.openings", faults)
        if "formula" in raw and "geometry" not in raw:
            _foreign(
                raw,
                ONLY_FILES,
                "belongs to a vessel file; remove it, or give geometry instead of formula",
                path,
                faults,
            )
            if values.get("formula") in FORMULAS:
                _check_formula(raw, values, path, faults)
        elif "geometry" in raw and "formula" not in raw:
            names = (*ONLY_FORMULAS, *EVERY_PARAMETER)
            _foreign(raw, names, "belongs to a formula; remove it, a file has its own shape", path, faults)


def _foreign(raw: dict[str, Any], names: tuple[str, ...], problem: str, path: str, faults: Faults) -> None:
    for name in names:
        if name in raw and raw[name] not in ([], {}):
            faults.add(f"{path}.{name}", problem)


def _check_formula(raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
    name = values["formula"]
    formula = FORMULAS[name]
    for key in formula.required:
        if key not in raw:
            faults.add(f"{path}.{key}", f"missing; a {name} needs {formula.kinds[key].needs}")
    values["parameters"].update({k: v for k, v in formula.defaults.items() if k not in raw})
    wrong = [axis for axis in values.get("periodic", ()) if axis not in formula.periodic]
    if wrong:
        allowed = ", ".join(formula.periodic) or "none"
        faults.add(f"{path}.periodic", f"a {name} cannot repeat along {', '.join(wrong)}; allowed: {allowed}")
    for plane, velocity in values.get("wall_velocity", {}).items():
        where = f"{path}.wall_velocity.{plane}"
        if plane not in WALLS.get(name, ()):
            able = " and ".join(f"{formula} ({', '.join(planes)})" for formula, planes in WALLS.items())
            faults.add(where, f"a {name} has no plane wall there that can move; {able} have")
        elif plane[0] in values.get("periodic", ()):
            faults.add(where, f"{plane[0]} is periodic, so there is no wall; remove one of the two")
        elif velocity["xyz".index(plane[0])] != 0.0:
            faults.add(where, f'a wall moves only within its plane; its {plane[0]} component must be "0 m/s"')
