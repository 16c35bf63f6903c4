"""Every compiled kernel computes what its pure-JAX twin does, on awkward shapes and sparse masks, in both precisions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.coupling.points import find_stencil
from hemoflow.errors import InputError
from hemoflow.fluid.boundary import LinkMemory, make_links
from hemoflow.fluid.inplace import Slots, make_slots, pull_source
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.fluid.layout import NodeLayout, make_layout
from hemoflow.fluid.solver import Fluid, FluidState, advance_with_rate, begin, finish
from hemoflow.fluid.streaming import pull_table
from hemoflow.fluid.thinning import make_rate_table
from hemoflow.interaction.repulsion import gap_and_normal, keep_inside, press
from hemoflow.rheology import CarreauYasuda

pytestmark = pytest.mark.skipif(native.status().backend != "native", reason="no compiled kernels here")

SHAPES = [((5, 7, 3), 1.0), ((1, 1, 17), 1.0), ((16, 16, 16), 1.0), ((19, 11, 23), 0.5), ((33, 9, 10), 0.08)]
PRECISIONS = [(jnp.float32, 1e-6), (jnp.float64, 1e-14)]


def neighbours_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ids (19, N) of the neighbours of every node in a periodic mask, -1 where there is none."""
    ids = np.where(mask, np.cumsum(mask.ravel()).reshape(mask.shape) - 1, -1)
    return np.stack([np.roll(ids, tuple(-d), (0, 1, 2))[mask] for d in DIRECTIONS])


BLOOD = CarreauYasuda(0.9, 0.06, 3e3, 0.3568)


def twins(
    shape: tuple[int, int, int], fill: float, real: jnp.dtype, viscosity: str = "constant"
) -> tuple[Fluid, Fluid, FluidState]:
    """One fluid on a random mask in both tiers, with walls, a velocity opening and a pressure opening on its links, and a random state."""
    rng = np.random.default_rng(sum(shape))
    mask = rng.random(shape) < fill
    mask.flat[0] = True
    neighbours = neighbours_of(mask)
    nodes = neighbours.shape[1]
    direction, node = np.nonzero(neighbours < 0)
    opening = rng.choice([-1, -1, -1, 0, 1], len(node))
    normal = np.tile([1.0, 0.0, 0.0], (len(node), 1))
    with jax.enable_x64(real == jnp.float64):
        links = make_links(
            node, direction, rng.uniform(0.01, 1.0, len(node)),
            (opening, opening == 1, rng.normal(0, 0.01, (len(node), 3)) * rng.integers(0, 2, (len(node), 1)), normal), neighbours,
        )  # fmt: skip
        rates = [rng.uniform(0.6, 1.6, nodes if viscosity == "per node" else ()) for _ in range(2)]
        rest: list[Any] = [jnp.asarray(r, real) for r in rates] + [jnp.asarray([1e-4, -2e-4, 3e-4], real)]
        rest += [make_rate_table(BLOOD, 0.1875)] if viscosity == "thinning" else []
        memory = [jnp.asarray(rng.normal(0, 1e-3, links.pressure_count), real) for _ in range(2)]
        state = FluidState(
            jnp.asarray(rng.normal(0, 0.01, (19, nodes)), real), LinkMemory(*memory, jnp.asarray([1e-4, 0.3], real))
        )
        return Fluid(pull_table(neighbours), links, *rest), Fluid(make_slots(neighbours, links), links, *rest), state


def after(
    fluid: Fluid, state: FluidState, steps: int, forced: bool
) -> tuple[FluidState, jax.Array, jax.Array, jax.Array]:
    """State, and velocity, flux and even rate of the last step."""
    carried = begin(fluid, state)
    real, count = state.populations.dtype, state.populations.shape[1]
    drive = jnp.asarray(np.r_[np.ones(1), 0.7 * np.ones(fluid.links.openings), 0.5], real)
    force = jnp.asarray(np.random.default_rng(5).normal(0, 1e-3, (3, count)), real) if forced else None
    for _ in range(steps):
        carried, velocity, flux, rate = advance_with_rate(fluid, carried, drive, force)
    return finish(fluid, carried), velocity, flux, rate


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
@pytest.mark.parametrize("shape, fill", SHAPES)
@pytest.mark.parametrize(
    "steps, forced, viscosity",
    [(1, True, "constant"), (2, False, "constant"), (5, True, "per node"), (2, False, "thinning")],
)
def test_the_fluid_step_is_its_twins(shape, fill, real, tolerance, steps, forced, viscosity) -> None:  # type: ignore[no-untyped-def]
    slow, fast, state = twins(shape, fill, real, viscosity)
    with jax.enable_x64(real == jnp.float64):
        expected, seen = after(slow, state, steps, forced), after(fast, state, steps, forced)
    for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(seen), strict=True):
        assert one.dtype == other.dtype == real
        size = max(1.0, float(jnp.max(jnp.abs(one)))) if one.size else 1.0
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=tolerance * size, rtol=0)


@pytest.mark.parametrize("shape, fill", SHAPES)
def test_the_compact_table_holds_the_whole_one(shape: tuple[int, int, int], fill: float) -> None:
    slow, fast, _ = twins(shape, fill, jnp.float64)
    assert isinstance(fast.table, Slots)
    np.testing.assert_array_equal(np.asarray(pull_source(fast.table)), np.asarray(slow.table))


def test_entering_and_leaving_the_slots_changes_no_more_than_a_rounding() -> None:
    _, fast, state = twins((19, 11, 23), 0.5, jnp.float64)
    there = finish(fast, begin(fast, state)).populations
    np.testing.assert_allclose(np.asarray(there), np.asarray(state.populations), atol=1e-17, rtol=0)


