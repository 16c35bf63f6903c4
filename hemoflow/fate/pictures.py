"""The cell in its vessel at a few instants: a slice through the fluid with the outlines of membranes and wall."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate.drawing import CELL, TISSUE, WALL, figure, lumen_colours
from hemoflow.fate.frames import Frames, Slice, chains, plane_axes, plane_segments
from hemoflow.fate.words import quantity, scaled

Array = NDArray[np.float64]
INSTANTS = 5
_FOLLOW = 25.0
"""Cell diameters above which pictures follow the cell instead of showing its whole way."""
_MARGIN = 1.6
_AROUND = 8.0
_FINE = 5
_LABELS = {"velocity": "fluid speed", "pressure": "pressure", "density": "density", "stress": "stress"}
_FIELD_UNITS = {"velocity": "m/s", "pressure": "Pa"}


@dataclasses.dataclass(frozen=True)
class View:
    """How pictures look at a run: line of sight (axis 0, 1 or 2), axis drawn across, axis drawn up, place (m) of the
    plane when there is no cell, size of the window (width, height) m, its centre per instant (K,2) m."""

    normal: int
    across: int
    up: int
    size: tuple[float, float]
    centres: Array
    places: Array


def instants(times: Array, tracks: Any, marks: list[float]) -> list[int]:
    """Steps to show: the first and last, those nearest to ``marks`` (s), then the middle of the longest gaps along the
    way of the first cell, up to five."""
    if len(times) <= INSTANTS:
        return list(range(len(times)))
    way = _progress(times, tracks)
    chosen = {0, len(times) - 1}
    for mark in marks:
        if len(chosen) < INSTANTS:
            chosen.add(int(np.argmin(np.abs(times - mark))))
    while len(chosen) < INSTANTS:
        order = sorted(chosen)
        spans = [(way[b] - way[a], a, b) for a, b in itertools.pairwise(order) if b - a > 1]
        if not spans:
            break
        _, a, b = max(spans)
        middle = 0.5 * (way[a] + way[b])
        chosen.add(a + 1 + int(np.argmin(np.abs(way[a + 1 : b] - middle))))
    return sorted(chosen)


def _progress(times: Array, tracks: Any) -> Array:
    """A growing number per step: the way of the first cell and, a little, time itself."""
    part = (times - times[0]) / max(times[-1] - times[0], 1e-300)
    position = np.asarray(tracks.position, float) if tracks is not None else np.zeros((0, 0, 3))
    if position.size == 0:
        return np.asarray(part)
    steps = np.nan_to_num(np.linalg.norm(np.diff(position[:, 0], axis=0), axis=1))
    way = np.interp(times, np.asarray(tracks.time, float), np.concatenate([[0.0], np.cumsum(steps)]))
    return np.asarray(way / max(way[-1], 1e-300) + 0.25 * part)


def draw_vessel(frames: Frames, tracks: Any, marks: list[float]) -> Any | None:
    """The figure, or None when the file holds no step. Lengths in um."""
    times = frames.times
    if not len(times):
        return None
    shown = instants(times, tracks, marks)
    if tracks is None or np.asarray(tracks.position).size == 0:
        shown = sorted({shown[0], shown[-1]})
    view = _view(frames, tracks, times[shown])
    field = next((name for name in ("velocity", "pressure", "density") if name in frames.fields), None)
    slices = [
        None if field is None else _oriented(frames.fluid_slice(field, k, view.normal, p), view)
        for k, p in zip(shown, view.places, strict=True)
    ]
    fig, panels, bar = _layout(len(shown), view)
    limits = _limits(slices, view, field)
    image, wall = None, frames.wall()
    for i, axes in enumerate(panels):
        image = _panel(axes, slices[i], (view, i, wall is not None), limits) or image
        _outlines(axes, frames, wall, (view, i, float(times[shown[i]])))
        axes.set_title(quantity(float(times[shown[i]]), "s"), pad=3)
    if image is not None and field is not None:
        name = limits[2]
        colour_bar = fig.colorbar(image, cax=bar)
        colour_bar.set_label(f"{_LABELS[field]} ({name})")
        colour_bar.outline.set_visible(False)
    else:
        bar.set_axis_off()
    return fig


def _view(frames: Frames, tracks: Any, times: Array) -> View:
    """Line of sight along the thinnest axis of way and vessel; a window that holds the whole way, or follows the
    cell."""
    wall = frames.wall()
    box = _fluid_box(frames) if wall is None else np.stack([wall[0].min(axis=0), wall[0].max(axis=0)])
    position = np.zeros((0, 3)) if tracks is None else np.asarray(tracks.position, float).reshape(-1, 3)
    position = position[np.isfinite(position).all(axis=1)]
    spread = np.ptp(box, axis=0)
    diameter = 0.0
    if len(position):
        volume = np.asarray(tracks.volume, float)
        diameter = 2 * float(np.cbrt(3 * np.nanmax(volume) / (4 * np.pi)))
        spread = 0.1 * spread + np.ptp(position, axis=0)
    normal = 2 - int(np.argmin(np.round(spread[::-1] / spread.max(), 3)))
    across, up = plane_axes(normal)
    low, high = box
    if len(position):
        low = np.maximum(low, position.min(axis=0) - _MARGIN * diameter)
        high = np.minimum(high, position.max(axis=0) + _MARGIN * diameter)
    if (high - low)[up] > 1.3 * (high - low)[across]:
        across, up = up, across
    centres = np.tile(0.5 * (low + high), (len(times), 1))
    size = high - low
    followed = _at(tracks, times) if len(position) else centres
    if diameter and size[[across, up]].max() > _FOLLOW * diameter:
        size = np.minimum(size, _AROUND * 2 * diameter)
        size[up] = min(size[up], _AROUND * diameter)
        centres = followed
    pad = 0.02 * size[across]
    places = followed[:, normal] if len(position) else centres[:, normal]
    window = (float(size[across] + pad), float(size[up] + pad))
    return View(normal, across, up, window, centres[:, [across, up]], places)


def _at(tracks: Any, times: Array) -> Array:
    """Centre (K,3) of the cells present at each time; of the last ones seen where none is."""
    position, clock = np.asarray(tracks.position, float), np.asarray(tracks.time, float)
    known = np.isfinite(position).all(axis=2)
    rows = np.flatnonzero(known.any(axis=1))
    out = []
    for t in times:
        row = rows[int(np.argmin(np.abs(clock[rows] - t)))]
        out.append(position[row][known[row]].mean(axis=0))
    return np.array(out)


def _fluid_box(frames: Frames) -> Array:
    corner, spacing, counts = frames.box
    return np.stack([corner, corner + spacing * counts])


def _oriented(piece: Slice, view: View) -> Slice:
    """The slice with the axis drawn across in its columns."""
    if view.across < view.up:
        return piece
    left, right, bottom, top = piece.extent
    return Slice(piece.values.T, (bottom, top, left, right))


def _layout(count: int, view: View) -> tuple[Any, list[Any], Any]:
    """A figure with one panel per instant below each other (wide windows) or in two columns, and room for a bar."""
    ratio = view.size[1] / view.size[0]
    columns = 1 if ratio < 0.45 or count == 1 else 2
    rows = -(-count // columns)
    width = 9.2
    panel = (width - 1.5) / columns
    moving = bool(np.ptp(view.centres, axis=0).any())
    between = 0.28 + 0.24 * moving
    height = min(rows * (panel * ratio + between) + 0.6, 13.0)
    fig = figure(width, height)
    grid = fig.add_gridspec(
        rows,
        columns + 1,
        width_ratios=[1.0] * columns + [0.022],
        wspace=0.24 if moving else 0.06,
        hspace=min(between / (panel * ratio), 0.6),
    )
    panels = []
    for i in range(count):
        axes = fig.add_subplot(grid[i // columns, i % columns])
        axes.set_aspect("equal")
        bottom = i + columns >= count
        axes.tick_params(labelbottom=bottom or moving, labelleft=i % columns == 0 or moving)
        if bottom:
            axes.set_xlabel(f"{'xyz'[view.across]} (µm)")
        if i % columns == 0:
            axes.set_ylabel(f"{'xyz'[view.up]} (µm)")
        panels.append(axes)
    return fig, panels, fig.add_subplot(grid[:, columns])


def _limits(slices: list[Slice | None], view: View, field: str | None) -> tuple[float, float, str, float]:
    """(lowest, highest, unit, factor to it) over what is seen in all panels."""
    seen = [_crop(s, view, i).values.ravel() for i, s in enumerate(slices) if s is not None]
    values = np.concatenate(seen) if seen else np.zeros(0)
    values = values[np.isfinite(values)]
    if not values.size or field is None:
        return 0.0, 1.0, "", 1.0
    low = 0.0 if field == "velocity" else float(values.min())
    high = float(np.quantile(values, 0.998))
    scale, unit = scaled(max(abs(high), abs(low)), _FIELD_UNITS.get(field, ""))
    return low / scale, max(high / scale, low / scale + 1e-12), unit, scale


def _crop(piece: Slice, view: View, i: int) -> Slice:
    """What of a slice lies in the window of panel ``i``."""
    rows, columns = piece.values.shape
    left, right, bottom, top = piece.extent
    dx, dy = (right - left) / columns, (top - bottom) / rows
    (x, y), (width, height) = view.centres[i], view.size
    a, b = int(max((x - width / 2 - left) // dx, 0)), int(min(-(-(x + width / 2 - left) // dx), columns))
    c, d = int(max((y - height / 2 - bottom) // dy, 0)), int(min(-(-(y + height / 2 - bottom) // dy), rows))
    edges = (left + a * dx, left + b * dx, bottom + c * dy, bottom + d * dy)
    return Slice(piece.values[c:d, a:b], edges)


def _panel(
    axes: Any, piece: Slice | None, seat: tuple[View, int, bool], limits: tuple[float, float, str, float]
) -> Any | None:
    """Draw the fluid of one panel, with its edge where no wall will be drawn, and set the window; returns the image."""
    view, i, walled = seat
    (x, y), (width, height) = view.centres[i] * 1e6, np.array(view.size) * 1e6
    axes.set_facecolor(TISSUE)
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(y - height / 2, y + height / 2)
    if piece is None:
        return None
    seen = _crop(piece, view, i)
    if not np.isfinite(seen.values).any():
        return None
    edges = [1e6 * e for e in seen.extent]
    fine = smoothed(seen.values / limits[3])
    image = axes.imshow(
        fine,
        extent=edges,
        origin="lower",
        cmap=lumen_colours(),
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )
    rows, columns = fine.shape
    middles = [
        np.linspace(a, b, n + 1)[:-1] + (b - a) / (2 * n)
        for a, b, n in zip(edges[::2], edges[1::2], (columns, rows), strict=True)
    ]
    if not walled:
        axes.contour(*middles, np.isfinite(fine), levels=[0.5], colors=WALL, linewidths=1.3)
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(y - height / 2, y + height / 2)
    return image


def smoothed(values: Array, most: int = 400_000) -> Array:
    """The same picture on finer pixels, linear in between, with not-a-number kept outside of the fluid."""
    from scipy import ndimage

    known = np.isfinite(values)
    if not known.any() or values.size * _FINE**2 > 8 * most:
        return values
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    fine = ndimage.zoom(values[tuple(nearest)], _FINE, order=1, mode="nearest", grid_mode=True)
    inside = ndimage.zoom(known.astype(float), _FINE, order=1, mode="nearest", grid_mode=True) >= 0.5
    return np.asarray(np.where(inside, fine, np.nan))


def _outlines(axes: Any, frames: Frames, wall: Any, seat: tuple[View, int, float]) -> None:
    """Membranes and wall where they meet the plane of a panel."""
    from matplotlib.collections import LineCollection, PolyCollection

    view, i, time = seat
    origin, normal = np.zeros(3), np.eye(3)[view.normal]
    origin[view.normal] = view.places[i]
    flat = [view.across, view.up]
    if wall is not None:
        cut = plane_segments(wall[0], wall[1], origin, normal)[:, :, flat] * 1e6
        axes.add_collection(LineCollection(list(cut), colors=WALL, linewidths=1.3, zorder=3))
    for name in frames.surfaces:
        points, faces = frames.surface(name, time)
        rings = chains(plane_segments(points, faces, origin, normal)[:, :, flat] * 1e6)
        axes.add_collection(
            PolyCollection(rings, facecolors=(*CELL, 0.38), edgecolors=(*CELL, 1.0), linewidths=1.4, zorder=4)
        )
