"""What a run folder holds: file names, the quantities in them and the unit of each."""

from __future__ import annotations

import re

CASE = "case.toml"
PROVENANCE = "provenance.json"
RESULTS = "results.vtkhdf"
RESULTS_INDEX = "results.xdmf"
TRACKS = "tracks.h5"
EVENTS = "events.csv"
LOG = "log.jsonl"
SCORE = "score.json"
REPORT = "report.html"
FIGURES = "figures"
LOCK = ".lock"

FILES = (CASE, PROVENANCE, RESULTS, RESULTS_INDEX, TRACKS, EVENTS, LOG, SCORE, REPORT)

CHECKPOINT = re.compile(r"checkpoint_(\d+)\.h5")
TEMPORARY_SUFFIX = ".partial"
JOURNAL_SUFFIX = ".journal"

EVENT_COLUMNS = ("time_s", "kind", "who", "where_x_m", "where_y_m", "where_z_m", "why")

FIELD_UNITS = {
    "velocity": "m/s",
    "density": "kg/m^3",
    "pressure": "Pa",
    "wall_shear_stress": "Pa",
    "wall_shear_stress_magnitude": "Pa",
    "time_averaged_wall_shear_stress": "Pa",
    "oscillatory_shear_index": "1",
    "shear_rate": "1/s",
    "viscosity": "Pa s",
    "force": "N/m^3",
    "traction": "Pa",
    "tension": "N/m",
    "areal_strain": "1",
    "lumen": "1",
    "gap": "m",
    "stress": "Pa",
    "cell_id": "1",
}

# One row per output time and cell in /cells of tracks.h5; the rest of the shape is the quantity's own.
CELL_TRACKS = {
    "position": "m",
    "velocity": "m/s",
    "volume": "m^3",
    "area": "m^2",
    "tension_mean": "N/m",
    "tension_max": "N/m",
    "traction_mean": "Pa",
    "traction_max": "Pa",
    "traction_histogram": "1",
    "areal_strain_max": "1",
    "strain_energy": "J",
    "extent": "m",
    "wall_gap": "m",
    "path": "m",
    "undisturbed_speed": "m/s",
    "confinement": "1",
    "pressure_drop_object": "Pa",
    "bonds": "1",
    "cluster_id": "1",
}

# Numbers per cell, where it is not one; the histogram has one per bin.
CELL_WIDTHS = {"position": 3, "velocity": 3, "extent": 3}

# Whole numbers, with what stands for "none".
INTEGER_TRACKS = {"bonds": 0, "cluster_id": -1}

# One row per output time and opening in /flow of tracks.h5.
FLOW_TRACKS = {"flux": "m^3/s", "pressure": "Pa"}

_NOT_IN_A_BLOCK_NAME = re.compile(r"[^A-Za-z0-9_-]")
_RESERVED_BLOCKS = {"fluid", "wall", "Assembly", "Steps"}


def checkpoint_name(step: int) -> str:
    """File name of the checkpoint of a step (a count of time steps, 0 or more)."""
    return f"checkpoint_{step:012d}.h5"


def block_name(name: str) -> str:
    """Name of a cell type's block in results.vtkhdf: the type's name without the characters VTK refuses.

    A name that a block of hemoflow's own already has gets `_cells` behind it.
    """
    safe = _NOT_IN_A_BLOCK_NAME.sub("_", name)
    return f"{safe}_cells" if safe in _RESERVED_BLOCKS else safe
