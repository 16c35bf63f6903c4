"""OFF files: a line OFF (COFF, NOFF and such with more numbers per point), the counts, the points, the facets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from hemoflow.errors import InputError
from hemoflow.geometry.surface_raw import RawSurface

T = TypeVar("T", int, float)


def parse_off(data: bytes) -> RawSurface:
    """What an OFF file holds. Raises InputError with the line at fault."""
    lines = [(n, line.split()) for n, line in enumerate(_text(data).splitlines(), 1) if line and not line.isspace()]
    if not lines or not lines[0][1][0].upper().endswith("OFF"):
        raise InputError("the first line must be OFF: this is no OFF file; export the surface again")
    first = lines[0][1][1:]
    counts, rest = (first, lines[1:]) if first else (lines[1][1] if len(lines) > 1 else [], lines[2:])
    try:
        points, facets = int(counts[0]), int(counts[1])
    except (IndexError, ValueError):
        raise InputError(
            "the numbers of points and facets must follow the word OFF; export the surface again"
        ) from None
    if points < 0 or facets < 0 or len(rest) < points + facets:
        raise InputError(
            f"the file ends after {len(rest)} lines of {points} points and {facets} facets: it is cut off; copy it again"
        )
    places = np.array([_numbers(n, words[:3], 3, float) for n, words in rest[:points]]).reshape(-1, 3)
    return RawSurface(places, _polygons(rest[points : points + facets]))


def _text(data: bytes) -> str:
    if b"\0" in data:
        raise InputError("a binary file; export the surface as OFF in text")
    return "\n".join(line.partition("#")[0] for line in data.decode("utf-8", "replace").splitlines())


def _polygons(lines: list[tuple[int, list[str]]]) -> list[tuple[str, np.ndarray]]:
    """Facets by their number of corners; colours that follow are left out."""
    found: dict[int, list[list[int]]] = {}
    for n, words in lines:
        (corners,) = _numbers(n, words[:1], 1, int)
        if corners < 3:
            raise InputError(f"line {n}: a facet with {corners} corners; export the surface as triangles")
        found.setdefault(corners, []).append(_numbers(n, words[1 : 1 + corners], corners, int))
    return [("polygon", np.array(found[corners], np.int64)) for corners in sorted(found)]


def _numbers(n: int, words: list[str], count: int, kind: Callable[[str], T]) -> list[T]:
    try:
        if len(words) == count:
            return [kind(word) for word in words]
    except ValueError:
        pass
    raise InputError(f"line {n}: {' '.join(words)!r} should be {count} numbers; export the surface again")
