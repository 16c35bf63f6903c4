"""Reading a run's files: its tracks, and whether everything is as it was written. Needs no solver."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.output.hdf5 import reading, texts
from hemoflow.output.layout import CELL_TRACKS, FLOW_TRACKS, TRACKS
from hemoflow.output.verify import Damage, verify_folder

__all__ = ["Damage", "Tracks", "read_tracks", "verify_folder"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tracks:
    """tracks.h5 in memory: T times, C cells, B traction bins, O openings; SI units; attributes named as the
    datasets."""

    time: Array
    id: NDArray[np.int64]
    name: list[str]
    traction_bins: Array
    opening_names: list[str]
    position: Array
    velocity: Array
    volume: Array
    area: Array
    tension_mean: Array
    tension_max: Array
    traction_mean: Array
    traction_max: Array
    traction_histogram: Array
    areal_strain_max: Array
    strain_energy: Array
    extent: Array
    wall_gap: Array
    path: Array
    undisturbed_speed: Array
    confinement: Array
    pressure_drop_object: Array
    bonds: NDArray[np.int64]
    cluster_id: NDArray[np.int64]
    flux: Array
    pressure: Array


def read_tracks(folder: str | Path) -> Tracks:
    """The tracks of a run folder. Raises InputError when the file is missing, damaged, or not of hemoflow."""
    path = Path(folder) / TRACKS
    with reading(path) as file:
        time = np.asarray(file["time"][:], float)
        rows: dict[str, Any] = {name: file[f"cells/{name}"][:] for name in CELL_TRACKS}
        rows |= {name: file[f"flow/{name}"][:] for name in FLOW_TRACKS}
        uneven = sorted(name for name, values in rows.items() if len(values) != len(time))
        if uneven:
            raise InputError(f"{path} is damaged: {', '.join(uneven)} and the times differ in length")
        return Tracks(
            time=time,
            id=file["cells/id"][:],
            name=texts(file["cells/name"][:]),
            traction_bins=file["traction_bins"][:],
            opening_names=texts(file["flow/opening_names"][:]),
            **rows,
        )
