"""A network becomes a lumen that is cut where asked, open at its ends, and filled by the lattice as by the network."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.network import network_vessel
from hemoflow.geometry.network_file import read_network
from hemoflow.geometry.pathways import find_pathways
from hemoflow.geometry.voxelise import voxelise

FILE = """# unit: um
[nodes]
id,x,y,z,pressure_Pa
a,0,0,0,120
b,40,0,0,
c,75,18,0,40
d,75,-18,6,30
far,200,0,0,
away,240,0,0,
[edges]
id,from,to,radius
1,a,b,4.5
2,b,c,3.5
3,b,d,4.0
9,far,away,3.0
"""


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "y.csv"
    path.write_text(FILE)
    return read_network(path)


def test_the_largest_part_becomes_the_vessel_and_its_ends_open(network):
    vessel = network_vessel(network)
    assert [o.name for o in vessel.openings] == ["node_a", "node_c", "node_d"]
    assert any("kept the largest of 2 parts: 3 of 4 segments" in note for note in vessel.description["notes"])
    inlet = vessel.openings[0]
    assert inlet.centre == pytest.approx([0, 0, 0], abs=1e-12) and inlet.normal == pytest.approx([-1, 0, 0])
    assert inlet.radius == pytest.approx(4.5e-6)


def test_another_part_can_be_asked_for(network):
    vessel = network_vessel(network, component="far")
    assert {o.name for o in vessel.openings} == {"node_far", "node_away"}
    # A straight tube: its volume is known.
    assert vessel.volume == pytest.approx(np.pi * 9e-12 * 40e-6, rel=3e-3)
    with pytest.raises(InputError, match="no node 'nowhere'"):
        network_vessel(network, component="nowhere")


def test_the_lattice_fills_the_lumen_of_the_network_and_leads_from_inlet_to_outlets(network):
    vessel = network_vessel(network)
    # Eight nodes across the narrowest pipe.
    lumen = voxelise(vessel, 7e-6 / 8)
    assert lumen.volume == pytest.approx(vessel.volume, rel=0.02)
    met = np.bincount(lumen.link_opening + 1, minlength=4)
    assert (met > 0).all()
    ways = find_pathways(lumen, [0], [1, 2])
    assert np.isfinite(ways.from_inlet).all() and np.isfinite(ways.to_outlet).all()
    # From a through b to d, the nearer of the two ends; the lattice path may cut the corner at b and ends half a node in.
    assert ways.length == pytest.approx(40e-6 + np.hypot(35e-6, 18e-6), rel=0.1)


def test_a_box_cuts_flat_openings_named_after_their_segments(network):
    vessel = network_vessel(network, crop=np.array([[15, -30, -30], [62, 30, 30]]) * 1e-6)
    names = [o.name for o in vessel.openings]
    assert names == ["segment_1", "segment_2", "segment_3"]
    assert vessel.openings[0].centre == pytest.approx([15e-6, 0, 0])
    pressures = vessel.description["opening_pressures"]
    assert 120 > pressures["segment_1"] > pressures["segment_2"] > 40


def test_a_cut_close_to_a_joint_moves_out_to_where_the_pipe_is_round(network):
    vessel = network_vessel(network, crop=np.array([[15, -30, -30], [41, 30, 30]]) * 1e-6)
    joint = np.array([40e-6, 0, 0])
    # Two radii of each branch remain.
    for opening, radius in zip(vessel.openings[1:], (3.5e-6, 4.0e-6), strict=True):
        assert np.linalg.norm(opening.centre - joint) == pytest.approx(2 * radius, rel=1e-6)


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        ([[100, 0, 0], [110, 10, 10]], "no segment lies in the box"),
        ([[10, 0, 0], [0, 10, 10]], "min below max"),
        ([[0, 0, 0]], "min and max"),
    ],
)
def test_boxes_that_hold_nothing_are_refused(network, crop, words):
    with pytest.raises(InputError, match=words):
        network_vessel(network, crop=np.array(crop) * 1e-6)


def test_a_network_without_coordinates_has_no_lumen(tmp_path):
    path = tmp_path / "toy.txt"
    path.write_text(" A TOY 1 segments\n\n segment_name node_from node_to segment_diameter\n 1 1 2 10\n")
    with pytest.raises(InputError, match="no coordinates"):
        network_vessel(read_network(path))
