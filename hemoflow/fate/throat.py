"""The narrowest lumen ahead of a cell, measured on the wall surface of a run by cutting it along the cell's way.

At each station rays in the cross-section find the wall; the lumen's polygon gives area A and perimeter P. The narrowest section is that
with the smallest R_c = 2 A / P, the mean curvature radius of a cap that fills it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.orifice import Orifice
from hemoflow.fate.frames import plane_segments

Array = NDArray[np.float64]
Faces = NDArray[np.int64]
RAYS = 48
STATIONS = 48


def narrowest(vertices: Array, faces: Faces, track: Array, reach: float) -> Orifice | None:
    """Section of the smallest R_c over the way of a cell's centroid ``track`` (T,3) m and ``reach`` (m) beyond its last place.

    ``vertices`` (V,3) m and ``faces`` (F,3) are the wall. None when the cell hardly moved or no closed section is met.
    """
    way = np.asarray(track)[np.isfinite(track).all(axis=1)]
    if len(way) < 2:
        return None
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    if length[-1] <= 1e-3 * reach:
        return None
    step = (length[-1] + reach) / STATIONS
    best: Orifice | None = None
    centre, direction = way[0], _direction(way, length, 0.0, step)
    for station in np.arange(STATIONS + 1) * step:
        if station <= length[-1]:
            centre = np.array([np.interp(station, length, way[:, k]) for k in range(3)])
            direction = _direction(way, length, station, step)
        else:
            centre = centre + step * direction
        polygon = section(vertices, faces, centre, direction)
        if polygon is None:
            continue
        opening = lumen_section(polygon, centre, direction)
        best = opening if best is None or opening.cap_radius < best.cap_radius else best
        if station > length[-1]:
            middle = polygon.mean(axis=0)
            centre = middle
    return best


def _direction(way: Array, length: Array, station: float, step: float) -> Array:
    """Unit tangent of the way at a station; near its end a longer stretch, so that a jam's jitter does not count."""
    back = max(min(station, length[-1]) - 2 * step, 0.0)
    front = min(back + 4 * step, length[-1])
    ends = [np.array([np.interp(s, length, way[:, k]) for k in range(3)]) for s in (back, front)]
    tangent = ends[1] - ends[0]
    if np.linalg.norm(tangent) == 0:
        tangent = way[-1] - way[0]
    return np.asarray(tangent / max(float(np.linalg.norm(tangent)), 1e-300))


def section(vertices: Array, faces: Faces, centre: Array, direction: Array) -> Array | None:
    """Wall points (RAYS,3) seen from ``centre`` in the plane across ``direction``; None when a ray meets no wall."""
    segments = plane_segments(vertices, faces, centre, direction)
    if not len(segments):
        return None
    helper = np.eye(3)[int(np.argmin(np.abs(direction)))]
    first = np.cross(direction, helper)
    first = first / np.linalg.norm(first)
    second = np.cross(direction, first)
    flat = np.stack([(segments - centre) @ first, (segments - centre) @ second], axis=-1)
    angle = 2 * np.pi * np.arange(RAYS) / RAYS
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start, edge = flat[:, 0], flat[:, 1] - flat[:, 0]
    cross = ray[:, None, 0] * edge[None, :, 1] - ray[:, None, 1] * edge[None, :, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (start[None, :, 0] * edge[None, :, 1] - start[None, :, 1] * edge[None, :, 0]) / cross
        along = (start[None, :, 0] * ray[:, None, 1] - start[None, :, 1] * ray[:, None, 0]) / cross
    hit = (distance > 0) & (along >= -1e-9) & (along <= 1 + 1e-9)
    nearest = np.where(hit, distance, np.inf).min(axis=1)
    if not np.isfinite(nearest).all():
        return None
    points = ray * nearest[:, None]
    return np.asarray(centre + points[:, :1] * first + points[:, 1:] * second)


def lumen_section(polygon: Array, centre: Array, direction: Array) -> Orifice:
    """Area and perimeter of a planar polygon (K,3) seen from ``centre`` inside it, across the unit vector ``direction``."""
    spoke = polygon - centre
    ahead = np.roll(spoke, -1, axis=0)
    area = 0.5 * abs(float((np.cross(spoke, ahead) @ direction).sum()))
    return Orifice(area, float(np.linalg.norm(ahead - spoke, axis=1).sum()))
