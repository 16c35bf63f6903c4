"""The pressures at the openings of a network's vessel are those of the 0-D flow through the whole network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.network import BoundaryCondition, Network, network_vessel
from hemoflow.geometry.network_conditions import network_conditions, network_inflows, opening_conductance
from hemoflow.geometry.network_file import read_network
from hemoflow.geometry.poiseuille import conductances, solve_poiseuille
from hemoflow.geometry.pries import InVivoViscosity

MU = 1.2e-3

# Rounding only: every relation below is linear algebra on a dozen nodes.
EXACT = 1e-9

POSITIONS = np.array(
    [[0, 0, 0], [60, 0, 0], [100, 30, 0], [100, -30, 0], [160, 30, 0], [160, -30, 0], [220, 0, 0], [280, 0, 0]]
)
EDGES = np.array([[0, 1], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 6], [6, 7]])
RADII = np.array([6, 4, 5, 4, 5, 4, 5, 7])


def loop(*conditions: BoundaryCondition, **changes) -> Network:
    """A vessel that parts into two branches of different width which join again; sizes in um."""
    start, end = POSITIONS[EDGES[:, 0]], POSITIONS[EDGES[:, 1]]
    network = Network(
        node_names=tuple("ABCDEFGH"),
        positions=POSITIONS * 1e-6,
        edge_names=tuple(str(k) for k in range(len(EDGES))),
        edges=EDGES,
        radii=np.stack([RADII, RADII], axis=1) * 1e-6,
        lengths=np.linalg.norm(end - start, axis=1) * 1e-6,
        boundary=conditions,
        source="a loop",
    )
    return replace(network, **changes)


PRESSURES = (BoundaryCondition("A", "pressure", 900.0), BoundaryCondition("H", "pressure", 200.0))
BOX = np.array([[30, -60, -20], [130, 60, 20]]) * 1e-6
"""Cuts the inflow and both branches."""


def test_conditions_of_the_file_are_the_conditions_of_the_vessel():
    vessel = network_vessel(loop(*PRESSURES), viscosity=MU)
    assert network_conditions(vessel.description) == pytest.approx({"node_A": 900.0, "node_H": 200.0})
    assert vessel.description["opening_roles"] == {"node_A": "inlet", "node_H": "outlet"}


def test_a_piece_cut_out_carries_what_it_carries_in_the_whole():
    whole = solve_poiseuille(loop(*PRESSURES), MU)
    vessel = network_vessel(loop(*PRESSURES), crop=BOX, viscosity=MU)
    pressures = network_conditions(vessel.description)
    flows = network_inflows(vessel.description, pressures)
    assert next(iter(pressures)) == "segment_0" and [o.name for o in vessel.openings] == list(pressures)
    # The box cuts segments 0, 3 and 4 half-way along.
    for name, segment, sign in (("segment_0", 0, 1), ("segment_3", 3, -1), ("segment_4", 4, -1)):
        assert flows[name] == pytest.approx(sign * whole.flows[segment], rel=EXACT)
        assert pressures[name] == pytest.approx(whole.pressures[EDGES[segment]].mean(), rel=EXACT)


@pytest.mark.parametrize("crop", [None, BOX])
@pytest.mark.parametrize("conditions", [PRESSURES, ()])
def test_every_drive_gets_what_it_asks_for(crop, conditions):
    vessel = network_vessel(loop(*conditions), crop=crop, viscosity=MU)
    openings = {o.name: o for o in vessel.openings}

    def driven(kind: str, value: float) -> tuple[dict[str, float], dict[str, float]]:
        pressures = network_conditions(vessel.description, (kind, value))
        return pressures, network_inflows(vessel.description, pressures)

    pressures, _ = driven("pressure_drop", 75.0)
    assert max(pressures.values()) == pytest.approx(75.0) and min(pressures.values()) == 0.0
    _, flows = driven("flow_rate", 3e-14)
    entering = {name: q for name, q in flows.items() if q > 0}
    assert sum(entering.values()) == pytest.approx(3e-14, rel=EXACT)
    assert sum(flows.values()) == pytest.approx(0, abs=EXACT * 3e-14)
    _, flows = driven("mean_velocity", 1e-3)
    area = sum(openings[name].area for name in entering)
    assert sum(q for q in flows.values() if q > 0) == pytest.approx(1e-3 * area, rel=EXACT)
    pressures, flows = driven("wall_shear_stress", 1.5)
    first = openings[next(iter(pressures))]
    assert 4 * MU * flows[first.name] / (np.pi * first.radius**3) == pytest.approx(1.5, rel=EXACT)


def test_a_network_without_conditions_is_fed_through_its_widest_terminal():
    vessel = network_vessel(loop(), viscosity=MU)
    pressures = network_conditions(vessel.description, ("pressure_drop", 50.0))
    assert pressures == pytest.approx({"node_H": 50.0, "node_A": 0.0})
    assert any("widest terminal, node H" in note for note in vessel.description["notes"])


def test_named_inlets_take_the_place_of_the_pattern():
    vessel = network_vessel(loop(), crop=BOX, viscosity=MU)
    pressures = network_conditions(vessel.description, ("pressure_drop", 40.0), inlets=["segment_0"])
    assert pressures == pytest.approx({"segment_0": 40.0, "segment_3": 0.0, "segment_4": 0.0})


def test_pressures_in_no_known_unit_give_the_pattern_but_not_the_size():
    levels = (BoundaryCondition("A", "pressure", 50.0), BoundaryCondition("H", "pressure", 20.0))
    vessel = network_vessel(loop(levels=levels), crop=BOX, viscosity=MU)
    known = network_vessel(loop(*PRESSURES), crop=BOX, viscosity=MU)
    drive = ("pressure_drop", 10.0)
    assert network_conditions(vessel.description, drive) == pytest.approx(network_conditions(known.description, drive))
    with pytest.raises(InputError, match="no boundary conditions of its own"):
        network_conditions(vessel.description)


def test_blood_is_slower_than_plasma_at_the_same_pressures_and_splits_otherwise():
    plasma = network_vessel(loop(*PRESSURES), crop=BOX, viscosity=MU).description
    blood = network_vessel(loop(*PRESSURES), crop=BOX, viscosity=InVivoViscosity(MU, hematocrit=0.45)).description
    slower = {name: plasma["opening_flows"][name] / q for name, q in blood["opening_flows"].items()}
    assert min(slower.values()) > 2
    # The narrow branch suffers more from its wall layer.
    assert slower["segment_3"] > slower["segment_4"]


def test_the_conductance_of_the_openings_answers_any_pressures_as_the_whole_network_does():
    network = loop()
    g = opening_conductance(EDGES, conductances(network.radii, network.lengths, MU), [0, 7, 4])
    pressures = [700.0, 100.0, 350.0]
    held = tuple(BoundaryCondition(n, "pressure", p) for n, p in zip("AHE", pressures, strict=True))
    flow = solve_poiseuille(network, MU, held)
    into = np.zeros(8)
    np.add.at(into, EDGES[:, 0], flow.flows)
    np.add.at(into, EDGES[:, 1], -flow.flows)
    assert g @ pressures == pytest.approx(into[[0, 7, 4]], rel=EXACT)
    assert np.abs(g.sum(axis=1)).max() <= 1e-12 * np.abs(g).max()


def test_conditions_that_cannot_be_used_are_said_and_a_drive_still_works():
    clash = (BoundaryCondition("A", "flow", 1e-14), BoundaryCondition("H", "flow", 1e-14))
    vessel = network_vessel(loop(*clash), viscosity=MU)
    assert any("own boundary conditions are not used" in note for note in vessel.description["notes"])
    assert network_conditions(vessel.description, ("pressure_drop", 5.0))["node_H"] == pytest.approx(5.0)


def test_a_closed_terminal_of_the_file_is_neither_inlet_nor_outlet():
    side = {
        "node_names": (*"ABCDEFGH", "I"),
        "positions": np.vstack([POSITIONS, [60, 80, 0]]) * 1e-6,
        "edge_names": tuple(str(k) for k in range(9)),
        "edges": np.vstack([EDGES, [1, 8]]),
        "radii": np.vstack([loop().radii, [4e-6, 4e-6]]),
        "lengths": np.append(loop().lengths, 80e-6),
    }
    vessel = network_vessel(loop(*PRESSURES, **side), viscosity=MU)
    assert vessel.description["opening_roles"]["node_I"] == "closed"


@pytest.mark.parametrize(
    ("drive", "inlets", "words"),
    [
        (("body_force", 1.0), [], "driven by one of"),
        (("pressure_drop", -1.0), [], "above zero"),
        (("flow_rate", float("nan")), [], "above zero"),
        (("pressure_drop", 1.0), ["node_Q"], "no opening is called 'node_Q'"),
        (("pressure_drop", 1.0), ["node_A", "node_H"], "nothing would flow"),
        (None, ["node_A"], "give one of"),
    ],
)
def test_drives_that_make_no_sense_are_refused(drive, inlets, words):
    vessel = network_vessel(loop(*PRESSURES), viscosity=MU)
    with pytest.raises(InputError, match=words):
        network_conditions(vessel.description, drive, inlets)


def test_a_vessel_that_is_no_network_is_refused():
    with pytest.raises(InputError, match="no network"):
        network_conditions({"source": "tube.stl"}, ("pressure_drop", 1.0))


def test_terminal_values_of_a_dgf_file_give_its_pattern(tmp_path):
    text = "DGF\nVertex\nparameters 1\n0 0 0 50.0\n40 0 0 0.0\n80 20 0 20.0\n80 -20 0 20.0\n#\nSIMPLEX\nparameters 1\n"
    path = tmp_path / "y.dgf"
    path.write_text(text + "0 1 5.0\n1 2 4.0\n1 3 4.0\n#\n")
    vessel = network_vessel(read_network(path, "um"), viscosity=MU)
    assert vessel.description["opening_roles"] == {"node_0": "inlet", "node_2": "outlet", "node_3": "outlet"}
    inner = tmp_path / "inner.dgf"
    inner.write_text(text.replace("40 0 0 0.0", "40 0 0 7.0") + "0 1 5.0\n1 2 4.0\n1 3 4.0\n#\n")
    assert read_network(inner, "um").levels == ()
