"""From a mended surface to a wall with plane openings: open rims, flat ends, and blind ends that the user wants cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.surface_caps import ends_only, flat_caps
from hemoflow.geometry.surface_cut import beyond, clip, cut_at, height_above
from hemoflow.geometry.surface_openings import NOT_FLAT, Rim, border, named, open_rims, um

Array = NDArray[np.float64]
Faces = NDArray[np.int64]
Ends = tuple[Array, Faces, list[Rim]]

DEEPEST = 1.0
"""Largest depth, in radii, to which an uneven rim is cut back."""

ONE_REGION = 1.02
"""A flat region larger than the hole in it by this factor is the end of a vessel that is closed in part."""


def find_ends(vertices: Array, faces: Faces, wanted: list[tuple[str, Array]], where: str, notes: list[str]) -> Ends:
    """Vertices (V, 3), faces (F, 3) of the wall without caps, and the openings of a surface with outward normals.

    `wanted`: (name, place) of openings that must be there. What was cut is said in `notes`. Raises InputError for rims that cannot be
    made plane.
    """
    vertices, faces = _level(vertices, faces, where, notes)
    for name, at in wanted:
        place = np.asarray(at, float)
        _, wall, rims, others = _sort(vertices, faces, where)
        if named(name, place, rims + [rim for _, rim in others]) is not None:
            continue
        keep = np.zeros(len(faces), bool)
        keep[np.isin(faces, border(faces)).any(axis=1)] = True
        keep |= ~_among(faces, wall)
        shorter = cut_at(vertices, faces, place, keep)
        if shorter is not None:
            vertices, faces = shorter
            notes.append(f"cut a blind end open at ({um(place)}) um for the opening {name!r}")
    return _chosen(*_sort(vertices, faces, where), wanted, notes)


def _chosen(
    vertices: Array,
    wall: Faces,
    rims: list[Rim],
    others: list[tuple[Faces, Rim]],
    wanted: list[tuple[str, Array]],
    notes: list[str],
) -> Ends:
    """Openings: all `rims`, flat ends where there are fewer than two rims, and those that the user names."""
    automatic = ends_only(vertices, wall, others, rims) if len(rims) < 2 else []
    if automatic:
        what = "mesh" if not rims else "ends"
        notes.append(
            f"closed {what}: {len(automatic)} flat end cap{'s' if len(automatic) > 1 else ''} taken as openings"
        )
    taken = list(automatic)
    for name, at in wanted:
        best = named(name, np.asarray(at, float), rims + [rim for _, rim in others])
        if best is not None and best >= len(rims) and not any(others[best - len(rims)][1] is rim for _, rim in taken):
            taken.append(others[best - len(rims)])
            notes.append(f"opened the flat side at ({um(taken[-1][1].centre)}) um for {name!r}")
    if not rims and not taken:
        notes.append(
            "closed mesh without flat end caps: a cavity without openings; name openings at places on the axis of its ends to "
            "have these cut, or open the mesh where blood enters"
        )
    keep = np.ones(len(wall), bool)
    for mine, _ in taken:
        keep[mine] = False
    return vertices, wall[keep], rims + [rim for _, rim in taken]


def _sort(vertices: Array, faces: Faces, where: str) -> tuple[Array, Faces, list[Rim], list[tuple[Faces, Rim]]]:
    """Vertices with the middles of rims, the wall, its openings with open rims, and flat ends (faces of the wall, rim) that are closed.
    A flat end with a hole in it is one opening, and its facets no wall."""
    vertices, rims = open_rims(vertices, faces, where)
    whole = np.concatenate([faces, *[rim.cap for rim in rims]])
    owner = np.concatenate([np.full(len(faces), -1), *[np.full(len(rim.cap), k) for k, rim in enumerate(rims)]])
    closed, drop = [], np.zeros(len(faces), bool)
    merged: dict[int, Rim] = {}
    for mine, cap in flat_caps(vertices, whole):
        holes = np.unique(owner[mine])
        holes = holes[holes >= 0]
        if not len(holes):
            closed.append((mine, cap))
        elif np.linalg.norm(cap.area) > ONE_REGION * sum(float(np.linalg.norm(rims[k].area)) for k in holes):
            drop[mine[owner[mine] < 0]] = True
            merged.update(dict.fromkeys(holes.tolist(), cap))
    kept = [rim for k, rim in enumerate(rims) if k not in merged]
    kept += {id(cap): cap for cap in merged.values()}.values()
    new = np.cumsum(~drop) - 1
    return vertices, faces[~drop], kept, [(new[mine], cap) for mine, cap in closed]


def _level(vertices: Array, faces: Faces, where: str, notes: list[str]) -> tuple[Array, Faces]:
    """Cut back every rim that is not plane to just inside of its deepest point. Raises InputError where that would take more than an
    end: a hole in the side of a vessel, or a rim as deep as wide."""
    for _ in range(len(faces)):
        rims = open_rims(vertices, faces, where)[1]
        uneven = [rim for rim in rims if rim.off > NOT_FLAT * rim.radius]
        if not uneven:
            break
        rim = uneven[0]
        depth = 1.02 * rim.sag + 1e-3 * rim.radius
        origin = rim.centre - depth * rim.normal
        ring = np.zeros(len(vertices), bool)
        ring[rim.cap[:, :2]] = True
        height = height_above(vertices, origin, rim.normal)
        piece = beyond(faces, height, np.asarray(ring[faces].any(axis=1)))
        tops = np.unique(faces[piece])
        far = np.linalg.norm(vertices[tops[height[tops] > 0]] - rim.centre, axis=1)
        others = np.setdiff1d(np.unique(border(faces)), np.flatnonzero(ring))
        if (
            depth > DEEPEST * rim.radius
            or far.max() > 1.5 * rim.reach + depth
            or np.isin(others, tops[height[tops] > 0]).any()
        ):
            raise InputError(
                f"{where}: the open rim near ({um(rim.centre)}) um, radius {rim.radius * 1e6:.4g} um, departs {rim.off * 1e6:.4g} um "
                "from a plane and is no end of a vessel that could be cut plane: close this hole in the wall, or cut the end plane, in the "
                "program that made the mesh"
            )
        vertices, faces = clip(vertices, faces, height, piece)
        notes.append(f"cut an uneven rim near ({um(rim.centre)}) um plane, {depth * 1e6:.3g} um inside")
    return vertices, faces


def _among(faces: Faces, some: Faces) -> NDArray[np.bool_]:
    """Which faces (F,) are rows of `some` too."""
    width = int(faces.max(initial=0)) + 1
    key = (faces[:, 0] * width + faces[:, 1]) * width + faces[:, 2]
    return np.asarray(np.isin(key, (some[:, 0] * width + some[:, 1]) * width + some[:, 2]))
