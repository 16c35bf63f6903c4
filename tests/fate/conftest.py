"""A made-up run folder: a cell of 12 um passes, or jams in, a tube of 14 um with a neck of 8 um."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hemoflow.output.image import FluidGrid
from hemoflow.output.lines import EventsWriter, LogWriter
from hemoflow.output.provenance import write_provenance
from hemoflow.output.results import CellFrame, CellSurfaces, ResultsWriter
from hemoflow.output.tracks import TracksWriter

MICRON = 1e-6
LENGTH, WIDE, NECK = 80 * MICRON, 7 * MICRON, 4 * MICRON
RADIUS = 6 * MICRON
BINS = np.logspace(-3.0, 4.0, 71)
CASE = """
[case]
name = "made-up"
[vessel]
geometry = "meshes/neck.stl"
unit = "um"
[flow]
viscosity = "0.0012 Pa s"
pressure_drop = "{pressure} Pa"
[[cells]]
type = "ctc-breast"
name = "tumor"
cortical_tension = "0.0002 N/m"
[fate.survival]
exponent = 2.7
[fate.exit]
remodelling_time = "6 h"
[run]
seed = 3
until = "0.05 s"
"""


def tube_radius(x: np.ndarray) -> np.ndarray:
    return WIDE - (WIDE - NECK) * np.exp(-(((x - 0.5 * LENGTH) / (8 * MICRON)) ** 2))


def tube_surface(rings: int = 81, spokes: int = 48) -> tuple[np.ndarray, np.ndarray]:
    x, angle = np.linspace(0, LENGTH, rings), 2 * np.pi * np.arange(spokes) / spokes
    r = tube_radius(x)[:, None]
    points = np.stack([np.repeat(x[:, None], spokes, 1), r * np.cos(angle), r * np.sin(angle)], -1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(spokes), indexing="ij")
    a, b = i * spokes + j, i * spokes + (j + 1) % spokes
    faces = np.concatenate([np.stack([a, b, a + spokes], -1), np.stack([b, b + spokes, a + spokes], -1)]).reshape(-1, 3)
    return points, faces


def ellipsoid(centre: np.ndarray, semi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    polar, spokes = np.linspace(0, np.pi, 17), 24
    angle = 2 * np.pi * np.arange(spokes) / spokes
    unit = np.stack(
        [
            np.repeat(np.cos(polar)[:, None], spokes, 1),
            np.sin(polar)[:, None] * np.cos(angle),
            np.sin(polar)[:, None] * np.sin(angle),
        ],
        -1,
    ).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(16), np.arange(spokes), indexing="ij")
    a, b = i * spokes + j, i * spokes + (j + 1) % spokes
    faces = np.concatenate([np.stack([a, b, a + spokes], -1), np.stack([b, b + spokes, a + spokes], -1)]).reshape(-1, 3)
    return centre + unit * semi, faces


def motion(time: np.ndarray, jams: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centroid x, speed and semi-axes of the made-up cell."""
    end = 0.35 * LENGTH if jams else 0.8 * LENGTH
    part = np.minimum(time / 0.05 * (4 if jams else 1), 1.0)
    x = 15 * MICRON + (end - 15 * MICRON) * (part * part * (3 - 2 * part))
    across = np.minimum(RADIUS, tube_radius(x + 3 * MICRON) - 0.3 * MICRON)
    semi = np.stack([RADIUS**3 / across**2, across, across], -1)
    speed = (end - 15 * MICRON) * 6 * part * (1 - part) / 0.05 * (4 if jams else 1)
    return x, speed, semi


