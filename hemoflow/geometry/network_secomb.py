"""The network text of Secomb and Pries: counts with words beside them, a line of titles, rows; lengths in um, flows in
nl/min, mmHg.

A file holds segments ("total number of segments"), nodes and boundary nodes in that order. Ids need not be contiguous,
and the columns differ between files: they are found by their titles. The unit is um by the format itself. A second,
shorter form has no coordinates: titles such as `segment_name node_from node_to segment_diameter`, then the rows.
"""

from __future__ import annotations

import math
import re

from hemoflow.errors import InputError
from hemoflow.geometry.network_raw import RawNetwork
from hemoflow.geometry.network_record import BoundaryCondition, listed

MMHG = 133.322387415
"""Pa in a millimetre of mercury."""

NL_PER_MIN = 1e-12 / 60
"""m^3/s in a nanolitre per minute."""

COUNT = re.compile(r"^\s*(\d+)\s+total\s+number\s+of\s+(boundary\s+nodes|nodes|segments)", re.IGNORECASE)

Section = tuple[int, list[str], list[list[str]]]


def parse_secomb(text: str) -> RawNetwork:
    """Either form of the text. Declared counts that the rows do not match are recorded as problems, and nothing is
    allocated by them.

    Raises InputError where the text is not of this format at all or breaks off before the nodes.
    """
    lines = text.split("\n")
    marks = [(i, match) for i, line in enumerate(lines) if (match := COUNT.match(line))]
    if not marks:
        return _links_only(lines)
    raw = RawNetwork(unit="um")
    sections: dict[str, Section] = {}
    for (start, match), stop in zip(marks, [i for i, _ in marks[1:]] + [len(lines)], strict=True):
        filled = [line.split() for line in lines[start + 1 : stop] if line.strip()]
        word = " ".join(match[2].lower().split())
        sections[word] = (int(match[1]), [t.lower() for t in filled[0]] if filled else [], filled[1:])
    if "segments" not in sections:
        raise InputError("network text without a line 'total number of segments'")
    _segments(raw, *sections["segments"])
    if "nodes" in sections:
        _nodes(raw, *sections["nodes"])
        _boundary(raw, *sections.get("boundary nodes", (0, [], [])))
    else:
        last = raw.edge_names[-1] if raw.edge_names else "none"
        raw.problems.append(f"breaks off before the line 'total number of nodes'; the last segment read is {last}")
        raw.positions = None
        raw.node_names = sorted({n for pair in raw.ends for n in pair})
    return raw


def _segments(raw: RawNetwork, count: int, titles: list[str], rows: list[list[str]]) -> None:
    columns = _columns(titles)
    for needed in ("name", "from", "to", "diameter"):
        if needed not in columns:
            raise InputError(
                f"network text: no column '{needed}' among the titles of the segments: {' '.join(titles) or 'none'}"
            )
    width = len([t for t in titles if _column_name(t) or t not in ("rel.", "rel")])
    extra = _untitled_hematocrit(columns, width, rows)
    if extra:
        columns["hematocrit"] = width
        raw.notes.append(
            f"column {width + 1} of the segments has no title and is read as hematocrit, as place and values suggest"
        )
    bad = []
    for row in rows:
        try:
            diameter = float(row[columns["diameter"]])
            flow = float(row[columns["flow"]]) * NL_PER_MIN if "flow" in columns else math.nan
            hematocrit = float(row[columns["hematocrit"]]) if "hematocrit" in columns else math.nan
            name, ends = row[columns["name"]], (row[columns["from"]], row[columns["to"]])
        except (ValueError, IndexError):
            bad.append(row[columns["name"]] if len(row) > columns["name"] else "?")
            continue
        raw.edge_names.append(name)
        raw.ends.append(ends)
        raw.radii.append((diameter / 2, diameter / 2))
        raw.flows.append(flow)
        raw.hematocrit.append(hematocrit)
    if bad:
        raw.problems.append(f"rows that cannot be read: segments {listed(bad)}")
    if count != len(rows):
        last = rows[-1][columns["name"]] if rows and len(rows[-1]) > columns["name"] else "none"
        raw.problems.append(f"declares {count} segments but {len(rows)} rows follow; the last is segment {last}")


