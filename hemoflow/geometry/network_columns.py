"""The names that columns of tables and attributes of graphs may have, and the units inside those names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hemoflow.errors import InputError
from hemoflow.geometry.network_record import BoundaryCondition

LENGTHS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9}
PRESSURES = {"pa": 1.0, "kpa": 1e3, "mmhg": 133.322387415, "cmh2o": 98.0665}
FLOWS = {"m3_s": 1.0, "um3_s": 1e-18, "nl_min": 1e-12 / 60, "nl_s": 1e-12, "ul_min": 1e-9 / 60, "ml_min": 1e-6 / 60}

HEMATOCRIT = ("hematocrit", "haematocrit", "hd", "hct")

WORDS = {
    "node": {
        "id": ("id", "name", "node", "node_id", "node_name"),
        "x": ("x",), "y": ("y",), "z": ("z",),
        "radius": ("radius", "r"), "diameter": ("diameter", "diam", "d"),
        "pressure": ("pressure", "p"), "flow": ("flow", "inflow", "flow_rate"), "hematocrit": HEMATOCRIT,
    },
    "edge": {
        "id": ("id", "name", "segment", "edge", "segment_id", "edge_id", "segment_name", "edge_name"),
        "from": ("from", "source", "start", "node1", "node_1", "node_from", "from_node"),
        "to": ("to", "target", "end", "node2", "node_2", "node_to", "to_node"),
        "radius": ("radius", "r"), "diameter": ("diameter", "diam", "d"),
        "radius_from": ("radius_from", "radius1"), "radius_to": ("radius_to", "radius2"),
        "length": ("length", "len", "l"), "flow": ("flow", "flow_rate", "q"), "hematocrit": HEMATOCRIT,
    },
}  # fmt: skip

LENGTH_KINDS = ("x", "y", "z", "radius", "radius_from", "radius_to", "length")


@dataclass(frozen=True)
class Column:
    """What a title means: its `kind`, the `factor` from its values to SI (lengths without a unit: to the file's), its
    `unit`.
    """

    kind: str
    factor: float
    unit: str | None


def recognise(title: str, what: Literal["node", "edge"]) -> Column | None:
    """The column behind a title such as `x`, `Diameter [um]`, `pressure_mmHg` or `flow_nl_min`; None for one we do not
    read.

    Pressures and flows without a unit in the title are not read: there is nothing to read them by.
    """
    word = re.sub(r"[\s()\[\]/.]+", "_", title.strip().lower().replace("^", "")).strip("_")
    for kind, names in WORDS[what].items():
        for name in names:
            if word == name:
                return None if kind in ("pressure", "flow") else _column(kind, 1.0, None)
            if word.startswith(name + "_"):
                unit = word[len(name) + 1 :]
                table = PRESSURES if kind == "pressure" else FLOWS if kind == "flow" else LENGTHS
                if unit in table and kind not in ("id", "from", "to", "hematocrit"):
                    return _column(kind, table[unit], unit)
    return None


def length_unit(columns: Iterable[Column], declared: str | None) -> str | None:
    """Unit of a file's lengths: `declared`, or metres where every title has its own unit (the factors are in the
    columns).

    Raises InputError where some titles have a unit and others do not, or titles and file both declare one.
    """
    lengths = [c for c in columns if c.kind in LENGTH_KINDS]
    own = {c.unit for c in lengths}
    if own <= {None}:
        return declared
    if None in own:
        raise InputError("some titles of lengths have a unit and others have none: give it to all of them or to none")
    if declared:
        raise InputError("a unit in the titles and another one for the whole file: give one of the two")
    return "m"


def node_condition(name: str, quantities: dict[str, float]) -> BoundaryCondition | None:
    """The boundary condition a node's own values state: its pressure, else its inflow, else none."""
    hematocrit = quantities.get("hematocrit")
    for kind in ("pressure", "flow"):
        value = quantities.get(kind, math.nan)
        if not math.isnan(value):
            return BoundaryCondition(name, "pressure" if kind == "pressure" else "flow", value, hematocrit)
    return None


def _column(kind: str, factor: float, unit: str | None) -> Column:
    return Column("radius", factor / 2, unit) if kind == "diameter" else Column(kind, factor, unit)
