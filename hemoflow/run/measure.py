"""From observed fields in lattice units to what is written about the cells, in SI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.build import Setup
from hemoflow.build.cells import Seed
from hemoflow.model import CellState
from hemoflow.output.results import CellFrame, CellSurfaces
from hemoflow.run.observe import FluidFields, MembraneFields
from hemoflow.run.places import Place, locate, pressure_across, wrapped

Array = NDArray[np.float64]
TRACTION_BINS = np.logspace(-3.0, 4.0, 71)
"""Edges (Pa) of the histogram of traction over a membrane, ten per decade; what lies outside counts in the outermost bin."""


@dataclass(frozen=True)
class Sample:
    """All cells at one time: `columns` by the names of tracks.h5 (C, ...), their places and unwrapped centroids (C, 3) m, who is alive."""

    columns: dict[str, NDArray[Any]]
    places: list[Place]
    centres: Array
    alive: NDArray[np.bool_]


def measure_cells(
    setup: Setup, cells: tuple[CellState, ...], seen: tuple[MembraneFields, ...], pressure: Array
) -> Sample:
    """Track quantities of every cell, in the order of their ids. `pressure` (N,) Pa at the fluid nodes."""
    rows: dict[int, dict[str, Any]] = {}
    places: dict[int, Place] = {}
    for group, state, fields in zip(setup.groups, cells, seen, strict=True):
        host = [np.asarray(part, float) for part in (state.anchor, state.offset)]
        values = {name: np.asarray(getattr(fields, name), float) for name in _FIELDS}
        for k, seed in enumerate(group):
            one = {name: value[k] for name, value in values.items()}
            row, place = _cell(setup, seed, (host[0][k], host[1][k]), one, pressure)
            row["alive"] = bool(np.asarray(state.alive)[k])
            rows[seed.ident], places[seed.ident] = row, place
    order = sorted(rows)
    names = [name for name in rows[order[0]] if name != "alive"] if order else []
    columns = {name: np.stack([np.asarray(rows[k][name]) for k in order]) for name in names}
    alive = np.array([rows[k]["alive"] for k in order], bool)
    centres = columns["position"].copy() if order else np.zeros((0, 3))
    for name, value in columns.items():
        if value.dtype.kind == "f":
            columns[name] = np.where(alive.reshape((-1,) + (1,) * (value.ndim - 1)), value, np.nan)
    return Sample(columns, [places[k] for k in order], centres, alive)


_FIELDS = (
    "centroid", "velocity", "volume", "area", "energy", "traction", "gap", "tension", "areal_strain", "face_area", "share",
)  # fmt: skip


def _cell(
    setup: Setup, seed: Seed, where: tuple[Array, Array], seen: Mapping[str, Array], pressure: Array
) -> tuple[dict[str, Any], Place]:
    plan, units = setup.plan, setup.plan.units
    anchor, offset = where
    centre = (anchor + seen["centroid"]) * units.dx + plan.lumen.origin
    volume = float(seen["volume"]) * units.volume
    radius = float(np.cbrt(0.75 * volume / np.pi))
    points = (anchor + offset) * units.dx + plan.lumen.origin
    place = locate(plan, points, centre, seed.centre)
    traction, share = seen["traction"] * units.pressure, seen["share"]
    weights = share / share.sum()
    faces = seen["face_area"] / seen["face_area"].sum()
    extent = principal_extent(offset) * units.dx
    histogram, _ = np.histogram(np.clip(traction, TRACTION_BINS[0], TRACTION_BINS[-1]), TRACTION_BINS, weights=weights)
    row = {
        "position": centre,
        "velocity": seen["velocity"] * units.velocity,
        "volume": volume,
        "area": float(seen["area"]) * units.area,
        "tension_mean": float(faces @ seen["tension"]) * units.tension,
        "tension_max": float(seen["tension"].max()) * units.tension,
        "traction_mean": float(weights @ traction),
        "traction_max": float(traction.max()),
        "traction_histogram": histogram,
        "areal_strain_max": float(seen["areal_strain"].max()),
        "strain_energy": float(seen["energy"]) * units.energy,
        "extent": extent,
        "wall_gap": float(seen["gap"].min()) * units.dx,
        "path": place.path,
        "undisturbed_speed": place.speed,
        "confinement": radius / place.lumen if place.lumen > 0 else np.nan,
        "pressure_drop_object": pressure_across(plan, pressure, centre, 0.5 * float(extent[0])),
    }
    return row, place


def principal_extent(points: Array) -> Array:
    """Widths (3,) of a cloud of points (V, 3) along its principal axes, the longest first."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.sort(np.ptp(centred @ axes, axis=0))[::-1]


def cell_surfaces(setup: Setup) -> list[CellSurfaces]:
    """The surfaces that results.vtkhdf shows, one per group."""
    return [
        CellSurfaces(
            name, np.asarray(group.membrane.mesh.faces), group.vertex_area.shape[0], np.array([s.ident for s in seeds])
        )
        for name, group, seeds in zip(group_names(setup), setup.model.groups, setup.groups, strict=True)
    ]


def group_names(setup: Setup) -> list[str]:
    """A name per group: its type, numbered where several groups share one."""
    kinds = [group.name for group in setup.model.groups]
    return [kind if kinds.count(kind) == 1 else f"{kind}-{kinds[: k + 1].count(kind)}" for k, kind in enumerate(kinds)]


def cell_frames(setup: Setup, cells: tuple[CellState, ...], seen: tuple[MembraneFields, ...]) -> dict[str, CellFrame]:
    """What is shown of every group, in SI; in a periodic vessel every cell in the period that holds its centre."""
    units, plan, frames = setup.plan.units, setup.plan, {}
    for name, state, fields in zip(group_names(setup), cells, seen, strict=True):
        points = (
            np.asarray(state.anchor, float)[:, None] + np.asarray(state.offset, float)
        ) * units.dx + plan.lumen.origin
        for k in range(len(points)):
            middle = points[k].mean(axis=0)
            points[k] += wrapped(plan, middle) - middle
        frames[name] = CellFrame(
            points,
            {
                "traction": np.asarray(fields.traction, float) * units.pressure,
                "gap": np.asarray(fields.gap, float) * units.dx,
            },
            {
                "tension": np.asarray(fields.tension, float) * units.tension,
                "areal_strain": np.asarray(fields.areal_strain, float),
            },
            np.asarray(state.alive),
        )
    return frames


def fluid_frame(setup: Setup, fluid: FluidFields) -> dict[str, Array]:
    """The fluid fields that the case asks for, in SI: pressure above the lowest opening's, density of real blood plasma."""
    units, plan = setup.plan.units, setup.plan
    pressure = node_pressure(setup, fluid)
    known = {
        "velocity": lambda: np.asarray(fluid.velocity, float).T * units.velocity,
        "pressure": lambda: pressure,
        "density": lambda: plan.case.flow.density * (1.0 + np.asarray(fluid.density, float)),
        "stress": lambda: np.asarray(fluid.stress, float).T * units.pressure,
    }
    return {name: known[name]() for name in plan.case.output.fields if name in known}


def node_pressure(setup: Setup, fluid: FluidFields) -> Array:
    """Pressure (N,) Pa."""
    return setup.plan.units.pressure_of(1.0) * np.asarray(fluid.density, float) + setup.drives.reference
