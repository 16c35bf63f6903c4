"""What the commands print: one JSON document, or plain lines a person reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from hemoflow.geometry.vessel import AbstractVessel


def show(value: Any, as_json: bool, text: Callable[[Any], str]) -> None:
    """Prints the value as one JSON document, or as the text that `text` makes of it."""
    typer.echo(json.dumps(plain(value), indent=2, allow_nan=False) if as_json else text(value))


def plain(value: Any) -> Any:
    """The value as JSON can hold it: arrays as lists, numbers that are not finite as null, anything else as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def indented(value: Any, depth: int = 0) -> str:
    """A nested record as indented `name: value` lines."""
    pad = "  " * depth
    if isinstance(value, dict):
        return "\n".join(_entry(pad, f"{name}:", item, depth) for name, item in value.items())
    if isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list, tuple)) for item in value):
        return "\n".join(_entry(pad, "-", item, depth) for item in value)
    if isinstance(value, (list, tuple)):
        return pad + ", ".join(_short(item) for item in value)
    return pad + _short(value)


def _entry(pad: str, label: str, item: Any, depth: int) -> str:
    nested = isinstance(item, (dict, list, tuple)) and len(item) > 0
    return f"{pad}{label}\n{indented(item, depth + 1)}" if nested else f"{pad}{label} {_short(item)}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None or value in ([], {}, ()) else str(value)


def result_line(row: dict[str, Any]) -> str:
    """One validation result: status, case, quantity, parameters, value against reference."""
    head = f"{row['status']:<11} {row['case_id']:<8} {row['quantity']} [{row['params']}]"
    if row["error"] is None:
        return f"{head}: {row['message']}"
    values = "" if isinstance(row["value"], list) else f" {row['value']:.6g} (reference {row['reference']})"
    judged = f"error {row['error']:.3g}, tolerance {row['tolerance']:g} ({row['tol_type']})"
    return f"{head}:{values} {judged}, {row['seconds']:.1f} s"


def result_summary(rows: Sequence[dict[str, Any]]) -> str:
    """How many results there are of each status, and who computed them."""
    count = {
        name: sum(row["status"] == name for row in rows)
        for name in ("passed", "failed", "error", "unsupported", "info")
    }
    counted = ", ".join(f"{number} {name}" for name, number in count.items() if number)
    return f"{len(rows)} rows: {counted}" + (f" ({rows[0]['backend']} tier, {rows[0]['precision']})" if rows else "")


def catalogue_line(row: dict[str, Any]) -> str:
    """One reference case and whether hemoflow can run it."""
    supported = "yes" if row["supported"] else "no"
    return f"{supported:<4} {row['family']:<28} {row['case_id']:<8} {row['quantity']} [{row['params']}]"


def score_summary(score: dict[str, Any]) -> str:
    """The fates in a few lines, one block per object; conditional numbers say so."""
    lines = []
    parts = [{entry["object"]: entry for entry in score[key]["objects"]} for key in ("survival", "arrest", "exit")]
    for name in parts[1]:
        survival, arrest, leaving = (part.get(name, {}) for part in parts)
        lines += [
            f"{name}",
            f"  survival of the shear in this run   {_value(survival.get('any_viable'))}",
            f"  arrest                              {_value(arrest.get('class'))}, mechanical index "
            f"{_value(arrest.get('mechanical_index'))} (threshold over available pressure; above 1 it jams)",
            f"  entry threshold                     {_value(arrest.get('entry_threshold'))}",
            f"  exit from the vessel, once arrested {_value(leaving.get('probability'))}, most likely by "
            f"{_value(leaving.get('route'))}",
        ]
    lines += [
        f"{entry.get('cell', '')}: neck entered at {_value(entry.get('entry'))}, left at {_value(entry.get('exit'))}; "
        f"with its own cytoplasm it would need {_entering(entry.get('entry_time'))}"
        for entry in score["transit"].get("cells", [])
    ]
    if shear := score.get("wall", {}).get("wall_shear_stress"):
        lines.append(
            f"wall shear stress at the end: mean {shear['mean']:.4g} Pa, 5 % of the wall below {shear['percentile_5']:.4g} Pa, "
            f"5 % above {shear['percentile_95']:.4g} Pa"
        )
    return "\n".join([*lines, *(f"warning: {text}" for text in score["run"]["warnings"])])


