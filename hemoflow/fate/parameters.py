"""Fields of the fate models: each carries its unit, meaning, source and confidence, and comes from [fate].

Confidence is one of ``verified`` (read in a stored source), ``recalled`` (from memory of the literature),
``derived`` (computed here from such numbers) and ``assumed`` (no number exists; the report says so).
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from hemoflow.errors import InputError

Record = TypeVar("Record")

_SCALES: dict[str, dict[str, float]] = {
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0},
    "1/s": {
        "1/s": 1.0,
        "/s": 1.0,
        "Hz": 1.0,
        "s^-1": 1.0,
        "1/min": 1 / 60,
        "1/h": 1 / 3600,
        "/h": 1 / 3600,
        "1/d": 1 / 86400,
    },
    "Pa": {"Pa": 1.0, "mPa": 1e-3, "kPa": 1e3, "dyn/cm^2": 0.1, "dyn/cm2": 0.1, "mmHg": 133.322},
    "m": {"m": 1.0, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "nm": 1e-9},
    "m/s": {"m/s": 1.0, "mm/s": 1e-3, "um/s": 1e-6, "µm/s": 1e-6},
    "Pa s": {"Pa s": 1.0, "Pa*s": 1.0, "Pa·s": 1.0, "mPa s": 1e-3, "mPa*s": 1e-3},
    "N/m": {"N/m": 1.0, "mN/m": 1e-3, "uN/m": 1e-6, "µN/m": 1e-6},
    "N": {"N": 1.0, "nN": 1e-9, "pN": 1e-12},
    "1": {"1": 1.0, "": 1.0, "dimensionless": 1.0},
}


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Smallest and largest value a field may take (both included)."""

    low: float = 0.0
    high: float = math.inf


def parameter(default: float | int, unit: str, meaning: str, *source: str, bounds: Bounds | None = None) -> Any:
    """Dataclass field of a fate model. ``source`` is (citation, confidence); without one the value is an assumption.

    The default is in the SI unit ``unit``; ``bounds`` limits what a case may ask for (0 to infinity unless told).
    """
    citation, confidence = source if source else ("no published number; chosen here", "assumed")
    metadata = {
        "unit": unit,
        "meaning": meaning,
        "source": citation,
        "confidence": confidence,
        "bounds": bounds or Bounds(),
    }
    return dataclasses.field(default=default, metadata=metadata)


def in_si(value: Any, unit: str, path: str) -> float:
    """A number (already SI) or a text such as ``"6 h"`` in the unit ``unit``; InputError names ``path`` otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"{path}: expected a number or a quantity in {unit}, got {value!r}")
    if not isinstance(value, str):
        return float(value)
    number, _, given = value.strip().partition(" ")
    scales = _SCALES.get(unit, {unit: 1.0})
    try:
        return float(number) * scales[given.strip() or unit]
    except ValueError:
        raise InputError(f"{path}: {value!r} does not start with a number") from None
    except KeyError:
        raise InputError(
            f"{path}: {value!r} is not in {unit}; known units: {', '.join(filter(None, scales))}"
        ) from None


def build(record: type[Record], section: Mapping[str, Any] | None, path: str) -> Record:
    """Frozen record from one [fate.*] table; unknown keys and values out of bounds are reported together."""
    fields = {f.name: f for f in dataclasses.fields(record) if f.init}  # type: ignore[arg-type]
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, raw in dict(section or {}).items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            problems.append(f"{path}.{key}: unknown key" + (f"; did you mean {near[0]!r}?" if near else ""))
            continue
        try:
            values[key] = _checked(fields[key], raw, f"{path}.{key}")
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return record(**values)


def _checked(field: dataclasses.Field[Any], raw: Any, path: str) -> Any:
    """One value of a table, converted and inside its bounds."""
    choices = field.metadata.get("choices")
    if choices is not None:
        if raw not in choices:
            raise InputError(f"{path}: {raw!r} is not one of {', '.join(choices)}")
        return raw
    value = in_si(raw, field.metadata["unit"], path)
    bounds: Bounds = field.metadata["bounds"]
    if not bounds.low <= value <= bounds.high:
        raise InputError(f"{path}: {raw!r} is outside {bounds.low:g} to {bounds.high:g} {field.metadata['unit']}")
    if isinstance(field.default, int):
        if value != round(value):
            raise InputError(f"{path}: {raw!r} must be a whole number")
        return round(value)
    return value


def choice(default: str, choices: tuple[str, ...], meaning: str, *source: str) -> Any:
    """Dataclass field that takes one of a few words."""
    citation, confidence = source if source else ("user's choice", "assumed")
    metadata = {"unit": "1", "meaning": meaning, "source": citation, "confidence": confidence, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def table(record: Any) -> list[dict[str, Any]]:
    """Rows (name, value, unit, meaning, source, confidence) of a model record, for the score file and the report."""
    rows = []
    for field in dataclasses.fields(record):
        keys = ("unit", "meaning", "source", "confidence")
        rows.append({"name": field.name, "value": getattr(record, field.name), **{k: field.metadata[k] for k in keys}})
    return rows


def score_value(value: Any, unit: str, model: str, references: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """One entry of score.json: value, unit, model, references, not_included and, where one exists, uncertainty."""
    entry: dict[str, Any] = {"value": value, "unit": unit, "model": model, "references": list(references)}
    entry["not_included"] = list(more.pop("not_included", ()))
    entry.update({k: v for k, v in more.items() if v is not None})
    return entry


def interval(pair: tuple[float, float], kind: str) -> dict[str, Any]:
    """An uncertainty entry of score.json: low, high and what kind of interval it is."""
    return {"low": pair[0], "high": pair[1], "kind": kind}
