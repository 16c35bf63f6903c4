"""Curves of a report: what each cell went through, the flow through the openings, and the fates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate.drawing import FAINT, INK, SERIES, figure, plain_axes
from hemoflow.fate.transit import taylor_deformation
from hemoflow.fate.words import scaled

Array = NDArray[np.float64]
_FEW = 6
"""Cells that get a colour each; more are drawn alike."""
_CAUSES = {
    "cluster": ("leaves as a cluster", "#1f6fb4"),
    "angiopellosis": ("leaves by angiopellosis", "#4fa3d8"),
    "diapedesis": ("leaves by diapedesis", "#9ccfe9"),
    "flow": ("back into the flow", "#e0a94e"),
    "death": ("dies", "#7d8790"),
}


def draw_tracks(tracks: Any, marks: list[tuple[float, str]]) -> Any | None:
    """What every cell went through over time, with dotted lines at ``marks`` (s, word); None without cells or rows."""
    time = np.asarray(tracks.time, float)
    if len(time) < 2 or len(tracks.id) == 0:
        return None
    fig = figure(9.6, 8.6)
    panels = fig.subplots(4, 2, sharex=True, gridspec_kw={"hspace": 0.3, "wspace": 0.2})
    factor, unit = scaled(float(time[-1]), "s")
    for axes, draw in zip(panels.ravel(), _PANELS, strict=True):
        draw(axes, tracks, time / factor)
        for moment, _ in marks[:12]:
            axes.axvline(moment / factor, color=FAINT, linewidth=0.7, linestyle=":", zorder=0)
    for axes in panels[-1]:
        axes.set_xlabel(f"time ({unit})")
    _name_marks(panels[0], marks, factor)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if 1 < len(tracks.id) <= _FEW:
        fig.legend(handles, labels, loc="upper center", ncols=len(labels), bbox_to_anchor=(0.5, 0.965))
    return fig


def _name_marks(panels: Any, marks: list[tuple[float, str]], factor: float) -> None:
    """Words at the dotted lines, in the top panels, unless there are too many to read."""
    if len(marks) > 5:
        return
    for axes in panels:
        for moment, word in marks:
            axes.annotate(
                word, (moment / factor, 1.0), xycoords=("data", "axes fraction"), xytext=(-2, -3),
                textcoords="offset points", rotation=90, va="top", ha="right", fontsize=6.5, color=FAINT,
            )  # fmt: skip


def _curves(axes: Any, time: Array, values: Array, names: list[str], style: str = "-") -> None:
    """One line per cell (T,C)."""
    few = values.shape[1] <= _FEW
    for c in range(values.shape[1]):
        look = {"color": SERIES[c % len(SERIES)], "linewidth": 1.5} if few else {"color": SERIES[1], "alpha": 0.35}
        axes.plot(time, values[:, c], style, **({"linewidth": 0.8} | look), label=names[c])


def _sized(values: Array, unit: str) -> tuple[float, str]:
    known = np.abs(values[np.isfinite(values)])
    return scaled(float(known.max()) if known.size else 0.0, unit)


def _simple(title: str, column: str, unit: str, zero: bool = True) -> Callable[[Any, Any, Array], None]:
    """A panel of one column of the tracks."""

    def draw(axes: Any, tracks: Any, time: Array) -> None:
        values = np.asarray(getattr(tracks, column), float)
        factor, name = _sized(values, unit)
        _curves(axes, time, values / factor, tracks.name)
        plain_axes(axes, title, name if name != "1" else "")
        _floor(axes, values, zero)

    return draw


def _floor(axes: Any, values: Array, zero: bool) -> None:
    """Start the axis at zero where nothing is below; say so where nothing is known."""
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color=FAINT)
        axes.set_yticks([])
    elif zero and np.nanmin(values) >= 0:
        axes.set_ylim(bottom=0.0)


def _speed(axes: Any, tracks: Any, time: Array) -> None:
    """Speed of the centroid, dashed the undisturbed flow there."""
    speed = np.linalg.norm(np.asarray(tracks.velocity, float), axis=2)
    flow = np.asarray(tracks.undisturbed_speed, float)
    factor, name = _sized(np.concatenate([speed, flow]), "m/s")
    _curves(axes, time, speed / factor, tracks.name)
    _curves(axes, time, flow / factor, ["_"] * flow.shape[1], ":")
    plain_axes(axes, "speed, dotted: undisturbed flow there", name)
    _floor(axes, speed, True)


def _shape(axes: Any, tracks: Any, time: Array) -> None:
    """Taylor deformation, dashed the ratio of cell to lumen diameter."""
    shape = taylor_deformation(np.asarray(tracks.extent, float))
    ratio = np.asarray(tracks.confinement, float)
    _curves(axes, time, shape, tracks.name)
    _curves(axes, time, ratio, ["_"] * ratio.shape[1], ":")
    plain_axes(axes, "deformation, dotted: cell / lumen diameter", "")
    _floor(axes, shape, True)


def _pair(title: str, columns: tuple[str, str], unit: str) -> Callable[[Any, Any, Array], None]:
    """A panel of the mean (line) and the largest value (dotted) over each membrane."""

    def draw(axes: Any, tracks: Any, time: Array) -> None:
        mean, most = (np.asarray(getattr(tracks, c), float) for c in columns)
        factor, name = _sized(most, unit)
        _curves(axes, time, mean / factor, tracks.name)
        _curves(axes, time, most / factor, ["_"] * most.shape[1], ":")
        plain_axes(axes, f"{title}: mean, dotted: largest", name)
        _floor(axes, mean, True)

    return draw


def _pressure(axes: Any, tracks: Any, time: Array) -> None:
    """Pressure drop across the cell, and between the openings."""
    drop = np.asarray(tracks.pressure_drop_object, float)
    between = np.asarray(tracks.pressure, float)
    span = np.ptp(between, axis=1) if between.ndim == 2 and between.shape[1] > 1 else np.full(len(time), np.nan)
    factor, name = _sized(np.concatenate([drop.ravel(), span]), "Pa")
    _curves(axes, time, drop / factor, tracks.name)
    if np.isfinite(span).any():
        axes.plot(time, span / factor, color=INK, linewidth=1.0, linestyle="--")
    plain_axes(axes, "pressure drop over cell, dashed: openings", name)
    _floor(axes, drop, True)


def _volume(axes: Any, tracks: Any, time: Array) -> None:
    """Change of area and (dotted) volume against the first row, in percent."""
    for column, style in (("area", "-"), ("volume", ":")):
        values = np.asarray(getattr(tracks, column), float)
        first = np.array([v[np.isfinite(v)][0] if np.isfinite(v).any() else np.nan for v in values.T])
        names = tracks.name if style == "-" else ["_"] * len(first)
        _curves(axes, time, 100 * (values / first - 1), names, style)
    plain_axes(axes, "change of area, dotted: of volume", "%")


_PANELS: tuple[Callable[[Any, Any, Array], None], ...] = (
    _simple("position along the path", "path", "m", zero=False),
    _speed,
    _shape,
    _pair("tension", ("tension_mean", "tension_max"), "N/m"),
    _pair("traction", ("traction_mean", "traction_max"), "Pa"),
    _simple("smallest gap to the wall", "wall_gap", "m"),
    _pressure,
    _volume,
)


def draw_flow(tracks: Any, log: list[dict[str, Any]]) -> Any | None:
    """Flux through each opening and what the mass balance leaves unexplained; None where neither was recorded."""
    time = np.asarray(tracks.time, float)
    flux = np.asarray(tracks.flux, float)
    kept = [(r["time"], r["imbalance_of_throughput"]) for r in log if r.get("imbalance_of_throughput") is not None]
    has_flux = flux.size > 0 and np.isfinite(flux).any()
    if len(time) < 2 or not (has_flux or kept):
        return None
    fig = figure(9.6, 2.7)
    left, right = fig.subplots(1, 2, gridspec_kw={"wspace": 0.24})
    factor, unit = scaled(float(time[-1]), "s")
    if has_flux:
        scale, name = _sized(flux, "m^3/s")
        for k, opening in enumerate(tracks.opening_names[: len(SERIES)]):
            left.plot(time / factor, flux[:, k] / scale, color=SERIES[k], linewidth=1.5, label=opening)
        left.axhline(0.0, color=FAINT, linewidth=0.7)
        left.legend(loc="center right")
        plain_axes(left, "flow into the vessel through each opening", name)
    else:
        plain_axes(left, "flow through openings", "")
        left.text(0.5, 0.5, "no openings", transform=left.transAxes, ha="center", va="center", color=FAINT)
    _balance(right, kept, factor)
    for axes in (left, right):
        axes.set_xlabel(f"time ({unit})")
    return fig


def _balance(axes: Any, kept: list[tuple[float, float]], factor: float) -> None:
    """Unexplained mass over what went through, so far."""
    plain_axes(axes, "mass balance: |in − out − stored| / throughput", "")
    if not kept:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color=FAINT)
        return
    moments, values = np.array(kept, dtype=float).T
    axes.plot(moments / factor, np.maximum(values, 1e-16), color=SERIES[2], linewidth=1.5)
    axes.axhline(1e-4, color=SERIES[0], linewidth=0.8, linestyle="--")
    axes.annotate("accepted", (1.0, 1e-4), xycoords=("axes fraction", "data"), xytext=(-2, 2), ha="right",
                  textcoords="offset points", fontsize=6.5, color=SERIES[0])  # fmt: skip
    axes.set_yscale("log")


def draw_fates(tracks: Any, score: dict[str, Any]) -> Any | None:
    """For the first object: time spent under each traction, the hazard's parts, and exits over days; None without
    objects."""
    if not score["exit"]["objects"]:
        return None
    fig = figure(9.6, 2.9)
    left, right = fig.subplots(1, 2, gridspec_kw={"wspace": 0.24})
    _exposure(left, tracks)
    entry = score["exit"]["objects"][0]
    _incidence(right, entry["cumulative_incidence"]["value"], entry["object"])
    return fig


def _exposure(axes: Any, tracks: Any) -> None:
    """Share of membrane and time under each traction, all cells together."""
    histogram = np.asarray(tracks.traction_histogram, float)
    bins = np.asarray(tracks.traction_bins, float)
    plain_axes(axes, "traction met, over membrane and time", "share per bin")
    axes.set_xlabel("traction (Pa)")
    axes.set_xscale("log")
    known = np.isfinite(histogram).all(axis=2)
    time = np.asarray(tracks.time, float)
    weight = np.gradient(time)[:, None] * known if len(time) > 1 else known.astype(float)
    if not histogram.size or not weight.sum() > 0:
        return
    share = np.einsum("tc,tcb->b", weight, np.nan_to_num(histogram)) / weight.sum()
    axes.stairs(share, bins, color=SERIES[0], fill=True, alpha=0.85)
    met = np.flatnonzero(share > 1e-6)
    if met.size:
        axes.set_xlim(bins[max(met[0] - 2, 0)], bins[min(met[-1] + 3, len(bins) - 1)])


def _incidence(axes: Any, incidence: dict[str, list[float]], name: str) -> None:
    """Stacked probabilities of what has become of an arrested object, over days."""
    hours = np.array(incidence["time"]) / 3600.0
    causes = [c for c in _CAUSES if c in incidence]
    axes.stackplot(
        hours, [incidence[c] for c in causes],
        colors=[_CAUSES[c][1] for c in causes], labels=[_CAUSES[c][0] for c in causes], linewidth=0,
    )  # fmt: skip
    plain_axes(axes, f"if {name} stays held: what becomes of it", "probability")
    axes.set_xlabel("time after arrest (h)")
    axes.set_xticks(np.arange(0, hours[-1] + 1, 24))
    axes.set_xlim(0, hours[-1])
    axes.set_ylim(0, 1)
    axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
