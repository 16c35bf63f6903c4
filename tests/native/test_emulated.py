"""The kernels of a GPU compute what their pure-JAX twins do: their sources compiled for the CPU, where a launch is a loop over threads.

What this cannot show is what only a device has: memory that threads share at the same time, and speed.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow import native
from hemoflow.coupling.points import find_stencil
from hemoflow.fluid.inplace import pull_source
from hemoflow.interaction.repulsion import gap_and_normal
from hemoflow.native import calls

from .checks import check_fluid, check_points, check_table, check_wall
from .sample import FLUIDS, POINTS, PRECISIONS, after, layouts, twins

SOURCE = Path(__file__).resolve().parents[2] / "hemoflow" / "native" / "src"
COMPILER = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), "")
FLAGS = ["-std=c++17", "-O0", "-fPIC", "-w", "-DHEMOFLOW_DEVICE", "-DHEMOFLOW_EMULATED"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The emulated kernels, registered under names of their own."""
    if not COMPILER or not SOURCE.is_dir():
        pytest.skip("no compiler, or no sources beside the package")
    folder = tmp_path_factory.mktemp("emulated")
    include = f"-isystem{jax.ffi.include_dir()}"
    sources = {"kernels.o": SOURCE / "device" / "kernels.cu", "module.o": SOURCE / "module.cc"}
    parts = [
        subprocess.Popen([COMPILER, *FLAGS, include, "-x", "c++", "-c", str(path), "-o", str(folder / name)])
        for name, path in sources.items()
    ]
    assert [part.wait() for part in parts] == [0, 0]
    built = folder / "emulated.so"
    subprocess.run([COMPILER, "-shared", *(str(folder / name) for name in sources), "-o", str(built)], check=True)
    return native.register(built, native.DEVICE_KERNELS, "cpu", "emulated")


@pytest.fixture(autouse=True)
def emulated(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compiled kernels are the emulated ones, with their threads in a scattered order."""
    monkeypatch.setattr(calls, "NAMES", "emulated")
    library.hemoflow_emulate_order(2)
    yield
    library.hemoflow_emulate_order(0)


@pytest.mark.parametrize("shape, fill, precision, steps, forced, viscosity", FLUIDS)
def test_the_fluid_step_of_a_gpu_is_its_twins(shape, fill, precision, steps, forced, viscosity) -> None:  # type: ignore[no-untyped-def]
    check_fluid(shape, fill, *PRECISIONS[precision], steps, forced, viscosity)


def test_the_compact_table_of_a_gpu_holds_the_whole_one() -> None:
    check_table((19, 11, 23), 0.5)


@pytest.mark.parametrize("width, precision, periodic, axis", POINTS)
def test_points_and_nodes_exchange_on_a_gpu_what_the_twins_do(width, precision, periodic, axis) -> None:  # type: ignore[no-untyped-def]
    check_points(*PRECISIONS[precision], width, periodic, axis, 300)


def test_the_wall_presses_and_stops_cells_on_a_gpu_as_the_twin_does() -> None:
    check_wall(*PRECISIONS[0], 150)


def test_results_do_not_depend_on_the_order_of_threads(library: ctypes.CDLL) -> None:
    _, fast, state = twins((19, 11, 23), 0.5, jnp.float32)
    _, layout = layouts(jnp.float32, (True, True, True))
    rng, seen, spread = np.random.default_rng(0), [], []
    with jax.enable_x64(False):
        anchor = jnp.asarray(rng.integers(0, 9, (500, 3)), jnp.int32)
        offset = jnp.asarray(rng.random((500, 3)), jnp.float32)
        field = jnp.asarray(rng.normal(size=(3, layout.count)), jnp.float32)
        for order in (0, 1, 2):
            library.hemoflow_emulate_order(order)
            at = find_stencil(layout, anchor, offset[:, None], 4)
            near = gap_and_normal(layout, anchor, offset)
            seen.append(jax.tree.leaves((after(fast, state, 4, True), at, at.interpolate(field), near)))
            spread.append(np.asarray(at.spread_onto(jnp.zeros_like(field), offset)))
    for other in seen[1:]:
        for a, b in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    # spreading adds in whatever order threads come
    np.testing.assert_allclose(spread[1], spread[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape, fill", [((19, 11, 23), 0.5), ((16, 16, 16), 1.0)])
def test_no_two_nodes_touch_one_slot_in_a_step(shape: tuple[int, int, int], fill: float) -> None:
    _, fast, _ = twins(shape, fill, jnp.float64)
    source = np.asarray(pull_source(fast.table))
    assert np.unique(source).size == source.size
