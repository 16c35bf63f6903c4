"""Membrane forces are minus the gradient of the energy and know neither place nor orientation, for every law."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.cells.bending import MODELS
from hemoflow.cells.elasticity import LAWS
from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.surface import Surface, icosphere
from hemoflow.errors import InputError

MODULI = {
    "shear_modulus": 1.0,
    "area_dilation": 2.0,
    "bending_modulus": 0.05,
    "spontaneous_curvature": 0.7,
    "cortical_tension": 0.3,
    "area_modulus": 1.5,
    "volume_modulus": 2.0,
    "local_area_modulus": 0.8,
    "area_reserve": 0.05,
}
forces = jax.jit(lambda cell, x: cell.forces(x))
energy = jax.jit(lambda cell, x: cell.energy(x))
gradient = jax.jit(lambda cell, x: jax.grad(lambda y: cell.energy(y))(x))
EVERY = pytest.mark.parametrize(
    ("law", "bending"),
    [*((law, "helfrich") for law in LAWS), *(("skalak", model) for model in MODELS if model != "helfrich")],
)


def membrane(law: str, bending: str, frequency: int = 2, precision: str = "float64") -> Membrane:
    return build_membrane(icosphere(frequency), law, bending, precision, True, **MODULI)  # type: ignore[arg-type]


def deformed(frequency: int = 2, seed: int = 3) -> np.ndarray:
    """A strongly deformed, rough cell."""
    x = icosphere(frequency).vertices
    noise = np.random.default_rng(seed).normal(size=x.shape) * 0.04 / frequency
    return x * np.array([1.4, 1.0, 0.75]) + noise


@EVERY
def test_the_force_is_minus_the_gradient_of_the_energy(law: str, bending: str) -> None:
    cell, x, step = membrane(law, bending), deformed(), 1e-5
    moves = np.eye(x.size).reshape(-1, *x.shape) * step
    high, low = (np.asarray(energy(cell, jnp.asarray(x + sign * moves))) for sign in (1.0, -1.0))
    force = np.asarray(forces(cell, jnp.asarray(x)))
    # central differences: truncation step^2, round-off 1e-16 / step
    assert np.abs(force + ((high - low) / (2 * step)).reshape(x.shape)).max() < 1e-7 * np.abs(force).max()


@pytest.mark.parametrize(("law", "bending"), [("neo-hookean", "helfrich"), ("skalak", "hinge")])
def test_assembled_forces_agree_with_differentiating_the_total_energy(law: str, bending: str) -> None:
    cell, x = membrane(law, bending), jnp.asarray(deformed())
    by_autodiff = -gradient(cell, x)
    assert jnp.abs(forces(cell, x) - by_autodiff).max() < 1e-12 * jnp.abs(by_autodiff).max()


@EVERY
def test_a_membrane_exerts_neither_net_force_nor_torque_on_itself(law: str, bending: str) -> None:
    cell, x = membrane(law, bending), jnp.asarray(deformed())
    force = forces(cell, x)
    size = jnp.abs(force).sum()
    assert jnp.abs(force.sum(axis=0)).max() < 1e-14 * size
    assert jnp.abs(jnp.cross(x, force).sum(axis=0)).max() < 1e-14 * size


@EVERY
def test_forces_turn_with_the_cell_and_do_not_depend_on_its_place(law: str, bending: str) -> None:
    cell, x = membrane(law, bending), deformed()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    force = np.asarray(forces(cell, jnp.asarray(x)))
    moved = np.asarray(forces(cell, jnp.asarray(x @ rotation.T + [20.0, -3.0, 7.0])))
    assert np.abs(moved - force @ rotation.T).max() < 1e-12 * np.abs(force).max()


@pytest.mark.parametrize("law", ["skalak", "neo-hookean"])
def test_an_unstressed_elastic_membrane_pushes_nothing(law: str) -> None:
    sphere = icosphere(4)
    cell = build_membrane(sphere, law, "none", "float64", shear_modulus=1.0, area_dilation=1.0, area_modulus=1.0)
    assert jnp.abs(forces(cell, jnp.asarray(sphere.vertices))).max() < 1e-13


def test_forces_stay_finite_at_rest_where_stretches_coincide_and_folds_are_flat() -> None:
    square = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    patch = Surface(square, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32))
    for law, bending in itertools.product(LAWS, MODELS):
        cell = build_membrane(patch, law, bending, "float64", False, shear_modulus=1.0, bending_modulus=1.0)
        assert np.all(np.abs(forces(cell, jnp.asarray(square))) < 1e-14)


def test_single_precision_keeps_five_digits_far_from_the_origin_of_its_numbers() -> None:
    # offsets of a few nodes from the anchor: 30 nodes are more than any cell needs
    x, surface = deformed() * 6.0 + 30.0, icosphere(2, 6.0)
    double, single = (
        build_membrane(surface, "neo-hookean", "helfrich", precision, True, **MODULI)  # type: ignore[arg-type]
        for precision in ("float64", "float32")
    )
    force = forces(single, jnp.asarray(x, jnp.float32))
    exact = forces(double, jnp.asarray(jnp.asarray(x, jnp.float32), jnp.float64))
    assert force.dtype == jnp.float32
    assert jnp.abs(force - exact).max() < 2e-5 * jnp.abs(exact).max()


def test_cells_of_a_batch_have_their_own_parameters_and_do_not_feel_each_other() -> None:
    shear, tension = np.array([0.5, 2.0, 1.0]), np.array([0.1, 0.0, 0.4])
    scale = np.array([0.9, 1.0, 1.1])
    sphere = icosphere(2)
    batch = build_membrane(
        sphere, precision="float64", shear_modulus=shear, area_dilation=1.0, bending_modulus=0.1,
        cortical_tension=tension, volume_modulus=3.0, scale=scale,
    )  # fmt: skip
    x = np.stack([deformed(seed=k) + 4.0 * k for k in range(3)])
    together = np.asarray(forces(batch, jnp.asarray(x)))
    energies = np.asarray(energy(batch, jnp.asarray(x)))
    for k in range(3):
        alone = build_membrane(
            sphere, precision="float64", shear_modulus=shear[k], area_dilation=1.0, bending_modulus=0.1,
            cortical_tension=tension[k], volume_modulus=3.0, scale=scale[k],
        )  # fmt: skip
        assert together[k] == pytest.approx(np.asarray(forces(alone, jnp.asarray(x[k]))), rel=1e-12, abs=1e-13)
        assert energies[k] == pytest.approx(float(energy(alone, jnp.asarray(x[k]))), rel=1e-12)


def test_the_energy_is_the_sum_of_its_terms() -> None:
    cell, x = membrane("skalak", "helfrich"), jnp.asarray(deformed())[None]
    terms = jax.jit(lambda cell, x: cell.terms(x))(cell, x)
    assert set(terms) == {"elastic", "bending", "cortex", "area", "volume"}
    assert float(sum(terms.values())[0]) == pytest.approx(float(energy(cell, x)[0]), rel=1e-14)


def test_new_parameters_need_no_new_compilation() -> None:
    count = 0

    def counted(cell: Membrane, x: jax.Array) -> jax.Array:
        nonlocal count
        count += 1
        return cell.forces(x)

    compiled = jax.jit(counted)
    for shear in (1.0, 2.0):
        cell = build_membrane(icosphere(2), "skalak", "none", "float64", shear_modulus=shear)
        compiled(cell, jnp.asarray(deformed()))
    assert count == 1


def test_unknown_laws_models_and_parameters_are_refused() -> None:
    for arguments, message in (
        ({"law": "rubber"}, "law 'rubber' must be one of skalak"),
        ({"bending_model": "stiff"}, "one of helfrich, hinge, none"),
        ({"shear": 1.0}, "no parameter shear; the parameters are shear_modulus"),
    ):
        with pytest.raises(InputError, match=message):
            build_membrane(icosphere(1), **arguments)  # type: ignore[arg-type]