def _nodes(raw: RawNetwork, count: int, titles: list[str], rows: list[list[str]]) -> None:
    places = [titles.index(t) for t in ("x", "y", "z") if t in titles]
    if len(places) != 3 or not titles:
        raise InputError(
            f"network text: no columns x, y, z among the titles of the nodes: {' '.join(titles) or 'none'}"
        )
    name = titles.index("name") if "name" in titles else 0
    bad = []
    for row in rows:
        try:
            x, y, z = (float(row[k]) for k in places)
        except (ValueError, IndexError):
            bad.append(row[name] if len(row) > name else "?")
            continue
        raw.node_names.append(row[name])
        raw.positions.append((x, y, z))  # type: ignore[union-attr]
    if bad:
        raw.problems.append(f"rows that cannot be read: nodes {listed(bad)}")
    if count != len(rows):
        last = rows[-1][name] if rows and len(rows[-1]) > name else "none"
        raw.problems.append(f"declares {count} nodes but {len(rows)} rows follow; the last is node {last}")


def _boundary(raw: RawNetwork, count: int, titles: list[str], rows: list[list[str]]) -> None:
    """Type 0 is a pressure in mmHg, type 2 an inflow in nl/min; other types leave the node free, which is noted."""
    hd = next((i for i, t in enumerate(titles) if t in ("hd", "hem.", "hem", "hct", "hematocrit")), None)
    bad, other = [], []
    for row in rows[:count]:
        try:
            kind, value = int(float(row[1])), float(row[2])
            hematocrit = float(row[hd]) if hd is not None and len(row) > hd else None
        except (ValueError, IndexError, OverflowError):
            bad.append(row[0])
            continue
        if kind == 0:
            raw.boundary.append(BoundaryCondition(row[0], "pressure", value * MMHG, hematocrit))
        elif kind == 2:
            raw.boundary.append(BoundaryCondition(row[0], "flow", value * NL_PER_MIN, hematocrit))
        else:
            other.append(f"{row[0]} (type {kind})")
    if bad:
        raw.problems.append(f"rows that cannot be read: boundary nodes {listed(bad)}")
    if count > len(rows):
        raw.problems.append(f"declares {count} boundary nodes but {len(rows)} rows follow")
    if other:
        raw.notes.append(
            f"boundary nodes of a type other than pressure (0) and flow (2) are left free: {listed(other)}"
        )


def _column_name(title: str) -> str | None:
    """Our name of a column with this title, None for a title we do not read."""
    word = title.lower().strip(".:,")
    for name, begins in (("diameter", "diam"), ("flow", "flow"), ("hematocrit", "hem"), ("length", "len")):
        if begins in word:
            return name
    if word in ("hd", "hct", "ht"):
        return "hematocrit"
    for name in ("name", "type", "from", "to"):
        if word == name or word.endswith("_" + name):
            return name
    return None


def _columns(titles: list[str]) -> dict[str, int]:
    """Place of each column we read; 'rel. flow' is two words for one column."""
    columns: dict[str, int] = {}
    place = 0
    for title in titles:
        name = _column_name(title)
        if name is None and title.lower() in ("rel.", "rel"):
            continue
        if name is not None:
            columns.setdefault(name, place)
        place += 1
    return columns


def _untitled_hematocrit(columns: dict[str, int], width: int, rows: list[list[str]]) -> bool:
    """Whether the rows have one column more than titles, right after the flow, with fractions in it."""
    if "hematocrit" in columns or columns.get("flow") != width - 1 or not rows:
        return False
    try:
        return all(len(row) == width + 1 and 0 <= float(row[width]) < 1 for row in rows)
    except ValueError:
        return False


def _links_only(lines: list[str]) -> RawNetwork:
    """The short form: no coordinates and no lengths."""
    start = next(
        (i for i, line in enumerate(lines) if {"from", "to", "diameter"} <= set(_columns(line.lower().split()))), None
    )
    if start is None:
        raise InputError(
            "not a network text: neither a line 'N total number of segments' nor titles with name, from, to, diameter"
        )
    raw = RawNetwork(positions=None, unit="um")
    titles = lines[start].lower().split()
    rows: list[list[str]] = []
    rest = lines[start + 1 :]
    for k, line in enumerate(rest):
        if line.strip() and not re.match(r"\s*[\d+-]", line):
            rest = rest[k:]
            break
        if line.strip():
            rows.append(line.split())
    else:
        rest = []
    declared = re.search(r"(\d+)\s+segments", " ".join(lines[:start]), re.IGNORECASE)
    _segments(raw, int(declared[1]) if declared else len(rows), titles, rows)
    raw.node_names = list(dict.fromkeys(n for pair in raw.ends for n in pair))
    raw.notes.append("no coordinates and no lengths in this file: it serves the 0-D flow only, once lengths are given")
    named = [line.split()[0] for line in rest[1:] if line.strip()]
    if rest and "boundary" in rest[0].lower() and named:
        raw.notes.append(f"boundary nodes named without a pressure or flow: {listed(named)}")
    return raw
