"""Mending a triangulated surface until it has a clear inside, with a sentence for every change; what cannot be mended is refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from hemoflow.errors import InputError
from hemoflow.geometry.surface_holes import check_crossing, close_holes
from hemoflow.geometry.surface_weld import (
    Edges,
    collapsed,
    compact,
    doubled,
    flat,
    number,
    turn_flat,
    weld,
    weld_cracks,
)

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

SPECK = 0.01
"""Largest area of a separate body, as a fraction of the whole, that is left out."""


def repair(vertices: Array, faces: Faces) -> tuple[Array, Faces, list[str]]:
    """The surface as one body, consistently oriented with normals out of the lumen: vertices (V, 3) m, faces (F, 3), and notes.

    Points that coincide are joined; collapsed, doubled and flat facets go; facets that disagree with their neighbours are turned
    round; small separate bodies are left out; cracks and small holes in the wall are closed. Rims of openings stay open. Raises
    InputError where edges have more than two facets, the surface has one side only, encloses nothing, passes through itself, or falls
    into several bodies of similar size.
    """
    notes: list[str] = []
    vertices, faces = _welded(vertices, faces, notes)
    faces = _manifold(vertices, faces, notes)
    faces, lines = turn_flat(vertices, faces)
    if lines:
        notes.append(f"removed {number(lines, 'facet')} without area")
        again, _ = doubled(faces)
        _refuse_shared(vertices, faces[~again])
        faces = faces[~again]
    if not areas(vertices, faces).sum() > 0:
        raise InputError("the facets have no area: export the surface again, with more digits")
    faces, body, turned = _oriented(vertices, faces)
    faces, body = _outward(vertices, faces, body, notes, turned)
    faces = _one_body(vertices, faces, body, notes)
    faces = close_holes(vertices, faces, notes)
    vertices, faces = compact(vertices, faces)
    check_crossing(vertices, faces, notes)
    return vertices, faces, notes


def _welded(vertices: Array, faces: Faces, notes: list[str]) -> tuple[Array, Faces]:
    vertices, faces = compact(vertices, faces)
    before = len(faces)
    vertices, faces, _ = weld(vertices, faces)
    faces = faces[~collapsed(faces)]
    vertices, faces, joined = weld_cracks(vertices, faces)
    if joined:
        notes.append(f"joined {number(joined, 'point')} along cracks to those opposite")
    faces = faces[~collapsed(faces)]
    if len(faces) < before:
        notes.append(f"removed {number(before - len(faces), 'facet')} with two corners at one place")
    if len(faces) == 0:
        raise InputError("all facets are collapsed to lines or points: export the surface again, with more digits")
    return vertices, faces


def _manifold(vertices: Array, faces: Faces, notes: list[str]) -> Faces:
    """Faces without copies and with at most two on every edge."""
    again, copies = doubled(faces)
    faces, copies = faces[~again], copies[~again]
    if again.any():
        notes.append(f"removed {number(int(again.sum()), 'facet')} with the same corners as another one")
    for what in ("inner", "flat"):
        edges = Edges(faces)
        if (edges.count <= 2).all():
            return faces
        crowded = (edges.count > 2)[edges.of_side].reshape(3, -1).any(axis=0)
        drop = crowded & ((copies % 2 == 0) if what == "inner" else flat(vertices, faces))
        if drop.any():
            kind = "between two bodies" if what == "inner" else "without area"
            notes.append(f"removed {number(int(drop.sum()), 'facet')} {kind}")
            faces, copies = faces[~drop], copies[~drop]
    _refuse_shared(vertices, faces)
    return faces


def _refuse_shared(vertices: Array, faces: Faces) -> None:
    edges = Edges(faces)
    bad = np.flatnonzero(edges.count > 2)
    if len(bad):
        place = vertices[edges.ends[bad[0]]].mean(axis=0)
        raise InputError(
            f"{number(len(bad), 'edge')} with more than two facets (non-manifold), the first near ({um(place)}) um: walls meet "
            "or touch there, and inside and outside are not defined; remove inner walls or repair the mesh in the program that made it"
        )


def _oriented(vertices: Array, faces: Faces) -> tuple[Faces, Faces, int]:
    """Faces that agree with their neighbours, the number (F,) of the body of each, and how many were turned round."""
    size = len(faces)
    pairs, against = Edges(faces).neighbours()
    f, g = pairs.T
    # every face stands for two: as it is and turned; neighbours are linked the way they agree
    start = np.concatenate([f, f + size])
    end = np.concatenate([g + size * against, g + size * ~against])
    link = sparse.csr_matrix((np.ones(len(start), bool), (start, end)), shape=(2 * size,) * 2)
    _, label = csgraph.connected_components(link, directed=False)
    kept, turned = label[:size], label[size:]
    if (kept == turned).any():
        place = vertices[faces[int(np.argmax(kept == turned))]].mean(axis=0)
        raise InputError(
            f"the surface has one side only (a Moebius band, or facets joined wrongly), near ({um(place)}) um: repair the mesh in the "
            "program that made it"
        )
    low = np.minimum(kept, turned)
    _, body = np.unique(low, return_inverse=True)
    body = body.ravel()
    flip = kept != low
    # the way that most faces of a body have already
    most = np.bincount(body, flip) > 0.5 * np.bincount(body)
    flip ^= most[body]
    faces = faces.copy()
    faces[flip] = faces[flip][:, [0, 2, 1]]
    return faces, body, int(flip.sum())


def signed_volumes(vertices: Array, faces: Faces, body: Faces) -> Array:
    """Volume (m^3) that each body encloses, open rims closed by fans to their middles; negative for normals that point inward."""
    middle = vertices.mean(axis=0)
    volume = _volume(vertices - middle, faces, body)
    edges = Edges(faces)
    side = np.flatnonzero((edges.count == 1)[edges.of_side])
    if len(side) == 0:
        return volume
    owner, corner = side % len(faces), side // len(faces)
    start, end = faces[owner, corner], faces[owner, (corner + 1) % 3]
    link = sparse.csr_matrix((np.ones(len(start)), (start, end)), shape=(len(vertices),) * 2)
    _, label = csgraph.connected_components(link, directed=False)
    _, rim = np.unique(label[start], return_inverse=True)
    rim = rim.ravel()
    centre = np.stack([np.bincount(rim, vertices[start, k]) for k in range(3)], axis=1) / np.bincount(rim)[:, None]
    fan = np.stack([end, start, len(vertices) + rim], axis=1)
    return volume + _volume(np.concatenate([vertices, centre]) - middle, fan, body[owner], len(volume))


def _volume(vertices: Array, faces: Faces, body: Faces, bodies: int = 0) -> Array:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(np.bincount(body, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0, bodies), float)


def areas(vertices: Array, faces: Faces) -> Array:
    """Area (F,) of each face, m^2."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


