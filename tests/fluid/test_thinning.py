"""A viscosity that falls with the shear rate: the law, its table of relaxation rates, and the flows that follow from it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build.fluid import Condition, Relaxation, assemble_fluid
from hemoflow.coupling.points import find_stencil
from hemoflow.fluid.moments import density_deviation, momentum, stress_moment
from hemoflow.fluid.thinning import make_rate_table, strain_moment
from hemoflow.geometry.voxelise import voxelise
from hemoflow.model import CellState
from hemoflow.rheology import BLOOD, CarreauYasuda
from hemoflow.step import viscosity_at
from hemoflow.validate.flow_cases import FluidCase, fluid_case
from hemoflow.validate.shapes import Duct, Room, circle

LAWS = [
    CarreauYasuda(0.67, 0.041, 1e5, 0.3568, 2.0),
    CarreauYasuda(1.5, 0.0017, 3e6, 0.1, 0.6),
    CarreauYasuda(0.02, 0.0, 1e3, 1.4, 2.0),
]


def test_the_law_has_the_viscosities_of_blood_that_cho_and_kensey_give() -> None:
    # by hand: (1 + (3.313 x 10)^2)^-0.3216 = 0.105 and so on, of 52.55 mPa s above 3.45
    assert BLOOD.viscosity(np.array([0.0, 1e-3])) == pytest.approx(56e-3, rel=1e-4)
    assert BLOOD.viscosity(np.array([10.0, 300.0, 1e5])) == pytest.approx([9.0e-3, 4.07e-3, 3.46e-3], rel=0.005)


@pytest.mark.parametrize("stress", [0.02, 3.0])
def test_tube_flow_of_a_newtonian_and_of_a_power_law_fluid_is_known(stress: float) -> None:
    assert CarreauYasuda(0.7, 0.7).tube_speed(stress, 2.0) == pytest.approx(stress * 2.0 / (4 * 0.7))
    n, law = 0.5, CarreauYasuda(1.0, 0.0, 1e8, 0.5)
    consistency = 1e8 ** (n - 1.0)
    assert law.tube_speed(stress, 2.0) == pytest.approx(2.0 * n / (3 * n + 1) * (stress / consistency) ** (1 / n))
    assert BLOOD.tube_wall_stress(BLOOD.tube_speed(stress, 1e-4), 1e-4) == pytest.approx(stress)


@pytest.mark.parametrize(("law", "double"), [(LAWS[0], True), (LAWS[0], False), (LAWS[1], True), (LAWS[2], False)])
def test_the_table_gives_the_rate_that_solves_the_implicit_law(law: CarreauYasuda, double: bool) -> None:
    moment = 2.0 ** np.random.default_rng(3).uniform(-110, 2, 20000)
    with jax.enable_x64(double):
        table = make_rate_table(law, 0.1875)
        even = np.asarray(table.even_rate(jnp.asarray(moment)), np.float64)
        odd = np.asarray(table.odd_rate(jnp.asarray(even)), np.float64)
    # the shear rate by the tabulated relaxation rate, and the relaxation rate by that shear rate's viscosity
    stress = law.rate(np.sqrt(0.5 * moment), 1 / 6)
    assert even == pytest.approx(1.0 / (0.5 + 3.0 * law.viscosity(stress)), rel=1e-6)
    assert 3.0 * even * np.sqrt(0.5 * moment) == pytest.approx(stress, rel=1e-5)
    assert (1 / even - 0.5) * (1 / odd - 0.5) == pytest.approx(0.1875, rel=1e-8 if double else 2e-3)


def test_the_table_holds_values_that_are_not_numbers_and_a_fluid_at_rest() -> None:
    table = make_rate_table(LAWS[0], 0.1875)
    rates = table.even_rate(jnp.asarray([0.0, jnp.nan, jnp.inf]))
    assert rates[:2] == pytest.approx(1.0 / (0.5 + 3 * LAWS[0].zero_shear))
    assert float(rates[2]) == pytest.approx(1.0 / (0.5 + 3 * LAWS[0].infinite_shear), rel=0.01)


def test_the_rate_can_be_differentiated() -> None:
    table = make_rate_table(LAWS[0], 0.1875)
    for moment in (1e-13, 3e-11):
        slope = float(jax.grad(table.even_rate)(moment))
        rise = float(table.even_rate(1.001 * moment) - table.even_rate(0.999 * moment)) / (0.002 * moment)
        assert slope == pytest.approx(rise, rel=0.02) and slope > 0.0


def test_the_moment_that_decides_is_the_traceless_part_of_the_stress() -> None:
    rng = np.random.default_rng(1)
    h, force = jnp.asarray(rng.normal(0, 0.01, (19, 50))), jnp.asarray(rng.normal(0, 0.1, (3, 50)))
    parts = list(h)
    for load in (force, None):
        f = jnp.zeros((3, 50)) if load is None else load
        full = stress_moment(h, density_deviation(parts), jnp.stack(momentum(parts)) + 0.5 * f, f)
        deviator = full - jnp.trace(full, axis1=1, axis2=2)[:, None, None] / 3.0 * jnp.eye(3)
        assert np.asarray(strain_moment(h, load)) == pytest.approx(np.asarray(jnp.sum(deviator**2, axis=(1, 2))))


def pushed(room: Duct | Room, relaxation: Relaxation, force: float) -> FluidCase:
    return fluid_case(room, 1.0, relaxation, np.array([force, 0.0, 0.0]))


def test_a_law_whose_index_is_one_is_a_newtonian_fluid() -> None:
    law = CarreauYasuda(0.1, 0.01, 1e4, 1.0)
    one = pushed(Duct(circle(5.3), 1.0), Relaxation.thinning(law), 1e-5)
    other = pushed(Duct(circle(5.3), 1.0), Relaxation(0.8), 1e-5)
    for case in (one, other):
        case.advance(101)
    np.testing.assert_allclose(np.asarray(one.velocity), np.asarray(other.velocity), atol=1e-16, rtol=1e-11)


def power_law_channel(index: float, height: float) -> tuple[FluidCase, float, float]:
    """A steady channel, its pressure gradient, and K of stress = K rate^n."""
    law = CarreauYasuda(2.0, 0.0, 1e8, index)
    consistency = law.zero_shear * law.time ** (index - 1.0)
    gradient = consistency * 1e-4**index / (0.5 * height)
    case = pushed(Room((1.0, height, 1.0), "y"), Relaxation.thinning(law), gradient)
    return case, gradient, consistency


@pytest.mark.parametrize("index", [0.4, 0.75])
def test_a_power_law_fluid_has_its_profile_in_a_channel(index: float) -> None:
    height = 40.0
    case, gradient, consistency = power_law_channel(index, height)
    case.steady(1e-9, 4000)
    y = case.positions[:, 1] - 0.5 * height
    power = 1.0 + 1.0 / index
    exact = (gradient / consistency) ** (1 / index) * ((0.5 * height) ** power - np.abs(y) ** power) / power
    # second order in the node spacing, with a slope of the shear rate at the wall that is 1/n times a Newtonian fluid's
    assert np.max(np.abs(np.asarray(case.velocity[0]) - exact)) < 0.003 * exact.max()
    inner = np.argsort(y)[4:-4]
    rate = np.abs(np.gradient(np.asarray(case.velocity[0])[np.argsort(y)]))
    # the difference quotient itself is off by (1/n)(1/n - 1)/6 node spacings squared over y^2
    steep = np.abs(y[inner]) > 8.0
    assert case.shear_rate()[inner][steep] == pytest.approx(rate[4:-4][steep], rel=0.012)


def test_the_wall_stress_balances_the_drive_whatever_the_law() -> None:
    radius = 8.3
    for law in (CarreauYasuda(0.5, 0.03, 2e4, 0.3568), CarreauYasuda(1.0, 0.0, 1e4, 0.6)):
        case = pushed(Duct(circle(radius), 1.0), Relaxation.thinning(law), 2e-5)
        case.steady(1e-8, 800)
        r = np.linalg.norm(case.positions[:, 1:], axis=1)
        stress = np.linalg.norm(case.stress()[:, 0, 1:], axis=1)
        inside = r < radius - 1.5
        at_wall = np.sum(stress[inside] * r[inside]) / np.sum(r[inside] ** 2) * radius
        assert at_wall == pytest.approx(2e-5 * radius / 2, rel=0.002)


def test_thinning_blood_flows_between_pressure_openings_as_under_a_body_force(turned_tube) -> None:
    radius, length, gradient = 5.3, 16.0, 1e-5
    law = CarreauYasuda(0.5, 0.04, 1e5, 0.3568)
    relaxation = Relaxation.thinning(law)
    ends = {0: (Condition("pressure"), 3.0 * gradient * length), 1: (Condition("pressure"), 0.0)}
    pressed = fluid_case(turned_tube(radius, length, (1, 0, 0)), 1.0, relaxation, openings=ends)
    free = pushed(Duct(circle(radius), 1.0), relaxation, gradient)
    pressed.advance(2500)
    free.steady(1e-7, 500)
    speed = np.asarray(pressed.velocity[0])
    along = pressed.positions[:, 0]
    for section in (along == along[0], np.abs(along - along[len(along) // 2]) < 0.5, along == along[-1]):
        assert speed[section].sum() == pytest.approx(float(free.velocity[0].sum()), rel=0.015)


def test_vertices_feel_the_viscosity_of_the_nodes_around_them() -> None:
    lumen = voxelise(Room((8.0, 8.0, 8.0)), 1.0)
    _, layout = assemble_fluid(lumen, {}, Relaxation(1.0))
    offset = jnp.asarray(np.random.default_rng(4).uniform(-1.5, 1.5, (2, 7, 3)))
    cells = CellState(jnp.full((2, 3), 3, jnp.int32), offset, jnp.ones(2, bool), jnp.arange(2), jnp.zeros_like(offset))
    points = find_stencil(layout, cells.anchor, offset, 3)
    rate = 1.0 + 0.05 * jnp.asarray(lumen.nodes[:, 1], float)
    seen = 1.0 / (3.0 * np.asarray(viscosity_at(rate, cells, points)) + 0.5)
    assert seen == pytest.approx(1.0 + 0.05 * (3.0 + np.asarray(offset[..., 1])), abs=1e-9)
    assert float(viscosity_at(jnp.asarray(1.0), cells, points)) == pytest.approx(1 / 6)


def test_a_law_that_makes_no_sense_is_refused() -> None:
    for wrong in ({"zero_shear": -1.0}, {"index": -0.1}, {"transition": 0.0}, {"infinite_shear": 2.0, "index": 1.2}):
        with pytest.raises(ValueError, match=r"viscosities|viscosity"):
            CarreauYasuda(**{"zero_shear": 1.0, "infinite_shear": 0.1, **wrong})
