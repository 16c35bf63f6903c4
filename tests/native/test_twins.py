"""Every compiled kernel computes what its pure-JAX twin does, on awkward shapes and sparse masks, in both precisions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow import native
from hemoflow.coupling.points import find_stencil
from hemoflow.errors import InputError
from hemoflow.fluid.inplace import Slots, pull_source
from hemoflow.fluid.solver import begin, finish
from hemoflow.interaction.repulsion import gap_and_normal, keep_inside, press

from .sample import PRECISIONS, SHAPES, after, layouts, twins

pytestmark = pytest.mark.skipif(native.status().backend != "native", reason="no compiled kernels here")


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
