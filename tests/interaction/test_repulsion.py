"""The wall's short-range repulsion, and the barrier behind it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build.fluid import Relaxation, assemble_fluid
from hemoflow.fluid.layout import NodeLayout
from hemoflow.geometry.voxelise import voxelise
from hemoflow.interaction.repulsion import BARRIER, gap_and_normal, keep_inside, wall_force, wall_gap
from hemoflow.model import Contact, Model
from hemoflow.validate.capsules_in_fluid import Capsule, Flow, capsule_case
from hemoflow.validate.shapes import Duct, Room, circle

RADIUS = 6.3
REACH = jnp.asarray(0.6)


@pytest.fixture(scope="module")
def tube() -> NodeLayout:
    return assemble_fluid(voxelise(Duct(circle(RADIUS), 12.0), 1.0), {}, Relaxation(1.0))[1]


def on_circle(tube: NodeLayout, radius: float, count: int = 200) -> tuple[jnp.ndarray, jnp.ndarray, np.ndarray]:
    """Anchors and offsets of points at a distance from the axis, and the direction towards the axis."""
    rng = np.random.default_rng(4)
    angle = rng.uniform(0, 2 * np.pi, count)
    outward = np.stack([np.zeros(count), np.cos(angle), np.sin(angle)], axis=1)
    x = 0.5 * (np.asarray(tube.shape) - 1) + radius * outward + np.outer(rng.uniform(-5, 5, count), [1.0, 0.0, 0.0])
    anchor = np.round(x).astype(np.int32)
    return jnp.asarray(anchor), jnp.asarray(x - anchor), -outward


@pytest.mark.parametrize("gap", [0.0, 0.4, 1.7])
def test_gap_and_normal_are_those_of_the_tube(tube, gap: float) -> None:
    anchor, offset, inward = on_circle(tube, RADIUS - gap)
    seen, normal = gap_and_normal(tube, anchor, offset)
    # Linear between nodes, and a wall bends by 1/(8 R) = 0.02 within one node.
    assert np.asarray(seen) == pytest.approx(np.full(len(inward), gap), abs=0.06)
    assert np.min(np.sum(np.asarray(normal) * inward, axis=1)) > 0.98
    assert np.linalg.norm(np.asarray(normal), axis=1) == pytest.approx(np.ones(len(inward)), rel=1e-6)


def test_repulsion_is_zero_beyond_its_range_and_finite_on_the_wall() -> None:
    gap = jnp.asarray([10.0, 0.6001, 0.6, 0.3, 0.0, -0.5])
    normal = jnp.broadcast_to(jnp.asarray([0.0, 1.0, 0.0]), (6, 3))
    force = np.asarray(wall_force(gap, normal, jnp.full(6, 2.0), jnp.asarray(5.0), REACH))
    assert np.all(force[:3] == 0.0)
    # Pressure times area at no gap and behind the wall, half of it half-way.
    assert force[3:, 1] == pytest.approx([5.0, 10.0, 10.0])
    assert np.all(force[:, [0, 2]] == 0.0)


def test_repulsion_is_the_gradient_of_its_energy() -> None:
    pressure, area = 3.0, 1.5

    def energy(gap: jax.Array) -> jax.Array:
        return 0.5 * pressure * area * REACH * (1.0 - gap / REACH) ** 2

    for gap in (0.05, 0.3, 0.59):
        normal = jnp.asarray([[0.0, 0.0, 1.0]])
        force = wall_force(jnp.asarray([gap]), normal, jnp.asarray([area]), jnp.asarray(pressure), REACH)
        assert float(force[0, 2]) == pytest.approx(-float(jax.grad(energy)(gap)), rel=1e-12)


def test_repulsion_pushes_away_from_the_wall_and_never_along_it(tube) -> None:
    anchor, offset, inward = on_circle(tube, RADIUS - 0.2)
    gap, normal = gap_and_normal(tube, anchor, offset)
    force = np.asarray(wall_force(gap, normal, jnp.ones(len(inward)), jnp.asarray(1.0), REACH))
    inwards = np.sum(force * inward, axis=1)
    assert np.all(inwards > 0.0)
    assert np.max(np.linalg.norm(force - inwards[:, None] * inward, axis=1)) < 0.2 * inwards.max()


@pytest.mark.parametrize("beyond", [0.05, 0.3, 0.7])
def test_the_barrier_brings_back_a_vertex_that_a_step_carried_through_the_wall(tube, beyond: float) -> None:
    # Vertices move less than 0.1 node per step; 0.7 is far more than any step does.
    anchor, offset, _ = on_circle(tube, RADIUS + beyond)
    kept, moved = keep_inside(tube, anchor, offset, REACH)
    assert np.min(np.asarray(wall_gap(tube, anchor, kept))) > 0.0
    assert float(moved) > beyond


def test_the_barrier_leaves_vertices_in_the_lumen_where_they_are(tube) -> None:
    anchor, offset, _ = on_circle(tube, RADIUS - 1.0)
    kept, moved = keep_inside(tube, anchor, offset, REACH)
    assert np.array_equal(kept, offset) and float(moved) == 0.0


@pytest.mark.parametrize("pressure", [0.0, 0.02])
def test_a_capsule_squeezed_between_walls_never_passes_through_them(pressure: float) -> None:
    # Flattened or drawn out along the channel it springs back across it, faster than the fluid film can leave; where
    # there is no repulsion only the barrier holds it.
    flow = Flow(Room((14.0, 11.0, 14.0), "y"), Relaxation(1.0), np.zeros_like)
    case = capsule_case(flow, Capsule(5.0, (7.0, 5.5, 7.0), 0.02, stretch=1.08))
    m = case.model
    case.model = Model(m.fluid, m.layout, m.groups, Contact(jnp.asarray(pressure), REACH), 3)
    squeeze = np.array([1.15, 1.0, 1.15]) if pressure else np.array([0.95, 1.0, 0.95])
    cells = case.state.cells[0]
    stretched = type(cells)(cells.anchor, cells.offset * squeeze, cells.alive, cells.ident, cells.carried)
    case.state = type(case.state)(case.state.fluid, (stretched,), case.state.bonds)
    smallest = []
    for _ in range(5):
        case.advance(100)
        smallest.append(min(float(case.vertices[:, 1].min()) + 0.5, 11.0 - 0.5 - float(case.vertices[:, 1].max())))
    assert min(smallest) >= BARRIER * float(REACH) - 1e-9
