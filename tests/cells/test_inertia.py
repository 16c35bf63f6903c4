"""The ellipsoid of inertia recovers the axes, the deformation and the inclination of known bodies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemoflow.cells.inertia import deformation_in_plane, inertia_ellipsoid, taylor_deformation
from hemoflow.cells.surface import icosphere, spheroid

TILT = math.radians(28.0)
ROTATION = np.array([[math.cos(TILT), -math.sin(TILT), 0.0], [math.sin(TILT), math.cos(TILT), 0.0], [0.0, 0.0, 1.0]])


def test_semi_axes_and_directions_of_an_ellipsoid_are_recovered() -> None:
    shape = spheroid(12, (3.0, 1.0, 2.0))
    body = inertia_ellipsoid(shape.vertices @ ROTATION.T + 5.0, shape.faces)
    # the inscribed polyhedron is a scaled copy to second order: 1440 x 20 faces are 0.4 % too small
    assert body.semi_axes == pytest.approx([3.0, 2.0, 1.0], rel=5e-3)
    assert body.semi_axes[0] / body.semi_axes[2] == pytest.approx(3.0, rel=1e-4)
    assert body.centre == pytest.approx([5.0, 5.0, 5.0], abs=1e-12)
    assert abs(body.directions[0] @ ROTATION[:, 0]) == pytest.approx(1.0, abs=1e-9)


def test_a_sphere_is_not_deformed() -> None:
    sphere = icosphere(4)
    assert taylor_deformation(sphere.vertices, sphere.faces) < 1e-12


def test_deformation_and_inclination_in_the_shear_plane() -> None:
    shape = spheroid(12, (1.4, 0.8, 0.7))
    deformation, angle = deformation_in_plane(shape.vertices @ ROTATION.T, shape.faces)
    assert deformation == pytest.approx((1.4 - 0.8) / (1.4 + 0.8), rel=1e-4)
    assert angle == pytest.approx(TILT, abs=1e-6)
    mirrored = deformation_in_plane(shape.vertices @ ROTATION.T * [1.0, -1.0, 1.0], shape.faces[:, ::-1])
    assert mirrored[1] == pytest.approx(-TILT, abs=1e-6)
    assert taylor_deformation(shape.vertices, shape.faces) == pytest.approx((1.4 - 0.7) / (1.4 + 0.7), rel=1e-4)