def columns_of(time: np.ndarray, jams: bool, pressure: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Track columns (T, ...) of the made-up cell and the flow rate (T,) m^3/s."""
    x, speed, semi = motion(time, jams)
    flow = np.full_like(time, 2e-14)
    traction = 8.0 * (WIDE / tube_radius(x)) ** 2
    histogram = np.zeros((len(time), len(BINS) - 1))
    rows = np.arange(len(time))
    histogram[rows, np.searchsorted(BINS, 0.5 * traction) - 1] = 0.8
    histogram[rows, np.searchsorted(BINS, 0.95 * traction) - 1] += 0.2
    strain = (semi[:, 0] / RADIUS) ** 0.3
    return {
        "position": np.stack([x, 0 * x, 0 * x], -1),
        "velocity": np.stack([speed, 0 * x, 0 * x], -1),
        "volume": np.full(len(time), 4 / 3 * np.pi * RADIUS**3),
        "area": 4 * np.pi * RADIUS**2 * strain,
        "tension_mean": 2e-4 * strain,
        "tension_max": 4e-4 * strain,
        "traction_mean": 0.55 * traction,
        "traction_max": traction,
        "traction_histogram": histogram,
        "areal_strain_max": strain - 1,
        "strain_energy": 1e-14 * (strain - 1),
        "extent": np.sort(2 * semi, axis=1)[:, ::-1],
        "wall_gap": tube_radius(x + 3 * MICRON) - semi[:, 1],
        "path": x,
        "undisturbed_speed": flow / (np.pi * tube_radius(x) ** 2),
        "confinement": RADIUS / tube_radius(x),
        "pressure_drop_object": 0.6 * pressure * np.ones(len(time)),
        "bonds": np.zeros(len(time), dtype=np.int64),
        "cluster_id": np.full(len(time), -1, dtype=np.int64),
    }, flow


def write_tracks(folder: Path, time: np.ndarray, jams: bool, pressure: float) -> None:
    columns, flow = columns_of(time, jams, pressure)
    writer = TracksWriter(folder, [0], ["tumor"], BINS, ["inlet", "outlet"])
    for i, t in enumerate(time):
        row = {name: values[i][None] for name, values in columns.items()}
        flux = np.array([flow[i], -0.999 * flow[i]]) if i else np.full(2, np.nan)
        writer.append(t, row, {"flux": flux, "pressure": np.array([pressure, 0.0])})


def write_fields(folder: Path, times: np.ndarray, jams: bool, parts: tuple[str, ...]) -> None:
    """results.vtkhdf with the fluid fields and, where asked for, "cell"."""
    x, _, semi = motion(np.linspace(0, 0.05, 6), jams)
    spacing = 0.5 * MICRON
    origin = np.array([0, -8 * MICRON, -8 * MICRON])
    nodes = np.stack(np.meshgrid(np.arange(160), np.arange(33), np.arange(33), indexing="ij"), -1).reshape(-1, 3)
    place = origin + spacing * nodes
    radius = tube_radius(place[:, 0])
    inside = 1 - (place[:, 1] ** 2 + place[:, 2] ** 2) / radius**2
    nodes, radius, inside = nodes[inside > 0], radius[inside > 0], inside[inside > 0]
    velocity = np.zeros((len(nodes), 3))
    velocity[:, 0] = inside * 2 * 2e-14 / (np.pi * radius**2)
    values = {"velocity": velocity, "pressure": 120.0 * (1 - nodes[:, 0] / 160)}
    fields = {name: values[name] for name in parts if name in values}
    shapes = [ellipsoid(np.array([a, 0, 0]), b) for a, b in zip(x, semi, strict=True)]
    grid = FluidGrid(nodes, origin, spacing, {n: v.size // len(nodes) for n, v in fields.items()})
    group = CellSurfaces("ctc-breast", shapes[0][1], len(shapes[0][0]), [0], {}, {})
    cells = [group] if "cell" in parts else []
    with ResultsWriter(folder, grid, cells, tube_surface()) as writer:
        for i, t in enumerate(times):
            frame = CellFrame(shapes[i][0][None], {}, {}, np.array([True]))
            writer.append(t, fields, {"ctc-breast": frame} if cells else {})


def write_text_files(folder: Path, time: np.ndarray, jams: bool) -> None:
    events = EventsWriter(folder)
    if not jams:
        for t, kind, where in ((0.018, "entry", 3e-5), (0.034, "exit", 5e-5), (0.05, "passed", 6.4e-5)):
            if t <= time[-1]:
                events.append(t, kind, "tumor", (where, 0, 0), "made up")
    log = LogWriter(folder)
    for i, t in enumerate(time[::5]):
        log.append({"step": 500 * i, "time": t, "mlups": 3.1, "imbalance_of_throughput": 2e-6, "healthy": True})
    plan = {"reynolds": 0.4, "capillary": 0.02, "relaxation_time": 1.0, "node_spacing_m": 5e-7, "warnings": ["made up"]}
    outcome = "stopped by SIGTERM, resumable" if time[-1] < 0.04 else "stalled" if jams else "passed"
    record = {"device": "cpu", "precision": "float32", "seed": 3, "outcome": outcome, "plan": plan}
    write_provenance(folder, record, outcome != "stopped by SIGTERM, resumable")


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run folder; ``jams`` stops the cell before the neck, ``pressure`` is the drop between openings (Pa),
    ``until`` ends it early (s), ``parts`` says what results.vtkhdf holds (None: no such file), ``extra`` adds TOML."""

    def make(
        jams: bool = False,
        pressure: float = 120.0,
        until: float = 0.05,
        parts: tuple[str, ...] | None = ("velocity", "pressure", "cell"),
        extra: str = "",
    ) -> Path:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "case.toml").write_text(CASE.format(pressure=pressure) + extra)
        time = np.linspace(0, 0.05, 26)
        time = time[time <= until * (1 + 1e-9)]
        write_tracks(folder, time, jams, pressure)
        if parts is not None:
            frames = np.linspace(0, 0.05, 6)
            write_fields(folder, frames[frames <= until * (1 + 1e-9)], jams, parts)
        write_text_files(folder, time, jams)
        return folder

    return make
