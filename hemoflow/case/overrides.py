"""Values given beside the case file, as "key.path=value", put in before anything is checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from hemoflow.case.faults import Faults
from hemoflow.schema import shown

_PART = re.compile(r"[A-Za-z0-9_+-]+")


def apply_overrides(content: dict[str, Any], overrides: Sequence[str], faults: Faults) -> list[str]:
    """Replace or add each value in `content` (changed in place); returns the dotted paths touched.

    The value is TOML where it can be (numbers, true, lists, "text") and plain text otherwise, so that
    ``flow.pressure_drop=60 Pa`` needs no quotes. An entry of a list is named by its number: ``cells.0.diameter=14 um``.
    """
    touched = []
    for override in overrides:
        key, equals, value = override.partition("=")
        parts = re.sub(r"\[(\d+)\]", r".\1", key.strip()).split(".")
        if not equals or not all(_PART.fullmatch(part) for part in parts):
            faults.add(shown(override), 'is not KEY.PATH=VALUE, such as flow.pressure_drop="60 Pa"')
            continue
        path = _put(content, parts, _value(value.strip()), faults)
        if path:
            touched.append(path)
    return touched


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if list(read) == ["value"] else text


def _put(content: dict[str, Any], parts: list[str], value: Any, faults: Faults) -> str | None:
    """Path written to; None where there is no such place."""
    place: Any = content
    path = ""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if isinstance(place, list):
            path = f"{path}[{part}]"
            if not part.isdigit() or int(part) >= len(place):
                entries = f"it has entries 0 to {len(place) - 1}" if place else "it is empty"
                faults.add(path, f"no such entry to set; {entries}")
                return None
            key: Any = int(part)
        elif isinstance(place, dict):
            path = f"{path}.{part}" if path else part
            key = part
            if not last:
                place.setdefault(part, {})
        else:
            faults.add(f"{path}.{part}", f"cannot be set, because {path} is {shown(place)}, not a table")
            return None
        if last:
            place[key] = value
        else:
            place = place[key]
    return path
