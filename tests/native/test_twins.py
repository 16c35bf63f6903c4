"""Every compiled kernel computes what its pure-JAX twin does, on awkward shapes and sparse masks, in both precisions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow import native
from hemoflow.coupling.points import find_stencil
from hemoflow.errors import InputError
from hemoflow.fluid.solver import begin, finish

from .checks import check_fluid, check_points, check_table, check_wall
from .sample import PRECISIONS, SHAPES, after, layouts, twins

pytestmark = pytest.mark.skipif(native.status().backend != "native", reason="no compiled kernels here")


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
@pytest.mark.parametrize("shape, fill", SHAPES)
@pytest.mark.parametrize(
    "steps, forced, viscosity",
    [(1, True, "constant"), (2, False, "constant"), (5, True, "per node"), (2, False, "thinning")],
)
def test_the_fluid_step_is_its_twins(shape, fill, real, tolerance, steps, forced, viscosity) -> None:  # type: ignore[no-untyped-def]
    check_fluid(shape, fill, real, tolerance, steps, forced, viscosity)


@pytest.mark.parametrize("shape, fill", SHAPES)
def test_the_compact_table_holds_the_whole_one(shape: tuple[int, int, int], fill: float) -> None:
    check_table(shape, fill)


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
    check_points(real, tolerance, width, periodic, axis, points)


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
@pytest.mark.parametrize("vertices", [5, 150])
def test_the_wall_presses_and_stops_cells_as_the_twin_does(real, tolerance, vertices) -> None:  # type: ignore[no-untyped-def]
    check_wall(real, tolerance, vertices)


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
