"""XML read safely (no DOCTYPE, no entities, bounded depth), and the GraphML networks in it."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from typing import Any
from xml.parsers import expat

from hemoflow.errors import InputError
from hemoflow.geometry.network_columns import Column, length_unit, node_condition, recognise
from hemoflow.geometry.network_raw import RawNetwork
from hemoflow.geometry.network_record import listed

DEEPEST = 64
"""Elements inside one another that a file may have; networks need fewer than ten."""


def parse_xml(data: bytes) -> ElementTree.Element:
    """Root element of an XML text; tags lose their namespace.

    Raises InputError for text that is not XML, that declares a DOCTYPE or entities (which can read other files or
    expand without bound) or that nests deeper than `DEEPEST`.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def refuse(*_: Any) -> None:
        raise InputError("XML with a DOCTYPE or entities: these are refused, remove them from the file")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise InputError(f"XML nested deeper than {DEEPEST} elements")
        builder.start(tag.rpartition(":")[2], attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag.rpartition(":")[2])

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError) as error:
        raise InputError(f"not readable as XML: {error}") from None
    return builder.close()


def parse_graphml(data: bytes) -> RawNetwork:
    """GraphML: nodes with data x, y, z, edges with radius or diameter, by the names of docs/vessels.md; graph data
    `unit`.

    The radius may stand at the nodes instead. Edges without an id are numbered from 0.
    """
    root = parse_xml(data)
    graph = root.find("graph")
    if root.tag != "graphml" or graph is None:
        raise InputError(f"not GraphML: the root element is <{root.tag}>, and it must hold a <graph>")
    raw = RawNetwork()
    names = {key.get("id", ""): key.get("attr.name", key.get("id", "")) for key in root.findall("key")}
    raw.unit = _data(graph, names).get("unit") or _data(root, names).get("unit")
    node_data = [(node.get("id", ""), _data(node, names)) for node in graph.findall("node")]
    edge_data = [(edge, _data(edge, names)) for edge in graph.findall("edge")]
    nodes = {title: recognise(title, "node") for _, values in node_data for title in values}
    edges = {title: recognise(title, "edge") for _, values in edge_data for title in values}
    raw.unit = length_unit([c for c in (*nodes.values(), *edges.values()) if c], raw.unit)
    at_node = _graph_nodes(raw, node_data, nodes)
    _graph_edges(raw, edge_data, edges, at_node)
    unread = [t for t, c in (*nodes.items(), *edges.items()) if c is None]
    if unread:
        raw.notes.append(f"GraphML data that hemoflow does not read: {listed(dict.fromkeys(unread))}")
    return raw


def _graph_nodes(
    raw: RawNetwork, found: list[tuple[str, dict[str, str]]], columns: dict[str, Column | None]
) -> dict[str, float]:
    at_node, bad = {}, []
    for name, values in found:
        quantities = _quantities(values, columns)
        raw.node_names.append(name)
        point = tuple(quantities.get(axis, 0.0 if axis == "z" else math.nan) for axis in "xyz")
        if any(math.isnan(p) for p in point):
            bad.append(name)
            point = (0.0, 0.0, 0.0)
        raw.positions.append((point[0], point[1], point[2]))  # type: ignore[union-attr]
        at_node[name] = quantities.get("radius", math.nan)
        condition = node_condition(name, quantities)
        if condition:
            raw.boundary.append(condition)
    if bad:
        raw.problems.append(f"no coordinates x, y (and z), or none that are numbers: nodes {listed(bad)}")
    return at_node


def _graph_edges(
    raw: RawNetwork,
    found: list[tuple[ElementTree.Element, dict[str, str]]],
    columns: dict[str, Column | None],
    at_node: dict[str, float],
) -> None:
    for number, (edge, values) in enumerate(found):
        quantities = _quantities(values, columns)
        ends = (edge.get("source", ""), edge.get("target", ""))
        own = quantities.get("radius", math.nan)
        raw.edge_names.append(edge.get("id") or str(number))
        raw.ends.append(ends)
        first, last = (quantities.get(which, own) for which in ("radius_from", "radius_to"))
        raw.radii.append(
            (
                at_node.get(ends[0], math.nan) if math.isnan(first) else first,
                at_node.get(ends[1], math.nan) if math.isnan(last) else last,
            )
        )
        raw.lengths.append(quantities.get("length", math.nan))
        raw.flows.append(quantities.get("flow", math.nan))
        raw.hematocrit.append(quantities.get("hematocrit", math.nan))


def _data(element: ElementTree.Element, names: dict[str, str]) -> dict[str, str]:
    return {names.get(d.get("key", ""), d.get("key", "")): (d.text or "").strip() for d in element.findall("data")}


def _quantities(values: dict[str, str], columns: dict[str, Column | None]) -> dict[str, float]:
    found = {}
    for title, text in values.items():
        column = columns[title]
        if column is not None and text:
            try:
                found[column.kind] = float(text) * column.factor
            except ValueError:
                found[column.kind] = math.nan
    return found
