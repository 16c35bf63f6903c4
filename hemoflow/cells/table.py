"""The catalogue of cells as tables for the documentation, so that no number is written down twice."""

from __future__ import annotations

from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.celltype import CellType, Parameter

USUAL = {
    "m": (1e6, "um"),
    "N/m": (1e3, "mN/m"),
    "J": (1e18, "aJ"),
    "1/m": (1e-6, "1/um"),
    "1": (1.0, ""),
}
"""Factor and name of the unit in which a value of this SI unit is shown; any other unit is shown as it is."""

_MECHANICS = ("diameter", "cortical_tension", "shear_modulus", "area_dilation", "bending_modulus", "area_modulus")


def catalogue_table() -> str:
    """Two Markdown tables: the cell types with their membrane, then every value with range, origin and note."""
    return f"{_types()}\n\n{_values()}"


def shown(value: float | None, unit: str) -> str:
    """A value in its usual unit, such as "12.4 um"; a dash where there is none."""
    factor, name = USUAL.get(unit, (1.0, unit))
    return "–" if value is None else f"{value * factor:.4g} {name}".strip()


def _types() -> str:
    head = ["type", "what", "law", "bending", *(name.replace("_", " ") for name in _MECHANICS)]
    return _table(head, [_type_row(cell) for cell in CATALOGUE.values()])


def _type_row(cell: CellType) -> list[str]:
    parameters = cell.parameters()
    return [
        f"`{cell.name}`", cell.description, cell.law, cell.bending,
        *(_short(parameters[name]) for name in _MECHANICS),
    ]  # fmt: skip


def _short(parameter: Parameter) -> str:
    return "you give it" if parameter.confidence == "required" else shown(parameter.value, parameter.unit)


def _values() -> str:
    """One row for each distinct entry, with the types that share it."""
    shared: dict[tuple[str, Parameter], list[str]] = {}
    for cell in CATALOGUE.values():
        for name, parameter in cell.parameters().items():
            shared.setdefault((name, parameter), []).append(cell.name)
    order = {name: k for k, name in enumerate(next(iter(CATALOGUE.values())).parameters())}
    rows = [
        [
            f"`{name}`", ", ".join(cells), _short(parameter), _range(parameter), parameter.confidence,
            parameter.source, parameter.note,
        ]
        for (name, parameter), cells in sorted(shared.items(), key=lambda item: order[item[0][0]])
    ]  # fmt: skip
    return _table(["parameter", "types", "value", "range", "known how", "source", "note"], rows)


def _range(parameter: Parameter) -> str:
    if parameter.low is None and parameter.high is None:
        return ""
    if parameter.high is None:
        return f"at least {shown(parameter.low, parameter.unit)}"
    return f"{shown(parameter.low, parameter.unit)} to {shown(parameter.high, parameter.unit)}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)
