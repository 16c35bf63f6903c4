"""Sliding vertices along a membrane without shear resistance evens the mesh and leaves the cell as it is."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.redistribution import LARGEST_SHIFT
from hemoflow.cells.surface import Surface, icosphere, spheroid, vertex_normals, volume

slide = jax.jit(
    lambda cell, x, rate, steps: jax.lax.fori_loop(0, steps, lambda _, y: y + rate * cell.tangential_shift(y), x)
)
forces = jax.jit(lambda cell, x: cell.forces(x))
vertex_areas = jax.jit(lambda cell, x: cell.vertex_areas(x))
shift = jax.jit(lambda cell, x: cell.tangential_shift(x))


def bare(surface: Surface) -> Membrane:
    return build_membrane(surface, "none", "none", "float64", cortical_tension=1.0)


def disturbed(surface: Surface, size: float) -> np.ndarray:
    """Vertices moved at random within the tangent planes."""
    normal = vertex_normals(surface.vertices, surface.faces)
    noise = size * np.random.default_rng(2).normal(size=normal.shape)
    return surface.vertices + noise - (noise * normal).sum(axis=1, keepdims=True) * normal


def quality(x: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """4 sqrt(3) area over the sum of squared sides of every triangle: 1 where equilateral, 0 where collapsed."""
    sides = [((x[faces[:, k]] - x[faces[:, k - 1]]) ** 2).sum(axis=1) for k in range(3)]
    a, b, c = np.moveaxis(x[faces], 1, 0)
    return 2.0 * np.sqrt(3.0) * np.linalg.norm(np.cross(b - a, c - a), axis=1) / sum(sides)


@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_nearly_collapsed_triangles_recover_without_changing_the_volume(rate: float) -> None:
    surface = spheroid(6, (9.0, 6.0, 5.0))
    start = disturbed(surface, 0.3)
    end = np.asarray(slide(bare(surface), jnp.asarray(start), rate, 400))
    assert quality(start, surface.faces).min() < 0.4
    assert quality(end, surface.faces).min() > 0.8
    # second order in a shift of a tenth of the vertex spacing
    assert volume(end, surface.faces) == pytest.approx(volume(start, surface.faces), rel=2e-3 * max(rate, 0.2))


def test_the_shape_stays_an_ellipsoid() -> None:
    axes = np.array([9.0, 6.0, 5.0])
    surface = spheroid(6, (9.0, 6.0, 5.0))
    end = np.asarray(slide(bare(surface), jnp.asarray(disturbed(surface, 0.1)), 0.1, 1000))
    assert np.linalg.norm(end / axes, axis=1) == pytest.approx(1.0, abs=0.01)


def test_the_shift_has_no_part_that_changes_the_volume() -> None:
    surface = spheroid(6, (3.0, 2.0, 1.5))
    x = disturbed(surface, 0.05)
    pressure = build_membrane(surface, "none", "none", "float64", rest_pressure=1.0)
    by_volume = np.asarray(forces(pressure, jnp.asarray(x)))  # derivative of the volume by every vertex
    moved = np.asarray(shift(bare(surface), jnp.asarray(x)))
    assert np.abs((moved * by_volume).sum(axis=1)).max() < 1e-13


def test_no_vertex_moves_further_than_a_tenth_of_its_spacing() -> None:
    surface = icosphere(6, 5.0)
    x = disturbed(surface, 1.0)
    cell = bare(surface)
    length = np.linalg.norm(np.asarray(shift(cell, jnp.asarray(x))), axis=1)
    spacing = np.sqrt(np.asarray(vertex_areas(cell, jnp.asarray(x)[None]))[0])
    assert np.all(length <= LARGEST_SHIFT * spacing * (1.0 + 1e-12)) and length.max() > 0.05 * spacing.max()


def test_an_even_mesh_stays_where_it_is() -> None:
    icosahedron = icosphere(1, 3.0)
    assert np.abs(np.asarray(shift(bare(icosahedron), jnp.asarray(icosahedron.vertices)))).max() < 1e-12


def test_triangles_survive_a_shear_along_the_surface_that_collapses_them_otherwise() -> None:
    # a sphere in steady rotation about z whose rate grows from pole to pole, as a drop held in shear would carry its
    # labels around: 3 turns of shear between the poles
    surface, steps = icosphere(6, 5.0), 3000
    cell = bare(surface)

    def step(x: jax.Array, rate: float) -> jax.Array:
        turn = 3.0 * 2.0 * np.pi / steps * x[:, 2] / 10.0
        cosine, sine = jnp.cos(turn), jnp.sin(turn)
        x = jnp.stack([cosine * x[:, 0] - sine * x[:, 1], sine * x[:, 0] + cosine * x[:, 1], x[:, 2]], axis=1)
        return x + rate * cell.tangential_shift(x)

    def ends(rate: float) -> np.ndarray:
        turned = jax.jit(lambda x: jax.lax.fori_loop(0, steps, lambda _, y: step(y, rate), x))
        return np.asarray(turned(jnp.asarray(surface.vertices)))

    assert quality(ends(0.0), surface.faces).min() < 0.2
    kept = ends(0.3)
    assert quality(kept, surface.faces).min() > 0.6
    assert np.linalg.norm(kept, axis=1) == pytest.approx(5.0, rel=0.02)  # still on the sphere
