"""Bending energies and forces against what Helfrich's functional says about spheres, spheroids and cylinders."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from hemoflow.cells.bending import fold
from hemoflow.cells.membrane import build_membrane
from hemoflow.cells.surface import Surface, discocyte, icosphere, spheroid

KAPPA = 0.7
energy = jax.jit(lambda cell, x: cell.energy(x))
forces = jax.jit(lambda cell, x: cell.forces(x))


def bending_energy(surface: Surface, spontaneous: float = 0.0, model: str = "helfrich") -> float:
    cell = build_membrane(
        surface, "none", model, "float64", bending_modulus=KAPPA, spontaneous_curvature=spontaneous
    )  # fmt: skip
    return float(energy(cell, jnp.asarray(surface.vertices)))


def helfrich_of_revolution(axis: float) -> float:
    """Helfrich energy over 8 pi kappa of a spheroid with semi-axes 1, 1, axis, by quadrature."""

    def density(t: float) -> float:
        w = math.hypot(math.cos(t), axis * math.sin(t))
        return 0.5 * (axis / w**3 + axis / w) ** 2 * 2.0 * math.pi * math.sin(t) * w

    return quad(density, 0.0, math.pi)[0] / (8.0 * math.pi)


@pytest.mark.parametrize("radius", [0.3, 1.0, 20.0])
def test_a_sphere_of_any_size_costs_eight_pi_kappa(radius: float) -> None:
    # 642 vertices: the discretisation error is 0.18 % (next test)
    assert bending_energy(icosphere(8, radius)) == pytest.approx(8.0 * math.pi * KAPPA, rel=2e-3)


def test_the_energy_of_the_sphere_converges_with_second_order() -> None:
    errors = [bending_energy(icosphere(n)) / (8.0 * math.pi * KAPPA) - 1.0 for n in (4, 8, 16)]
    slopes = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert all(1.9 < slope < 2.1 for slope in slopes)


@pytest.mark.parametrize("axis", [0.5, 2.0, 3.0])
def test_the_energy_of_spheroids_agrees_with_quadrature(axis: float) -> None:
    # the tolerance of the reference table at 1280 triangles is 5 %
    assert bending_energy(spheroid(8, (1.0, 1.0, axis))) == pytest.approx(
        8.0 * math.pi * KAPPA * helfrich_of_revolution(axis), rel=1e-2
    )


def test_the_energy_of_the_red_cell_shape() -> None:
    assert bending_energy(discocyte(16)) == pytest.approx(1.9287 * 8.0 * math.pi * KAPPA, rel=1e-2)


def test_spontaneous_curvature_makes_the_sphere_of_that_curvature_free_of_charge() -> None:
    radius = 1.7
    sphere, whole = icosphere(8, radius), 8.0 * math.pi * KAPPA
    assert bending_energy(sphere, 2.0 / radius) < 4e-3 * whole
    # (2H - c0)^2 with c0 = 1/a and 4/a: (1/2)^2 and 1 times the energy without c0; 1 % error at 642 vertices, then h^2
    assert bending_energy(sphere, 1.0 / radius) == pytest.approx(whole / 4.0, rel=1.5e-2)
    assert bending_energy(sphere, 4.0 / radius) == pytest.approx(whole, rel=1.5e-2)


def test_spontaneous_curvature_pulls_a_sphere_towards_its_radius() -> None:
    for radius, sign in ((1.0, 1.0), (3.0, -1.0)):
        sphere = icosphere(8, radius)
        cell = build_membrane(
            sphere, "none", "helfrich", "float64", bending_modulus=KAPPA, spontaneous_curvature=1.0
        )  # fmt: skip
        x = jnp.asarray(sphere.vertices)
        # dE/da of 2 pi kappa (2 - c0 a)^2, taken from the work of the forces in a uniform growth
        expected = 4.0 * math.pi * KAPPA * (2.0 - radius)
        assert float((forces(cell, x) * x).sum()) / radius == pytest.approx(expected, rel=2e-2)
        assert sign * expected > 0.0


def test_a_sphere_without_spontaneous_curvature_does_not_change_its_size() -> None:
    sphere = icosphere(8, 2.0)
    cell = build_membrane(sphere, "none", "helfrich", "float64", bending_modulus=KAPPA)
    x = jnp.asarray(sphere.vertices)
    assert abs(float((forces(cell, x) * x).sum())) < 1e-12


def test_the_hinge_model_costs_a_sphere_the_energy_with_its_gaussian_part() -> None:
    # 4 pi k_b / sqrt 3 on a regular triangulation; the icosphere is irregular at 12 corners and between them: 1 %
    modulus = 2.0 / math.sqrt(3.0) * KAPPA
    sphere = icosphere(16)
    cell = build_membrane(sphere, "none", "hinge", "float64", bending_modulus=modulus)
    found = float(energy(cell, jnp.asarray(sphere.vertices)))
    assert found == pytest.approx(4.0 * math.pi * modulus / math.sqrt(3.0), rel=1.2e-2)
    assert found == pytest.approx(8.0 * math.pi * KAPPA / 3.0, rel=1.2e-2)


def tube(around: int, along: int, axial: bool) -> Surface:
    """An open tube of triangles with sides near 1; `axial`: one family of edges runs along the tube, else around it."""
    rows, columns = (around, along) if axial else (along, around)
    j, i = (k.reshape(-1) for k in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    across, up = i + 0.5 * (j % 2), math.sqrt(0.75) * j
    turn, length = (2.0 * math.pi * up / (math.sqrt(0.75) * rows), across) if axial else (
        2.0 * math.pi * across / columns, up
    )  # fmt: skip
    radius = (math.sqrt(0.75) if axial else 1.0) * around / (2.0 * math.pi)
    vertices = np.stack([radius * np.cos(turn), radius * np.sin(turn), length], axis=1)
    faces = []
    for row in range(rows if axial else rows - 1):
        for column in range(columns - 1 if axial else columns):
            low, high = row * columns, (row + 1) % rows * columns
            p, q = column, (column + 1) % columns
            corners = (low + p, low + q, high + p, high + q)
            cut = ((0, 1, 3), (0, 3, 2)) if row % 2 else ((0, 1, 2), (1, 3, 2))
            faces += [tuple(corners[k] for k in triangle) for triangle in cut]
    return Surface(vertices, np.array(faces, dtype=np.int32))


@pytest.mark.parametrize("axial", [True, False])
@pytest.mark.parametrize(("model", "stiffness"), [("helfrich", 1.0), ("hinge", math.sqrt(3.0) / 2.0)])
def test_bending_a_sheet_into_a_tube_costs_the_same_along_every_lattice_direction(
    model: str, stiffness: float, axial: bool
) -> None:
    # pi kappa L / R; the difference of two lengths is free of the tube's ends. Hinge: kappa = sqrt(3)/2 k_b.
    costs = []
    for along in (8, 16):
        shape = tube(60, along, axial)
        cell = build_membrane(shape, "none", model, "float64", False, bending_modulus=1.0)
        costs.append(float(energy(cell, jnp.asarray(shape.vertices))))
    length = 8.0 * (1.0 if axial else math.sqrt(0.75))
    radius = 60.0 * (math.sqrt(0.75) if axial else 1.0) / (2.0 * math.pi)
    # a polygon of 60 sides stands for the circle: errors of (pi/60)^2
    assert costs[1] - costs[0] == pytest.approx(math.pi * stiffness * length / radius, rel=5e-3)


def test_folds_are_signed_and_zero_where_flat() -> None:
    def angle(height: float) -> float:
        corner = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.5, 1.0, height), (0.5, -1.0, height)]
        i, j, k, m = (tuple(jnp.asarray(c) for c in point) for point in corner)
        length, found = fold(i, j, k, m)  # type: ignore[arg-type]
        assert float(length) == 1.0
        return float(found)

    assert angle(0.0) == 0.0
    assert angle(-1.0) == pytest.approx(math.pi / 2.0) and angle(1.0) == pytest.approx(-math.pi / 2.0)
    assert angle(-30.0) == pytest.approx(math.pi - 2.0 * math.atan(1.0 / 30.0))
