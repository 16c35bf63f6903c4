"""Smoothed delta functions, and that spreading and interpolation are two views of one matrix, beside walls too."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build.fluid import Relaxation, assemble_fluid
from hemoflow.coupling.kernel import delta, interpolate, spread, stencil
from hemoflow.fluid.layout import NodeLayout
from hemoflow.geometry.voxelise import voxelise
from hemoflow.validate.capsules_in_fluid import Capsule, CapsuleCase, Flow, capsule_case
from hemoflow.validate.shapes import Duct, Room, circle

WIDTHS = (2, 3, 4)
RADIUS = 6.3


@pytest.fixture(scope="module")
def tube() -> NodeLayout:
    """A periodic round tube of 12 nodes length; its first node lies in the corner of the box."""
    return assemble_fluid(voxelise(Duct(circle(RADIUS), 12.0), 1.0), {}, Relaxation(1.0))[1]


def points_in(tube: NodeLayout, count: int = 300) -> tuple[jnp.ndarray, jnp.ndarray]:
    """Anchors and offsets of points all over the tube: some on the wall, some across the periodic ends."""
    rng = np.random.default_rng(11)
    angle, r = rng.uniform(0, 2 * np.pi, count), RADIUS * np.sqrt(rng.uniform(0, 1, count))
    r[: count // 4] = RADIUS - 0.05
    middle = 0.5 * (np.asarray(tube.shape) - 1)
    x = np.stack([rng.uniform(-20, 30, count), middle[1] + r * np.cos(angle), middle[2] + r * np.sin(angle)], axis=1)
    anchor = np.floor(x).astype(np.int32) - rng.integers(-3, 3, (count, 3)).astype(np.int32)
    return jnp.asarray(anchor), jnp.asarray(x - anchor)


@pytest.mark.parametrize("width", WIDTHS)
def test_kernels_are_a_partition_of_unity_with_zero_first_moment(width: int) -> None:
    nodes = np.arange(-8, 9)
    for x in np.concatenate([np.linspace(-1.0, 1.0, 41), [0.123456789, -0.987654321]]):
        weight = np.asarray(delta(jnp.asarray(nodes - x), width))
        assert weight.sum() == pytest.approx(1.0, abs=1e-12)
        # Square roots close to zero keep only half of the digits.
        assert (weight * (nodes - x)).sum() == pytest.approx(0.0, abs=1e-7)
        assert weight.min() >= 0.0 and np.count_nonzero(weight) <= width


def test_the_four_point_kernel_gives_half_of_its_weight_to_even_nodes() -> None:
    # Peskin's condition against checkerboard modes; the sum of squares does not depend on the place either: 3/8.
    nodes = jnp.arange(-8, 9)
    for x in np.linspace(0.0, 1.0, 13):
        weight = np.asarray(delta(nodes - x, 4))
        assert weight[::2].sum() == pytest.approx(0.5, abs=1e-12)
        assert (weight**2).sum() == pytest.approx(3.0 / 8.0, abs=1e-12)


def test_no_other_width_is_accepted() -> None:
    with pytest.raises(ValueError, match="choose 2, 3 or 4"):
        delta(jnp.zeros(1), 5)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_uniform_flow_is_interpolated_exactly_beside_a_wall_and_across_periodic_ends(tube, width: int) -> None:
    drift = np.array([0.3, -1.0, 2.0])
    ids, weights = stencil(tube, *points_in(tube), width)
    seen = interpolate(jnp.broadcast_to(drift[:, None], (3, tube.count)), ids, weights)
    assert np.asarray(seen) == pytest.approx(np.broadcast_to(drift, seen.shape), rel=1e-13)


@pytest.mark.parametrize("width", WIDTHS)
def test_spread_force_sums_to_the_force_beside_a_wall_and_across_periodic_ends(tube, width: int) -> None:
    ids, weights = stencil(tube, *points_in(tube), width)
    force = jnp.asarray(np.random.default_rng(1).normal(size=(ids.shape[0], 3)))
    nodes = spread(force, ids, weights, tube.count)
    assert np.asarray(nodes.sum(axis=1)) == pytest.approx(np.asarray(force.sum(axis=0)), abs=1e-11)


@pytest.mark.parametrize("width", WIDTHS)
def test_spreading_and_interpolation_are_adjoint(tube, width: int) -> None:
    # The power of the force is the same on the points and on the nodes, whatever the flow: nothing is gained or lost.
    rng = np.random.default_rng(2)
    ids, weights = stencil(tube, *points_in(tube), width)
    force, flow = jnp.asarray(rng.normal(size=(ids.shape[0], 3))), jnp.asarray(rng.normal(size=(3, tube.count)))
    on_points = float(jnp.sum(force * interpolate(flow, ids, weights)))
    on_nodes = float(jnp.sum(spread(force, ids, weights, tube.count) * flow))
    assert on_points == pytest.approx(on_nodes, rel=1e-11)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_linear_flow_is_interpolated_exactly_away_from_walls(tube, width: int) -> None:
    anchor, offset = points_in(tube)
    place = np.asarray(anchor) + np.asarray(offset)
    middle = 0.5 * (np.asarray(tube.shape) - 1)
    inner = np.linalg.norm(place[:, 1:] - middle[1:], axis=1) < RADIUS - 0.5 * width * np.sqrt(2.0)
    ids, weights = stencil(tube, anchor, offset, width)
    flow = jnp.asarray(np.asarray(tube.nodes)[:, 1:].T, float)
    seen = np.asarray(interpolate(flow, ids, weights))
    assert inner.sum() > 20
    assert seen[inner] == pytest.approx(place[inner, 1:], abs=1e-11)


def test_the_anchor_is_free_to_choose(tube) -> None:
    anchor, offset = points_in(tube)
    moved = jnp.asarray([7, -4, 2])
    ids, weights = stencil(tube, anchor, offset, 3)
    other_ids, other_weights = stencil(tube, anchor + moved, offset - moved, 3)
    assert np.array_equal(ids, other_ids)
    assert np.asarray(weights) == pytest.approx(np.asarray(other_weights), abs=1e-13)


def test_a_point_with_no_fluid_in_reach_feels_and_gives_nothing(tube) -> None:
    ids, weights = stencil(tube, jnp.asarray([[3, -40, 3]]), jnp.zeros((1, 3)), 3)
    assert np.all(np.asarray(weights) == 0.0)
    assert np.all(np.asarray(spread(jnp.ones((1, 3)), ids, weights, tube.count)) == 0.0)


def drifting_capsule(drift: np.ndarray, stretch: float) -> CapsuleCase:
    """A capsule across the edges of a periodic room, in a uniform flow."""
    flow = Flow(Room((12.0, 12.0, 12.0)), Relaxation(0.9), lambda x: np.broadcast_to(drift, x.shape))
    return capsule_case(flow, Capsule(4.0, (11.5, 4.4, 1.0), 0.01, stretch=stretch))


def test_a_membrane_at_rest_drifts_with_a_uniform_flow_and_leaves_it_uniform() -> None:
    drift = np.array([0.02, 0.0, -0.01])
    case = drifting_capsule(drift, 1.0)
    before = case.vertices
    case.advance(60)
    assert case.vertices - before == pytest.approx(np.broadcast_to(60 * drift, before.shape), abs=1e-11)
    assert case.velocity == pytest.approx(np.broadcast_to(drift[:, None], case.velocity.shape), abs=1e-12)


def test_a_membrane_adds_no_mass_and_no_momentum_to_a_periodic_fluid() -> None:
    case = drifting_capsule(np.zeros(3), 1.1)
    case.advance(60)
    assert np.abs(case.velocity).max() > 1e-5, "the membrane stirs the fluid"
    assert np.abs(case.velocity.sum(axis=1)).max() < 1e-12
    assert abs(case.mass) < 1e-12