def _outward(vertices: Array, faces: Faces, body: Faces, notes: list[str], turned: int) -> tuple[Faces, Faces]:
    inward = signed_volumes(vertices, faces, body) < 0
    largest = int(np.argmax(np.bincount(body, areas(vertices, faces))))
    if turned:
        notes.append(f"turned round {number(turned, 'facet')} that disagreed with their neighbours")
    if inward[largest]:
        notes.append("turned round all facets: their normals pointed into the lumen")
    faces = np.where(inward[body][:, None], faces[:, [0, 2, 1]], faces)
    return faces, body


def _one_body(vertices: Array, faces: Faces, body: Faces, notes: list[str]) -> Faces:
    """The faces of the largest body, where the others are specks."""
    size = areas(vertices, faces)
    area = np.asarray(np.bincount(body, size), float)
    largest = int(np.argmax(area))
    mine = body == largest
    others = 1.0 - area[largest] / area.sum()
    if others > SPECK:
        _refuse_bodies(vertices, faces, body, area)
    if len(area) > 1:
        notes.append(f"left out {number(len(area) - 1, 'separate small part')} with {100 * others:.2g} % of the area")
    volume = float(signed_volumes(vertices, faces[mine], np.zeros(int(mine.sum()), np.int64))[0])
    if not volume > 1e-6 * area[largest] ** 1.5:
        raise InputError(
            "the surface encloses no volume: it is a sheet, or open on one side; export the whole wall, with only the ends open"
        )
    return faces[mine]


def _refuse_bodies(vertices: Array, faces: Faces, body: Faces, area: Array) -> None:
    first, second = np.argsort(area)[::-1][:2].tolist()
    one, other = (compact(vertices, faces[body == k]) for k in (first, second))
    share = max(_inside(one, other), _inside(other, one))
    how = "lie apart"
    if share > 0.999:
        how = "lie one inside the other (a wall of finite thickness has two surfaces: keep the inner one)"
    elif share > 0.001:
        how = "overlap (unite them in the program that made them)"
    middles = "; ".join(f"({um(0.5 * (v.min(axis=0) + v.max(axis=0)))}) um" for v, _ in (one, other))
    raise InputError(
        f"the surface falls into {len(area)} separate bodies; the two largest, with {100 * area[first] / area.sum():.3g} % and "
        f"{100 * area[second] / area.sum():.3g} % of the area, around {middles}, {how}: a vessel is one connected wall, save one body"
    )


def _inside(outer: tuple[Array, Faces], inner: tuple[Array, Faces]) -> float:
    """Share of the vertices of a surface that lie inside of another one."""
    import igl

    vertices, faces = outer
    middle, size = vertices.mean(axis=0), float(np.ptp(vertices, axis=0).max())
    sample = inner[0][:: max(1, len(inner[0]) // 5000)]
    winding = igl.fast_winding_number(
        np.ascontiguousarray((vertices - middle) / size),
        np.ascontiguousarray(faces),
        np.ascontiguousarray((sample - middle) / size),
    )
    return float((np.asarray(winding) > 0.5).mean())


def um(point: Array) -> str:
    """Coordinates in micrometres, for messages."""
    return ", ".join(f"{v * 1e6:.4g}" for v in point)
