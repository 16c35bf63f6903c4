"""Draws the predicted passage times of HL60 cells over the measured ones: by size, and as distributions by treatment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hemoflow.errors import InputError
from hemoflow.validate.record import Settings
from hemoflow.validate.run import references
from hemoflow.validate.slit import POOLED, SAMPLES
from hemoflow.validate.slit_study import limits_of, passage_time, predicted, study
from hemoflow.validate.table import Reference

MEASURED, MODEL = "#b5452c", "#23548a"
TICKS = (10, 20, 50, 100, 200)
SUFFIXES = (".png", ".pdf", ".svg")


def draw(path: str | Path, table: str | Path | None = None) -> Path:
    """Writes the picture (PNG, PDF or SVG) of the rows of `table`, or of the shipped ones, and returns its path."""
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: a picture ends in {', '.join(SUFFIXES)}")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in references(table) if row.quantity == "passage time"]
    if not rows:
        raise InputError("the picture shows passage times, and the table has none")
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _by_size(left, rows)
    _by_treatment(right, rows)
    for axes in (left, right):
        axes.set_yticks(TICKS, [str(tick) for tick in TICKS])
        axes.set_yticks([], minor=True)
        axes.set_ylim(TICKS[0], 400)
    figure.savefig(path, dpi=150)
    return path


def _by_size(axes: Any, rows: list[Reference]) -> None:
    """Quantiles of each range of sizes of the pooled controls, and the model's single cell."""
    diameters = np.linspace(8.0, 17.0, 181)
    found = study()
    axes.plot(diameters, [1e3 * found.passage(d * 1e-6) for d in diameters], color=MODEL, label="model, median cell")
    groups = {text: points for text, points in _grouped(rows, POOLED).items() if "-" in text and text != "12-14"}
    for text, points in groups.items():
        low, high = (1e6 * edge for edge in limits_of(text))
        single = next((float(row.params["diameter"]) for row in points if "diameter" in row.params), None)
        centre = single or 0.5 * (low + high)
        for row in points:
            fitted = row.tolerance_type == "info"
            axes.plot(centre, _value(row), "o", color=MEASURED, mfc="white" if fitted else MEASURED, ms=5)
            if single is None:
                value = passage_time(row.params, Settings()).value
                axes.plot([low, high], [value, value], color=MODEL, lw=1, alpha=0.6)
    axes.plot([], [], "o", color=MEASURED, label="measured, not fitted")
    axes.plot([], [], "o", color=MEASURED, mfc="white", label="measured, fitted")
    axes.plot([], [], color=MODEL, lw=1, alpha=0.6, label="model, quantiles of the range (5, 25, 50, 75, 95 %)")
    axes.set(xlabel="cell diameter (um)", ylabel="passage time (ms)", yscale="log", title="by size, pooled controls")
    axes.legend(fontsize=8, frameon=False)


def _by_treatment(axes: Any, rows: list[Reference]) -> None:
    """Quantiles over all cells of each treatment: measured points beside the predicted box."""
    for place, name in enumerate(SAMPLES):
        points = _grouped(rows, name).get("all", [])
        shares = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
        values = 1e3 * predicted(name, limits_of("all"), shares)
        axes.plot([place, place], values[[0, 4]], color=MODEL, lw=1)
        axes.plot([place, place], values[[1, 3]], color=MODEL, lw=8, alpha=0.35, solid_capstyle="butt")
        axes.plot(place, values[2], "_", color=MODEL, ms=12, mew=2)
        axes.plot([place + 0.22] * len(points), [_value(row) for row in points], "o", color=MEASURED, ms=4)
    axes.plot([], [], color=MODEL, lw=8, alpha=0.35, label="model: 5, 25, 50, 75, 95 %")
    axes.plot([], [], "o", color=MEASURED, ms=4, label="measured, the same quantiles")
    axes.set_xticks(
        range(len(SAMPLES)), [name.replace("ug_per_mL", "") for name in SAMPLES], rotation=35, ha="right", fontsize=8
    )
    axes.set(ylabel="passage time (ms)", yscale="log", title="all sizes, by treatment")
    axes.legend(fontsize=8, frameon=False)


def _grouped(rows: list[Reference], cells: str) -> dict[str, list[Reference]]:
    """Rows of one treatment by their range of diameters."""
    out: dict[str, list[Reference]] = {}
    for row in rows:
        if row.params.get("cells") == cells and row.params.get("diameters"):
            out.setdefault(row.params["diameters"], []).append(row)
    return out


def _value(row: Reference) -> float:
    """The measured number of a row (ms)."""
    assert isinstance(row.value, float)
    return row.value
