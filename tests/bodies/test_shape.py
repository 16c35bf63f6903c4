"""Shapes of rigid bodies: their mass, their mesh and where the markers belong."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.bodies.calibration import EXCESS, excess_of_body, excess_of_markers
from hemoflow.bodies.shape import Shape
from hemoflow.build.bodies import Body, Drawn, build_bodies
from hemoflow.cells.surface import area, volume
from hemoflow.errors import InputError


def test_volume_and_inertia_are_those_of_the_solid() -> None:
    ball, egg = Shape("sphere", 2.0, 2.0), Shape("spheroid", 1.0, 3.0)
    assert ball.volume() == pytest.approx(32.0 * np.pi / 3.0, rel=1e-6)
    assert ball.inertia() == pytest.approx(np.full(3, 0.4 * 4.0 * ball.volume()), rel=1e-6)
    assert egg.inertia() == pytest.approx(egg.volume() * np.array([2.0, 2.0, 0.4]), rel=1e-6)
    disc = Shape("disc", 4.0, 0.5)
    # A flat disc of radius b within the distance c (Steiner's formula): 2 pi b^2 c + pi^2 b c^2 + 4/3 pi c^3.
    b, c = 3.5, 0.5
    assert disc.volume() == pytest.approx(2 * np.pi * b * b * c + np.pi**2 * b * c * c + 4 / 3 * np.pi * c**3, rel=1e-6)


@pytest.mark.parametrize("shape", [Shape("sphere", 3.0, 3.0), Shape("spheroid", 3.0, 5.0), Shape("disc", 5.0, 1.5)])
def test_meshes_close_around_the_shape_with_even_vertices(shape: Shape) -> None:
    surface, normal, curvature = shape.surface(600)
    assert volume(surface.vertices, surface.faces) == pytest.approx(shape.volume(), rel=0.02)
    assert area(surface.vertices, surface.faces) == pytest.approx(shape.area(), rel=0.01)
    assert np.linalg.norm(normal, axis=1) == pytest.approx(np.ones(len(normal)))
    # The mean curvature is half of the change of area when the surface moves along its normal.
    moved = area(surface.vertices + 1e-4 * normal, surface.faces) - area(surface.vertices, surface.faces)
    assert moved / (2e-4 * shape.area()) == pytest.approx(float(curvature.mean()), rel=0.03)


@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_a_sphere_whose_markers_are_drawn_in_has_its_own_hydrodynamic_radius(kernel: int) -> None:
    for radius in (4.0, 7.5, 20.0):
        depth = float(excess_of_body(np.array([1.0 / radius]), kernel)[0])
        assert depth == pytest.approx(excess_of_markers(radius - depth, kernel), rel=1e-9)
        group, _ = build_bodies([Body(Shape("sphere", radius, radius), np.zeros(3))], Drawn(kernel))
        assert np.linalg.norm(np.asarray(group.markers), axis=1) == pytest.approx(radius - depth, rel=1e-5)
    flat = excess_of_body(np.array([0.0]), kernel)[0]
    assert flat == pytest.approx(EXCESS[kernel][0], rel=1e-6)


def test_markers_of_thin_bodies_stay_inside_of_them() -> None:
    group, _ = build_bodies([Body(Shape("disc", 2.5, 0.5), np.zeros(3))], Drawn(3))
    assert np.abs(np.asarray(group.markers)[:, 2]).max() < 0.5
    assert np.asarray(group.area).min() > 0.0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("cube", 1.0, 1.0), "one of sphere"),
        (("sphere", 1.0, 2.0), "spheroid"),
        (("disc", 1.0, 2.0), "thick"),
        (("spheroid", -1.0, 2.0), "positive"),
    ],
)
def test_impossible_shapes_are_refused(values: tuple[str, float, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Shape(*values)
