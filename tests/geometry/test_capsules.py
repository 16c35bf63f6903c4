"""A lumen of round pipes: exact distances where they are known, volumes counted once, flat open ends."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.capsules import CapsuleVessel
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.isosurface import isosurface
from hemoflow.geometry.round_cones import RoundCones
from hemoflow.geometry.voxelise import voxelise

UM = 1e-6
CLOSED = np.zeros((1, 2), bool)


def pipe(names: dict[int, str] | None = None, radii=(5.0,), length: float = 60.0) -> CapsuleVessel:
    nodes = np.array([[0, 0, 0], [length, 0, 0]]) * UM
    return CapsuleVessel(nodes, np.array([[0, 1]]), np.atleast_1d(np.asarray(radii)) * UM, names)


def fork() -> CapsuleVessel:
    nodes = np.array([[0, 0, 0], [40, 0, 0], [70, 25, 0], [70, -25, 5]]) * UM
    edges = np.array([[0, 1], [1, 2], [3, 1]])
    return CapsuleVessel(nodes, edges, np.array([5, 4, 3.5]) * UM, {0: "inlet", 2: "up", 3: "down"})


def some_points(vessel: CapsuleVessel, number: int, margin: float = 0.0) -> np.ndarray:
    low, high = vessel.bounds
    return np.random.default_rng(7).uniform(low - margin, high + margin, (number, 3))


def mesh_volume(vessel, vertices: np.ndarray, faces: np.ndarray) -> float:
    """Enclosed volume of an open wall, flat discs added at its openings."""
    centre = vertices.mean(axis=0)
    a, b, c = (vertices[faces] - centre).transpose(1, 0, 2)
    caps = sum(o.area * float((o.centre - centre) @ o.normal) / 3 for o in vessel.openings)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6 + caps)


def edge_uses(faces: np.ndarray) -> np.ndarray:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return np.unique(edges, axis=0, return_counts=True)[1]


def test_the_distance_in_an_open_pipe_is_that_of_a_cylinder_right_up_to_its_ends() -> None:
    vessel = pipe({0: "inlet", 1: "outlet"})
    points = some_points(vessel, 20000, margin=0)
    expected = np.hypot(points[:, 1], points[:, 2]) - 5 * UM
    assert expected.min() < -4.9 * UM
    np.testing.assert_allclose(vessel.signed_distance(points), expected, atol=1e-9 * UM)


def test_across_an_open_end_the_sign_jumps_and_the_distance_to_the_rim_does_not() -> None:
    vessel = pipe({0: "inlet", 1: "outlet"})
    before, after = vessel.signed_distance(np.array([[-1e-6, 2, 0], [1e-6, 2, 0]]) * UM)
    assert before == pytest.approx(3 * UM) and after == pytest.approx(-3 * UM)
    assert vessel.signed_distance(np.array([[-4.0, 2.0, 0.0]]) * UM)[0] == pytest.approx(5 * UM)


def test_a_closed_round_cone_is_the_hull_of_its_end_spheres() -> None:
    # The hull of two balls is the union of all balls in between.
    cone = RoundCones(np.zeros((1, 3)), np.array([[10.0, 2, -3]]), np.array([[4.0, 1.5]]), CLOSED)
    points = np.random.default_rng(3).uniform(-8, 16, (3000, 3))
    share = np.linspace(0, 1, 4001)
    centres = share[:, None] * np.array([10.0, 2, -3])
    gap = np.linalg.norm(points[:, None] - centres[None, ::40], axis=2) - (4.0 - 2.5 * share[::40])
    outside = gap.min(axis=1) > 0.1
    found = cone.closed_distance(points, np.zeros(len(points), np.int64))
    assert outside.sum() > 500
    # A hundred balls miss the hull by less than (10.6 / 100 / 2)^2 / (2 * 1.5).
    np.testing.assert_allclose(found[outside], gap.min(axis=1)[outside], atol=1e-3)


def test_the_union_is_the_least_of_the_distances_to_every_pipe() -> None:
    rng = np.random.default_rng(11)
    start, end = rng.uniform(0, 100, (2, 60, 3))
    open_ends = rng.random((60, 2)) < 0.2
    cones = RoundCones(start, end, rng.uniform(1, 4, (60, 2)), open_ends)
    points = rng.uniform(-10, 110, (3000, 3))
    brute = np.min([cones.distance(points, np.full(len(points), k)) for k in range(60)], axis=0)
    assert (brute < 0).sum() > 100
    np.testing.assert_allclose(cones.union(points), brute, rtol=0, atol=0)
    held = np.sum([cones.distance(points, np.full(len(points), k)) < 0 for k in range(60)], axis=0)
    np.testing.assert_array_equal(cones.cover(points), held)


def test_volumes_of_single_pipes_are_those_of_the_solids() -> None:
    cylinder = np.pi * 25 * 60 * UM**3
    assert pipe({0: "in", 1: "out"}).volume == pytest.approx(cylinder, rel=1e-12)
    assert pipe().volume == pytest.approx(cylinder + 4 / 3 * np.pi * 125 * UM**3, rel=1e-12)


def test_two_crossing_cylinders_share_the_steinmetz_solid() -> None:
    r, length = 5.0, 40.0
    nodes = np.array([[-20, 0, 0], [20, 0, 0], [0, -20, 0], [0, 20, 0]]) * UM
    vessel = CapsuleVessel(nodes, np.array([[0, 1], [2, 3]]), np.full(2, r) * UM, {0: "a", 1: "b", 2: "c", 3: "d"})
    exact = (2 * np.pi * r**2 * length - 16 / 3 * r**3) * UM**3
    # The quadrature is exact but for the shared place, a tenth of the volume, that it samples to a few per cent.
    assert vessel.volume == pytest.approx(exact, rel=3e-3)


def test_the_volume_is_what_random_points_say() -> None:
    vessel = fork()
    points = some_points(vessel, 400_000)
    share = np.mean(vessel.signed_distance(points) < 0)
    box = float(np.prod(np.ptp(vessel.bounds, axis=0)))
    # 4e5 points of which about a tenth hit: standard error 0.5 %; three of them.
    assert vessel.volume == pytest.approx(share * box, rel=0.015)


def test_the_lattice_finds_the_volume_within_one_per_cent_and_every_opening() -> None:
    vessel = fork()
    lumen = voxelise(vessel, 0.5 * UM)
    assert lumen.volume == pytest.approx(vessel.volume, rel=0.01)
    assert set(np.unique(lumen.link_opening)) == {-1, 0, 1, 2}
    assert [o.name for o in vessel.openings] == ["inlet", "up", "down"]


def test_openings_are_flat_discs_facing_out() -> None:
    inlet, up, _ = fork().openings
    np.testing.assert_allclose(inlet.normal, [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(up.normal, np.array([30, 25, 0]) / np.hypot(30, 25), atol=1e-12)
    assert inlet.radius == pytest.approx(5 * UM) and inlet.area == pytest.approx(np.pi * 25 * UM**2)
    assert fork().bounds[0, 0] == pytest.approx(0.0, abs=1e-18)


def test_a_short_end_piece_is_cut_flat_through_its_neighbours_joint_too() -> None:
    # The last piece is shorter than the radius: the round joint behind it must not bulge through the opening.
    nodes = np.array([[0, 0, 0], [30, 0, 0], [31, 0, 0]]) * UM
    vessel = CapsuleVessel(nodes, np.array([[0, 1], [1, 2]]), np.array([5, 5]) * UM, {0: "inlet", 2: "outlet"})
    beyond = np.array([[31.5, 0, 0], [33, 1, 0], [31.2, 4.5, 0]]) * UM
    assert (vessel.signed_distance(beyond) > 0).all()
    assert vessel.volume == pytest.approx(np.pi * 25 * 31 * UM**3, rel=2e-3)


@pytest.mark.parametrize(
    "vessel", [pipe({0: "a", 1: "b"}), pipe({0: "a"}, radii=((5.0, 3.0),)), fork()], ids=["pipe", "cone", "fork"]
)
def test_the_surface_is_closed_but_for_flat_openings_and_encloses_the_volume(vessel: CapsuleVessel) -> None:
    vertices, faces = vessel.surface()
    uses = edge_uses(faces)
    assert set(np.unique(uses)) == {1, 2}
    # Chords of a circle cut into about 30 parts enclose 0.7 % less than the circle.
    assert mesh_volume(vessel, vertices, faces) == pytest.approx(vessel.volume, rel=0.008)
    rim = [np.abs((vertices - o.centre) @ o.normal) < 1e-9 * UM for o in vessel.openings]
    on_rim = sum(
        int((at & (np.linalg.norm(vertices - o.centre, axis=1) < 1.1 * o.radius)).sum())
        for at, o in zip(rim, vessel.openings, strict=True)
    )
    assert on_rim == (uses == 1).sum()
    assert max(((vertices - o.centre) @ o.normal).max() for o in vessel.openings[:1]) < 1e-9 * UM


def test_an_isosurface_lies_on_the_zero_level_and_faces_outwards() -> None:
    vertices, faces = isosurface(lambda p: np.linalg.norm(p, axis=1) - 3.0, np.array([[-4.0] * 3, [4.0] * 3]), 0.4)
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 3.0, atol=1e-3)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 == pytest.approx(4 / 3 * np.pi * 27, rel=0.01)
    assert set(edge_uses(faces)) == {2}


@pytest.mark.parametrize("share", [3.6, 3.8, 4.0, 4.2])
def test_the_wall_has_no_branched_edges_however_the_grid_meets_it(share: float) -> None:
    # At 3.8 faces per radius the lowest line of a daughter grazes a plane of the first grid that is tried.
    vessel = make_vessel("bifurcation", (), daughter_length=40 * UM, angle=math.radians(70))
    assert isinstance(vessel, CapsuleVessel)
    _, faces = vessel.wall(float(np.median(vessel.radii)) / share)
    assert set(np.unique(edge_uses(faces))) == {1, 2}


def test_a_periodic_pipe_has_no_ends() -> None:
    nodes = np.array([[0, 0, 0], [20, 0, 0]]) * UM
    vessel = CapsuleVessel(nodes, np.array([[0, 1]]), np.array([4.0]) * UM, periodic=(True, False, False))
    points = np.array([[0, 0, 0], [20, 1, 0], [-3, 0, 3.5], [45, 0, 5]]) * UM
    np.testing.assert_allclose(vessel.signed_distance(points), np.array([-4, -3, -0.5, 1]) * UM, atol=1e-9 * UM)
    assert vessel.volume == pytest.approx(np.pi * 16 * 20 * UM**3, rel=2e-3)
    assert vessel.openings == ()


def test_only_the_pipes_near_a_point_are_asked() -> None:
    rng = np.random.default_rng(1)
    nodes = rng.uniform(0, 300, (301, 3)) * UM
    edges = np.stack([np.arange(300), np.arange(1, 301)], axis=1)
    vessel = CapsuleVessel(nodes, edges, rng.uniform(2, 5, 300) * UM)
    points = some_points(vessel, 200_000)
    start = time.process_time()
    distance = vessel.signed_distance(points)
    assert np.isfinite(distance).all() and (distance < 0).any()
    # Measured 0.6 s. Asking all 300 pipes about each of 2e5 points would take about 20 s.
    assert time.process_time() - start < 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"names": {1: "middle"}}, "joins 2 edges"),
        ({"names": {9: "nowhere"}}, "does not exist"),
        ({"radii": np.array([1.0, 0.0]) * UM}, "radii must be positive"),
        ({"edges": np.array([[0, 1], [1, 7]])}, "names node 7"),
        ({"radii": np.ones(5)}, "do not fit"),
        ({"edges": np.zeros((0, 2), int), "radii": np.zeros(0)}, "at least one edge"),
    ],
)
def test_pipes_that_make_no_sense_are_refused_by_name(change: dict, words: str) -> None:
    given = {"nodes": np.eye(3) * 50 * UM, "edges": np.array([[0, 1], [1, 2]]), "radii": np.ones(2) * UM} | change
    with pytest.raises(InputError, match=words):
        CapsuleVessel(**given)
