"""Short-range repulsion between cells, and the barrier that keeps one out of the other.

The law is that of walls (`interaction.repulsion`): where two membranes are closer than the range r, the pressure P (1 - g/r)
keeps them apart, g being the gap. Each vertex meets the nearest point of the nearest face of another cell with half of it on
its share of the membrane; the other half comes from the vertices of the other cell. What a vertex gets, the corners of the face give,
by their weights at that point: forces between cells sum to zero, and so do their torques. The energy of a vertex is P A r (1 - g/r)^2 / 4.
A cell does not meet itself.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow.interaction.neighbours import (
    PAD,
    Nearest,
    Need,
    Search,
    Spots,
    Surfaces,
    find_nearest,
    make_search,
    native_nearest_arguments,
    nearest_native,
)
from hemoflow.interaction.repulsion import BARRIER
from hemoflow.native.calls import call, new

SHARE = 0.5
"""Part of the pressure that the vertices of one of two cells that meet bring about."""


class CellContact(eqx.Module):
    """How cells repel each other: pressure at zero gap and `reach` in lattice units, the membranes as one with the membrane `area` (P,) of
    every vertex, and the search for neighbours; `native`: in compiled kernels."""

    pressure: Array
    reach: Array
    surfaces: Surfaces
    area: Array
    search: Search
    native: bool = eqx.field(static=True, default=False)


def make_cell_contact(
    strength: tuple[Array, Array],
    membranes: list[tuple[Array, Array, Array]],
    box: tuple[tuple[int, int, int], tuple[bool, bool, bool]],
    native: bool,
) -> CellContact | None:
    """Contact for groups of cells, each by its faces (F, 3), offsets (C, V, 3) and area (V,) of every vertex; None for fewer than two
    cells.

    `strength`: pressure and reach; `box`: shape of the lattice in nodes and its periodic axes.
    """
    faces, owner, face_owner, areas, widest = [], [], [], [], 0.0
    vertices = cells = 0
    for part, offset, area in membranes:
        corners, points = np.asarray(part), np.asarray(offset, np.float64)
        count, size = points.shape[:2]
        first = vertices + size * np.arange(count)
        faces.append((first[:, None, None] + corners).reshape(-1, 3))
        owner.append(np.repeat(cells + np.arange(count), size))
        face_owner.append(np.repeat(cells + np.arange(count), len(corners)))
        areas.append(np.tile(np.asarray(area, np.float64), count))
        widest = max(widest, float(np.ptp(points[:, corners], axis=2).max()))
        vertices, cells = vertices + count * size, cells + count
    if cells < 2:
        return None
    whole = [np.concatenate(part) for part in (faces, owner, face_owner)]
    surfaces = Surfaces(*(jnp.asarray(part, jnp.int32) for part in whole))
    mean_area = sum(float(part.sum()) for part in areas) / len(whole[0])
    search = make_search(len(whole[0]), widest + 2.0 * (float(strength[1]) + PAD), mean_area, box)
    return CellContact(*strength, surfaces, jnp.asarray(np.concatenate(areas), strength[0].dtype), search, native)


def make_spots(places: list[tuple[Array, Array, Array]]) -> Spots:
    """All vertices of groups of cells, each given as anchor (C, 3), offset (C, V, 3) and alive (C,)."""
    low = [jnp.floor(offset) for _, offset, _ in places]
    base = [a[:, None] + f.astype(jnp.int32) for (a, _, _), f in zip(places, low, strict=True)]
    part = [offset - f for (_, offset, _), f in zip(places, low, strict=True)]
    every_base, every_part = (jnp.concatenate([one.reshape(-1, 3) for one in parts]) for parts in (base, part))
    return Spots(every_base, every_part, jnp.concatenate([alive for _, _, alive in places]))


def repulsion(contact: CellContact, spots: Spots) -> tuple[Array, Array, Need]:
    """Forces (P, 3) of cells on each other's vertices, the gap (P,) of every vertex to another cell (infinite beyond the range), and what
    the search needed."""
    if contact.native:
        arguments, sizes = native_nearest_arguments(contact.search, contact.surfaces, spots, contact.reach)
        real, count = spots.part.dtype, spots.part.shape[0]
        out = (new((count, 3), real), new((count,), real), new((2,), real))
        force, gap, need = call("contact", out, (*arguments, contact.area, contact.pressure.reshape(1)), **sizes)
        return force, gap, Need(need[0].astype(jnp.int32), need[1])
    near, need = find_nearest(contact.search, contact.surfaces, spots, contact.reach)
    closeness = jnp.where(near.face >= 0, jnp.clip(1.0 - near.gap / contact.reach, 0.0, 1.0), 0.0)
    push = (SHARE * contact.pressure * contact.area * closeness)[:, None] * near.normal
    return _given(contact, near, push, push), near.gap, need


def gaps(contact: CellContact, spots: Spots) -> tuple[Array, Need]:
    """The gap (P,) of every vertex to another cell, negative inside it and infinite beyond the range."""
    if contact.native:
        return nearest_native(contact.search, contact.surfaces, spots, contact.reach)
    near, need = find_nearest(contact.search, contact.surfaces, spots, contact.reach)
    return near.gap, need


def keep_apart(contact: CellContact, spots: Spots) -> tuple[Array, Array, Need]:
    """Shifts (P, 3) that bring every vertex to at least `BARRIER` of the range from other cells, the largest way that was short, and what
    the search needed.

    Vertex and face share the way so that no momentum comes about: the smallest shifts that do it, each pair for itself.
    """
    if contact.native:
        arguments, sizes = native_nearest_arguments(contact.search, contact.surfaces, spots, contact.reach)
        real = spots.part.dtype
        out = (new(spots.part.shape, real), new((), real), new((2,), real))
        shift, farthest, need = call("apart", out, (*arguments, (BARRIER * contact.reach).reshape(1)), **sizes)
        return shift, farthest, Need(need[0].astype(jnp.int32), need[1])
    near, need = find_nearest(contact.search, contact.surfaces, spots, contact.reach)
    short = jnp.where(near.face >= 0, jnp.maximum(BARRIER * contact.reach - near.gap, 0.0), 0.0)
    way = (short / (1.0 + jnp.sum(near.weights**2, axis=1)))[:, None] * near.normal
    return _given(contact, near, way, way), jnp.max(short), need


def _given(contact: CellContact, near: Nearest, vertex: Array, face: Array) -> Array:
    """What vertices get (P, 3), less what the corners of their faces give by weight."""
    corner = contact.surfaces.faces[jnp.maximum(near.face, 0)]
    return vertex.at[corner.reshape(-1)].add(-(near.weights[..., None] * face[:, None]).reshape(-1, 3))
