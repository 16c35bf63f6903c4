"""Cells of constant tension at rest in a pore: Laplace's law decides what it takes to pass."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.validate.entry import RUNNERS, drawn_in, graded_sphere, length, smallest_tube
from hemoflow.validate.mouth import Mouth
from hemoflow.validate.record import Settings


def test_a_cap_in_a_pore_is_held_by_the_difference_of_two_laplace_pressures() -> None:
    with jax.enable_x64(True):
        entry = drawn_in(2.0, 1.0, "round", 24, np.array([1.8]))
    front, back = entry.shapes[0][:, 0].max(), -entry.shapes[0][:, 0].min()
    # a cap of height h on a mouth of radius b has the radius (b^2 + h^2)/(2 h); 3 %: 16 vertices on the radius of the pore
    caps = [(1.0 + h**2) / (2.0 * h) for h in (front, back)]
    assert entry.suctions[0] == pytest.approx(2.0 / caps[0] - 2.0 / caps[1], rel=0.03)


def test_a_graded_sphere_is_a_sphere_with_small_triangles_at_its_pole() -> None:
    sphere = graded_sphere(6, 2.0, 0.5)
    assert np.allclose(np.linalg.norm(sphere.vertices, axis=1), 2.0)
    assert (sphere.vertices[:, 0] > 1.0).mean() > 0.5


@pytest.mark.parametrize("shape", ["round", "square"])
def test_a_wall_pushes_out_what_is_in_it_and_nothing_else(shape: str) -> None:
    one = jnp.asarray(1.0)
    wall = Mouth(one, jnp.asarray(0.1), one, jnp.ones(4), shape)
    points = jnp.array([[-0.2, 3.0, 0.0], [1.0, 0.9, 0.0], [0.03, 3.0, 0.0], [2.0, 1.05, 0.0]])
    assert np.allclose(wall.depth(points), [0.0, 0.0, 0.03, 0.05], atol=1e-6)


def test_a_cell_that_a_tube_squeezes_ends_as_a_cylinder_with_half_balls() -> None:
    # radius 1, length of the cylinder 1
    area, volume = 6.0 * np.pi, np.pi * (1.0 + 4.0 / 3.0)
    found = smallest_tube(str(area), str(volume))({}, Settings(quick=True))
    assert found.value == pytest.approx(2.0, rel=0.01)


def test_lengths_have_units_and_a_pore_as_wide_as_the_cell_is_refused() -> None:
    assert [length({"R": text}, "R") for text in ("7.5um", "4e-06", "300 nm")] == pytest.approx([7.5, 4.0, 0.3])
    with pytest.raises(InputError, match="found '5 miles'"):
        length({"R": "5 miles"}, "R")
    with pytest.raises(InputError, match="narrower"):
        RUNNERS["laplace_pcrit", "dPc"]({"R": "5um", "D": "10um", "T": "1e-4"}, Settings(quick=True))
