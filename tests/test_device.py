"""A GPU computes what the CPU computes. Skipped where JAX sees no GPU."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from hemoflow.run import run_case

CASE = """
[vessel]
formula = "constriction"
length = "30 um"
diameter = "12 um"
neck_diameter = "9 um"
neck_length = "2 um"
taper_length = "6 um"
[flow]
pressure_drop = "100 Pa"
[resolution]
node_spacing = "1 um"
[[cells]]
type = "ctc-colorectal"
vertices = 162
[run]
until = "0.4 ms"
[output]
every = "0.1 ms"
"""


def tracks(folder: Path, device: str) -> dict[str, np.ndarray]:
    case = folder / "case.toml"
    case.write_text(CASE)
    assert run_case(case, folder / device, device=device, progress=False) == 0
    with h5py.File(folder / device / "tracks.h5") as file:
        return {name: file[name][()] for name in ("cells/position", "cells/volume", "cells/tension_mean", "flow/flux")}


@pytest.mark.gpu
def test_a_cell_on_the_gpu_moves_as_on_the_cpu(tmp_path: Path) -> None:
    gpu, cpu = tracks(tmp_path, "gpu"), tracks(tmp_path, "cpu")
    # float32 sums in another order; the paths of a few thousand steps agree to much better than a thousandth of a cell
    assert np.allclose(gpu["cells/position"], cpu["cells/position"], atol=1e-9)
    assert np.allclose(gpu["cells/tension_mean"], cpu["cells/tension_mean"], rtol=1e-3)


@pytest.mark.gpu
def test_the_flow_on_the_gpu_is_that_on_the_cpu(tmp_path: Path) -> None:
    gpu, cpu = tracks(tmp_path, "gpu"), tracks(tmp_path, "cpu")
    assert np.allclose(gpu["flow/flux"][1:], cpu["flow/flux"][1:], rtol=1e-3)


def test_a_device_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    import jax

    from hemoflow.errors import InputError

    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    case = tmp_path / "case.toml"
    case.write_text(CASE)
    with pytest.raises(InputError, match="--device gpu"):
        run_case(case, tmp_path / "out", device="gpu", progress=False)
