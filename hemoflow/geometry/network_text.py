"""Two plain-text network formats without units: SWC (trees of sampled points) and DGF (the grid format of DUNE)."""

from __future__ import annotations

import math
import re
from collections import Counter

from hemoflow.errors import InputError
from hemoflow.geometry.network_raw import RawNetwork
from hemoflow.geometry.network_record import BoundaryCondition, listed


def parse_swc(text: str) -> RawNetwork:
    """SWC: rows `id type x y z radius parent`, parent -1 for a root, '#' comments; every row but a root's is a segment
    to its parent.

    Segments carry the id of their child. Several roots (a forest) are legal. Cycles, missing parents and ids used twice
    are recorded as problems.
    """
    raw = RawNetwork()
    rows: dict[str, tuple[float, str]] = {}
    bad: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        values = line.split("#", 1)[0].replace(",", " ").split()
        if not values:
            continue
        try:
            x, y, z, radius = (float(v) for v in values[2:6])
            name, parent = str(int(float(values[0]))), str(int(float(values[6])))
        except (ValueError, IndexError, OverflowError):
            bad.append(str(number))
            continue
        raw.node_names.append(name)
        raw.positions.append((x, y, z))  # type: ignore[union-attr]
        rows.setdefault(name, (radius, parent))
    if bad:
        raw.problems.append(f"rows that are not 'id type x y z radius parent': lines {listed(bad)}")
    missing = []
    for name, (radius, parent) in rows.items():
        if parent in rows:
            raw.edge_names.append(name)
            raw.ends.append((parent, name))
            raw.radii.append((rows[parent][0], radius))
        elif not parent.startswith("-"):
            missing.append(f"{name} (parent {parent})")
    if missing:
        raw.problems.append(f"parent that does not exist: nodes {listed(missing)}")
    cycle = _cycle({name: parent for name, (_, parent) in rows.items() if parent != name})
    if cycle:
        raw.problems.append(f"parents that lead round in a circle: nodes {listed(cycle)}")
    roots = sum(parent not in rows for _, parent in rows.values())
    if roots > 1:
        raw.notes.append(f"{roots} roots in this SWC file")
    return raw


def _cycle(parents: dict[str, str]) -> list[str]:
    """Nodes that follow one another in a circle; every node is visited once."""
    done: set[str] = set()
    found: list[str] = []
    for start in parents:
        trail: dict[str, int] = {}
        node = start
        while node in parents and node not in done and node not in trail:
            trail[node] = len(trail)
            node = parents[node]
        if node in trail:
            found += list(trail)[trail[node] :]
        done.update(trail)
    return found


def parse_dgf(text: str, radius_parameter: int | None = None) -> RawNetwork:
    """DGF: a `Vertex` block of coordinates and parameters, a `Simplex` block of vertex numbers and parameters, blocks
    ended by '#'.

    DGF names neither parameters nor unit. The radius is parameter `radius_parameter` (from 1) of a segment; by default
    the first one, unless that agrees with the distance between the ends (then it is a length, and the second is the
    radius). Notes say so.
    """
    blocks = _dgf_blocks(text)
    for wanted in ("vertex", "simplex"):
        if wanted not in blocks:
            raise InputError(f"DGF file without a {wanted.upper()} block: found {listed(blocks) or 'no block'}")
    raw = RawNetwork()
    first = _setting(blocks["vertex"], "firstindex")
    parameters = _setting(blocks["vertex"], "parameters")
    extra: list[list[float]] = []
    for row in _numbers(blocks["vertex"], raw, "VERTEX"):
        point = row[: len(row) - parameters]
        extra.append(row[len(row) - parameters :])
        if not 2 <= len(point) <= 3:
            raw.problems.append(f"vertex {len(raw.node_names) + first} has {len(point)} coordinates, not 2 or 3")
            point = [math.nan] * 3
        raw.node_names.append(str(len(raw.node_names) + first))
        raw.positions.append((point[0], point[1], point[2] if len(point) == 3 else 0.0))  # type: ignore[union-attr]
    _dgf_segments(raw, blocks["simplex"], radius_parameter)
    if parameters:
        _dgf_levels(raw, extra)
    return raw


