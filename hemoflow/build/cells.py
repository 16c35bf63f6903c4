"""From cell types and places to the cell groups of a model, in lattice units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.celltype import CellType
from hemoflow.cells.membrane import build_membrane
from hemoflow.cells.surface import Surface, discocyte, frequency_for, icosphere
from hemoflow.errors import InputError
from hemoflow.geometry.pathways import Pathways
from hemoflow.geometry.voxelise import Lumen
from hemoflow.model import CellGroup, CellState
from hemoflow.units import UnitSystem

VERTEX_SPACING_AREA = 1.4
"""Membrane area per vertex in node spacings squared: vertices about 1.2 nodes apart leave no holes between 3-point kernels."""

CLEARANCE = 1.0
"""Nodes between a seeded cell and the wall."""


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


def find_seat(
    pathways: Pathways, lumen: Lumen, radius: float, name: str, taken: Sequence[Seed] = ()
) -> NDArray[np.float64]:
    """Centre (m) for a cell near the inlet: where the lumen first holds it with room to spare, on the axis, clear of the cells `taken`.

    Raises InputError where it holds the cell nowhere.
    """
    room = pathways.wall - radius
    wanted = pathways.from_inlet - radius
    margin = CLEARANCE * lumen.spacing
    fits = (room >= margin) & (wanted >= 1.5 * lumen.spacing) & (pathways.to_outlet > 2.0 * radius)
    for other in taken:
        apart = np.linalg.norm(pathways.positions - other.centre, axis=1) - radius - other.radius
        fits &= apart > 2.0 * lumen.spacing
    if not fits.any():
        widest = 2.0 * float(np.max(pathways.wall)) * 1e6
        raise InputError(
            f"cells: '{name}' of {2e6 * radius:.4g} um fits nowhere on the way with {CLEARANCE:g} node spacing to the wall; "
            f"the widest place of the lumen is {widest:.4g} um and {len(taken)} cells are seated already: choose a smaller or fewer cells, "
            "or a position"
        )
    first = float(np.min(pathways.from_inlet[fits]))
    near = fits & (pathways.from_inlet <= first + radius)
    candidates = np.flatnonzero(near)
    score = pathways.wall[candidates] - 0.1 * (pathways.from_inlet[candidates] - first)
    best = candidates[np.isclose(score, score.max(), atol=1e-3 * lumen.spacing)]
    return np.asarray(pathways.positions[best].mean(axis=0))


def check_seats(seeds: list[Seed], pathways: Pathways, lumen: Lumen) -> None:
    """Every cell must lie in the lumen, off the wall and off the others; raises InputError naming all that do not."""
    problems = []
    for seed in seeds:
        node = pathways.at(seed.centre)
        off = float(np.linalg.norm(pathways.positions[node] - seed.centre))
        gap = float(pathways.wall[node]) - off - seed.radius
        if off > 1.8 * lumen.spacing:
            problems.append(f"'{seed.name}' (id {seed.ident}) at {_um(seed.centre)} um lies outside of the lumen")
        elif gap < -0.05 * seed.radius:
            problems.append(f"'{seed.name}' (id {seed.ident}) at {_um(seed.centre)} um reaches {-gap * 1e6:.3g} um into the wall")
    for i, one in enumerate(seeds):
        for other in seeds[:i]:
            gap = float(np.linalg.norm(one.centre - other.centre)) - one.radius - other.radius
            if gap < 0:
                problems.append(f"'{one.name}' (id {one.ident}) and '{other.name}' (id {other.ident}) overlap by {-gap * 1e6:.3g} um")
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
    return 10 * mesh_frequency(kind, spacing) ** 2 + 2


def cell_surface(kind: CellType, spacing: float) -> Surface:
    """The mesh of a cell type on a lattice: fine enough for the kernels, and at least what the type asks for. Lattice units."""
    radius = 0.5 * kind.value("diameter") / spacing
    frequency = mesh_frequency(kind, spacing)
    return discocyte(frequency, radius) if kind.shape == "discocyte" else icosphere(frequency, radius)


def build_group(seeds: list[Seed], units: UnitSystem, lumen: Lumen, precision: str) -> tuple[CellGroup, CellState]:
    """Group and state of cells that share one type. Seeds must have the same kind."""
    kind = seeds[0].kind
    surface = cell_surface(kind, units.dx)
    modulus = kind.value("shear_modulus")
    membrane = build_membrane(
        surface,
        law=kind.law,
        bending_model=kind.bending,
        precision=precision,
        shear_modulus=np.full(len(seeds), modulus) / units.tension,
        area_dilation=kind.value("area_dilation"),
        bending_modulus=kind.value("bending_modulus") / units.energy,
        spontaneous_curvature=kind.value("spontaneous_curvature") * units.dx,
        cortical_tension=kind.value("cortical_tension") / units.tension,
        area_modulus=kind.value("area_modulus") / units.tension,
        volume_modulus=kind.value("volume_modulus") / units.pressure,
    )
    count, vertices = len(seeds), len(surface.vertices)
    centre = (np.stack([s.centre for s in seeds]) - lumen.origin) / lumen.spacing
    anchor = np.round(centre).astype(np.int32)
    offset = surface.vertices[None] + (centre - anchor)[:, None, :]
    area = membrane.vertex_areas(jnp.asarray(surface.vertices, precision)[None])[0]
    group = CellGroup(membrane, area, kind.name, 0.3 if modulus == 0.0 and kind.value("cortical_tension") > 0.0 else 0.0)
    state = CellState(
        jnp.asarray(anchor),
        jnp.asarray(offset.reshape(count, vertices, 3), precision),
        jnp.ones(count, bool),
        jnp.asarray([s.ident for s in seeds], jnp.int32),
    )
    return group, state
