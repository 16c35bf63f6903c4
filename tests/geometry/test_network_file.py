"""Every network format gives the same vessels, and what is broken is refused with the segments named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.network_file import parse_length, read_network

# A Y of three segments, two um wide in the parent, in um: the same network in every format below.
SECOMB = """A Y of three segments
 40. 20. 10.\tbox dimensions in microns
 3\ttotal number of segments
name type from to diam. rel. flow hem.
 10 5 7 3 4.0 2.0 0.40
 20 5 3 900 3.0 1.0 0.30
 30 5 3 12 2.0 1.0 0.50
 4 total number of nodes
name x y z
 7 0 0 0
 3 20 0 0
 900 40 10 0
 12 40 -10 5

 2 total number of boundary nodes
node bctyp press/flow HD
 7 0 30.0 0.4
 12 2 -1.0 0.4
"""
CSV = """# unit: um
[nodes]
id,x,y,z
7,0,0,0
3,20,0,0
900,40,10,0
12,40,-10,5
[edges]
id,from,to,diameter
10,7,3,4.0
20,3,900,3.0
30,3,12,2.0
"""
GRAPHML = """<?xml version="1.0"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="a" for="node" attr.name="x" attr.type="double"/><key id="b" for="node" attr.name="y" attr.type="double"/>
<key id="c" for="node" attr.name="z" attr.type="double"/><key id="d" for="edge" attr.name="radius" attr.type="double"/>
<key id="u" for="graph" attr.name="unit" attr.type="string"/>
<graph edgedefault="undirected"><data key="u">um</data>
<node id="7"><data key="a">0</data><data key="b">0</data><data key="c">0</data></node>
<node id="3"><data key="a">20</data><data key="b">0</data><data key="c">0</data></node>
<node id="900"><data key="a">40</data><data key="b">10</data><data key="c">0</data></node>
<node id="12"><data key="a">40</data><data key="b">-10</data><data key="c">5</data></node>
<edge id="10" source="7" target="3"><data key="d">2.0</data></edge>
<edge id="20" source="3" target="900"><data key="d">1.5</data></edge>
<edge id="30" source="3" target="12"><data key="d">1.0</data></edge>
</graph></graphml>
"""
DGF = """DGF
Vertex
parameters 1
0 0 0 5.0
20 0 0 0.0
40 10 0 0.0
40 -10 5 0.0
#
SIMPLEX
parameters 1
0 1 2.0
1 2 1.5
1 3 1.0
#
"""
SWC = "# a comment\n1 3 0 0 0 2.0 -1\n2 3 20 0 0 2.0 1\n3 3 40 10 0 1.5 2\n4\t3\t40\t-10\t5\t1.0\t2\n"


def read(tmp_path: Path, name: str, text: str | bytes, **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_network(path, **options)


def refused(tmp_path: Path, name: str, text: str | bytes, **options) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, text, **options)
    assert name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("y.dat", SECOMB, None), ("y.csv", CSV, None), ("y.graphml", GRAPHML, None), ("y.dgf", DGF, "um"), ("y.swc", SWC, "um"),
    ],
)  # fmt: skip
def test_every_format_gives_the_same_vessels(tmp_path, name, text, unit):
    network = read(tmp_path, name, text, unit=unit)
    assert network.positions * 1e6 == pytest.approx(np.array([[0, 0, 0], [20, 0, 0], [40, 10, 0], [40, -10, 5]]))
    assert network.edges.tolist() == [[0, 1], [1, 2], [1, 3]]
    assert network.radii[:, 1] * 1e6 == pytest.approx([2.0, 1.5, 1.0])
    assert network.lengths * 1e6 == pytest.approx([20, 500**0.5, 525**0.5])


def test_the_secomb_text_brings_its_flows_and_conditions(tmp_path):
    network = read(tmp_path, "y.dat", SECOMB)
    assert network.node_names == ("7", "3", "900", "12") and network.edge_names == ("10", "20", "30")
    assert network.flows * 60e12 == pytest.approx([2, 1, 1]) and network.hematocrit == pytest.approx([0.4, 0.3, 0.5])
    pressure, flow = network.boundary
    assert (pressure.node, pressure.kind, pressure.value) == ("7", "pressure", pytest.approx(30 * 133.322387415))
    assert (flow.node, flow.kind, flow.value) == ("12", "flow", pytest.approx(-1e-12 / 60))


def test_columns_of_the_secomb_text_are_found_by_title(tmp_path):
    text = SECOMB.replace("name type from to diam. rel. flow hem.", "name type from  to  diam   flow")
    network = read(tmp_path, "y.dat", text)
    assert network.hematocrit == pytest.approx([0.4, 0.3, 0.5])
    assert any("no title" in note for note in network.notes)


def test_a_table_of_links_alone_serves_without_coordinates(tmp_path):
    text = "  A TOY 2 segments\n\n segment_name node_from node_to segment_diameter\n 1 1 2 10\n 2 1 2 8\n\t\t\n boundary_nodes\n\t1\n\t2\n"
    network = read(tmp_path, "toy.txt", text)
    assert network.positions is None and np.isnan(network.lengths).all()
    assert network.radii[:, 0] == pytest.approx([5e-6, 4e-6])
    assert network.with_lengths(1e-4).lengths == pytest.approx([1e-4, 1e-4])


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: b"\xef\xbb\xbf" + t.encode(),
        lambda t: t.replace("\n", "\r\n").encode(),
        lambda t: t.encode("utf-16"),
        lambda t: t.replace(" ", "\t").encode(),
    ],
    ids=["byte order mark", "carriage returns", "utf-16", "tabs"],
)
def test_encodings_and_line_ends_do_not_matter(tmp_path, damage):
    assert len(read(tmp_path, "y.dat", damage(SECOMB)).edges) == 3


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_two_tables_make_a_network(tmp_path, separator):
    edges = tmp_path / "y_edges.csv"
    rows = "segment,source,target,Diameter [um],flow_nl_min,hematocrit\n10,7,3,4.0,2.0,0.4\n"
    edges.write_text(rows.replace(",", separator))
    nodes = "name,x_um,y_um,z_um,pressure_mmHg\n7,0,0,0,30\n3,20,0,0,\n"
    network = read(tmp_path, "y_nodes.csv", nodes.replace(",", separator))
    assert network.radii == pytest.approx(np.full((1, 2), 2e-6)) and network.lengths == pytest.approx([20e-6])
    assert network.flows == pytest.approx([2e-12 / 60]) and network.boundary[0].value == pytest.approx(
        30 * 133.322387415
    )
    assert read_network(edges).edges.tolist() == network.edges.tolist()


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.swc", SWC), ("a.dgf", DGF), ("a.csv", CSV[11:]), ("a.graphml", GRAPHML.replace(">um<", "><"))],
)
def test_a_unit_is_demanded_where_the_file_has_none(tmp_path, name, text):
    assert "unit" in refused(tmp_path, name, text)
    assert read(tmp_path, name, text, unit="2 mm").positions[1, 0] == pytest.approx(40e-3)


def test_a_unit_that_contradicts_the_file_is_refused(tmp_path):
    assert "mm" in refused(tmp_path, "a.dat", SECOMB, unit="mm")
    assert len(read(tmp_path, "b.dat", SECOMB, unit="um").edges) == 3


@pytest.mark.parametrize("text", ["", "furlong", "-1 um", "0 um", "inf m", "1e999 um", "1.2.3 um", "um 3"])
def test_lengths_that_are_none_are_refused(text):
    with pytest.raises(InputError, match="not a length"):
        parse_length(text, "unit")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (" 20 5 3 900 3.0", " 20 5 3 900 0.0", "zero: segments 20"),
        (" 20 5 3 900 3.0", " 20 5 3 900 -3.0", "negative or not a number: segments 20"),
        (" 20 5 3 900 3.0", " 20 5 3 900 nan", "negative or not a number: segments 20"),
        (" 20 5 3 900 3.0", " 20 5 3 99999 3.0", r"20 (node 99999)"),
        (" 20 5 3 900 3.0", " 20 5 3 3 3.0", "same node: segments 20"),
        (" 20 5 3 900 3.0", " 10 5 3 900 3.0", "more than once: 10"),
        (" 20 5 3 900 3.0", " 20 5 3 900 wide", "cannot be read: segments 20"),
        ("1.0 0.30", "1.0 1.7", "hematocrit outside of its range (0 to below 1): segments 20"),
        (" 900 40 10 0", " 900 20 0 0", "zero length, both ends at the same place: segments 20"),
        (" 900 40 10 0", " 900 40 inf 0", "not finite: nodes 900"),
        (" 900 40 10 0", " 12 40 10 0", "more than once: 12"),
        (" 3\ttotal", " 2000000000\ttotal", "declares 2000000000 segments but 3 rows"),
        (" 4 total", " 5 total", "declares 5 nodes but 4 rows"),
        (" 12 2 -1.0", " 13 2 -1.0", "do not exist: 13"),
        (" 12 2 -1.0", " 12 0 nan", "not finite: nodes 12"),
        ("-1.0 0.4", "-1.0 40", "boundary nodes 12"),
    ],
)
def test_each_defect_names_the_segment_or_node(tmp_path, old, new, said):
    assert old in SECOMB
    assert said in refused(tmp_path, "bad.dat", SECOMB.replace(old, new))


def test_all_defects_are_reported_at_once(tmp_path):
    text = SECOMB.replace("4.0 2.0", "0 2.0").replace(" 3 900 ", " 3 901 ").replace("1.0 0.50", "1.0 1.7")
    message = refused(tmp_path, "bad.dat", text)
    assert "3 defects" in message and all(f"segments {k}" in message for k in (10, 20, 30))


def test_a_file_cut_off_says_where(tmp_path):
    message = refused(tmp_path, "cut.dat", SECOMB[: SECOMB.index(" 30 5 3 12")])
    assert "declares 3 segments but 2 rows" in message and "segment 20" in message and "nodes" in message


def test_parallel_segments_are_legal(tmp_path):
    network = read(tmp_path, "y.csv", CSV + "40,3,12,2.0\n")
    assert network.edges.tolist()[-2:] == [[1, 3], [1, 3]]


def test_parts_that_are_not_connected_are_reported_with_their_sizes(tmp_path):
    text = CSV.replace("[edges]", "A,0,50,0\nB,9,50,0\n[edges]") + "40,A,B,2.0\n"
    notes = read(tmp_path, "y.csv", text).notes
    assert any("2 parts" in n and "3 segments with node 7" in n and "1 segments with node A" in n for n in notes)


def test_a_smallest_radius_widens_places_of_no_width_and_says_so(tmp_path):
    text = CSV.replace("20,3,900,3.0", "20,3,900,0")
    assert "min_radius" in refused(tmp_path, "y.csv", text)
    network = read(tmp_path, "y.csv", text, min_radius="0.5 um")
    assert network.radii.min() == pytest.approx(0.5e-6) and any("widened" in n for n in network.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 3 0 0 0 3 3\n2 3 10 0 0 3 1\n3 3 20 0 0 3 2\n", "circle: nodes 1, 3, 2"),
        ("1 3 0 0 0 3 -1\n2 3 10 0 0 3 9\n", "does not exist: nodes 2 (parent 9)"),
        ("1 3 0 0 0 3 -1\n1 3 10 0 0 3 1\n", "more than once: 1"),
        ("1 3 0 0 0 3 -1\n2 3 10 0 0 -3 1\n", "negative or not a number: segments 2"),
        ("1 3 0 0 0 3 -1\n2 3 10 0\n", "lines 2"),
        ("1 3 0 0 0 3 -1\n2 3 10 0 0 3 2\n", "same node: segments 2"),
        ("", "no segments"),
    ],
)
def test_trees_with_defects_are_refused(tmp_path, text, said):
    assert said in refused(tmp_path, "bad.swc", text, unit="um")


def test_a_forest_is_accepted_and_counted(tmp_path):
    network = read(tmp_path, "f.swc", SWC + "8 3 0 90 0 1 -1\n9 3 9 90 0 1 8\n", unit="um")
    assert len(network.components()) == 2 and any("2 roots" in n for n in network.notes)


def test_the_radius_of_a_dgf_file_can_be_chosen_and_the_choice_is_told(tmp_path):
    two = DGF.replace("parameters 1\n0 1 2.0\n1 2 1.5\n1 3 1.0", "parameters 2\n0 1 5.0 2.0\n1 2 4.0 1.5\n1 3 4.0 1.0")
    first = read(tmp_path, "y.dgf", two, unit="um")
    assert first.radii[:, 0] * 1e6 == pytest.approx([5, 4, 4])
    assert any("inconsistent" in n and "parameter 1 is taken as the radius" in n for n in first.notes)
    second = read(tmp_path, "y.dgf", two, unit="um", radius_parameter=2)
    assert second.radii[:, 0] * 1e6 == pytest.approx([2, 1.5, 1])
    lengths = two.replace("1 5.0", "1 20.0").replace("2 4.0", "2 22.4").replace("3 4.0", "3 23.0")
    assert read(tmp_path, "l.dgf", lengths, unit="um").radii[:, 0] * 1e6 == pytest.approx([2, 1.5, 1])
    assert "3" in refused(tmp_path, "y.dgf", two, unit="um", radius_parameter=3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.stl", "solid"), ("a.dat", "no counts here"), ("a.dgf", "GDF"), ("a.dgf", "DGF\nVertex\n0 0 0\n#\n"), ("a.csv", "a,b\n1,2\n"),
        ("a.graphml", "<html/>"), ("a.graphml", "not xml"), ("a.vtp", "<VTKFile/>"), ("a.swc", b"\x00\x01\x02"),
        ("a.csv", "[nodes]\nid,x,y\n1,0,0\n2,1,0\n[edges]\nfrom,to\n1,2\n"), ("a.csv", "[nodes]\nid,x\n1,0\n[edges]\nfrom,to\n1,2\n"),
    ],
)  # fmt: skip
def test_files_of_another_kind_are_refused_by_name(tmp_path, name, text):
    assert str(tmp_path) in refused(tmp_path, name, text, unit="um")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_network(tmp_path / "nothing.swc")


@pytest.mark.parametrize(
    ("name", "text"), [("y.dat", SECOMB), ("y.csv", CSV), ("y.graphml", GRAPHML), ("y.dgf", DGF), ("y.swc", SWC)]
)
def test_a_file_broken_off_anywhere_is_read_or_refused_but_nothing_else(tmp_path, name, text):
    path = tmp_path / name
    refusals = 0
    for length in range(0, len(text), 5):
        path.write_text(text[:length])
        try:
            network = read_network(path, "um")
        except InputError as error:
            refusals += 1
            assert name in str(error)
        else:
            assert np.isfinite(network.radii).all() and (network.lengths > 0).all()
    assert refusals > 5


def test_a_row_shorter_than_its_titles_is_a_defect_of_that_row(tmp_path):
    text = "  A TOY 3 segments\n\n node_from node_to segment_diameter segment_name\n 1 2 10 a\n 2 3 10\n"
    assert "cannot be read" in refused(tmp_path, "toy.txt", text)


def test_digits_of_other_scripts_are_no_counts(tmp_path):
    assert "y.dgf" in refused(tmp_path, "y.dgf", DGF.replace("parameters 1\n0 0 0", "parameters ²\n0 0 0"), unit="um")
