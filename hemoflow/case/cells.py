"""[[cells]]: a type of the catalogue, how many and where, and any of its values overridden."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hemoflow.case.faults import Faults
from hemoflow.case.kinds import ANY, FAULTY, NAME, NOT_NEGATIVE, POSITIVE, Choice, Number, Quantity, Range, Vector
from hemoflow.case.tables import File, Kind, Record
from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.celltype import ABOVE_ZERO, CHOICES, CellType
from hemoflow.errors import InputError


class TemplateFile(File):
    """A surface file, kept as text among the values of a cell type."""

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The absolute path as text."""
        found = super().read(raw, path, faults)
        return found if found is FAULTY else str(found)


WORDS: dict[str, Kind] = {
    **{name: Choice(words) for name, words in CHOICES.items()},
    "template": TemplateFile('the path of a closed surface, e.g. "cell.off"'),
    "vertices": Number(Range(12, 1_000_000), whole=True, example="642"),
}
_SIGNED = ("spontaneous_curvature",)


def _kinds(cell: CellType) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for name, parameter in cell.parameters().items():
        limits = ANY if name in _SIGNED else POSITIVE if name in ABOVE_ZERO else NOT_NEGATIVE
        kinds[name] = Number(limits, example="0.5") if parameter.unit == "1" else Quantity(parameter.unit, limits)
    return kinds | WORDS


OVERRIDABLE: dict[str, Kind] = _kinds(next(iter(CATALOGUE.values())))
"""Every field of a cell type that a case may set, with its kind."""


class CellSection(Record):
    """`count` cells of `type`, at `position` (m) or one after the other at the inlet.

    `overrides` in SI replace what the catalogue says; values equal to the catalogue's are none and are left out.
    """

    spread = "overrides"

    type: Annotated[str, Choice(tuple(CATALOGUE))]
    name: Annotated[str | None, NAME] = None
    count: Annotated[int, Number(Range(1, 1_000_000), whole=True)] = 1
    position: Annotated[Literal["inlet"] | tuple[float, float, float], Vector("m", words=("inlet",))] = "inlet"
    overrides: dict[str, float | str | int] = Field(default_factory=dict)

    @classmethod
    def more(cls, raw: dict[str, Any]) -> dict[str, Kind]:
        """The fields of a cell type."""
        return OVERRIDABLE

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """Required values are given, several cells are not put in one place; drops overrides that change nothing."""
        if values.get("count", 1) > 1 and isinstance(values.get("position"), tuple):
            faults.add(
                f"{path}.position",
                f'{values["count"]} cells cannot share one place; write a [[cells]] for each, or position = "inlet"',
            )
        cell = CATALOGUE.get(values.get("type", ""))
        if cell is None:
            return
        complete = FAULTY not in values["overrides"].values()
        for name, parameter in cell.parameters().items():
            if parameter.value is None and parameter.confidence == "required" and name not in raw:
                faults.add(f"{path}.{name}", f"missing; cell type {cell.name!r} needs {OVERRIDABLE[name].needs}")
                complete = False
        known = catalogue_values(cell)
        for name in [n for n, value in values["overrides"].items() if n in known and value == known[n]]:
            del values["overrides"][name]
        if complete:
            try:
                cell.with_values(values["overrides"])
            except InputError as error:
                faults.add(path, str(error))

    def complete(self) -> CellType:
        """The cell type with the overrides, ready to be built."""
        return CATALOGUE[self.type].with_values(self.overrides)

    def every_value(self) -> dict[str, float | str | int]:
        """Overrides and every value of the catalogue, SI."""
        return catalogue_values(CATALOGUE[self.type]) | self.overrides


def catalogue_values(cell: CellType) -> dict[str, float | str | int]:
    """Every value that a type has, SI, without those that are missing or derived."""
    found: dict[str, float | str | int] = {n: p.value for n, p in cell.parameters().items() if p.value is not None}
    return found | {name: getattr(cell, name) for name in WORDS if name != "template" or cell.template}
