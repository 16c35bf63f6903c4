"""STL files, binary and text, read without trusting anything they declare."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_file import LENGTH_UNITS
from hemoflow.geometry.surface_raw import RawSurface

HEADER, FACET = 84, 50
RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
SINGLE = 6e-8
"""Relative step of single precision."""

PORTION = 1 << 22
"""Bytes of a text file that are taken apart at once."""

VERTEX = rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)\s+"
TEXT_FACET = re.compile(
    rb"\s*(?:(?:end\s*)?solid\b[^\r\n]*[\r\n]\s*)*facet\s+normal\s+\S+\s+\S+\s+\S+\s+outer\s+loop\s+"
    + 3 * VERTEX
    + rb"end\s*loop\s+end\s*facet(?=\s|$)",
    re.IGNORECASE,
)
TEXT_END = re.compile(rb"\s*(?:(?:end\s*)?solid\b[^\r\n]*(?:[\r\n]\s*|$))*", re.IGNORECASE)
UNITS = re.compile(rb"\bUNITS?\s*=\s*([A-Za-z]+)", re.IGNORECASE)


def parse_stl(data: bytes) -> RawSurface:
    """Facets of an STL file; every facet has three points of its own. A header `UNITS=mm`, as some programs write, is the unit.

    Binary or text is told by the size, not by the word "solid", with which binary files may begin too. Raises InputError with the byte
    or the facet for files that are empty, broken off, hold more or less than they declare, or numbers that are not finite.
    """
    if not data:
        raise InputError("the file is empty: export the surface again")
    text = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    declared = int.from_bytes(data[80:84], "little") if len(data) >= HEADER else -1
    if declared >= 0 and len(data) == HEADER + FACET * declared:
        return _binary(data, declared)
    if text.lstrip()[:5].lower() == b"solid" and b"\0" not in text[:1024]:
        return _text(text)
    if declared < 0 or not (b"\0" in data[:1024] or max(data[:1024]) > 127):
        raise InputError("not an STL file: it neither begins with 'solid' nor has the 84-byte header of a binary STL")
    whole = (len(data) - HEADER) // FACET
    if declared > whole:
        raise InputError(
            f"a binary STL file that declares {declared} facets at byte 80 but holds {whole}: it breaks off at byte {len(data)} "
            f"of {HEADER + FACET * declared}; copy or export it again"
        )
    raise InputError(
        f"a binary STL file that declares {declared} facets at byte 80 and should end at byte {HEADER + FACET * declared}, but "
        f"goes on to byte {len(data)}; export it again"
    )


def _binary(data: bytes, count: int) -> RawSurface:
    if count == 0:
        raise InputError("an STL file with no facets (the count at byte 80 is zero): export the surface again")
    corners = np.frombuffer(data, RECORD, count, HEADER)["corners"]
    finite = np.isfinite(corners).all(axis=(1, 2))
    if not finite.all():
        first = int(np.argmin(finite))
        raise InputError(
            f"{int((~finite).sum())} facets have coordinates that are no finite numbers; the first is facet {first + 1} "
            f"(byte {HEADER + FACET * first}); export the surface again"
        )
    named = UNITS.search(data[:80])
    unit = named[1].decode().lower() if named else ""
    return _soup(corners.astype(np.float64).reshape(-1, 3), unit if unit in LENGTH_UNITS else None)


def _text(data: bytes) -> RawSurface:
    parts: list[NDArray[np.float64]] = []
    at, facets = 0, 0
    while True:
        words: list[bytes] = []
        begin = at
        while at - begin < PORTION:
            match = TEXT_FACET.match(data, at)
            if match is None:
                break
            words.extend(match.groups())
            at = match.end()
        if not words:
            break
        parts.append(_numbers(words, facets))
        facets += len(words) // 9
    end = TEXT_END.match(data, at)
    rest = end.end() if end else at
    if rest < len(data.rstrip()):
        line = data.count(b"\n", 0, rest) + 1
        raise InputError(
            f"a text STL file whose facet {facets + 1}, at byte {rest} (line {line}), is not complete or not written as facet normal, "
            f"outer loop, three vertices, endloop, endfacet; copy or export it again"
        )
    if facets == 0:
        raise InputError("an STL file with no facets: export the surface again")
    if not re.search(rb"end\s*solid", data[at:], re.IGNORECASE):
        raise InputError(
            f"a text STL file broken off after facet {facets} (byte {len(data)}): its endsolid is missing; copy or export it again"
        )
    return _soup(np.concatenate(parts), None)


def _numbers(words: list[bytes], before: int) -> NDArray[np.float64]:
    """Corners (3 n, 3) of n facets; `before` facets came ahead of them."""
    try:
        values = np.array([float(word) for word in words])
        bad = ~np.isfinite(values)
    except ValueError:
        bad = np.array([not _is_number(word) for word in words])
    if bad.any():
        first = int(np.argmax(bad))
        comma = " (a decimal comma? write decimal points)" if b"," in words[first] else ""
        raise InputError(
            f"facet {before + first // 9 + 1} has the coordinate '{words[first][:40].decode('latin-1')}', which is no finite "
            f"number{comma}; export the surface again"
        )
    return values.reshape(-1, 3)


def _is_number(word: bytes) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _soup(points: NDArray[np.float64], unit: str | None) -> RawSurface:
    faces = np.arange(len(points)).reshape(-1, 3)
    return RawSurface(points, [("polygon", faces)], unit, grain=SINGLE)
