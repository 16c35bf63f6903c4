"""The density scale buys larger steps without changing what the cell does."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from hemoflow.run import run_case


def history(case: Path, out: Path, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    overrides = [f"resolution.density_scale={scale}", "run.until=1.2 ms", "output.every=60 us"]
    assert run_case(case, out, overrides, progress=False) == 0
    with h5py.File(out / "tracks.h5") as file:
        return file["time"][:], file["cells/path"][:, 0], file["cells/tension_mean"][:, 0]


def test_halving_a_density_scale_of_eight_moves_entry_time_and_tension_by_less_than_three_percent(
    small_case: Path, tmp_path: Path
) -> None:
    cell = small_case.read_text().replace('type = "ctc-colorectal"', 'type = "ctc-colorectal"\ndiameter = "9.6 um"')
    small_case.write_text(cell)
    times, tensions = [], []
    for scale in (8.0, 4.0):
        time, path, tension = history(small_case, tmp_path / f"{scale:g}", scale)
        assert np.nanmax(path) > 15e-6
        times.append(float(np.interp(15e-6, path, time)))  # the middle of the neck
        tensions.append(float(np.nanmax(tension)))
    # Stokes flow has no inertia: what is left is of the order of the Reynolds number on the lattice, a few tenths at scale 8
    assert abs(times[0] / times[1] - 1.0) < 0.03
    assert abs(tensions[0] / tensions[1] - 1.0) < 0.03
