"""Mass and momentum of the fluid, in both precisions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build.fluid import Relaxation
from hemoflow.fluid.collision import collide, odd_relaxation_time
from hemoflow.fluid.moments import density_deviation, momentum
from hemoflow.validate.flow_cases import FluidCase, fluid_case
from hemoflow.validate.shapes import Duct, Room, circle


def stirred_box(size: float) -> FluidCase:
    """A closed box with flat walls, stirred by its lid and a body force."""

    def lid(x: np.ndarray) -> np.ndarray:
        return np.where(x[:, 1:2] > size - 0.25, np.array([[0.05, 0.0, 0.02]]), 0.0)

    return fluid_case(Room((size, size, size), "xyz"), 1.0, Relaxation(0.8), np.array([0.0, 1e-5, 0.0]), lid)


@pytest.mark.parametrize("double", [False, True])
def test_a_closed_box_keeps_its_mass_within_a_millionth_over_a_hundred_thousand_steps(double: bool) -> None:
    # Measured over 6000 steps; round-off drifts at most in proportion to the number of steps, so the rest is extrapolated.
    with jax.enable_x64(double):
        case = stirred_box(10.0)
        case.advance(6000)
        drift = abs(case.mass) / len(case.positions)
    assert drift * 100_000 / 6000 < (1e-6 if not double else 1e-13)


def test_a_round_periodic_tube_keeps_its_mass_to_round_off() -> None:
    case = fluid_case(Duct(circle(5.3), 3.0), 1.0, Relaxation(0.7), np.array([1e-5, 0.0, 0.0]))
    case.advance(2000)
    assert abs(case.mass) / len(case.positions) < 1e-13


def test_single_precision_keeps_four_digits_of_a_flow_of_a_millionth() -> None:
    # Populations near 1/3 stored in full would carry an error of 3e-8, 3 % of this flow; deviations from rest do not.
    flows = {}
    for double in (False, True):
        with jax.enable_x64(double):
            case = fluid_case(Duct(circle(5.3), 1.0), 1.0, Relaxation(1.0), np.array([2.4e-8, 0.0, 0.0]))
            case.advance(400)
            flows[double] = np.asarray(case.velocity[0], np.float64)
    assert flows[True].max() == pytest.approx(1e-6, rel=0.2)
    assert np.max(np.abs(flows[False] - flows[True])) < 1e-4 * flows[True].max()


def random_node(count: int = 7) -> tuple[list[jax.Array], jax.Array, list[jax.Array], list[jax.Array]]:
    rng = np.random.default_rng(3)
    h = [jnp.asarray(0.01 * rng.normal(size=count)) for _ in range(19)]
    force = [jnp.asarray(1e-3 * rng.normal(size=count)) for _ in range(3)]
    u = [m + 0.5 * f for m, f in zip(momentum(h), force, strict=True)]
    return h, density_deviation(h), u, force


def test_collision_keeps_mass_and_adds_exactly_the_force_to_the_momentum() -> None:
    h, rho, u, force = random_node()
    after = collide(h, rho, u, force, (jnp.asarray(1 / 0.7), jnp.asarray(1 / odd_relaxation_time(0.7, 0.1875))))
    assert np.asarray(density_deviation(after)) == pytest.approx(np.asarray(rho), abs=1e-15)
    gained = np.stack(momentum(after)) - np.stack(momentum(h))
    assert gained == pytest.approx(np.stack(force), abs=1e-15)


def test_a_relaxation_time_per_node_is_the_same_as_one_for_all() -> None:
    h, rho, u, force = random_node()
    one = collide(h, rho, u, force, (jnp.asarray(1.4), jnp.asarray(0.8)))
    many = collide(h, rho, u, force, (jnp.full(7, 1.4), jnp.full(7, 0.8)))
    assert np.array_equal(np.stack(one), np.stack(many))
