"""What a score needs from a run folder besides the tracks: the case as run, its events, its log and its provenance."""

from __future__ import annotations

import csv
import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

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
        """Plasma viscosity in Pa s."""
        return self.quantity(self.case.get("flow", {}).get("viscosity", "0.0012 Pa s"), "Pa s", "flow.viscosity")

    def cell_tension(self, name: str) -> float | None:
        """Cortical tension (N/m) the case gives a cell of this name or type, or its only cell; else None."""
        cells = [c for c in self.case.get("cells", []) if isinstance(c, dict)]
        named = [
            c for c in cells if name and (name in (c.get("name"), c.get("type")) or name.startswith(str(c.get("name"))))
        ]
        chosen = named[0] if named else (cells[0] if len(cells) == 1 else {})
        raw = chosen.get("cortical_tension")
        return None if raw is None else self.quantity(raw, "N/m", "cells.cortical_tension")

    def events_of(self, who: tuple[str, ...]) -> list[dict[str, str]]:
        """Events about a cell known by any of the given names."""
        return [row for row in self.events if row.get("who", "") in who]

    @staticmethod
    def quantity(raw: Any, unit: str, path: str) -> float:
        """A quantity of case.toml in SI; see ``in_si``."""
        return in_si(raw, unit, path)


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
