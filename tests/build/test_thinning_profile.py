"""Developed flow of blood that thins: against the integrals that fix it in tubes and slits, and against the solver."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.analytic import rectangle_conductance
from hemoflow.build import make_plan, make_setup
from hemoflow.build.profile import developed
from hemoflow.build.thinning_profile import developed_thinning, rectangle_gradient
from hemoflow.case import read_case_text
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.rheology import BLOOD, CarreauYasuda
from hemoflow.run.chunk import run_chunk
from hemoflow.run.observe import observe

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(200)
SHARE, WEIGHT = 0.5 * (POINTS + 1.0), 0.5 * WEIGHTS


def inlet(diameter: float, spacing: float) -> tuple[Lumen, np.ndarray]:
    """A tube on the lattice and the places where links cross its inlet; m."""
    lumen = voxelise(make_vessel("tube", length=6 * spacing, diameter=diameter), spacing)
    mine = lumen.link_opening == 0
    links = lumen.link_fraction[mine, None] * DIRECTIONS[lumen.link_direction[mine]]
    return lumen, lumen.position(lumen.nodes[lumen.link_node[mine]]) + lumen.spacing * links


@pytest.mark.parametrize("speed", [2e-5, 2e-3, 0.2])
def test_blood_enters_a_tube_with_the_profile_that_its_own_stress_makes(speed: float) -> None:
    radius = 1e-4
    lumen, points = inlet(2 * radius, 8e-6)
    stress = BLOOD.tube_wall_stress(speed, radius)
    r = np.minimum(np.hypot(points[:, 1], points[:, 2]) / radius, 1.0)
    at = r[:, None] + (1.0 - r[:, None]) * SHARE
    exact = radius * (1.0 - r) * (BLOOD.rate(stress * at) @ WEIGHT)
    found = developed_thinning(lumen, 0, points, BLOOD, speed)
    np.testing.assert_allclose(found, exact, atol=0.01 * exact.max())


def test_a_fluid_of_one_viscosity_enters_as_a_newtonian_one_does() -> None:
    lumen, points = inlet(2e-4, 1e-5)
    found = developed_thinning(lumen, 0, points, CarreauYasuda(3e-3, 3e-3), 1e-3)
    expected = developed(lumen, 0, points)
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=2e-3)


def test_the_gradient_between_plates_is_that_of_the_weissenberg_integral() -> None:
    for speed in (1e-5, 1e-3, 1e-1):
        gradient = rectangle_gradient((np.inf, 1e-4), BLOOD, speed)
        mean = 0.5e-4 * np.sum(WEIGHT * SHARE * BLOOD.rate(gradient * 0.5e-4 * SHARE))
        assert mean == pytest.approx(speed, rel=1e-3)


@pytest.mark.parametrize("sides", [(1e-4, 1e-4), (3e-4, 1e-4), (1e-4, 8e-3)])
def test_the_gradient_in_a_duct_of_one_viscosity_is_that_of_the_series(sides: tuple[float, float]) -> None:
    gradient = rectangle_gradient(sides, CarreauYasuda(2e-3, 2e-3), 1e-3)
    assert gradient == pytest.approx(2e-3 * 1e-3 / rectangle_conductance(*sides), rel=2e-3)


def case(vessel: str, flow: str, spacing: str) -> str:
    return f"""
[vessel]
{vessel}
[flow]
rheology = {{ law = "carreau-yasuda" }}
{flow}
[resolution]
node_spacing = "{spacing}"
precision = "float64"
[run]
until = "1 ms"
"""


def velocities(text: str, steps: int) -> tuple[np.ndarray, Lumen]:
    """Velocity along x (N,) in m/s at the nodes after some steps."""
    setup = make_setup(make_plan(read_case_text(text, Path())))
    state, _ = run_chunk(setup.model, setup.state, jnp.asarray(setup.drives.table(0, steps)))
    fluid, _ = observe(setup.model, state, jnp.asarray(setup.drives.at(steps)))
    return np.asarray(fluid.velocity[0]) * setup.plan.units.velocity, setup.plan.lumen


def test_a_periodic_duct_of_blood_gets_the_mean_velocity_it_was_asked_for() -> None:
    vessel = 'formula = "channel"\nlength = "48 um"\nwidth = "240 um"\nheight = "192 um"\nperiodic = ["x"]'
    speed, _ = velocities(case(vessel, 'mean_velocity = "2 mm/s"', "12 um"), 6000)
    assert speed.mean() == pytest.approx(2e-3, rel=0.02)


def test_blood_that_enters_developed_keeps_its_profile() -> None:
    vessel = 'formula = "channel"\nlength = "160 um"\nwidth = "160 um"\nheight = "20 um"\nperiodic = ["z"]'
    text = case(vessel, 'mean_velocity = "2 mm/s"', "10 um")
    speed, lumen = velocities(text, 4000)
    row = np.round(lumen.nodes[:, 1]).astype(int)
    column = lumen.nodes[:, 0]
    profiles = [np.array([speed[(column == x) & (row == y)].mean() for y in np.unique(row)]) for x in (1, 4, 8)]
    newtonian = 1.5 * (1.0 - ((np.unique(row) - np.unique(row).mean()) / 8.0) ** 2) * 2e-3
    assert np.abs(profiles[2] - newtonian).max() > 0.05 * profiles[2].max()
    for profile in profiles[:2]:
        np.testing.assert_allclose(profile, profiles[2], atol=0.01 * profiles[2].max())
