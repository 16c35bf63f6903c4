"""Runners for the table of vessel networks: the 0-D solver on the network that the case describes.

A case gives `edges=in-x D10 L50|x-d1 D8 L60` (ends, diameter and length in um), `bc=in:500|d1:0` (Pa at nodes; `in:Q600000` is a
flow into the network in um^3/s) and may give `mu` (Pa s, by default 1.2e-3). The pore between two reservoirs of the same table is a
flow in three dimensions, in `pore`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np

from hemoflow.errors import InputError
from hemoflow.geometry.network_raw import RawNetwork, assemble
from hemoflow.geometry.network_record import BoundaryCondition, Network
from hemoflow.geometry.poiseuille import solve_poiseuille
from hemoflow.validate.record import ByNames, Measurement, Settings

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]

EDGE = re.compile(r"^(?P<start>[^\s-]+)-(?P<end>\S+)\s+D\s*(?P<diameter>\S+)\s+L\s*(?P<length>\S+)$")


def network_of(params: Params) -> Network:
    """The network that the parameters of a case describe.

    Raises InputError for parameters that are missing or cannot be read, and for what no network may be.
    """
    if not {"edges", "bc"} <= set(params):
        raise InputError(f"the case needs edges=... and bc=..., it has {', '.join(params) or 'no parameters'}")
    raw = RawNetwork(positions=None)
    for number, text in enumerate(params["edges"].split("|")):
        match = EDGE.match(text.strip())
        if match is None:
            raise InputError(f"edges: '{text}' is not of the form 'from-to D10 L50'")
        diameter, length = _number(match["diameter"], "edges"), _number(match["length"], "edges")
        raw.edge_names.append(str(number))
        raw.ends.append((match["start"], match["end"]))
        raw.radii.append((diameter / 2, diameter / 2))
        raw.lengths.append(length)
    raw.node_names = list(dict.fromkeys(n for pair in raw.ends for n in pair))
    for text in params["bc"].split("|"):
        node, _, value = text.partition(":")
        raw.boundary.append(_condition(node.strip(), value.strip()))
    return assemble(raw, "the case's network", 1e-6)


def _condition(node: str, value: str) -> BoundaryCondition:
    """A pressure in Pa, or after the letter Q a flow in um^3/s."""
    if value.startswith("Q"):
        return BoundaryCondition(node, "flow", _number(value[1:], "bc") * 1e-18)
    return BoundaryCondition(node, "pressure", _number(value, "bc"))


@cache
def flow_between(start: str, end: str) -> Runner:
    """A runner for the flow in um^3/s from one node to the next, over all segments that join them."""

    def run(params: Params, settings: Settings) -> Measurement:
        network = network_of(params)
        flow = solve_poiseuille(network, _viscosity(params))
        pair = (network.node_index(start), network.node_index(end))
        along = (network.edges == pair).all(axis=1)
        against = (network.edges == pair[::-1]).all(axis=1)
        if not (along | against).any():
            raise InputError(f"no segment joins {start} and {end} in this network")
        return Measurement(float(flow.flows @ (along.astype(float) - against)) * 1e18, _resolution(network))

    return run


@cache
def pressure_at(node: str) -> Runner:
    """A runner for the pressure in Pa at a node."""

    def run(params: Params, settings: Settings) -> Measurement:
        network = network_of(params)
        flow = solve_poiseuille(network, _viscosity(params))
        return Measurement(float(flow.pressures[network.node_index(node)]), _resolution(network))

    return run


def _viscosity(params: Params) -> float:
    return _number(params["mu"], "mu") if "mu" in params else 1.2e-3


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{what}: '{text.strip()}' is not a number")
    return value


def _resolution(network: Network) -> str:
    return f"0-D flow, {len(network.edges)} segments"


RUNNERS: dict[tuple[str, str], Runner | ByNames] = {
    ("flow_networks", "Q *->*"): ByNames(flow_between),
    ("flow_networks", "p(*)"): ByNames(pressure_at),
}
"""Flow between any two nodes and pressure at any node."""