def layouts(real: jnp.dtype, periodic: tuple[bool, bool, bool], row_axis: int = 2) -> tuple[NodeLayout, NodeLayout]:
    """One layout in both tiers, sparse in one half and full in the other, with nodes in rows along an axis."""
    rng = np.random.default_rng(2)
    shape = (11, 9, 21)
    mask = rng.random(shape) < 0.6
    mask[:, :, 9:] = True
    nodes, band = np.argwhere(mask), np.argwhere(~mask)
    nodes = nodes[np.lexsort((nodes[:, row_axis], nodes[:, (row_axis + 2) % 3], nodes[:, (row_axis + 1) % 3]))]
    with jax.enable_x64(real == jnp.float64):
        parts = (nodes, rng.uniform(0.1, 3, len(nodes)), band, rng.uniform(0.1, 1, len(band)), (shape, periodic))
        return make_layout(*parts), make_layout(*parts, native=True)


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize(
    "periodic, axis", [((False, False, False), 2), ((True, False, True), 0), ((False, True, True), 1)]
)
@pytest.mark.parametrize("points", [7, 3000])
def test_points_and_nodes_exchange_what_the_twins_do(real, tolerance, width, periodic, axis, points) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(points)
    slow, fast = layouts(real, periodic, axis)
    assert fast.row_axis == axis
    with jax.enable_x64(real == jnp.float64):
        anchor = jnp.asarray(rng.integers(-2, 22, (points, 3)), jnp.int32)
        offset = jnp.asarray(rng.uniform(-3, 3, (points, 3)), real)
        values = jnp.asarray(rng.normal(size=(points, 3)), real)
        field = jnp.asarray(rng.normal(size=(3, slow.count)), real)
        expected, seen = (find_stencil(at, anchor, offset[:, None], width) for at in (slow, fast))
        one, other = expected.interpolate(field), seen.interpolate(field)
        # square roots of differences near zero keep half of the digits
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=4 * tolerance**0.5, rtol=0)
        assert np.median(np.abs(np.asarray(other - one))) < tolerance
        one, other = expected.spread_onto(field, values), seen.spread_onto(field, values)
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=4 * tolerance**0.5, rtol=0)
        assert np.median(np.abs(np.asarray(other - one))) < 2 * tolerance
        gaps, found = gap_and_normal(slow, anchor, offset), gap_and_normal(fast, anchor, offset)
        np.testing.assert_allclose(np.asarray(found[0]), np.asarray(gaps[0]), atol=50 * tolerance, rtol=0)
        # where nothing is near, the distance is constant and has no direction
        near = np.asarray(gaps[0]) > float(slow.wall_distance[-1]) + 0.01
        np.testing.assert_allclose(np.asarray(found[1])[near], np.asarray(gaps[1])[near], atol=1e3 * tolerance, rtol=0)


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
@pytest.mark.parametrize("vertices", [5, 150])
def test_the_wall_presses_and_stops_cells_as_the_twin_does(real, tolerance, vertices) -> None:  # type: ignore[no-untyped-def]
    rng, seen = np.random.default_rng(vertices), []
    with jax.enable_x64(real == jnp.float64):
        anchor = jnp.asarray(rng.integers(1, 9, (3, 3)), jnp.int32)
        offset, membrane = (jnp.asarray(rng.uniform(-2, 2, (3, vertices, 3)), real) for _ in range(2))
        area, reach = jnp.asarray(rng.uniform(0.5, 1, vertices), real), jnp.asarray(0.8, real)
        for layout in layouts(real, (True, False, True)):
            cells = (anchor, offset, jnp.asarray([True, False, True]))
            load, total = press(layout, cells, membrane, area, (jnp.asarray(0.7, real), reach))
            spots = jnp.broadcast_to(anchor[:, None, :], offset.shape).reshape(-1, 3)
            kept, farthest = keep_inside(layout, spots, offset.reshape(-1, 3), reach)
            # where nothing is near, the distance is constant and has no direction
            near = np.asarray(gap_and_normal(layout, spots, kept)[0]) > float(layout.wall_distance[-1]) + 0.01
            seen.append([np.asarray(a) for a in (load.reshape(-1, 3)[near], kept[near], total, farthest)])
    for one, other in zip(*seen, strict=True):
        np.testing.assert_allclose(other, one, atol=1e3 * tolerance, rtol=0)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    _, fast, state = twins((33, 19, 20), 0.6, jnp.float32)
    _, layout = layouts(jnp.float32, (True, True, True))
    rng = np.random.default_rng(0)
    before, seen = native.status().threads, []
    with jax.enable_x64(False):
        anchor, offset = (
            jnp.asarray(rng.integers(0, 9, (2000, 3)), jnp.int32),
            jnp.asarray(rng.random((2000, 3)), jnp.float32),
        )
        try:
            for threads in (1, 2, 3, 7):
                native.set_threads(threads)
                at = find_stencil(layout, anchor, offset[:, None], 3)
                sums = at.spread_onto(jnp.zeros((3, layout.count), jnp.float32), offset)
                seen.append(jax.tree.leaves((after(fast, state, 4, True), at, sums)))
        finally:
            native.set_threads(before)
    for other in seen[1:]:
        for a, b in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_an_unknown_backend_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMOFLOW_BACKEND", "cuda")
    with pytest.raises(InputError, match="HEMOFLOW_BACKEND is 'cuda': choose jax or native"):
        native.status()


def test_the_slow_tier_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMOFLOW_BACKEND", "jax")
    assert not native.in_use() and native.status().why == "HEMOFLOW_BACKEND=jax"
