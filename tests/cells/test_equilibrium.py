"""At rest every force balances: known shapes under known loads."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from hemoflow.cells.equilibrium import Surroundings, equilibrium
from hemoflow.cells.membrane import build_membrane
from hemoflow.cells.surface import icosphere
from hemoflow.errors import RunError


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Swelling:
    """Minus pressure times volume."""

    pressure: Array
    faces: Array

    def __call__(self, x: Array) -> Array:
        a, b, c = (x[self.faces[:, k]] for k in range(3))
        return -self.pressure * jnp.sum(a * jnp.cross(b, c)) / 6.0


def test_a_pulled_capsule_is_at_rest_longer_and_thinner_and_its_ends_carry_the_load() -> None:
    with jax.enable_x64(True):
        sphere = icosphere(4)
        membrane = build_membrane(
            sphere, "skalak", "none", "float64", shear_modulus=1.0, area_dilation=1.0, volume_modulus=50.0
        )
        load = np.zeros_like(sphere.vertices)
        ends = np.argsort(sphere.vertices[:, 0])
        load[ends[-8:], 0], load[ends[:8], 0] = 0.1, -0.1
        found = equilibrium(membrane, sphere.vertices, Surroundings(load), tolerance=1e-7)
        force = np.asarray(membrane.forces(jnp.asarray(found.positions)))
    assert np.abs(force + load).max() <= 1e-5
    assert np.ptp(found.positions[:, 0]) > 2.1 > 1.98 > np.ptp(found.positions[:, 1])


def test_a_capsule_under_pressure_swells_until_laplaces_law_holds() -> None:
    with jax.enable_x64(True):
        sphere, pressure = icosphere(6), 0.5
        membrane = build_membrane(sphere, "neo-hookean", "none", "float64", shear_modulus=1.0)
        inside = Swelling(jnp.asarray(pressure), jnp.asarray(sphere.faces))
        x = equilibrium(membrane, sphere.vertices, Surroundings(potential=inside), tolerance=1e-8).positions
        tension = float(np.mean(np.asarray(membrane.tensions(jnp.asarray(x)[None])[0])))
    radius = float(np.linalg.norm(x, axis=1).mean())
    assert radius > 1.05
    # 1 %: what a sphere of 720 flat triangles lacks
    assert 2.0 * tension / radius == pytest.approx(pressure, rel=0.01)


def test_a_shape_that_is_not_found_is_refused() -> None:
    with jax.enable_x64(True):
        sphere = icosphere(4)
        membrane = build_membrane(sphere, "skalak", "none", "float64", shear_modulus=1.0)
        with pytest.raises(RunError, match="left unbalanced after"):
            equilibrium(membrane, 1.5 * sphere.vertices, evaluations=3)