def _entering(entry: dict[str, Any] | None) -> str:
    """The modelled time of entry; where there is none, why."""
    if entry is None or entry.get("value") is None:
        return "an unknown time" if entry is None else f"a time that is not known ({entry['outcome']})"
    return f"{_value(entry)} to enter (modelled)"


def _value(entry: dict[str, Any] | None) -> str:
    if entry is None or entry.get("value") is None:
        return "unknown" if entry is None else "none"
    unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
    value = entry["value"]
    text = f"{value:.7g}" if isinstance(value, float) else str(value)
    span = entry.get("uncertainty") or {}
    between = f" ({span['low']:.7g} to {span['high']:.7g})" if {"low", "high"} <= set(span) else ""
    return f"{text}{between}{unit}"


_FLOW_KEYS = ("opening_radii", "opening_viscosity", "opening_conductance", "opening_levels", "opening_roles")
"""What the 0-D flow of a network needs and nobody reads."""

_SMALL = 1e-6
"""Coordinates that are smaller than this part of the vessel are round-off around zero."""


def vessel_facts(vessel: AbstractVessel) -> dict[str, Any]:
    """What `vessel info` tells, lengths in micrometres and the lumen volume in cubic micrometres."""
    low, high = vessel.bounds
    size = float(max(high - low))
    roles = vessel.description.get("opening_roles", {})
    return {
        "size_um": [_rounded(extent * 1e6) for extent in high - low],
        "lowest_um": [_rounded(x * 1e6, size * 1e6) for x in low],
        "lumen_volume_um3": _rounded(float(vessel.volume) * 1e18),
        "periodic": list(vessel.periodic),
        "openings": [
            {
                "name": opening.name,
                **({"role": str(roles[opening.name])} if opening.name in roles else {}),
                "centre_um": [_rounded(x * 1e6, size * 1e6) for x in opening.centre],
                "normal": [_rounded(x, 1.0) for x in opening.normal],
                "radius_um": _rounded(opening.radius * 1e6),
            }
            for opening in vessel.openings
        ],
        "description": {key: value for key, value in vessel.description.items() if key not in _FLOW_KEYS},
    }


def vessel_text(facts: dict[str, Any]) -> str:
    """The same for a person: a line for the size, one per opening, one per note."""
    described = facts["description"]
    what = " ".join(str(described[key]) for key in ("formula", "source") if described.get(key))
    repeats = [axis for axis, repeated in zip("xyz", facts["periodic"], strict=True) if repeated]
    lines = [
        PurePath(what).name or "vessel",
        f"  size     {' x '.join(f'{x:.4g}' for x in facts['size_um'])} um, lumen {facts['lumen_volume_um3']:.5g} um^3"
        + (f", repeats along {', '.join(repeats)}" if repeats else ""),
    ]
    if "segments" in described:
        lines.append(f"  network  {described['segments']} segments")
    width = max((len(opening["name"]) for opening in facts["openings"]), default=0)
    for opening in facts["openings"]:
        at = _point([round(x, 2) for x in opening["centre_um"]])
        role = f", {opening['role']}" if opening.get("role") else ""
        lines.append(
            f"  opening  {opening['name']:<{width}}  radius {opening['radius_um']:.4g} um at {at} um, "
            f"facing {_point(opening['normal'], 3)}{role}"
        )
    if not facts["openings"]:
        lines.append("  opening  none")
    return "\n".join([*lines, *(f"  note     {note}" for note in described.get("notes", ()))])


def _point(values: Sequence[float], digits: int = 4) -> str:
    return "(" + ", ".join(f"{x:.{digits}g}" for x in values) + ")"


def _rounded(value: float, scale: float = 0.0) -> float:
    """Seven digits, and zero where a value is nothing against a scale."""
    return 0.0 if abs(value) < _SMALL * scale else float(f"{float(value):.7g}")