def _dgf_levels(raw: RawNetwork, extra: list[list[float]]) -> None:
    """A single vertex parameter that is not zero at terminal vertices only is a pressure there, in no known unit."""
    ends = Counter(n for pair in raw.ends for n in pair)
    given = {n: row[0] for n, row in zip(raw.node_names, extra, strict=True) if len(row) == 1 and row[0] != 0}
    if len(set(given.values())) > 1 and all(math.isfinite(v) and ends[n] == 1 for n, v in given.items()):
        raw.levels = [BoundaryCondition(n, "pressure", v) for n, v in given.items()]
        raw.notes.append(
            f"DGF does not say what its vertex parameter is: not zero at {len(given)} terminal vertices only "
            f"({min(given.values()):.4g} to {max(given.values()):.4g}), it is taken as a pressure in no known unit"
        )
    else:
        raw.notes.append("DGF does not say what its vertex parameters are: they are left out")


def _dgf_segments(raw: RawNetwork, lines: list[str], radius_parameter: int | None) -> None:
    parameters = _setting(lines, "parameters")
    if parameters == 0:
        raise InputError(
            "DGF file without a parameter in its SIMPLEX block: a radius per segment is needed ('parameters 1')"
        )
    if radius_parameter is not None and not 1 <= radius_parameter <= parameters:
        raise InputError(
            f"radius_parameter: {radius_parameter}, but segments of this DGF file have {parameters} parameters"
        )
    values = []
    for number, row in enumerate(_numbers(lines, raw, "SIMPLEX")):
        if len(row) != 2 + parameters:
            raw.problems.append(f"segment {number} has {len(row)} values, not 2 vertices and {parameters} parameters")
            continue
        raw.edge_names.append(str(number))
        raw.ends.append((f"{row[0]:.0f}", f"{row[1]:.0f}"))
        values.append(row[2:])
    columns = [list(c) for c in zip(*values, strict=True)]
    if not columns:
        return
    is_length = parameters > 1 and _ratio_to_distance(raw, columns[0], (0.99, 1.5))
    chosen = radius_parameter or (2 if is_length else 1)
    raw.radii = [(v, v) for v in columns[chosen - 1]]
    if is_length and chosen != 1:
        raw.lengths = columns[0]
    if parameters > 1:
        span = [f"{k} ({min(c):.4g} to {max(c):.4g})" for k, c in enumerate(columns, 1)]
        agree = "agrees with" if is_length else "would be inconsistent with"
        raw.notes.append(
            f"DGF does not name its segment parameters {', '.join(span)}: parameter {chosen} is taken as the radius "
            f"(the option radius_parameter of read_network chooses); as a stored length, parameter 1 {agree} the distance between the ends"
        )


def _ratio_to_distance(raw: RawNetwork, column: list[float], band: tuple[float, float]) -> bool:
    """Whether a column is a length: every value within `band` times the distance between its segment's ends."""
    place = dict(zip(raw.node_names, raw.positions or [], strict=False))
    for value, (a, b) in zip(column, raw.ends, strict=True):
        if a in place and b in place:
            distance = math.dist(place[a], place[b])
            if not band[0] * distance <= value <= band[1] * distance:
                return False
    return True


def _dgf_blocks(text: str) -> dict[str, list[str]]:
    """Blocks by lower-case name; '%' begins a comment, '#' ends a block."""
    blocks: dict[str, list[str]] = {}
    current: list[str] | None = None
    lines = [line.split("%", 1)[0].strip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    if not filled or filled[0].upper() != "DGF":
        raise InputError("not a DGF file: its first line must be 'DGF'")
    for line in filled[1:]:
        if line.startswith("#"):
            current = None
        elif current is None:
            current = blocks.setdefault(line.split()[0].lower(), [])
        else:
            current.append(line)
    return blocks


def _setting(lines: list[str], word: str) -> int:
    for line in lines:
        parts = line.split()
        if parts[0].lower() == word and len(parts) == 2 and re.fullmatch("[0-9]{1,6}", parts[1]):
            return int(parts[1])
    return 0


def _numbers(lines: list[str], raw: RawNetwork, block: str) -> list[list[float]]:
    rows = []
    for line in lines:
        if line.split()[0].lower() in ("parameters", "firstindex"):
            continue
        try:
            rows.append([float(v) for v in line.split()])
        except ValueError:
            raw.problems.append(f"{block} row {len(rows)} is not a row of numbers: '{line[:60]}'")
    return rows
