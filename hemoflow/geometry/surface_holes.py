"""Holes and cracks in a wall are closed, the rims of openings are left; and a check whether a surface passes through itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.surface_weld import Edges, number, turn_flat

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

CRACK = 1e-3
"""Area over perimeter squared below which a rim is a crack: 0.08 for a circle."""

HOLE_AREA = 0.005
"""Largest hole that is closed, as a fraction of the area of the surface."""

HOLE_FLAT = 0.8
"""Mean cosine between the normals around a rim and that of its middle above which it lies in the wall; 0 at the end of a tube."""

LONGEST = 400
"""Edges of a rim that is closed."""

SAMPLES = 2000
CROSSING = 0.02
"""Share of the area inside the lumen or covered twice above which a surface is refused."""


@dataclass(frozen=True)
class _Rim:
    """Vertices (n,) of a rim in the order in which its faces have them; vector area of its cap, m^2; length, m; mean cosine."""

    loop: Faces
    area: float
    length: float
    flat: float


def close_holes(vertices: Array, faces: Faces, notes: list[str]) -> Faces:
    """Faces with those across cracks and small holes in the wall added. `faces` have normals out of the lumen."""
    edges = Edges(faces)
    rims = _rims(vertices, faces, edges)
    surface = 0.5 * float(np.linalg.norm(_normals(vertices, faces), axis=1).sum())
    cracks, holes, added = 0, 0, []
    for rim in rims:
        crack = rim.area < CRACK * rim.length**2
        if not crack and rim.flat < HOLE_FLAT:
            continue
        small = len(rim.loop) <= LONGEST and (crack or rim.area < HOLE_AREA * surface)
        patch = _zip(vertices, rim.loop, _chords(edges, rim.loop)) if small else None
        if patch is not None:
            added.append(patch)
            cracks, holes = cracks + crack, holes + (not crack)
        elif not crack:
            place = ", ".join(f"{v * 1e6:.4g}" for v in vertices[rim.loop].mean(axis=0))
            notes.append(
                f"left a hole of {rim.area * 1e12:.3g} um^2 in the wall near ({place}) um open: it counts as an opening"
            )
    if not added:
        return faces
    closed = np.concatenate([faces, *added])
    if (Edges(closed).count > 2).any():
        return faces
    notes += [f"closed {number(n, what)} in the wall" for n, what in ((cracks, "crack"), (holes, "small hole")) if n]
    return turn_flat(vertices, closed)[0]


def _normals(vertices: Array, faces: Faces) -> Array:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(np.cross(b - a, c - a))


def _rims(vertices: Array, faces: Faces, edges: Edges) -> list[_Rim]:
    """All rims as loops that pass every vertex once; none where an open edge leads nowhere."""
    side = np.flatnonzero((edges.count == 1)[edges.of_side])
    owner, corner = side % len(faces), side // len(faces)
    start, end = faces[owner, corner], faces[owner, (corner + 1) % 3]
    normal = _normals(vertices, faces[owner])
    normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None]
    after: dict[int, list[tuple[int, int]]] = {}
    for k, (a, b) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        after.setdefault(a, []).append((b, k))
    found = []
    while after:
        path, used, at = [next(iter(after))], [], {next(iter(after)): 0}
        while True:
            ways = after.get(path[-1])
            if not ways:
                break
            following, k = ways.pop()
            if not ways:
                del after[path[-1]]
            used.append(k)
            if following not in at:
                at[following] = len(path)
                path.append(following)
                continue
            begin = at[following]
            found.append(_measured(vertices, np.array(path[begin:]), normal[used[begin:]]))
            for vertex in path[begin + 1 :]:
                del at[vertex]
            del path[begin + 1 :], used[begin:]
    return found


def _measured(vertices: Array, loop: Faces, normals: Array) -> _Rim:
    ring = vertices[loop]
    following = np.roll(ring, -1, axis=0)
    length = np.linalg.norm(following - ring, axis=1)
    middle = ring.mean(axis=0)
    area = 0.5 * np.cross(following - middle, ring - middle).sum(axis=0)
    size = float(np.linalg.norm(area))
    flat = float((length * (normals @ area)).sum() / max(size * length.sum(), 1e-300))
    return _Rim(loop, size, float(length.sum()), flat)


def _chords(edges: Edges, loop: Faces) -> set[tuple[int, int]]:
    """Edges of the mesh between vertices of a rim."""
    both = np.isin(edges.ends, loop).all(axis=1)
    return {(int(a), int(b)) for a, b in edges.ends[both]}


def _zip(vertices: Array, loop: Faces, known: set[tuple[int, int]]) -> Faces | None:
    """Triangles across a rim, cut off one by one along the shortest chord that is no edge yet; None where that is not possible."""
    left = loop[::-1].tolist()
    found = []
    while len(left) > 3:
        ring = vertices[left]
        chord = np.linalg.norm(np.roll(ring, -1, axis=0) - np.roll(ring, 1, axis=0), axis=1)
        for k in np.argsort(chord, kind="stable").tolist():
            a, c = left[k - 1], left[(k + 1) % len(left)]
            key = (min(a, c), max(a, c))
            if key not in known:
                break
        else:
            return None
        known.add(key)
        found.append([a, left[k], c])
        del left[k]
    return np.array([*found, left], np.int64) if len(left) == 3 else None


def check_crossing(vertices: Array, faces: Faces, notes: list[str]) -> None:
    """Look just inside and outside of some facets: the winding number there is 1 and 0 unless the surface passes through itself.

    Adds a note where little of the surface does, and raises InputError where more than CROSSING of the area does.
    """
    import igl

    middle, size = vertices.mean(axis=0), float(np.ptp(vertices, axis=0).max())
    points = (vertices - middle) / size
    caps = []
    for rim in _rims(points, faces, Edges(faces)):
        caps.append(np.stack([np.roll(rim.loop, -1), rim.loop, np.full(len(rim.loop), len(points))], axis=1))
        points = np.concatenate([points, points[rim.loop].mean(axis=0, keepdims=True)])
    whole = np.ascontiguousarray(np.concatenate([faces, *caps]))
    normal = _normals(points, faces)
    twice = np.linalg.norm(normal, axis=1)
    # facets picked evenly by area; the seed makes the same choice every time
    real = np.flatnonzero(twice > 0)
    pick = np.random.default_rng(0).choice(
        real, min(SAMPLES, len(real)), replace=False, p=twice[real] / twice[real].sum()
    )
    centre = points[faces[pick]].mean(axis=1)
    step = 1e-3 * normal[pick] / np.sqrt(twice[pick])[:, None]
    around = np.concatenate([centre - step, centre + step])
    winding = np.asarray(igl.fast_winding_number(points, whole, np.ascontiguousarray(around))).reshape(2, -1)
    wrong = (np.abs(winding - np.array([[1.0], [0.0]])) > 0.5).any(axis=0)
    if not wrong.any():
        return
    share = float(wrong.mean())
    place = ", ".join(f"{v * 1e6:.4g}" for v in centre[np.argmax(wrong)] * size + middle)
    if share > CROSSING:
        raise InputError(
            f"the surface passes through itself: about {100 * share:.2g} % of it lies inside the lumen or doubles other parts, for "
            f"example near ({place}) um; unite the parts or repair the mesh in the program that made it"
        )
    notes.append(
        f"the surface passes through itself in places (about {100 * share:.2g} % of it, for example near ({place}) um)"
    )
