"""Everything that is wrong with a case, collected so that it is reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from hemoflow.errors import InputError
from hemoflow.schema import shown

MOST_SHOWN = 100
OVERRIDDEN = 0
"""Stands for the line of a value that an override gave."""


class Faults:
    """Findings as (dotted path, problem with its remedy), in the order found; paths of files start at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[tuple[str, str], None] = {}

    def add(self, path: str, problem: str) -> None:
        """Note one fault; the same one is noted once."""
        self.found.setdefault((path, problem))

    def unknown(self, parent: str, key: str, valid: Sequence[str]) -> None:
        """Note a key that does not exist, with the nearest one that does."""
        where = f"[{parent}]" if parent else "a case file"
        path = f"{parent}.{key}" if parent else key
        near = nearest(key, valid) if len(self.found) < MOST_SHOWN else None
        self.add(
            path, f"unknown key; did you mean {near!r}?" if near else f"unknown key; {where} has {', '.join(valid)}"
        )

    def refuse(self, source: str, lines: dict[str, int]) -> None:
        """Raise one InputError holding all faults, if there are any; `lines` gives the line of each path."""
        if not self.found:
            return
        count = len(self.found)
        head = f"{source}: {'1 fault' if count == 1 else f'{count} faults'}"
        shown = [f"{path}{_line(path, lines)}: {problem}" for path, problem in list(self.found)[:MOST_SHOWN]]
        rest = [f"and {count - MOST_SHOWN} more"] if count > MOST_SHOWN else []
        raise InputError("\n  ".join([head, *shown, *rest]))


def nearest(word: object, valid: Sequence[str]) -> str | None:
    """The valid word nearest to a misspelt one, if any is near."""
    lowered = {name.lower(): name for name in valid}
    found = difflib.get_close_matches(str(word).lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def one_of(value: object, valid: Sequence[str]) -> str:
    """Message for a word that is none of the valid ones."""
    near = nearest(value, valid) if isinstance(value, str) else None
    return f"{shown(value)} is not one of {', '.join(valid)}" + (f"; did you mean {near!r}?" if near else "")


def _line(path: str, lines: dict[str, int]) -> str:
    """Where a path stands: its own line, else that of the table around it."""
    while path:
        if path in lines:
            return " (override)" if lines[path] == OVERRIDDEN else f" (line {lines[path]})"
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return ""
