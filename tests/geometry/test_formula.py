"""Vessels from formulas: distances and volumes against closed forms, openings where the flow axis says, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.formula import FORMULAS, make_vessel
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import voxelise

UM = 1e-6
PERIODIC = [
    ("tube", ("x",)),
    ("constriction", ("x",)),
    ("slit", ("x",)),
    ("serpentine", ("x",)),
    ("channel", ("x", "y")),
]


def points_in(vessel: AbstractVessel, number: int = 4000) -> np.ndarray:
    low, high = vessel.bounds
    return np.random.default_rng(5).uniform(low, high, (number, 3))


def test_the_distance_in_a_tube_is_radius_minus_distance_from_the_axis() -> None:
    vessel = make_vessel("tube", length=50 * UM, diameter=10 * UM)
    points = points_in(vessel)
    expected = np.hypot(points[:, 1], points[:, 2]) - 5 * UM
    np.testing.assert_allclose(vessel.signed_distance(points), expected, atol=1e-9 * UM)
    beyond = vessel.signed_distance(np.array([[-3.0, 1, 0], [54.0, 0, 9]]) * UM)
    np.testing.assert_allclose(beyond, np.array([5.0, math.hypot(4, 4)]) * UM)


def test_the_distance_in_a_channel_is_to_the_nearest_of_four_planes() -> None:
    vessel = make_vessel("channel", length=40 * UM, width=12 * UM, height=8 * UM)
    p = points_in(vessel)
    expected = -np.minimum(6 * UM - np.abs(p[:, 1]), 4 * UM - np.abs(p[:, 2]))
    np.testing.assert_allclose(vessel.signed_distance(p), expected, atol=1e-9 * UM)
    corner = vessel.signed_distance(np.array([[20.0, 9, 8]]) * UM)
    assert corner[0] == pytest.approx(5 * UM)


def test_a_box_has_walls_on_all_six_sides_and_none_when_it_repeats_along_all_axes() -> None:
    box = make_vessel("box", length=10 * UM, width=20 * UM, height=20 * UM)
    assert box.signed_distance(np.array([[1.0, 0, 0]]) * UM)[0] == pytest.approx(-1 * UM)
    assert box.openings == ()
    free = make_vessel("box", ("x", "y", "z"), length=10 * UM, width=20 * UM, height=20 * UM)
    assert (free.signed_distance(points_in(free)) <= -10 * UM).all()
    lumen = voxelise(free, 1 * UM)
    assert len(lumen.nodes) == 4000 and len(lumen.link_node) == 0
    assert free.surface()[1].shape == (0, 3)


def test_the_throat_is_as_narrow_as_asked_and_the_wall_meets_it_smoothly() -> None:
    sizes = {
        "length": 60 * UM,
        "diameter": 15 * UM,
        "neck_diameter": 8 * UM,
        "neck_length": 6 * UM,
        "taper_length": 10 * UM,
    }
    vessel = make_vessel("constriction", **sizes)
    on_axis = vessel.signed_distance(np.array([[30.0, 0, 0], [2.0, 0, 0]]) * UM)
    np.testing.assert_allclose(on_axis, [-4 * UM, -7.5 * UM], rtol=1e-5)
    # Beside the throat's straight part the wall is a cylinder of its radius.
    assert vessel.signed_distance(np.array([[30.0, 3, 0]]) * UM)[0] == pytest.approx(-1 * UM, rel=1e-5)


def test_the_distance_beside_a_taper_is_the_true_one_not_the_radial_one() -> None:
    vessel = make_vessel("constriction")
    x = np.linspace(0, 60, 60001)
    p = vessel.description["parameters"]
    share = np.clip((np.abs(x - 30) * UM - p["neck_length"] / 2) / p["taper_length"], 0, 1)
    wall = np.stack(
        [x * UM, (p["neck_diameter"] + (p["diameter"] - p["neck_diameter"]) * (0.5 - 0.5 * np.cos(np.pi * share))) / 2],
        1,
    )
    at = np.array([[20.0, 5.0, 0.0], [38.0, 0.0, 4.0], [25.0, 1.0, 1.0]]) * UM
    flat = np.stack([at[:, 0], np.hypot(at[:, 1], at[:, 2])], axis=1)
    expected = np.linalg.norm(flat[:, None] - wall[None], axis=2).min(axis=1)
    np.testing.assert_allclose(-vessel.signed_distance(at), expected, rtol=1e-4)


def test_a_narrowing_of_a_slit_is_a_rectangle_of_the_neck() -> None:
    vessel = make_vessel("slit", width=20 * UM, height=12 * UM, neck_width=7 * UM, neck_height=5 * UM)
    middle = vessel.description["parameters"]["length"] / 2
    inside = np.array([[middle, 3.4 * UM, 0], [middle, 0, 2.4 * UM]])
    outside = np.array([[middle, 3.6 * UM, 0], [middle, 0, 2.6 * UM]])
    np.testing.assert_allclose(vessel.signed_distance(inside), -0.1 * UM, rtol=1e-3)
    np.testing.assert_allclose(vessel.signed_distance(outside), 0.1 * UM, rtol=1e-3)


def test_the_serpentine_keeps_its_diameter_and_its_ends_face_along_x() -> None:
    vessel = make_vessel("serpentine")
    p = vessel.description["parameters"]
    x = np.linspace(0, p["turns"] * p["wavelength"], 50)[1:-1]
    centre = np.stack([x, p["amplitude"] * np.cos(2 * np.pi * x / p["wavelength"]), np.zeros_like(x)], axis=1)
    np.testing.assert_allclose(vessel.signed_distance(centre), -p["diameter"] / 2, rtol=1e-5)
    np.testing.assert_allclose([o.normal for o in vessel.openings], [[-1, 0, 0], [1, 0, 0]])


def test_murrays_law_sets_the_daughters_of_a_bifurcation() -> None:
    vessel = make_vessel("bifurcation", diameter=12 * UM)
    assert [o.name for o in vessel.openings] == ["inlet", "outlet", "outlet_2"]
    parent, *daughters = (o.radius for o in vessel.openings)
    assert parent**3 == pytest.approx(sum(r**3 for r in daughters))
    assert vessel.openings[1].centre[1] == pytest.approx(-vessel.openings[2].centre[1])


def test_every_branching_of_a_honeycomb_joins_three_capillaries_and_only_openings_end() -> None:
    vessel = make_vessel("honeycomb", rows=3, columns=4, inlets=2)
    degrees = np.bincount(vessel.edges.ravel())  # type: ignore[attr-defined]
    assert set(degrees) == {1, 2, 3} and (degrees == 1).sum() == 4
    assert [o.name for o in vessel.openings] == ["inlet", "inlet_2", "outlet", "outlet_2"]
    lengths = np.linalg.norm(np.diff(vessel.nodes[vessel.edges], axis=1)[:, 0], axis=1)  # type: ignore[attr-defined]
    np.testing.assert_allclose(lengths, 22 * UM, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_the_volume_is_what_random_points_say_and_the_wall_encloses_it(name: str) -> None:
    vessel = make_vessel(name)
    points = points_in(vessel, 100_000)
    box = float(np.prod(np.ptp(vessel.bounds, axis=0)))
    share = float(np.mean(vessel.signed_distance(points) < 0))
    # Three standard errors of the share of points inside.
    assert vessel.volume == pytest.approx(share * box, rel=3 * math.sqrt((1 - share) / share / 1e5) + 1e-4)
    vertices, faces = vessel.surface()
    centre = vertices.mean(axis=0)
    a, b, c = (vertices[faces] - centre).transpose(1, 0, 2)
    caps = sum(o.area * float((o.centre - centre) @ o.normal) / 3 for o in vessel.openings)
    # Flat faces lose at most 0.7 % of a circle drawn with thirty of them.
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 + caps == pytest.approx(vessel.volume, rel=7e-3)


@pytest.mark.parametrize(("name", "spacing"), [("constriction", 0.6), ("slit", 1.0), ("serpentine", 0.6)])
def test_the_lattice_holds_the_volume_within_one_per_cent(name: str, spacing: float) -> None:
    vessel = make_vessel(name)
    lumen = voxelise(vessel, spacing * UM)
    assert lumen.volume == pytest.approx(vessel.volume, rel=0.01)
    assert set(np.unique(lumen.link_opening)) == {-1, 0, 1}


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"box"}))
def test_the_flow_axis_is_x_from_inlet_to_outlet(name: str) -> None:
    vessel = make_vessel(name)
    names = [o.name for o in vessel.openings]
    assert names[0] == "inlet" and "outlet" in names
    inlet, outlet = vessel.openings[0], vessel.openings[names.index("outlet")]
    assert inlet.centre[0] == pytest.approx(vessel.bounds[0, 0], abs=1e-12) and outlet.centre[0] > inlet.centre[0]
    assert inlet.normal[0] == pytest.approx(-1)
    for o in vessel.openings:
        inwards = vessel.signed_distance((o.centre - 0.01 * o.radius * o.normal)[None])
        outwards = vessel.signed_distance((o.centre + 0.01 * o.radius * o.normal)[None])
        assert inwards[0] < 0 < outwards[0]


@pytest.mark.parametrize(("name", "axes"), PERIODIC)
def test_a_periodic_vessel_has_no_openings_there_and_repeats(name: str, axes: tuple[str, ...]) -> None:
    vessel = make_vessel(name, axes)
    points = points_in(vessel, 500)
    period = np.where([a in axes for a in "xyz"], np.ptp(vessel.bounds, axis=0), 0.0)
    assert vessel.openings == () and vessel.periodic[0]
    np.testing.assert_allclose(vessel.signed_distance(points + period), vessel.signed_distance(points), atol=1e-6 * UM)


@pytest.mark.parametrize(
    ("name", "axes", "given", "words"),
    [
        ("pipe", (), {}, "no 'pipe'"),
        ("tub", (), {}, "did you mean 'tube'"),
        ("tube", (), {"lenght": 1e-5}, "vessel.lenght: .*did you mean 'length'"),
        ("tube", (), {"length": -1e-5}, "vessel.length: -10 um must be a positive"),
        ("tube", (), {"diameter": math.nan}, "vessel.diameter"),
        ("tube", ("y",), {}, "vessel.periodic: a tube cannot repeat along y"),
        ("honeycomb", ("x",), {}, "allowed: none"),
        (
            "constriction",
            (),
            {"neck_diameter": 2e-5},
            "neck_diameter: 20 um must be smaller than vessel.diameter .15 um",
        ),
        ("constriction", (), {"taper_length": 5e-5}, "taper_length: 50 um must be at most"),
        ("constriction", (), {"neck_length": 6e-5}, "neck_length: 60 um must be smaller than vessel.length"),
        ("slit", (), {"neck_width": 3e-5}, "neck_width: 30 um must be smaller than vessel.width"),
        ("slit", (), {"neck_height": 3e-5}, "neck_height: 30 um must be at most vessel.height"),
        ("serpentine", (), {"amplitude": 5e-5}, "vessel.amplitude: 50 um bends"),
        ("serpentine", (), {"turns": 1.5}, "vessel.turns: 1.5 must be a whole number"),
        ("bifurcation", (), {"angle": 0.05}, "vessel.angle"),
        ("bifurcation", (), {"angle": 4.0}, "at most 180 deg"),
        ("bifurcation", (), {"length": 5e-6}, "vessel.length: 5 um must be at least"),
        ("honeycomb", (), {"diameter": 3e-5}, "vessel.diameter: 30 um must be smaller than vessel.edge_length"),
        ("honeycomb", (), {"inlets": 3}, "vessel.inlets: 3 must be at most vessel.rows"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_value_and_remedy(name, axes, given, words) -> None:
    with pytest.raises(InputError, match=words):
        make_vessel(name, axes, **given)
