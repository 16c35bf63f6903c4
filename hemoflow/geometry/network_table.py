"""Networks as tables: nodes and edges in two files, or in one with the sections [nodes] and [edges]."""

from __future__ import annotations

import csv
import math
import re

from hemoflow.errors import InputError
from hemoflow.geometry.network_columns import Column, length_unit, node_condition, recognise
from hemoflow.geometry.network_raw import RawNetwork
from hemoflow.geometry.network_record import listed

SECTION = re.compile(r"^\W*(nodes|edges|segments)\W*$", re.IGNORECASE)
UNIT = re.compile(r"^\s*#?\s*unit\s*[:=,;]\s*([^,;\t]+?)\s*[,;]*\s*$", re.IGNORECASE)


def parse_sections(text: str) -> RawNetwork:
    """One file: a line `[nodes]`, its table, a line `[edges]`, its table; `# unit: um` may say the unit.

    Raises InputError where one of the sections is missing.
    """
    tables: dict[str, list[str]] = {}
    current: list[str] | None = None
    unit = _unit(text)
    for line in text.split("\n"):
        match = SECTION.match(line)
        if match:
            current = tables.setdefault("nodes" if match[1].lower() == "nodes" else "edges", [])
        elif current is not None:
            current.append(line)
    if set(tables) != {"nodes", "edges"}:
        head = next((line.strip() for line in text.split("\n") if line.strip()), "nothing")[:120]
        raise InputError(
            "a table of a network needs the sections [nodes] (id, x, y, z) and [edges] (from, to, radius), or "
            f"two files with 'nodes' and 'edges' in their names; this one begins with: {head}"
        )
    return _network("\n".join(tables["nodes"]), "\n".join(tables["edges"]), unit)


def parse_pair(nodes: str, edges: str) -> RawNetwork:
    """Two files, one table each."""
    return _network(nodes, edges, _unit(nodes) or _unit(edges))


def _network(nodes: str, edges: str, declared: str | None) -> RawNetwork:
    node_titles, node_rows = _table(nodes, "nodes")
    edge_titles, edge_rows = _table(edges, "edges")
    node_columns = {k: recognise(t, "node") for k, t in enumerate(node_titles)}
    edge_columns = {k: recognise(t, "edge") for k, t in enumerate(edge_titles)}
    _demand(node_columns, node_titles, "nodes", ("id", "x", "y"))
    _demand(edge_columns, edge_titles, "edges", ("from", "to"))
    raw = RawNetwork()
    raw.unit = length_unit([c for c in (*node_columns.values(), *edge_columns.values()) if c], declared)
    unread = [
        t
        for t, c in zip(node_titles + edge_titles, (*node_columns.values(), *edge_columns.values()), strict=True)
        if c is None
    ]
    if unread:
        raw.notes.append(
            f"columns that hemoflow does not read (a pressure or flow needs its unit in the title): {listed(unread)}"
        )
    at_node = _nodes(raw, node_rows, node_columns)
    kinds = {c.kind for c in edge_columns.values() if c}
    if (
        "radius" not in kinds
        and not {"radius_from", "radius_to"} <= kinds
        and not any(not math.isnan(r) for r in at_node.values())
    ):
        raise InputError(
            f"edges: no column radius or diameter, and none among the nodes; titles found: {', '.join(edge_titles)}"
        )
    _edges(raw, edge_rows, edge_columns, at_node)
    return raw


def _nodes(raw: RawNetwork, rows: list[list[str]], columns: dict[int, Column | None]) -> dict[str, float]:
    at_node, bad = {}, []
    flat = all(c is None or c.kind != "z" for c in columns.values())
    for row in rows:
        words, quantities = _values(row, columns)
        name = words.get("id", "")
        point = (
            quantities.get("x", math.nan),
            quantities.get("y", math.nan),
            0.0 if flat else quantities.get("z", math.nan),
        )
        if any(math.isnan(p) for p in point) or not name:
            bad.append(name or f"row {len(raw.node_names) + 1}")
            point = (0.0, 0.0, 0.0)
        raw.node_names.append(name)
        raw.positions.append(point)  # type: ignore[union-attr]
        at_node[name] = quantities.get("radius", math.nan)
        condition = node_condition(name, quantities)
        if condition:
            raw.boundary.append(condition)
    if bad:
        raw.problems.append(f"an id or coordinates missing or not numbers: nodes {listed(bad)}")
    return at_node


def _edges(
    raw: RawNetwork, rows: list[list[str]], columns: dict[int, Column | None], at_node: dict[str, float]
) -> None:
    for number, row in enumerate(rows):
        words, quantities = _values(row, columns)
        ends = (words.get("from", ""), words.get("to", ""))
        own = quantities.get("radius", math.nan)
        radii = []
        for end, which in zip(ends, ("radius_from", "radius_to"), strict=True):
            radius = quantities.get(which, own)
            radii.append(at_node.get(end, math.nan) if math.isnan(radius) and "radius" not in quantities else radius)
        raw.edge_names.append(words.get("id") or str(number + 1))
        raw.ends.append(ends)
        raw.radii.append((radii[0], radii[1]))
        raw.lengths.append(quantities.get("length", math.nan))
        raw.flows.append(quantities.get("flow", math.nan))
        raw.hematocrit.append(quantities.get("hematocrit", math.nan))


def _values(row: list[str], columns: dict[int, Column | None]) -> tuple[dict[str, str], dict[str, float]]:
    """Words (ids) and numbers of one row by kind; a number that cannot be read is NaN, an empty field is left out."""
    words: dict[str, str] = {}
    quantities: dict[str, float] = {}
    for k, column in columns.items():
        text = row[k].strip() if k < len(row) else ""
        if column is None or not text:
            continue
        if column.kind in ("id", "from", "to"):
            words[column.kind] = text
        else:
            try:
                quantities[column.kind] = float(text) * column.factor
            except ValueError:
                quantities[column.kind] = math.nan
    return words, quantities


def _table(text: str, what: str) -> tuple[list[str], list[list[str]]]:
    lines = [
        line
        for line in text.split("\n")
        if line.strip(" \t,;") and not line.lstrip().startswith("#") and not UNIT.match(line)
    ]
    if not lines:
        raise InputError(f"{what}: an empty table, a line of titles and rows are needed")
    delimiter = max(",;\t", key=lines[0].count)
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{what}: not readable as a table: {error}") from None
    return [t.strip() for t in rows[0]], rows[1:]


def _demand(columns: dict[int, Column | None], titles: list[str], what: str, needed: tuple[str, ...]) -> None:
    kinds = [c.kind for c in columns.values() if c]
    missing = [k for k in needed if k not in kinds]
    twice = sorted({k for k in kinds if kinds.count(k) > 1})
    if missing or twice:
        said = f"no column {', '.join(missing)}" if missing else f"more than one column for {', '.join(twice)}"
        raise InputError(f"{what}: {said}; titles found: {', '.join(titles)}")


def _unit(text: str) -> str | None:
    for line in text.split("\n"):
        match = UNIT.match(line)
        if match:
            return match[1]
    return None
