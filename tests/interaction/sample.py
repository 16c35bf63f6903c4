"""Cells that touch, for the tests of contact between cells."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.surface import Surface, icosphere
from hemoflow.interaction.cells import CellContact, make_cell_contact, make_spots
from hemoflow.interaction.neighbours import Spots

REACH, PRESSURE = 0.6, 0.7
BOX = ((24, 20, 22), (True, False, True))
Floats = NDArray[np.float64]


def vertex_areas(surface: Surface) -> Floats:
    """A third of the faces around every vertex (V,)."""
    a, b, c = (surface.vertices[surface.faces[:, k]] for k in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6.0
    out = np.zeros(len(surface.vertices))
    for k in range(3):
        np.add.at(out, surface.faces[:, k], third)
    return out


def places(centres: Floats, surface: Surface, real: jnp.dtype, turns: int = 0) -> tuple[jnp.ndarray, jnp.ndarray]:
    """Anchor (C, 3) and offset (C, V, 3) of copies of a surface, each whole periods along x further than the one before."""
    anchor = np.round(centres).astype(np.int32)
    offset = surface.vertices[None] + (centres - anchor)[:, None]
    anchor[:, 0] += BOX[0][0] * turns * np.arange(len(centres))
    return jnp.asarray(anchor), jnp.asarray(offset, real)


def two_groups(
    real: jnp.dtype, native: bool, gap: float = 0.2, turns: int = 0, rough: float = 0.0
) -> tuple[CellContact, Spots]:
    """Three spheres of one mesh and one of a finer one, in a row along x across the periodic edge, and one that is dead among them."""
    rng = np.random.default_rng(3)
    big, small = icosphere(3, 3.0), icosphere(4, 2.5)
    step = 6.0 + gap
    one = np.array([[1.0, 9.3, 10.1], [1.0 + step, 9.3, 10.1], [1.0 + step, 9.3 - step, 10.1]])
    two = np.array([[1.0 - 5.5 - gap, 9.4, 10.0], [1.0, 9.3, 10.1]])
    groups, whole = [], []
    for centres, surface, alive in ((one, big, [True] * 3), (two, small, [True, False])):
        anchor, offset = places(centres, surface, real, turns)
        offset = offset + jnp.asarray(rng.normal(0.0, rough, offset.shape), real) if rough else offset
        groups.append((jnp.asarray(surface.faces), offset, jnp.asarray(vertex_areas(surface), real)))
        whole.append((anchor, offset, jnp.asarray(alive)))
    contact = make_cell_contact((jnp.asarray(PRESSURE, real), jnp.asarray(REACH, real)), groups, BOX, native)
    assert contact is not None
    return contact, make_spots(whole)
