"""A made-up run folder: a cell of 12 um passes, or jams in, a tube of 14 um with a neck of 8 um."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

MICRON = 1e-6
LENGTH, WIDE, NECK = 80 * MICRON, 7 * MICRON, 4 * MICRON
RADIUS = 6 * MICRON
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
    part = np.minimum(time / time[-1] * (4 if jams else 1), 1.0)
    x = 15 * MICRON + (end - 15 * MICRON) * (part * part * (3 - 2 * part))
    across = np.minimum(RADIUS, tube_radius(x + 3 * MICRON) - 0.3 * MICRON)
    semi = np.stack([RADIUS**3 / across**2, across, across], -1)
    return x, np.gradient(x, time), semi


def write_tracks(path: Path, jams: bool, pressure: float) -> None:
    time = np.linspace(0, 0.05, 51)
    x, speed, semi = motion(time, jams)
    flow = np.full_like(time, 2e-14)
    u = flow / (np.pi * tube_radius(x) ** 2)
    bins = np.concatenate([[0.01], np.geomspace(0.02, 200, 24)])
    traction = 8.0 * (WIDE / tube_radius(x)) ** 2
    histogram = np.zeros((51, 24))
    histogram[np.arange(51), np.searchsorted(bins, 0.5 * traction) - 1] = 0.8
    histogram[np.arange(51), np.searchsorted(bins, 0.95 * traction) - 1] += 0.2
    strain = (semi[:, 0] / RADIUS) ** 0.3
    volume = np.full(51, 4 / 3 * np.pi * RADIUS**3)
    columns = {
        "position": np.stack([x, 0 * x, 0 * x], -1),
        "velocity": np.stack([speed, 0 * x, 0 * x], -1),
        "volume": volume,
        "area": 4 * np.pi * RADIUS**2 * strain,
        "tension_mean": 2e-4 * strain,
        "tension_max": 4e-4 * strain,
        "traction_mean": 0.55 * traction,
        "traction_max": traction,
        "traction_histogram": histogram,
        "areal_strain_max": strain - 1,
        "strain_energy": 1e-14 * (strain - 1),
        "extent": 2 * semi,
        "wall_gap": tube_radius(x + 3 * MICRON) - semi[:, 1],
        "path": x,
        "undisturbed_speed": u,
        "confinement": RADIUS / tube_radius(x),
        "pressure_drop_object": 0.6 * pressure * np.ones(51),
        "bonds": np.zeros(51, dtype=np.int64),
        "cluster_id": np.zeros(51, dtype=np.int64),
    }
    with h5py.File(path, "w") as file:
        file["time"] = time
        file["cells/id"] = np.array([0])
        file["cells/name"] = np.array(["tumor"], dtype=h5py.string_dtype())
        for key, values in columns.items():
            file[f"cells/{key}"] = values[:, None]
        file["cells/traction_bins"] = bins
        file["flow/flux"] = np.stack([-flow, flow * 0.999], -1)
        file["flow/pressure"] = np.stack([np.full(51, pressure), np.zeros(51)], -1)
        file["flow/opening_names"] = np.array(["inlet", "outlet"], dtype=h5py.string_dtype())


def poly_block(root: h5py.Group, name: str, frames: list[tuple[float, np.ndarray]], faces: np.ndarray) -> None:
    group = root.create_group(name)
    group.attrs["Type"] = np.bytes_("PolyData")
    group["Points"] = np.concatenate([points for _, points in frames]).astype("f4")
    group["NumberOfPoints"] = [len(frames[0][1])]
    group["Polygons/NumberOfConnectivityIds"] = [faces.size]
    group["Polygons/Connectivity"] = faces.ravel()
    steps = group.create_group("Steps")
    steps["Values"] = [t for t, _ in frames]
    steps["PartOffsets"] = np.zeros(len(frames), dtype="i8")
    steps["PointOffsets"] = np.arange(len(frames)) * len(frames[0][1])


def write_fields(path: Path, jams: bool) -> None:
    time = np.linspace(0, 0.05, 6)
    x, _, semi = motion(time, jams)
    spacing = 0.5 * MICRON
    origin = np.array([0, -8 * MICRON, -8 * MICRON])
    node = [origin[k] + spacing * (np.arange(n) + 0.5) for k, n in enumerate((160, 32, 32))]
    z, y, along = np.meshgrid(node[2], node[1], node[0], indexing="ij")
    inside = 1 - (y**2 + z**2) / tube_radius(along) ** 2
    velocity = np.zeros((6, *z.shape, 3), dtype="f4")
    velocity[..., 0] = np.maximum(inside, 0) * 2 * 2e-14 / (np.pi * tube_radius(along) ** 2)
    with h5py.File(path, "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Type"] = np.bytes_("MultiBlockDataSet")
        fluid = root.create_group("fluid")
        fluid.attrs["Type"] = np.bytes_("ImageData")
        fluid.attrs["Origin"], fluid.attrs["Spacing"] = origin, np.full(3, spacing)
        fluid["CellData/velocity"] = velocity
        fluid["Steps/Values"] = time
        shapes = [ellipsoid(np.array([a, 0, 0]), b) for a, b in zip(x, semi, strict=True)]
        poly_block(root, "ctc-breast", [(t, s[0]) for t, s in zip(time, shapes, strict=True)], shapes[0][1])
        points, faces = tube_surface()
        poly_block(root, "wall", [(0.0, points)], faces)


@pytest.fixture
def run_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run folder; ``jams`` stops the cell before the neck, ``pressure`` is the drop between the openings (Pa)."""

    def make(jams: bool = False, pressure: float = 120.0, extra: str = "") -> Path:
        folder = tmp_path / ("jam" if jams else "pass")
        folder.mkdir()
        (folder / "case.toml").write_text(CASE.format(pressure=pressure) + extra)
        write_tracks(folder / "tracks.h5", jams, pressure)
        write_fields(folder / "results.vtkhdf", jams)
        rows = ["time_s,kind,who,where_x_m,where_y_m,where_z_m,why"]
        if not jams:
            rows += ["0.018,entry,tumor,3e-5,0,0,front reached the neck", "0.034,exit,tumor,5e-5,0,0,left the neck"]
        (folder / "events.csv").write_text("\n".join(rows) + "\n")
        (folder / "provenance.json").write_text(json.dumps({"hemoflow": "0.1.0", "device": "cpu", "seed": 3}))
        records = [{"step": 100 * i, "time": 0.01 * i, "rate": 1e6, "mass": 1.0 + 1e-7 * i} for i in range(6)]
        (folder / "log.jsonl").write_text("\n".join(json.dumps(r) for r in records) + "\n")
        return folder

    return make
