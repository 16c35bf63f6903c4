"""The passage itself: when an object entered and left the narrow part, how far it went, how much it was deformed."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class TransitScore:
    """Times in s (None where it did not happen): first entry into and last exit from a lumen narrower than the cell,
    and the vessel's end reached; path and gap in m, Taylor deformation (L - B)/(L + B)."""

    entry: float | None
    exit: float | None
    passed: float | None
    basis: str
    path: float
    mean_speed: float
    largest_deformation: float
    final_deformation: float
    volume_change: float
    smallest_gap: float | None


def taylor_deformation(extent: Array) -> Array:
    """(L - B)/(L + B) from the largest and smallest of three principal sizes (T,3) m; 0 for a sphere."""
    longest, shortest = extent.max(axis=-1), extent.min(axis=-1)
    return np.asarray((longest - shortest) / np.where(longest + shortest > 0, longest + shortest, 1.0))


def crossing_times(time: Array, confinement: Array) -> tuple[float | None, float | None]:
    """First time the lumen is narrower than the cell (D/d >= 1) and the first time after it that it is wider again."""
    tight = np.asarray(confinement) >= 1.0
    if not tight.any():
        return None, None
    first = int(np.argmax(tight))
    entry = _crossed(time, confinement, first)
    last = len(tight) - 1 - int(np.argmax(tight[::-1]))
    leave = None if last == len(tight) - 1 else _crossed(time, confinement, last + 1)
    return entry, leave


def _crossed(time: Array, confinement: Array, i: int) -> float:
    """Time between samples i-1 and i at which the confinement passed 1, linear in between."""
    if i == 0:
        return float(time[0])
    before, after = confinement[i - 1] - 1.0, confinement[i] - 1.0
    part = before / (before - after) if before != after else 1.0
    return float(time[i - 1] + np.clip(part, 0, 1) * (time[i] - time[i - 1]))


def cluster_integrity(cluster_id: Array) -> Array:
    """Largest component over all cells at each sample (T,), from component labels (T,C); 1 = one piece.

    A negative label means the cell touches no other: it is a component of its own.
    """
    labels = np.asarray(cluster_id)
    out = np.ones(len(labels))
    for i, row in enumerate(labels):
        bound = row[row >= 0]
        largest = np.unique(bound, return_counts=True)[1].max() if bound.size else 1
        out[i] = largest / labels.shape[1]
    return out


def score_cell(time: Array, columns: dict[str, Array], events: list[dict[str, str]]) -> TransitScore:
    """Score one cell from its columns position, path, extent, volume, wall_gap and confinement (T,...), SI.

    ``events`` are the rows of events.csv about this cell; an 'entry' or 'exit' there wins over the confinement.
    """
    entry, leave = crossing_times(time, columns["confinement"])
    basis = "lumen at the centroid narrower than the cell"
    stated = {kind: [float(r["time_s"]) for r in events if r["kind"] == kind] for kind in ("entry", "exit", "passed")}
    if stated["entry"] or stated["exit"]:
        entry = min(stated["entry"], default=entry)
        last = max(stated["exit"], default=None)
        leave = last if last is not None and last >= max(stated["entry"], default=last) else None
    known = columns["path"][np.isfinite(columns["path"])]
    path = float(known[-1] - known[0]) if known.size else math.nan
    if not np.isfinite(path):
        path = float(np.linalg.norm(np.diff(columns["position"], axis=0), axis=1).sum())
    deformation = taylor_deformation(columns["extent"])
    seconds = float(time[-1] - time[0])
    volume = columns["volume"]
    gap = columns["wall_gap"]
    return TransitScore(
        entry=entry,
        exit=leave,
        passed=min(stated["passed"], default=None),
        basis=basis,
        path=path,
        mean_speed=path / seconds if seconds > 0 else 0.0,
        largest_deformation=float(np.nanmax(deformation)) if np.isfinite(deformation).any() else math.nan,
        final_deformation=float(deformation[-1]),
        volume_change=float(np.nanmax(np.abs(volume / volume[0] - 1.0))),
        smallest_gap=float(np.nanmin(gap)) if np.isfinite(gap).any() else None,
    )
