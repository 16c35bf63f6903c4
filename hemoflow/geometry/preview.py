"""A picture of a vessel: a shaded view and its three silhouettes, openings named, with a scale in micrometres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

UM = 1e6
MOST_FACES = 24000
"""A wall with more faces is drawn coarser."""

WALL = np.array([0.80, 0.36, 0.33])
INLET, OUTLET = "#1f5fa8", "#c9820a"
LIGHT = np.array([0.35, -0.55, 0.76])
Mark = tuple[Opening, str, Array]
"""An opening, its colour and its rim (k, 3) in micrometres."""

VIEWS = ((0, 1), (0, 2), (1, 2))


def preview(vessel: AbstractVessel, path: str | Path) -> Path:
    """Write a picture of `vessel` to `path` (its suffix chooses the format: .png, .svg, .pdf) and return the path.

    Left: the wall seen at an angle. Right: its outline along z, y and x. Openings are coloured discs with their names.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    vertices, faces = vessel.surface()
    rims = _rims(vessel, vertices * UM, faces)
    vertices, faces = _coarsened(vertices * UM, faces)
    figure = Figure(figsize=(12, 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 2, width_ratios=[1.7, 1.0])
    marks = [(o, _colour(o, vessel), rim) for o, rim in zip(vessel.openings, rims, strict=True)]
    _shaded(figure.add_subplot(grid[:, 0]), vessel, vertices, faces, marks)
    for row, axes in enumerate(VIEWS):
        _silhouette(figure.add_subplot(grid[row, 1]), vessel, (vertices, faces), axes, marks)
    figure.suptitle(_title(vessel), fontsize=11)
    figure.savefig(path, dpi=130)
    return Path(path)


def _colour(opening: Opening, vessel: AbstractVessel) -> str:
    role = str(vessel.description.get("opening_roles", {}).get(opening.name, opening.name))
    if role.startswith("inlet"):
        return INLET
    return OUTLET if role.startswith("outlet") else "#4f7f3f"


def _title(vessel: AbstractVessel) -> str:
    size = np.ptp(vessel.bounds, axis=0) * UM
    name = vessel.description.get("formula") or Path(str(vessel.description.get("source", "vessel"))).name
    repeats = ", ".join(axis for axis, periodic in zip("xyz", vessel.periodic, strict=True) if periodic)
    number = len(vessel.openings)
    return (
        f"{name}:  {size[0]:.4g} x {size[1]:.4g} x {size[2]:.4g} µm,  lumen {vessel.volume * UM**3:,.0f} µm³,  "
        f"{number} opening{'' if number == 1 else 's'}" + (f",  periodic along {repeats}" if repeats else "")
    )


def _view() -> Array:
    """Rows: right, up and towards the eye, for a look from in front and above with x to the right."""
    turn, tilt = np.radians(-28.0), np.radians(32.0)
    right = np.array([np.cos(turn), -np.sin(turn), 0.0])
    away = np.array([np.sin(turn), np.cos(turn), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    eye = -np.cos(tilt) * away + np.sin(tilt) * up
    return np.stack([right, np.cross(eye, right), eye])


def _shaded(axis: Any, vessel: AbstractVessel, vertices: Array, faces: Faces, marks: list[Mark]) -> None:
    """The wall, furthest faces first: the painter's way needs no 3-D machinery and draws any number of faces."""
    from matplotlib.collections import PolyCollection

    view = _view()
    axis.set_aspect("equal")
    axis.set_axis_off()
    polygons, shades, depth = _wall_polygons(
        vertices, _front(vertices, faces, view) if vessel.openings else faces, view
    )
    shown = [(p, s, d) for p, s, d in zip(polygons, shades, depth, strict=True)]
    everything = shown + [
        ((rim @ view.T)[:, :2], colour, float((rim @ view[2]).mean() + 0.02 * o.radius * UM))
        for o, colour, rim in marks
    ]
    order = np.argsort([item[2] for item in everything], kind="stable")
    painted = [everything[k] for k in order]
    axis.add_collection(
        PolyCollection(
            [p for p, _, _ in painted], facecolors=[c for _, c, _ in painted], edgecolors="face", linewidths=0.25
        )
    )
    corners = _corners(vessel.bounds * UM) @ view.T
    low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    for opening, colour, _ in marks:
        _label(axis, opening, view[:2], colour, 0.05 * float((high - low).max()))
    margin = 0.13 * (high - low).max()
    axis.set_xlim(low[0] - margin, high[0] + margin)
    axis.set_ylim(low[1] - 1.4 * margin, high[1] + margin)
    _scale_bar(axis, low[0], low[1] - margin, float((high - low).max()))
    _triad(axis, view, low[0] + 0.1 * margin, low[1] - 0.5 * margin, 0.6 * margin)


def _front(vertices: Array, faces: Faces, view: Array) -> Faces:
    """The faces that look towards the eye: behind discs at the openings the others cannot be seen."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return faces[np.cross(b - a, c - a) @ view[2] > 0]


def _wall_polygons(vertices: Array, faces: Faces, view: Array) -> tuple[Array, Array, Array]:
    """Projected faces (n, 3, 2), their colours (n, 3) and their height towards the eye (n,)."""
    if not len(faces):
        return np.zeros((0, 3, 2)), np.zeros((0, 3)), np.zeros(0)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    facing = np.where((normals @ view[2])[:, None] < 0, -normals, normals)
    inner = (normals @ view[2]) < 0
    light = np.clip(facing @ (LIGHT / np.linalg.norm(LIGHT)), 0.0, 1.0)
    gloss = np.clip(facing @ view[2], 0.0, 1.0) ** 6
    shades = WALL * (0.50 + 0.50 * light)[:, None] * np.where(inner, 0.62, 1.0)[:, None] + 0.10 * gloss[:, None]
    flat = corners @ view.T
    return flat[:, :, :2], np.clip(shades, 0, 1), flat[:, :, 2].mean(axis=1)


def _coarsened(vertices: Array, faces: Faces) -> tuple[Array, Faces]:
    """At most about MOST_FACES faces: vertices that share a cell of a grid become their mean."""
    if len(faces) <= MOST_FACES:
        return vertices, faces
    a, b, c = vertices[faces].transpose(1, 0, 2)
    area = 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    cells = np.floor(vertices / np.sqrt(2.0 * area / MOST_FACES)).astype(np.int64)
    _, which, number = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    mean = np.stack([np.bincount(which, vertices[:, k]) for k in range(3)], axis=1) / number[:, None]
    joined = which[faces]
    whole = (joined != np.roll(joined, 1, axis=1)).all(axis=1)
    return mean, joined[whole]


def _silhouette(
    axis: Any, vessel: AbstractVessel, wall: tuple[Array, Faces], axes: tuple[int, int], marks: list[Mark]
) -> None:
    from matplotlib.collections import PolyCollection

    vertices, faces = wall
    flat = np.eye(3)[list(axes)]
    axis.add_collection(
        PolyCollection(list((vertices @ flat.T)[faces]), facecolors="#d9a29d", edgecolors="#d9a29d", linewidths=0.4)
    )
    for _, colour, rim in marks:
        ring = np.concatenate([rim, rim[:1]]) @ flat.T
        axis.fill(ring[:, 0], ring[:, 1], color="#d9a29d", zorder=2)
        axis.plot(ring[:, 0], ring[:, 1], color=colour, linewidth=1.8)
    low, high = (vessel.bounds * UM)[:, list(axes)]
    size = float((high - low).max())
    axis.set_xlim(low[0] - 0.04 * size, high[0] + 0.04 * size)
    axis.set_ylim(low[1] - 0.04 * size, high[1] + 0.04 * size)
    axis.set_aspect("equal")
    axis.set_xlabel(f"{'xyz'[axes[0]]} (µm)", fontsize=8)
    axis.set_ylabel(f"{'xyz'[axes[1]]} (µm)", fontsize=8)
    axis.locator_params(nbins=5)
    axis.tick_params(labelsize=7)
    axis.set_facecolor("#f7f7f5")


def _rims(vessel: AbstractVessel, vertices: Array, faces: Faces) -> list[Array]:
    """The outline (k, 3) of every opening in micrometres: where the wall ends there, or else the circle of equal area."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    ends = vertices[np.unique(unique[uses == 1])]
    found = []
    for opening in vessel.openings:
        radius = opening.radius * UM
        offset = ends - opening.centre * UM
        first, second = _across(opening)
        u, v = offset @ first, offset @ second
        at = (np.abs(offset @ opening.normal) < 0.02 * radius) & (np.hypot(u, v) < 2.3 * radius)
        angle = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
        circle = opening.centre * UM + radius * (np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second)
        found.append(ends[at][np.argsort(np.arctan2(v[at], u[at]))] if at.sum() > 3 else circle)
    return found


def _across(opening: Opening) -> tuple[Array, Array]:
    """Two unit vectors in the plane of an opening."""
    first = np.cross(opening.normal, np.eye(3)[np.argmin(np.abs(opening.normal))])
    first /= np.linalg.norm(first)
    return first, np.cross(opening.normal, first)


def _label(axis: Any, opening: Opening, flat: Array, colour: str, offset: float) -> None:
    """The opening's name beside it, out of the lumen."""
    at = flat @ (opening.centre * UM)
    way = flat @ opening.normal
    way = way / max(float(np.linalg.norm(way)), 1e-12)
    place = (
        at
        + way * (offset + 0.6 * opening.radius * UM)
        + np.array([0.0, np.sign(way[1]) * 0.5 * (offset + opening.radius * UM)])
    )
    text = axis.text(
        *place, opening.name, color=colour, fontsize=9, fontweight="bold", ha="center", va="center", zorder=5
    )
    text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0})


def _corners(bounds: Array) -> Array:
    return np.array([[bounds[i, 0], bounds[j, 1], bounds[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def _scale_bar(axis: Any, x: float, y: float, size: float) -> None:
    """A bar of a round length, about a fifth of the picture."""
    wanted = 0.2 * size
    power = 10.0 ** np.floor(np.log10(wanted))
    length = float(power * max(k for k in (1, 2, 5) if k * power <= wanted))
    axis.plot([x, x + length], [y, y], color="black", linewidth=3, solid_capstyle="butt")
    axis.text(x + length / 2, y - 0.015 * size, f"{length:g} µm", ha="center", va="top", fontsize=9)


def _triad(axis: Any, view: Array, x: float, y: float, size: float) -> None:
    """The directions of the three axes as seen."""
    for k, name in enumerate("xyz"):
        step = size * view[:2, k]
        axis.annotate("", (x + step[0], y + step[1]), (x, y), arrowprops={"arrowstyle": "->", "color": "#444444"})
        axis.text(x + 1.3 * step[0], y + 1.3 * step[1], name, fontsize=8, color="#444444", ha="center", va="center")
