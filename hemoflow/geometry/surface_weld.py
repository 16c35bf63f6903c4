"""First steps of mending a triangle soup: joining points that coincide, dropping facets that are collapsed, doubled or flat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

NEAR = 1e-6
"""Points of a crack closer than this fraction of the bounding diagonal are joined."""

FLAT = 1e-14
"""Twice the area over the longest edge squared below which a facet is a line."""


def number(count: int, what: str) -> str:
    """ "1 facet", "2 facets"."""
    return f"{count} {what}{'s' if count != 1 else ''}"


def compact(vertices: Array, faces: Faces) -> tuple[Array, Faces]:
    """Without the vertices that no face has."""
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    new = np.cumsum(used) - 1
    return vertices[used], new[faces]


def weld(vertices: Array, faces: Faces) -> tuple[Array, Faces, int]:
    """Join vertices at exactly the same place; returns the number joined."""
    vertices = vertices + 0.0  # -0 and 0 are one place
    bits = vertices.view(np.uint64)
    mixed = np.zeros(len(vertices), np.uint64)
    for k, factor in enumerate((0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)):
        mixed = (mixed ^ bits[:, k]) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(29)
    _, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    inverse = inverse.ravel()
    if not (vertices == vertices[first[inverse]]).all():  # two places with one hash
        _, first, inverse = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
        inverse = inverse.ravel()
    return vertices[first], inverse[faces], len(vertices) - len(first)


def weld_cracks(vertices: Array, faces: Faces) -> tuple[Array, Faces, int]:
    """Join the vertices along open edges that are within NEAR of the bounding diagonal of each other; returns the number joined."""
    from scipy.spatial import cKDTree

    edges = Edges(faces)
    rim = np.unique(edges.ends[edges.count == 1])
    if len(rim) == 0:
        return vertices, faces, 0
    reach = NEAR * float(np.linalg.norm(np.ptp(vertices, axis=0)))
    pairs = cKDTree(vertices[rim]).query_pairs(reach, output_type="ndarray").reshape(-1, 2)
    if len(pairs) == 0:
        return vertices, faces, 0
    link = sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), shape=(len(rim),) * 2)
    groups, label = csgraph.connected_components(link, directed=False)
    lowest = np.full(groups, len(vertices))
    np.minimum.at(lowest, label, rim)
    into = np.arange(len(vertices))
    into[rim] = lowest[label]
    vertices, faces = compact(vertices, into[faces])
    return vertices, faces, len(rim) - groups


def collapsed(faces: Faces) -> NDArray[np.bool_]:
    """Faces (F,) two corners of which are one vertex."""
    a, b, c = faces.T
    return np.asarray((a == b) | (b == c) | (c == a))


def doubled(faces: Faces) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """For every face whether an earlier one has the same corners, and how many faces have them."""
    key = np.sort(faces, axis=1)
    order = np.lexsort((np.arange(len(faces)), key[:, 2], key[:, 1], key[:, 0]))
    new = np.ones(len(faces), bool)
    new[1:] = (key[order[1:]] != key[order[:-1]]).any(axis=1)
    group = np.cumsum(new) - 1
    again, copies = np.zeros(len(faces), bool), np.zeros(len(faces), np.int64)
    again[order] = ~new
    copies[order] = np.bincount(group)[group] if len(faces) else 0
    return again, copies


def flat(vertices: Array, faces: Faces) -> NDArray[np.bool_]:
    """Faces (F,) whose corners lie on one line."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    twice = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = np.maximum.reduce([((p - q) ** 2).sum(axis=1) for p, q in ((a, b), (b, c), (c, a))])
    return np.asarray(twice <= FLAT * longest)


class Edges:
    """Edges of a mesh. `ends` (E, 2), lower vertex first; `count` (E,) of faces on each; `of_side` (3 F,) the edge of every side, sides
    0-1 of all faces first, then 1-2, then 2-0; `forward` (3 F,) whether the side runs from the lower vertex to the higher."""

    def __init__(self, faces: Faces) -> None:
        start, end = faces.T.reshape(-1), faces[:, [1, 2, 0]].T.reshape(-1)
        low, high = np.minimum(start, end), np.maximum(start, end)
        span = int(high.max(initial=0)) + 1
        key, self.of_side, self.count = np.unique(low * span + high, return_inverse=True, return_counts=True)
        self.of_side = self.of_side.ravel()
        self.ends = np.stack([key // span, key % span], axis=1)
        self.forward = start < end

    def neighbours(self) -> tuple[Faces, NDArray[np.bool_]]:
        """Pairs of faces (P, 2) on the edges that have two, and whether both run along the edge the same way (so one of them is turned
        round)."""
        faces = len(self.of_side) // 3
        order = np.argsort(self.of_side, kind="stable")
        first = (np.cumsum(self.count) - self.count)[self.count == 2]
        sides = np.stack([order[first], order[first + 1]], axis=1)
        return sides % faces, self.forward[sides[:, 0]] == self.forward[sides[:, 1]]


def turn_flat(vertices: Array, faces: Faces) -> tuple[Faces, int]:
    """Replace each flat facet and its neighbour over its longest edge by two facets that meet at its middle corner, which changes no
    point of the surface; at open edges the flat facet goes. Returns the number of facets treated."""
    treated = 0
    for _ in range(10):
        bad = np.flatnonzero(flat(vertices, faces))
        if len(bad) == 0 or len(bad) > 20000:
            break
        edges = Edges(faces)
        known = {(int(a), int(b)) for a, b in edges.ends[np.isin(edges.ends, faces[bad]).all(axis=1)]}
        done, drop = _turn_some(vertices, faces, bad, edges, known)
        treated += done
        faces = faces[~drop]
        if done == 0:
            break
    return faces, treated


def _turn_some(
    vertices: Array, faces: Faces, bad: Faces, edges: Edges, known: set[tuple[int, int]]
) -> tuple[int, NDArray[np.bool_]]:
    """One pass over the flat facets `bad`, changing `faces` in place; each face is touched once. Returns how many were treated and
    which faces go."""
    size = len(faces)
    drop, touched = np.zeros(size, bool), np.zeros(size, bool)
    order = np.argsort(edges.of_side, kind="stable")
    first = np.cumsum(edges.count) - edges.count
    done = 0
    for f in bad.tolist():
        place = vertices[faces[f]]
        k = int(np.argmax(((place - np.roll(place, -1, axis=0)) ** 2).sum(axis=1)))
        edge = edges.of_side[k * size + f]
        others = [int(s) % size for s in order[first[edge] : first[edge] + edges.count[edge]] if int(s) % size != f]
        if touched[f]:
            continue
        if not others:
            drop[f] = touched[f] = True
            done += 1
            continue
        g = others[0]
        i, j, middle = (int(v) for v in (faces[f, k], faces[f, (k + 1) % 3], faces[f, (k + 2) % 3]))
        apex = int(faces[g].sum()) - i - j
        new = (min(apex, middle), max(apex, middle))
        if len(others) > 1 or touched[g] or apex == middle or new in known:
            continue
        whole = faces[g].copy()
        faces[g] = np.where(whole == j, middle, whole)
        faces[f] = np.where(whole == i, middle, whole)
        touched[f] = touched[g] = True
        known.add(new)
        done += 1
    return done, drop
