"""Rigid bodies: what a force, a flow and a wall may do to them, and what they may do to the fluid."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.bodies.shape import Shape
from hemoflow.build.bodies import FREE, Body
from hemoflow.build.fluid import Relaxation
from hemoflow.validate.bodies_in_fluid import BodyCase, Setting, body_case
from hemoflow.validate.capsules_in_fluid import shear_flow
from hemoflow.validate.shapes import Room

HELD = (False,) * 6
SPHERE = Shape("sphere", 3.0, 3.0)
TILTED = (0.8, 0.36, 0.48, 0.0)
RELAXATION = Relaxation(0.9)


def box(size: float, velocity: np.ndarray | None = None) -> Setting:
    """A periodic box in which the fluid starts with a velocity."""
    flow = None if velocity is None else lambda x: np.broadcast_to(velocity, x.shape)
    return Setting(Room((size, size, size)), RELAXATION, None, flow)


def fluid_momentum(case: BodyCase) -> np.ndarray:
    """Momentum of the fluid between two steps, which the next collision will have moved by no more than it is given."""
    return case.momentum


@pytest.mark.parametrize("density", [1.0, 3.0])
def test_a_free_body_gives_the_fluid_the_momentum_that_it_is_given_less_what_its_excess_mass_keeps(
    density: float,
) -> None:
    push = (2e-3, -1e-3, 5e-4, 0.0, 0.0, 0.0)
    body = Body(Shape("spheroid", 2.5, 3.5), np.array([11.3, 4.4, 1.0]), TILTED, push=push, density=density)
    case = body_case(box(12.0), [body])
    case.advance(60)
    kept = float(case.model.bodies[0].excess_mass[0]) * case.motion[0, :3]
    assert fluid_momentum(case) + kept == pytest.approx(60 * np.array(push[:3]), rel=1e-10)
    assert case.motion[0, 0] > 5e-5


def test_what_a_held_body_feels_is_what_the_fluid_loses() -> None:
    drift = np.array([0.01, 0.004, 0.0])
    case = body_case(box(12.0, drift), [Body(SPHERE, np.array([6.2, 6.4, 5.9]), free=HELD)])
    lost, before = np.zeros(3), fluid_momentum(case)
    for _ in range(20):
        case.advance(1)
        lost += case.load[0, :3]
    assert before - fluid_momentum(case) == pytest.approx(lost, abs=1e-12)
    assert lost[0] > 0.01 * before[0]


def test_a_free_body_drifts_with_a_uniform_flow_and_leaves_it_uniform() -> None:
    drift = np.array([0.02, 0.0, -0.01])
    body = Body(Shape("disc", 4.0, 1.5), np.array([11.5, 4.4, 1.0]), TILTED, (*drift, 0.0, 0.0, 0.0))
    case = body_case(box(12.0, drift), [body])
    before = case.centre
    case.advance(60)
    assert case.centre - before == pytest.approx(60 * drift[None], abs=1e-11)
    assert case.velocity == pytest.approx(np.broadcast_to(drift[:, None], case.velocity.shape), abs=1e-12)


def sheared(axes: tuple[int, int], turn: tuple[float, ...], shape: Shape = SPHERE) -> BodyCase:
    """A free body in the middle of a shear flow between walls."""
    rate, size = 1e-3, np.zeros(3)
    along, across = axes
    size[[along, across, 3 - along - across]] = 20.0, 18.0, 20.0
    sizes = (float(size[0]), float(size[1]), float(size[2]))
    flow = shear_flow(sizes, rate, RELAXATION, axes)
    return body_case(Setting(flow.room, RELAXATION, None, flow.velocity), [Body(shape, 0.5 * size, turn)])


def test_a_sphere_without_torque_turns_at_half_of_the_shear_rate() -> None:
    case = sheared((0, 1), (1.0, 0.0, 0.0, 0.0), Shape("sphere", 2.5, 2.5))
    case.advance(300)
    # Walls and periodic images 7 radii away slow it by (a/L)^3 in the order of magnitude.
    assert case.motion[0, 3:] == pytest.approx([0.0, 0.0, -0.5e-3], abs=0.02 * 0.5e-3)
    assert np.abs(case.motion[0, :3]).max() < 1e-9
    assert float(np.linalg.norm(np.asarray(case.bodies.turn)[0])) == pytest.approx(1.0, abs=1e-12)


def test_axes_may_be_permuted() -> None:
    shape = Shape("spheroid", 2.5, 3.5)
    one = sheared((0, 1), (1.0, 0.0, 0.0, 0.0), shape)
    # x y z -> y z x is a turn of 120 degrees about the diagonal, by which the body is turned as well.
    other = sheared((1, 2), (0.5, 0.5, 0.5, 0.5), shape)
    for case in (one, other):
        case.advance(150)
    permuted = one.motion[0].reshape(2, 3)[:, [2, 0, 1]].ravel()
    assert other.motion[0] == pytest.approx(permuted, abs=1e-12)
    assert abs(one.motion[0, 5]) > 2e-4


def test_the_orientation_stays_a_unit_quaternion_in_single_precision() -> None:
    import jax

    with jax.enable_x64(False):
        body = Body(SPHERE, np.array([5.0, 5.0, 5.0]), TILTED, (1e-4, 0.0, 0.0, 0.02, -0.03, 0.01), HELD)
        case = body_case(box(10.0), [body])
        case.advance(400)
        turn = np.asarray(case.bodies.turn, np.float64)[0]
        moved = case.centre[0, 0]
    assert np.linalg.norm(turn) == pytest.approx(1.0, abs=3e-7)
    angle = 400 * np.array([0.02, -0.03, 0.01])
    half = 0.5 * np.linalg.norm(angle)
    axis = np.sin(half) * angle / np.linalg.norm(angle)
    w, v = np.cos(half), np.array(TILTED[1:])
    wanted = np.array([w * TILTED[0] - axis @ v, *(w * v + TILTED[0] * axis + np.cross(axis, v))])
    assert turn == pytest.approx(wanted, abs=2e-6)
    assert moved == pytest.approx(4.5 + 0.04, abs=1e-6)


def test_a_model_without_bodies_has_nothing_of_them() -> None:
    from hemoflow.model import Model, State

    assert Model.__dataclass_fields__["bodies"].default == () == State.__dataclass_fields__["bodies"].default
    assert FREE == (True,) * 6


def test_a_state_that_was_saved_goes_on_bit_by_bit() -> None:
    from dataclasses import replace

    from hemoflow.run.storage import from_arrays, to_arrays

    case = body_case(box(12.0), [Body(SPHERE, np.array([6.2, 6.4, 5.9]), push=(1e-3, 0, 0, 0, 2e-3, 0), density=2.0)])
    case.advance(20)
    kept = to_arrays(case.state)
    again = replace(case, state=from_arrays(kept, case.state))
    for one in (case, again):
        one.advance(20)
    first, second = to_arrays(case.state), to_arrays(again.state)
    assert "bodies/0/lasting" in kept and "bodies/0/turn" in kept
    assert all(np.array_equal(first[name], second[name]) for name in first)
