"""A triangle mesh as a vessel: openings, distance, volume."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.surface_vessel import SurfaceVessel
from hemoflow.geometry.voxelise import voxelise

UM = 1e-6


def tube(length: float = 30.0, radius: float = 6.0, around: int = 64, along: int = 20, capped: bool = False):  # type: ignore[no-untyped-def]
    """Triangulated tube along x with outward normals, micrometres scaled to metres."""
    angle = 2 * np.pi * np.arange(around) / around
    rings = [
        np.stack([np.full(around, x), radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        for x in np.linspace(0, length, along + 1)
    ]
    faces = []
    for k in range(along):
        for i in range(around):
            a, b = k * around + i, k * around + (i + 1) % around
            faces += [[a, b, b + around], [a, b + around, a + around]]
    vertices = np.concatenate(rings)
    faces = np.array(faces)
    if capped:
        n = len(vertices)
        vertices = np.concatenate([vertices, [[0, 0, 0], [length, 0, 0]]])
        first = [[n, (i + 1) % around, i] for i in range(around)]
        last = [[n + 1, along * around + i, along * around + (i + 1) % around] for i in range(around)]
        faces = np.concatenate([faces, first, last])
    return vertices * UM, faces


@pytest.mark.parametrize("capped", [False, True])
def test_a_tube_has_an_inlet_and_an_outlet_whether_its_ends_are_open_or_capped(capped: bool) -> None:
    vessel = SurfaceVessel(*tube(capped=capped))
    assert [o.name for o in vessel.openings] == ["inlet", "outlet"]
    assert vessel.openings[0].normal == pytest.approx([-1, 0, 0], abs=1e-9)
    assert vessel.openings[1].centre == pytest.approx([30 * UM, 0, 0], abs=1e-9)
    polygon = 0.5 * 64 * np.sin(2 * np.pi / 64) * (6 * UM) ** 2
    assert vessel.openings[0].area == pytest.approx(polygon, rel=1e-6)
    assert vessel.volume == pytest.approx(polygon * 30 * UM, rel=1e-6)


def test_the_distance_is_that_to_the_wall_and_not_to_the_caps() -> None:
    vessel = SurfaceVessel(*tube(capped=True))
    points = np.array([[0.1, 0, 0], [15, 3, 0], [15, 0, 7], [-0.1, 0, 0]]) * UM
    # facets of a 64-gon lie up to 0.12 % of the radius inside of the circle
    assert vessel.signed_distance(points) == pytest.approx(np.array([-6, -3, 1, 6]) * UM, rel=5e-3)


def test_the_lattice_fills_the_volume_of_the_mesh() -> None:
    vessel = SurfaceVessel(*tube())
    lumen = voxelise(vessel, 1 * UM)
    assert lumen.volume == pytest.approx(vessel.volume, rel=0.01)
    assert {int(k) for k in np.unique(lumen.link_opening)} == {-1, 0, 1}


def test_a_user_may_name_the_openings() -> None:
    wanted = [("vein", np.array([0.0, 0, 0])), ("artery", np.array([30.0, 0, 0]) * UM)]
    assert sorted(o.name for o in SurfaceVessel(*tube(), wanted).openings) == ["artery", "vein"]


def test_a_name_for_an_opening_that_is_not_there_is_refused_with_the_places_of_those_that_are() -> None:
    with pytest.raises(InputError, match=r"'side'.*openings are at"):
        SurfaceVessel(*tube(), [("side", np.array([15.0, 6.0, 0]) * UM)])


def test_a_slanted_tube_end_that_is_not_plane_is_cut_inside_and_said_so() -> None:
    vertices, faces = tube()
    end = vertices[:, 0] > 29.9 * UM
    vertices[end, 0] += 0.5 * UM * np.cos(2 * np.arctan2(vertices[end, 2], vertices[end, 1]))
    vessel = SurfaceVessel(vertices, faces)
    assert any("cut" in note for note in vessel.description["notes"])
    outlet = next(o for o in vessel.openings if o.name == "outlet")
    assert outlet.centre[0] < 30 * UM
    assert outlet.area == pytest.approx(np.pi * (6 * UM) ** 2, rel=0.01)


def test_a_cube_is_a_closed_cavity() -> None:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) * 10 * UM
    faces = np.array(
        [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
    )  # fmt: skip
    vessel = SurfaceVessel(corners, faces)
    assert vessel.openings == ()
    assert vessel.volume == pytest.approx(1000 * UM**3)


def test_a_formula_and_its_own_surface_agree() -> None:
    formula = make_vessel("constriction", length=40 * UM, diameter=14 * UM, neck_diameter=8 * UM, taper_length=8 * UM)
    vessel = SurfaceVessel(*formula.surface())
    assert vessel.volume == pytest.approx(formula.volume, rel=0.01)
    points = np.random.default_rng(0).uniform([2, -3, -3], [38, 3, 3], (200, 3)) * UM
    assert vessel.signed_distance(points) == pytest.approx(formula.signed_distance(points), abs=0.15 * UM)
