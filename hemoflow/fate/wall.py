"""Wall shear stress of a run: its numbers for score.json and its picture for the report, both from results.vtkhdf."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.fate.drawing import FAINT, figure
from hemoflow.fate.frames import Frames
from hemoflow.fate.words import quantity, scaled
from hemoflow.geometry.refine import vertex_areas

Array = NDArray[np.float64]

METHOD = [
    "Stahl, Chopard and Latt 2010, Computers & Fluids 39:1625",
    "Matyka, Koza and Miroslaw 2013, Computers & Fluids 73:115, doi:10.1016/j.compfluid.2012.12.018",
]
OSCILLATION = ["He and Ku 1996, J. Biomech. Eng. 118:74"]
QUANTITIES = (
    ("wall_shear_stress_magnitude", "wall shear stress", "Pa", METHOD),
    ("time_averaged_wall_shear_stress", "time-averaged wall shear stress", "Pa", OSCILLATION),
    ("oscillatory_shear_index", "oscillatory shear index", "1", OSCILLATION),
)
"""Field on the wall, its name in words, its unit and what it rests on."""

PERCENTILES = (5, 25, 50, 75, 95)
_TURN, _TILT = np.radians(-25.0), np.radians(50.0)


def wall_section(folder: Path) -> dict[str, Any] | None:
    """Of each quantity on the wall at the last step: smallest, largest, mean and percentiles over the wall's area, SI; None
    where the run wrote none."""
    from hemoflow.output.layout import RESULTS

    try:
        with Frames(folder / RESULTS) as frames:
            wall, values = frames.wall(), frames.wall_values()
            time = float(frames.times[-1]) if len(frames.times) else 0.0
    except InputError:
        return None
    if wall is None or not values:
        return None
    area = vertex_areas(*wall)
    section: dict[str, Any] = {"time": {"value": time, "unit": "s"}}
    for name, _, unit, source in QUANTITIES:
        if name in values and np.isfinite(values[name]).any():
            section[name.removesuffix("_magnitude")] = {**_spread(values[name], area, unit), "references": source}
    return section if len(section) > 1 else None


def _spread(values: Array, area: Array, unit: str) -> dict[str, Any]:
    """How values (V,) are spread over a wall whose vertices have these areas (V,)."""
    known = np.isfinite(values) & (area > 0.0)
    value, weight = values[known], area[known]
    order = np.argsort(value)
    share = (np.cumsum(weight[order]) - 0.5 * weight[order]) / weight.sum()
    found = {f"percentile_{p}": float(np.interp(p / 100.0, share, value[order])) for p in PERCENTILES}
    return {
        "minimum": float(value.min()),
        "mean": float(weight @ value / weight.sum()),
        "maximum": float(value.max()),
        **found,
        "unit": unit,
        "area": {"value": float(weight.sum()), "unit": "m^2"},
    }


def wall_facts(section: dict[str, Any]) -> list[tuple[str, str]]:
    """The numbers of a section in words."""
    facts = []
    for name, words, unit, _ in QUANTITIES:
        one = section.get(name.removesuffix("_magnitude"))
        if one:
            ends = (quantity(one["percentile_5"], unit), quantity(one["percentile_95"], unit))
            facts += [
                (f"{words}, mean", quantity(one["mean"], unit)),
                ("on nine tenths of the wall", " to ".join(ends)),
                ("smallest and largest", f"{quantity(one['minimum'], unit)}, {quantity(one['maximum'], unit)}"),
            ]
    return facts


def draw_wall(frames: Frames) -> Any | None:
    """The wall coloured by what is known of its shear at the last step, seen from outside; None where that was not written."""
    wall, values = frames.wall(), frames.wall_values()
    shown = [q for q in QUANTITIES if q[0] in values and np.isfinite(values[q[0]]).any()]
    if wall is None or not shown:
        return None
    polygons, faces = _painted(*wall)
    extent = np.ptp(polygons.reshape(-1, 2), axis=0)
    width = 9.2
    height = float(np.clip((width - 1.5) * extent[1] / extent[0], 1.5, 6.0))
    fig = figure(width, (height + 0.4) * len(shown))
    panels = fig.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, (name, words, unit, _) in zip(panels, shown, strict=True):
        _panel(axes, polygons, values[name][faces].mean(axis=1), (words, unit))
    return fig


def _painted(points: Array, faces: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Faces (n, 3, 2) in um as an eye above and in front sees them, and their vertices (n, 3): those that look towards it,
    the furthest first, so that the nearer ones cover them."""
    right = np.array([np.cos(_TURN), -np.sin(_TURN), 0.0])
    away = np.array([np.sin(_TURN), np.cos(_TURN), 0.0])
    eye = -np.cos(_TILT) * away + np.sin(_TILT) * np.array([0.0, 0.0, 1.0])
    corners = (points @ np.stack([right, np.cross(eye, right), eye]).T)[faces] * 1e6
    side = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    front = np.flatnonzero(side > 0.0)
    order = front[np.argsort(corners[front, :, 2].mean(axis=1), kind="stable")]
    return corners[order][:, :, :2], faces[order]


def _panel(axes: Any, polygons: Array, values: Array, label: tuple[str, str]) -> None:
    """One quantity, with a bar of its colours and a bar for the length."""
    from matplotlib.collections import PolyCollection

    words, unit = label
    known = values[np.isfinite(values)]
    high = float(np.quantile(known, 0.995)) if known.size else 1.0
    factor, named = scaled(high, unit)
    painted = PolyCollection(list(polygons), array=values / factor, cmap="viridis", edgecolors="face", linewidths=0.2)
    painted.set_clim(0.0, max(high / factor, 1e-12))
    axes.add_collection(painted)
    low, top = polygons.min(axis=(0, 1)), polygons.max(axis=(0, 1))
    size = float((top - low).max())
    length = float(10 ** np.floor(np.log10(0.3 * size)))
    below = low[1] - 0.06 * size
    axes.plot([low[0], low[0] + length], [below, below], color=FAINT, linewidth=2.0)
    axes.annotate(f"{length:g} µm", (low[0] + 0.5 * length, below), (0, 3), textcoords="offset points", ha="center")
    axes.set(xlim=(low[0], top[0]), ylim=(below - 0.02 * size, top[1]), aspect="equal", title=words)
    axes.set_axis_off()
    axes.figure.colorbar(painted, ax=axes, fraction=0.025, pad=0.02, label=named if unit != "1" else "", extend="max")
