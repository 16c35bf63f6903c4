"""On a GPU the kernels compute what their pure-JAX twins compute there, and runs use them. Skipped where JAX sees no GPU."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow import native
from hemoflow.coupling.points import find_stencil
from hemoflow.info import describe

from .checks import check_fluid, check_points, check_table, check_wall
from .sample import FLUIDS, POINTS, PRECISIONS, after, layouts, twins

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def compiled() -> None:
    """Skips where the package was installed without a CUDA compiler."""
    if not native.in_use():
        pytest.skip(native.status().why)


def test_a_gpu_uses_its_kernels_and_leaves_membranes_to_jax() -> None:
    kernels = describe()["native_kernels"]
    assert kernels["in_use"] == list(native.DEVICE_KERNELS) and kernels["instruction_set"] == "CUDA"
    assert kernels["pure_jax"] == ["membrane", "displace"]


@pytest.mark.parametrize("shape, fill, precision, steps, forced, viscosity", FLUIDS)
def test_the_fluid_step_is_its_twins(shape, fill, precision, steps, forced, viscosity) -> None:  # type: ignore[no-untyped-def]
    check_fluid(shape, fill, *PRECISIONS[precision], steps, forced, viscosity)


def test_the_compact_table_holds_the_whole_one() -> None:
    check_table((19, 11, 23), 0.5)


@pytest.mark.parametrize("width, precision, periodic, axis", [*POINTS, (2, 0, (False, True, True), 1)])
def test_points_and_nodes_exchange_what_the_twins_do(width, precision, periodic, axis) -> None:  # type: ignore[no-untyped-def]
    check_points(*PRECISIONS[precision], width, periodic, axis, 3000)


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
def test_the_wall_presses_and_stops_cells_as_the_twin_does(real: jnp.dtype, tolerance: float) -> None:
    check_wall(real, tolerance, 150)


def test_a_fluid_repeats_itself_to_the_last_bit() -> None:
    _, fast, state = twins((33, 19, 20), 0.6, jnp.float32)
    with jax.enable_x64(False):
        first, second = (jax.tree.leaves(after(fast, state, 20, True)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_million_points_spread_their_whole_force() -> None:
    _, layout = layouts(jnp.float32, (True, True, True))
    rng = np.random.default_rng(1)
    with jax.enable_x64(False):
        anchor = jnp.asarray(rng.integers(0, 9, (1_000_000, 3)), jnp.int32)
        offset = jnp.asarray(rng.random((1_000_000, 1, 3)), jnp.float32)
        at = find_stencil(layout, anchor, offset, 4)
        here = at.spread_onto(jnp.zeros((3, layout.count), jnp.float32), jnp.ones((1_000_000, 3), jnp.float32))
    # a few points may have no fluid node around them
    assert np.asarray(here, np.float64).sum() == pytest.approx(3e6, rel=1e-3)
