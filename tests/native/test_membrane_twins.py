"""The compiled membrane computes what its pure-JAX twin does: every law and bending model, rough cells that differ, both precisions."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.cells.elasticity import LAWS
from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.surface import Surface, discocyte, icosphere
from hemoflow.model import CellGroup, CellState
from hemoflow.step import displace

pytestmark = pytest.mark.skipif(not native.in_use("membrane"), reason="no compiled kernels here")

forces = jax.jit(lambda cell, x: cell.forces(x))
moved_by = jax.jit(
    lambda membrane, cells, motion, sliding, keeps: displace(
        CellGroup(membrane, cells.offset[0, :, 0], "cell", sliding, keeps), cells, *motion
    ),
    static_argnums=(3, 4),
)
PRECISIONS = [("float32", 1e-5), ("float64", 1e-11)]
CELLS = 3
MODULI = {
    "shear_modulus": np.array([1.0, 0.3, 2.0]),
    "area_dilation": np.array([2.0, 50.0, 1.0]),
    "bending_modulus": np.array([0.05, 0.2, 0.01]),
    "spontaneous_curvature": np.array([0.3, -0.2, 0.0]),
    "cortical_tension": np.array([0.3, 0.0, 1.0]),
    "area_modulus": np.array([1.5, 4.0, 0.0]),
    "volume_modulus": np.array([2.0, 10.0, 0.5]),
    "rest_pressure": np.array([0.1, 0.0, 0.7]),
    "local_area_modulus": np.array([0.7, 0.0, 3.0]),
    "area_reserve": np.array([0.0, 0.2, 0.1]),
    "scale": np.array([1.0, 1.1, 0.95]),
}


def rough(surface: Surface, seed: int = 0) -> NDArray[np.float64]:
    """Cells (3, V, 3) stretched, bent and disturbed, each its own way, a few nodes from their anchors."""
    rng = np.random.default_rng(seed)
    x = surface.vertices[None] * rng.uniform(0.7, 1.4, (CELLS, 1, 3))
    x = x + 0.1 * np.sin(x[..., [1, 2, 0]]) + rng.normal(0, 0.05, x.shape)
    return x + rng.uniform(-8, 8, (CELLS, 1, 3))


def twins(surface: Surface, law: str, bending: str, precision: str, closed: bool = True) -> tuple[Membrane, Membrane]:
    slow = build_membrane(surface, law, bending, precision, closed, False, **MODULI)  # type: ignore[arg-type]
    angles = np.random.default_rng(1).normal(0, 0.5, slow.rest_angle.shape)
    slow = dataclasses.replace(slow, rest_angle=jnp.asarray(angles, precision))
    return slow, dataclasses.replace(slow, native=True)


def assert_same(seen: jax.Array, expected: jax.Array, tolerance: float) -> None:
    assert seen.dtype == expected.dtype
    scale = float(jnp.max(jnp.abs(expected)))
    np.testing.assert_allclose(np.asarray(seen), np.asarray(expected), atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize(
    "law, bending", [*((law, "helfrich") for law in LAWS), ("skalak", "hinge"), ("neo-hookean", "none")]
)
def test_forces_are_the_twins(law: str, bending: str) -> None:
    surface = icosphere(3, 5.0)
    with jax.enable_x64(True):
        slow, fast = twins(surface, law, bending, "float64")
        x = jnp.asarray(rough(surface))
        assert_same(forces(fast, x), forces(slow, x), 1e-11)


@pytest.mark.parametrize("bending", ["helfrich", "hinge"])
def test_single_precision_forces_are_the_twins(bending: str) -> None:
    surface = discocyte(4, 7.8)
    with jax.enable_x64(False):
        slow, fast = twins(surface, "skalak", bending, "float32")
        x = jnp.asarray(rough(surface), jnp.float32)
        assert_same(forces(fast, x), forces(slow, x), 1e-5)


@pytest.mark.parametrize("bending", ["helfrich", "hinge"])
def test_patches_with_a_border_are_the_twins(bending: str) -> None:
    square = np.stack([*np.meshgrid(np.arange(5.0), np.arange(4.0), indexing="ij"), np.zeros((5, 4))], axis=-1)
    at = np.arange(20).reshape(5, 4)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    patch = Surface(square.reshape(-1, 3), faces)
    with jax.enable_x64(True):
        slow, fast = twins(patch, "skalak", bending, "float64", closed=False)
        # a border encloses nothing: no pressure
        still = jnp.zeros(CELLS)
        parameters = dataclasses.replace(slow.parameters, rest_pressure=still, volume_modulus=still)
        x = jnp.asarray(rough(patch))
        slow, fast = (dataclasses.replace(one, parameters=parameters) for one in (slow, fast))
        assert_same(forces(fast, x), forces(slow, x), 1e-11)


def test_sharply_folded_edges_have_the_angle_of_the_twin() -> None:
    surface = icosphere(2, 1.0)
    noise = np.random.default_rng(4).normal(0, 0.3, (CELLS, *surface.vertices.shape))
    with jax.enable_x64(True):
        slow, fast = twins(surface, "none", "helfrich", "float64")
        x = jnp.asarray(surface.vertices + noise)
        assert_same(forces(fast, x), forces(slow, x), 1e-11)


@pytest.mark.parametrize("precision, tolerance", PRECISIONS)
@pytest.mark.parametrize("sliding, keeps_volume", [(0.3, True), (0.0, False)])
def test_vertices_move_as_the_twins_do(sliding, keeps_volume, precision, tolerance) -> None:  # type: ignore[no-untyped-def]
    rng, surface = np.random.default_rng(3), icosphere(4, 5.0)
    with jax.enable_x64(precision == "float64"):
        x, v0, v1, load = (
            jnp.asarray(a, precision)
            for a in (rough(surface), *rng.normal(0, 0.1, (2, CELLS, len(surface.vertices), 3)),
                      rng.normal(0, 0.05, (CELLS, len(surface.vertices), 3)))
        )  # fmt: skip
        alive = jnp.asarray([True, False, True])
        cells = CellState(jnp.zeros((CELLS, 3), jnp.int32), x, alive, jnp.arange(CELLS, dtype=jnp.int32), v0)
        moved = []
        for membrane in twins(surface, "none", "helfrich", precision):
            motion = (v1, load, jnp.asarray(0.2, precision))
            moved.append(moved_by(membrane, cells, motion, sliding, keeps_volume) - x)
        assert not np.any(np.asarray(moved[1][1])) and np.any(np.asarray(moved[1][0]))
        # steps are differences of positions around 10, which round at 1e-6
        assert_same(moved[1], moved[0], tolerance)


def test_cells_do_not_depend_on_the_number_of_threads() -> None:
    surface, before, seen = icosphere(5, 5.0), native.status().threads, []
    _, fast = twins(surface, "skalak", "helfrich", "float32")
    x = jnp.asarray(rough(surface), jnp.float32)
    try:
        for threads in (1, 2, 3):
            native.set_threads(threads)
            seen.append(np.asarray(forces(fast, x)))
    finally:
        native.set_threads(before)
    assert all(np.array_equal(seen[0], other) for other in seen[1:])
