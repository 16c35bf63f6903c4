"""From cell types and places to the cell groups of a model, in lattice units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.build.template import VERTEX_SPACING_AREA, read_template, template_surface
from hemoflow.cells.celltype import CellType
from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.surface import Surface, discocyte, frequency_for, icosphere, spheroid
from hemoflow.errors import InputError
from hemoflow.geometry.pathways import Pathways
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import Lumen
from hemoflow.model import CellGroup, CellState
from hemoflow.units import UnitSystem

CLEARANCE = 0.5
"""Nodes between a seeded cell and the wall."""

PROBES = 7
"""Points per side of the cube in which the middle of the lumen is looked for."""


@dataclass(frozen=True)
class Seed:
    """One cell to be: its complete type, name, persistent id, and centre (3,) m."""

    kind: CellType
    name: str
    ident: int
    centre: NDArray[np.float64]

    @property
    def radius(self) -> float:
        """Half of the diameter, m."""
        return 0.5 * self.kind.value("diameter")


@dataclass(frozen=True)
class Room:
    """Where cells can be: the vessel, its lumen on the lattice, the ways through it."""

    vessel: AbstractVessel
    lumen: Lumen
    pathways: Pathways


def find_seat(room: Room, radius: float, name: str, taken: Sequence[Seed] = ()) -> NDArray[np.float64]:
    """Centre (m) for a cell near the inlet: where the lumen first holds it with room to spare, on the axis, clear of
    the cells `taken`.

    Raises InputError where it holds the cell nowhere.
    """
    ways, h = room.pathways, room.lumen.spacing
    half_diagonal = 0.5 * 3.0**0.5 * h
    fits = (ways.wall + half_diagonal >= radius + CLEARANCE * h) & (ways.from_inlet >= radius + 1.5 * h)
    fits &= ways.to_outlet > 2.0 * radius
    for other in taken:
        fits &= (
            np.linalg.norm(_nearest_image(room, ways.positions - other.centre), axis=1) - radius - other.radius
            > 2.0 * h
        )
    while fits.any():
        first = float(np.min(ways.from_inlet[fits]))
        near = np.flatnonzero(fits & (ways.from_inlet <= first + radius))
        score = ways.wall[near] - 0.1 * (ways.from_inlet[near] - first)
        centre, distance = _middle(room, ways.positions[near[np.argmax(score)]])
        if distance >= radius + CLEARANCE * h:
            return centre
        fits[near] = False
    widest = 2.0 * float(np.max(ways.wall)) * 1e6
    raise InputError(
        f"cells: '{name}' of {2e6 * radius:.4g} um fits nowhere on the way with {CLEARANCE:g} node spacing to the wall; "
        f"the widest place of the lumen is about {widest:.4g} um and {len(taken)} cells are seated already: choose a smaller or fewer "
        "cells, a finer node spacing, or a position"
    )


def _middle(room: Room, point: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The place within a node spacing of a point that is farthest from the wall, and how far that is (m); the mean of equal ones."""
    steps = room.lumen.spacing * np.linspace(-1.0, 1.0, PROBES)
    probes = point + np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = -room.vessel.signed_distance(probes)
    best = distance >= distance.max() - 1e-3 * room.lumen.spacing
    centre = probes[best].mean(axis=0)
    return centre, float(-room.vessel.signed_distance(centre[None])[0])


