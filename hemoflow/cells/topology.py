"""Who touches whom on a triangulated surface, as index tables made for gathering instead of scattering.

A force on a vertex is the sum of what its faces and edges push at their corners. Those parts lie in flat arrays
("slots"); each vertex lists its slots in a padded row, so that the sum is one gather of fixed shape: the same order,
hence the same bits, on every device and thread count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.surface import Surface, face_areas, volume
from hemoflow.errors import InputError

Integers = NDArray[np.int32]


@dataclass(frozen=True)
class Topology:
    """Index tables (int32) of a surface with V vertices, F faces, E inner edges; K is the largest valence.

    faces (F, 3). edges (E, 4): the ends i, j, the corner opposite in the face where i comes before j, and the corner
    opposite in the other face. edge_faces (E, 2): those two faces. face_edges (F, 3): the edge opposite to each corner, E where
    there is a border. vertex_corners (V, K): slots corner * F + face, padded with 3 F. vertex_edges (V, K):
    edges that end here, padded with E. vertex_edge_corners (V, 2K): slots k * E + edge of the edges that hold the
    vertex as k-th entry, padded with 4 E. neighbours (V, K): adjacent vertices, padded with V. valence (V,): number
    of faces at a vertex. boundary_edges (B, 2): edges with one face only, none on a closed surface.
    """

    faces: Integers
    edges: Integers
    edge_faces: Integers
    face_edges: Integers
    vertex_corners: Integers
    vertex_edges: Integers
    vertex_edge_corners: Integers
    neighbours: Integers
    valence: Integers
    boundary_edges: Integers


def build_topology(surface: Surface, closed: bool = True) -> Topology:
    """Index tables. Raises InputError naming the defect of one that is not an oriented, closed manifold."""
    faces, count = surface.faces, len(surface.vertices)
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.size == 0:
        raise InputError(f"surface: faces must have shape (F, 3) with F > 0, not {faces.shape}")
    if faces.min() < 0 or faces.max() >= count:
        raise InputError(f"surface: a face names vertex {faces.max()}, but there are {count} vertices")
    edges, halves, boundary = _pair_half_edges(faces, count)
    if closed and len(boundary):
        raise InputError(f"surface: open, {len(boundary)} edges have one face only, the first between {boundary[0]}")
    valence = np.bincount(faces.reshape(-1), minlength=count).astype(np.int32)
    if valence.min() == 0:
        raise InputError(f"surface: vertex {int(valence.argmin())} belongs to no face")
    ends = edges[:, :2].T.reshape(-1)
    number = len(edges)
    other = np.concatenate([edges[:, 1], edges[:, 0]])
    vertex_ends = _rows(ends, count, pad=2 * number)
    return Topology(
        faces=faces,
        edges=edges,
        edge_faces=halves % np.int32(len(faces)),
        face_edges=_face_edges(halves, len(faces)),
        vertex_corners=_rows(faces.T.reshape(-1), count, pad=faces.size),
        vertex_edges=np.where(vertex_ends < 2 * number, vertex_ends % max(number, 1), number).astype(np.int32),
        vertex_edge_corners=_rows(edges.T.reshape(-1), count, pad=edges.size),
        neighbours=np.append(other, count).astype(np.int32)[vertex_ends],
        valence=valence,
        boundary_edges=boundary,
    )


def check_surface(surface: Surface) -> None:
    """Raises InputError for what cannot be a cell: not finite, not closed, inconsistent, degenerate, inside out."""
    if surface.vertices.ndim != 2 or surface.vertices.shape[1] != 3:
        raise InputError(f"surface: vertices must have shape (V, 3), not {surface.vertices.shape}")
    bad = np.flatnonzero(~np.isfinite(surface.vertices).all(axis=1))
    if len(bad):
        raise InputError(f"surface: {len(bad)} vertices are not finite, the first is vertex {bad[0]}")
    build_topology(surface)
    areas = face_areas(surface.vertices, surface.faces)
    flat = np.flatnonzero(areas <= 1e-9 * areas.mean())
    if len(flat):
        raise InputError(f"surface: {len(flat)} faces have no area, the first is face {flat[0]}")
    enclosed = volume(surface.vertices, surface.faces)
    if enclosed <= 0.0:
        raise InputError(f"surface: encloses volume {enclosed:.3g}, its faces look inward; reverse their order")


def _face_edges(halves: Integers, faces: int) -> Integers:
    """Edge (F, 3) opposite to each corner: half-edge side * F + face runs from corner `side` to the next."""
    side, face = np.divmod(halves, faces)
    found = np.full((faces, 3), len(halves), np.int32)
    found[face, (side + 2) % 3] = np.arange(len(halves))[:, None]
    return found


def _pair_half_edges(faces: Integers, count: int) -> tuple[Integers, Integers, Integers]:
    """Inner edges (E, 4), their half-edges (E, 2) and boundary edges (B, 2) from the three directed sides of every face."""
    start = faces.T.reshape(-1).astype(np.int64)
    end = np.roll(faces, -1, axis=1).T.reshape(-1).astype(np.int64)
    opposite = np.roll(faces, -2, axis=1).T.reshape(-1)
    if np.any(start == end):
        raise InputError(f"surface: face {int(np.flatnonzero(start == end)[0]) % len(faces)} repeats a vertex")
    key = np.minimum(start, end) * count + np.maximum(start, end)
    order = np.lexsort((start > end, key))
    sorted_key = key[order]
    unique, first, uses = np.unique(sorted_key, return_index=True, return_counts=True)
    if uses.max() > 2:
        k = int(unique[uses.argmax()])
        raise InputError(f"surface: more than two faces meet at the edge {k // count}-{k % count}")
    inner = uses == 2
    one, two = order[first[inner]], order[first[inner] + 1]
    wrong = np.flatnonzero(start[one] == start[two])
    if len(wrong):
        h = one[wrong[0]]
        raise InputError(f"surface: {len(wrong)} pairs of neighbouring faces disagree which side is outside, "
                         f"the first at the edge {start[h]}-{end[h]}")  # fmt: skip
    edges = np.stack([start[one], end[one], opposite[one], opposite[two]], axis=1).astype(np.int32)
    lone = order[first[~inner]]
    halves = np.stack([one, two], axis=1).astype(np.int32)
    return edges, halves, np.stack([start[lone], end[lone]], axis=1).astype(np.int32)


def _rows(owner: NDArray[np.integer], count: int, pad: int) -> Integers:
    """For every owner the positions at which it occurs, as rows of equal length filled up with `pad`."""
    order = np.argsort(owner, kind="stable")
    uses = np.bincount(owner, minlength=count)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(uses) - uses, uses)
    rows = np.full((count, max(int(uses.max(initial=0)), 1)), pad, dtype=np.int32)
    rows[owner[order], rank] = order
    return rows
