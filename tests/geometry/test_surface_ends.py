"""Where a triangle mesh is open: rims, flat ends, ends closed in part, uneven ends, and ends that the user wants cut."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.surface_vessel import SurfaceVessel
from hemoflow.geometry.voxelise import voxelise

UM = 1e-6
Mesh = tuple[np.ndarray, np.ndarray]


def swept(rings: np.ndarray, capped: bool = True) -> Mesh:
    """Mesh over cross-sections (n, k, 3) with outward normals, and its ends closed by fans if `capped`."""
    n, k, _ = rings.shape
    row, col = (a.ravel() for a in np.mgrid[: n - 1, :k])
    a, b = row * k + col, row * k + (col + 1) % k
    faces = [np.stack([a, b, b + k], 1), np.stack([a, b + k, a + k], 1)]
    vertices = [rings.reshape(-1, 3)]
    if capped:
        vertices.append(rings[[0, -1]].mean(axis=1))
        i, last = np.arange(k), (n - 1) * k
        faces.append(np.stack([np.full(k, n * k), (i + 1) % k, i], 1))
        faces.append(np.stack([np.full(k, n * k + 1), last + i, last + (i + 1) % k], 1))
    return np.concatenate(vertices) * UM, np.concatenate(faces)


def lathe(x: np.ndarray, radius: np.ndarray, around: int = 48, capped: bool = True) -> Mesh:
    angle = 2 * np.pi * np.arange(around) / around
    circle = np.stack([np.zeros(around), np.cos(angle), np.sin(angle)], axis=1)
    return swept(radius[:, None, None] * circle + np.stack([x, 0 * x, 0 * x], axis=1)[:, None], capped)


def tube(around: int = 48, capped: bool = False) -> Mesh:
    return lathe(np.linspace(0, 30, 21), np.full(21, 6.0), around, capped)


def u_bend() -> Mesh:
    """A tube of radius 4 with two long parallel legs 10 apart; one ends at x = 0, the other at x = -15."""
    arc = np.linspace(-np.pi / 2, np.pi / 2, 24)
    line = np.concatenate([
        [[-15 + k, -5, 0] for k in range(35)],
        np.stack([20 + 5 * np.cos(arc), 5 * np.sin(arc), 0 * arc], 1),
        [[20 - k, 5, 0] for k in range(1, 21)],
    ])  # fmt: skip
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    side = np.cross([0, 0, 1.0], along)
    angle = 2 * np.pi * np.arange(32) / 32
    # side, z and the tangent are right-handed, so the facets face outward
    rings = line[:, None] + 4 * (
        np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * np.array([0, 0, 1.0])
    )
    return swept(rings)


def capsule() -> Mesh:
    """A tube of radius 5 along x from 0 to 30 with round ends."""
    turn = np.linspace(0.05, np.pi / 2, 12)
    x = np.concatenate([-5 * np.cos(turn), np.linspace(2, 28, 14), 30 + 5 * np.cos(turn[::-1])])
    r = np.concatenate([5 * np.sin(turn), np.full(14, 5.0), 5 * np.sin(turn[::-1])])
    return lathe(x, r, 64)


def test_the_distance_to_a_fine_cylinder_is_the_exact_one() -> None:
    x = np.linspace(0, 30, 31)
    vessel = SurfaceVessel(*lathe(x, np.full(31, 6.0), 200, capped=False))
    points = np.random.default_rng(2).uniform([3, -8, -8], [27, 8, 8], (2000, 3)) * UM
    exact = np.hypot(points[:, 1], points[:, 2]) - 6 * UM
    # the facets lie inside of the circle by no more than their sagitta
    sagitta = 6 * UM * (1 - np.cos(np.pi / 200))
    assert np.abs(vessel.signed_distance(points) - exact).max() <= 1.01 * sagitta


def test_a_tube_turned_and_cut_at_an_angle_keeps_its_volume_on_the_lattice() -> None:
    vertices, faces = tube()
    slant = vertices.copy()
    slant[:, 0] += np.where(vertices[:, 0] > 15 * UM, (vertices[:, 0] / (15 * UM) - 1) * 0.8 * vertices[:, 1], 0)
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    vessel = SurfaceVessel(slant @ turn.T, faces)
    outlet = next(o for o in vessel.openings if np.linalg.norm(o.centre @ turn - np.array([30, 0, 0]) * UM) < UM)
    expected = np.array([1, -0.8, 0]) / np.hypot(1, 0.8)
    assert outlet.normal @ turn == pytest.approx(expected, abs=1e-6)
    polygon = 0.5 * 48 * np.sin(2 * np.pi / 48) * (6 * UM) ** 2
    assert outlet.area == pytest.approx(polygon * np.hypot(1, 0.8), rel=1e-6)
    lumen = voxelise(vessel, 1 * UM)
    # 12 nodes across; what is promised is 2 %
    assert lumen.volume == pytest.approx(vessel.volume, rel=0.02)
    assert set(np.unique(lumen.link_opening).tolist()) == {-1, 0, 1}


def test_an_opening_does_not_cut_the_leg_beside_it() -> None:
    vessel = SurfaceVessel(*u_bend())
    assert len(vessel.openings) == 2
    # the plane of the opening at x = 0 runs through the other leg, whose middle is 10 um away
    beside = np.array([[-5.0, -5, 0], [-1, -5, 0], [1, -5, 0], [-1, 5, 0], [1, 5, 0]]) * UM
    assert (vessel.signed_distance(beside) < 0).tolist() == [True, True, True, False, True]
    assert voxelise(vessel, 0.6 * UM).volume == pytest.approx(vessel.volume, rel=0.02)


def test_a_hole_in_a_flat_end_makes_the_whole_end_an_opening() -> None:
    vertices, faces = tube(capped=True)
    at_end = np.flatnonzero((vertices[faces][:, :, 0] > 29.9 * UM).all(axis=1))
    vessel = SurfaceVessel(vertices, np.delete(faces, at_end[::3], axis=0))
    whole = SurfaceVessel(vertices, faces)
    assert [o.name for o in vessel.openings] == ["inlet", "outlet"]
    assert sorted(o.area for o in vessel.openings) == pytest.approx(sorted(o.area for o in whole.openings))
    assert vessel.volume == pytest.approx(whole.volume)
    assert len(vessel.surface()[1]) == len(whole.surface()[1])


def test_one_open_and_one_flat_end_are_both_openings() -> None:
    vertices, faces = tube(capped=True)
    at_end = (vertices[faces][:, :, 0] > 29.9 * UM).all(axis=1)
    vessel = SurfaceVessel(vertices, faces[~at_end])
    assert sorted(float(o.normal[0]) for o in vessel.openings) == pytest.approx([-1, 1])


def test_a_hole_in_the_side_is_refused_by_its_place() -> None:
    vertices, faces = tube()
    middle = vertices[faces].mean(axis=1) / UM
    hole = (np.abs(middle[:, 0] - 15) < 3) & (middle[:, 1] > 4)
    with pytest.raises(InputError, match=r"open rim near \(15, .*departs .* um from a plane.*close this hole"):
        SurfaceVessel(vertices, faces[~hole])


def test_a_jagged_end_is_cut_plane_and_said_so() -> None:
    vertices, faces = tube()
    end = np.flatnonzero(vertices[:, 0] > 29.9 * UM)
    vertices[end[::2], 0] -= 1.2 * UM
    vessel = SurfaceVessel(vertices, faces)
    outlet = next(o for o in vessel.openings if o.normal[0] > 0)
    assert outlet.normal == pytest.approx([1, 0, 0], abs=1e-3)
    assert 28 * UM < outlet.centre[0] < 28.8 * UM
    assert any("uneven rim" in note for note in vessel.description["notes"])
    assert vessel.volume == pytest.approx(outlet.area * outlet.centre[0], rel=1e-3)
    assert voxelise(vessel, 1 * UM).volume == pytest.approx(vessel.volume, rel=0.02)


def test_a_narrow_branch_of_a_wide_vessel_is_an_opening_too() -> None:
    x = np.linspace(0, 120, 61)
    radius = np.where(x < 20, 20.0, np.where(x > 80, 1.2, 1.2 + 18.8 * (80 - x) / 60))
    vessel = SurfaceVessel(*lathe(x, radius))
    assert [round(o.radius / UM, 1) for o in vessel.openings] == [20.0, 1.2]


def test_the_slopes_of_a_flat_sided_constriction_are_wall() -> None:
    half = np.array([8.0, 8, 3, 3, 8, 8])
    x = np.array([0.0, 18, 24, 36, 42, 60])
    rings = np.stack(
        [
            np.stack([np.full(4, a), h * np.array([1, -1, -1, 1]), [5, 5, -5, -5]], 1)
            for a, h in zip(x, half, strict=True)
        ]
    )
    vessel = SurfaceVessel(*swept(rings[:, :, [0, 1, 2]]))
    assert vessel.volume > 0
    assert sorted(float(o.normal[0]) for o in vessel.openings) == pytest.approx([-1, 1])


def test_round_ends_are_cut_where_the_user_names_openings() -> None:
    wanted = [("inlet", np.array([1.0, 0.3, 0]) * UM), ("outlet", np.array([29.0, 0, -0.2]) * UM)]
    assert SurfaceVessel(*capsule()).openings == ()
    vessel = SurfaceVessel(*capsule(), wanted)
    inlet, outlet = vessel.openings
    assert inlet.name == "inlet"
    # the plane of the smallest section is searched to about a hundredth of a radian
    assert inlet.normal == pytest.approx([-1, 0, 0], abs=0.03)
    assert outlet.normal == pytest.approx([1, 0, 0], abs=0.03)
    polygon = 0.5 * 64 * np.sin(2 * np.pi / 64) * (5 * UM) ** 2
    assert inlet.area == pytest.approx(polygon, rel=2e-3)
    assert vessel.volume == pytest.approx(polygon * 28 * UM, rel=5e-3)


def test_a_cut_outside_of_the_lumen_or_through_an_opening_is_refused() -> None:
    for at in ([15.0, 9, 0], [60.0, 0, 0]):
        with pytest.raises(InputError, match=r"'inlet' at .* belongs to no opening .* a blind end is cut open"):
            SurfaceVessel(*capsule(), [("inlet", np.array(at) * UM)])
    with pytest.raises(InputError, match="'side' at"):
        SurfaceVessel(*tube(capped=True), [("side", np.array([15.0, 0, 0]) * UM)])


def test_a_user_may_open_the_sides_of_a_box() -> None:
    square = np.array([[0, 1, 1], [0, -1, 1], [0, -1, -1], [0, 1, -1]]) * 5.0
    rings = square + np.array([0.0, 10])[:, None, None] * np.array([1.0, 0, 0])
    assert SurfaceVessel(*swept(rings)).openings == ()
    wanted = [("west", np.array([0.0, 0, 0])), ("north", np.array([5.0, 5, 0]) * UM)]
    vessel = SurfaceVessel(*swept(rings), wanted)
    assert {o.name: np.round(o.normal, 6).tolist() for o in vessel.openings} == {"west": [-1, 0, 0], "north": [0, 1, 0]}


def test_an_opening_of_impossible_width_is_doubted() -> None:
    vertices, faces = tube()
    assert not any("check the unit" in note for note in SurfaceVessel(vertices, faces).description["notes"])
    assert any("check the unit" in note for note in SurfaceVessel(vertices * 1000, faces).description["notes"])


def test_the_sign_does_not_depend_on_the_order_of_the_points() -> None:
    vessel = SurfaceVessel(*u_bend())
    axes = (np.linspace(low, high, 23) for low, high in vessel.bounds.T)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    order = np.random.default_rng(1).permutation(len(grid))
    assert (vessel.signed_distance(grid)[order] == vessel.signed_distance(grid[order])).all()
    alone = [float(vessel.signed_distance(point[None])[0]) for point in grid[order[:200]]]
    assert (np.array(alone) < 0).tolist() == (vessel.signed_distance(grid[order[:200]]) < 0).tolist()
