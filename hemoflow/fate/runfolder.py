"""What a score needs from a run folder besides the tracks: the case as run, its events, its log and its provenance."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.case.waveform import Waveform
from hemoflow.errors import InputError
from hemoflow.fate.parameters import in_si


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """Parsed small files of a run: case and provenance tables, rows of events.csv, records of log.jsonl."""

    folder: Path
    case: dict[str, Any]
    provenance: dict[str, Any]
    events: list[dict[str, str]]
    log: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """The case's name, else the folder's."""
        return str(self.case.get("case", {}).get("name") or self.folder.resolve().name)

    @property
    def seed(self) -> int:
        """The run's seed (0 when none is written)."""
        return int(self.case.get("run", {}).get("seed", 0))

    @property
    def viscosity(self) -> float:
        """Viscosity of the fluid in Pa s; where it depends on the shear rate, that at the wall as `check` estimated it."""
        flow, plan = self.case.get("flow", {}), self.provenance.get("plan")
        if "rheology" in flow and isinstance(plan, dict) and "viscosity_pa_s" in plan:
            return float(plan["viscosity_pa_s"])
        return self.quantity(flow.get("viscosity", "0.0012 Pa s"), "Pa s", "flow.viscosity")

    def cell_value(self, name: str, field: str, unit: str) -> tuple[float, tuple[float, float] | None] | None:
        """A parameter (SI) of a cell of this name or type, or of the case's only cell type, with the range of the
        literature when the case takes the catalogue's value; None where neither has one."""
        chosen = self._cell(name)
        known, band = _catalogue_value(str(chosen.get("type", "")), field)
        raw = chosen.get(field)
        value = known if raw is None else self.quantity(raw, unit, f"cells.{field}")
        if value is None:
            return None
        stated = known is None or not math.isclose(value, known, rel_tol=1e-9)
        return value, None if stated else band

    def _cell(self, name: str) -> dict[str, Any]:
        """The [[cells]] table of a cell: by its whole name, by the longest name it starts with, by its type, or the
        only one."""
        cells = [c for c in self.case.get("cells", []) if isinstance(c, dict)]
        exact = [c for c in cells if name and name in (c.get("name"), c.get("type"))]
        begins = [c for c in cells if name.startswith(_called(c) or "\0")]
        begins.sort(key=lambda c: -len(_called(c)))
        found = exact or begins or (cells if len(cells) == 1 else [])
        return found[0] if found else {}

    def left(self, name: str) -> bool:
        """Whether a cell of this name has left the vessel, at its end or back through an inlet."""
        return any(row.get("kind") in ("passed", "left") for row in self.events_of((name,)))

    def drive_share(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the drive is on at times (T,) s, 0 to 1 of its largest; 1 where the case says nothing of a waveform."""
        raw = self.case.get("flow", {}).get("waveform", {})
        path = "flow.waveform"
        period, phase = raw.get("period"), raw.get("phase", 0.0)
        return Waveform(
            kind=raw.get("kind", "steady"),
            mean=float(raw.get("mean", 1.0)),
            amplitude=float(raw.get("amplitude", 0.0)),
            period=None if period is None else in_si(period, "s", f"{path}.period"),
            phase=in_si(phase, "rad", f"{path}.phase"),
            points=None if raw.get("points") is None else tuple((float(t), float(f)) for t, f in raw["points"]),
            interpolation=raw.get("interpolation", "spline"),
        ).share(time)

    def passed(self, name: str) -> float | None:
        """Time (s) at which a cell of this name reached the vessel's end; None when it did not."""
        times = [float(row["time_s"]) for row in self.events_of((name,)) if row.get("kind") == "passed"]
        return times[0] if times else None

    def events_of(self, who: tuple[str, ...]) -> list[dict[str, str]]:
        """Events about a cell known by any of the given names."""
        return [row for row in self.events if row.get("who", "") in who]

    @staticmethod
    def quantity(raw: Any, unit: str, path: str) -> float:
        """A quantity of case.toml in SI; see ``in_si``."""
        return in_si(raw, unit, path)


def _called(cell: dict[str, Any]) -> str:
    """Name of a [[cells]] table, its type where it has none."""
    return str(cell.get("name") or cell.get("type") or "")


def _catalogue_value(kind: str, field: str) -> tuple[float | None, tuple[float, float] | None]:
    """A parameter of a type of the catalogue (SI) and the range found in the literature."""
    from hemoflow.cells.catalogue import CATALOGUE

    if kind not in CATALOGUE:
        return None, None
    found = CATALOGUE[kind].parameters()[field]
    band = None if found.low is None or found.high is None else (found.low, found.high)
    return found.value, band


def read_record(folder: Path) -> RunRecord:
    """Read case.toml (required), provenance.json, events.csv and log.jsonl (each empty when missing)."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder")
    case_file = folder / "case.toml"
    if not case_file.is_file():
        raise InputError(f"{folder}: no case.toml here; is this a run folder?")
    try:
        case = tomllib.loads(case_file.read_text(encoding="utf-8"))
        provenance = _json(folder / "provenance.json")
        log = _log(folder / "log.jsonl")
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{folder}: a file of the run cannot be read: {error}") from None
    return RunRecord(folder, case, provenance, _events(folder / "events.csv"), log)


def _json(path: Path) -> dict[str, Any]:
    """A JSON object, empty when the file is missing."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _log(path: Path) -> list[dict[str, Any]]:
    """Records of log.jsonl; a last line cut off by a stop is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    records = []
    for i, line in enumerate(lines):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            if i < len(lines) - 1:
                raise
    return [r for r in records if isinstance(r, dict)]


def _events(path: Path) -> list[dict[str, str]]:
    """Rows of events.csv as texts."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [dict(row) for row in csv.DictReader(file)]