def _nearest_image(room: Room, offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """An offset (..., 3) between two places as that to the nearest periodic image."""
    size = np.array(room.lumen.shape) * room.lumen.spacing
    return np.asarray(offset - np.where(room.lumen.periodic, np.round(offset / size) * size, 0.0))


def check_seats(seeds: list[Seed], room: Room) -> None:
    """Every cell must lie in the lumen, off the wall and off the others; raises InputError naming all that do not."""
    problems = []
    for seed in seeds:
        node = room.pathways.at(seed.centre)
        off = float(np.linalg.norm(room.pathways.positions[node] - seed.centre))
        gap = -float(room.vessel.signed_distance(seed.centre[None])[0]) - seed.radius
        if off > 1.8 * room.lumen.spacing:
            problems.append(f"'{seed.name}' (id {seed.ident}) at {_um(seed.centre)} um lies outside of the lumen")
        elif gap < -0.05 * seed.radius:
            problems.append(
                f"'{seed.name}' (id {seed.ident}) at {_um(seed.centre)} um reaches {-gap * 1e6:.3g} um into the wall"
            )
        for opening in room.lumen.openings:
            offset = seed.centre - opening.centre
            height = float(offset @ opening.normal)
            if height > -seed.radius and float(np.linalg.norm(offset)) < opening.radius + 2.0 * seed.radius:
                problems.append(
                    f"'{seed.name}' (id {seed.ident}) at {_um(seed.centre)} um reaches {(height + seed.radius) * 1e6:.3g} um out of "
                    f"the opening '{opening.name}'"
                )
    for i, one in enumerate(seeds):
        for other in seeds[:i]:
            gap = float(np.linalg.norm(_nearest_image(room, one.centre - other.centre))) - one.radius - other.radius
            if gap < 0:
                problems.append(
                    f"'{one.name}' (id {one.ident}) and '{other.name}' (id {other.ident}) overlap by {-gap * 1e6:.3g} um"
                )
    if problems:
        raise InputError("cells: " + "; ".join(problems) + ": move them, or make them smaller")


def _um(point: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{v * 1e6:.4g}" for v in point) + ")"


def mesh_frequency(kind: CellType, spacing: float) -> int:
    """Subdivision of the icosahedron that a cell type needs on a lattice of the given node spacing (m)."""
    radius = 0.5 * kind.value("diameter") / spacing
    return frequency_for(max(int(np.ceil(4.0 * np.pi * radius**2 / VERTEX_SPACING_AREA)), kind.vertices))


def mesh_size(kind: CellType, spacing: float) -> int:
    """Vertices of that mesh."""
    if kind.template:
        return len(cell_surface(kind, spacing).vertices)
    return 10 * mesh_frequency(kind, spacing) ** 2 + 2


def cell_surface(kind: CellType, spacing: float) -> Surface:
    """The mesh of a cell type on a lattice: fine enough for the kernels, and at least what the type asks for. Lattice units."""
    radius = 0.5 * kind.value("diameter") / spacing
    if kind.template:
        vertices, faces = read_template(kind.template)
        return template_surface(Surface(vertices, faces), 2.0 * radius)
    frequency = mesh_frequency(kind, spacing)
    if kind.shape == "spheroid":
        return spheroid(frequency, (radius, radius, kind.value("thickness_ratio") * radius))
    return discocyte(frequency, radius) if kind.shape == "discocyte" else icosphere(frequency, radius)


def cell_membrane(kind: CellType, surface: Surface, units: UnitSystem, precision: str, count: int = 1) -> Membrane:
    """The membrane of `count` cells of a type on a mesh in lattice units."""
    return build_membrane(
        surface,
        law=kind.law,
        bending_model=kind.bending,
        precision=precision,
        native=native.in_use("membrane"),
        shear_modulus=np.full(count, kind.value("shear_modulus")) / units.tension,
        area_dilation=kind.value("area_dilation"),
        bending_modulus=kind.value("bending_modulus") / units.energy,
        spontaneous_curvature=kind.value("spontaneous_curvature") * units.dx,
        cortical_tension=kind.value("cortical_tension") / units.tension,
        area_modulus=kind.value("area_modulus") / units.tension,
        local_area_modulus=kind.value("local_area_modulus") / units.tension,
        area_reserve=kind.value("area_reserve"),
        volume_modulus=kind.value("volume_modulus") / units.pressure,
    )


def build_group(seeds: list[Seed], units: UnitSystem, lumen: Lumen, precision: str) -> tuple[CellGroup, CellState]:
    """Group and state of cells that share one type. Seeds must have the same kind."""
    kind = seeds[0].kind
    surface = cell_surface(kind, units.dx)
    modulus = kind.value("shear_modulus")
    membrane = cell_membrane(kind, surface, units, precision, len(seeds))
    count, vertices = len(seeds), len(surface.vertices)
    centre = (np.stack([s.centre for s in seeds]) - lumen.origin) / lumen.spacing
    anchor = np.round(centre).astype(np.int32)
    offset = surface.vertices[None] + (centre - anchor)[:, None, :]
    area = membrane.vertex_areas(jnp.asarray(surface.vertices, precision)[None])[0]
    group = CellGroup(
        membrane, area, kind.name, 0.3 if modulus == 0.0 and kind.value("cortical_tension") > 0.0 else 0.0, True
    )
    state = CellState(
        jnp.asarray(anchor),
        jnp.asarray(offset.reshape(count, vertices, 3), precision),
        jnp.ones(count, bool),
        jnp.asarray([s.ident for s in seeds], jnp.int32),
        jnp.zeros((count, vertices, 3), precision),
    )
    return group, state
