"""The objects of a run and the survival and transit parts of score.json, built from tracks and a run's small files."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.orifice import Orifice
from hemoflow.fate import survival, transit
from hemoflow.fate.entering import entering
from hemoflow.fate.parameters import interval, score_value, table
from hemoflow.fate.runfolder import RunRecord

Array = NDArray[np.float64]
SURVIVAL_MISSING = (
    "stress outside the simulated piece of vessel",
    "the true passage time: the cytoplasm is as thin as plasma here, so time under stress is a lower bound",
    "the difference between traction on the membrane and the wall stress of the experiments it is calibrated on",
    "calibration on digitised survival curves: both anchors bound mechanical killing from above",
    "immune cells, platelets and contact shields unless switched on in [fate.survival]",
    "wear of the membrane between repeated passages",
)
TRANSIT_MISSING = (
    "cytoplasm viscosity at its true ratio: how long a real cell needs to enter is modelled, `entry_time`",
)


@dataclasses.dataclass(frozen=True)
class CellObject:
    """One object: the indices of its cells, and the first to last sample (stop excluded) at which all of them exist."""

    label: str
    cells: tuple[int, ...]
    first: int
    stop: int

    @property
    def span(self) -> slice:
        """The samples of the object."""
        return slice(self.first, self.stop)


def objects(tracks: Any) -> list[CellObject]:
    """Cells grouped by the cluster label of their first sample; unbound cells are objects of one cell."""
    valid = np.isfinite(np.asarray(tracks.position)).all(axis=2)
    labels = np.asarray(tracks.cluster_id)
    groups: dict[tuple[str, int], list[int]] = {}
    for c in range(valid.shape[1]):
        if valid[:, c].any():
            label = int(labels[int(np.argmax(valid[:, c])), c])
            groups.setdefault(("cluster", label) if label >= 0 else ("cell", c), []).append(c)
    found = []
    for cells in groups.values():
        together = np.flatnonzero(valid[:, cells].all(axis=1))
        if together.size:
            names = "+".join(cell_name(tracks, c) for c in cells)
            found.append(CellObject(names, tuple(cells), int(together[0]), int(together[-1]) + 1))
    return found


def cell_name(tracks: Any, cell: int) -> str:
    """Name of one cell, its number when it has none."""
    name = tracks.name[cell]
    text = name.decode() if isinstance(name, bytes) else str(name)
    return text or f"cell {int(tracks.id[cell])}"


def available_pressure(tracks: Any, thing: CellObject) -> Array:
    """Pressure (T,) Pa that could fall across the object: largest difference between openings, else its own drop."""
    drop = mean_over(tracks.pressure_drop_object, thing, np.nanmax)
    pressure = np.asarray(tracks.pressure, float)
    if pressure.ndim == 2 and pressure.shape[1] > 1:
        between = np.ptp(pressure[thing.span], axis=1)
        return np.asarray(np.where(np.isfinite(between), between, np.abs(drop)))
    return np.abs(drop)


def mean_over(values: Any, thing: CellObject, over: Any) -> Array:
    """One number per sample over the object's cells; not-a-number where none is known."""
    columns = np.asarray(values, float)[thing.span][:, list(thing.cells)]
    known = np.isfinite(columns).any(axis=1)
    out = np.full(len(columns), np.nan)
    if known.any():
        out[known] = over(columns[known], axis=1)
    return out


def exposure_of(tracks: Any, cell: int, span: slice) -> survival.Exposure:
    """What the hazard needs of one cell; the area ratio is against the first sample. No shields are tracked yet."""
    area = np.asarray(tracks.area, float)[span, cell]
    nothing = np.zeros_like(area)
    return survival.Exposure(
        time=np.asarray(tracks.time, float)[span],
        traction_histogram=np.nan_to_num(np.asarray(tracks.traction_histogram, float)[span, cell]),
        traction_bins=np.asarray(tracks.traction_bins, float),
        traction_mean=np.nan_to_num(np.asarray(tracks.traction_mean, float)[span, cell]),
        traction_max=np.nan_to_num(np.asarray(tracks.traction_max, float)[span, cell]),
        area_ratio=area / area[0],
        contact=nothing,
        platelets=nothing,
    )


def survival_section(tracks: Any, model: survival.SurvivalModel, found: list[CellObject]) -> dict[str, Any]:
    """Per cell: hazard integral, probability, dominant term; per object: at least one viable, expected viable."""
    entries, alive = [], []
    for thing in found:
        scores = [survival.score_cell(exposure_of(tracks, c, thing.span), model) for c in thing.cells]
        entries += [_survival_entry(tracks, c, s) for c, s in zip(thing.cells, scores, strict=True)]
        alive.append({"object": thing.label, **_alive_entry([s.survival for s in scores])})
    return {"cells": entries, "objects": alive, "parameters": table(model)}


def _survival_entry(tracks: Any, cell: int, s: survival.SurvivalScore) -> dict[str, Any]:
    """One cell's part of the survival section."""
    basis = ("integrated hazard, gamma frailty", survival.REFERENCES)
    kind = "range over the stress exponent and the frailty, not a confidence interval"
    missing: dict[str, Any] = {"not_included": SURVIVAL_MISSING}
    terms = dict(s.terms)
    return {
        "cell": cell_name(tracks, cell),
        "id": int(tracks.id[cell]),
        "hazard_integral": score_value(s.hazard, "1", *basis, uncertainty=interval(s.hazard_interval, kind), **missing),
        "probability": score_value(s.survival, "1", *basis, uncertainty=interval(s.survival_interval, kind), **missing),
        "dominant_term": score_value(s.dominant, "1", *basis, parts=terms, **missing),
        "exposure": score_value(s.exposure_seconds, "s", "simulated time with this cell", ()),
        "largest_traction": score_value(s.largest_traction, "Pa", "outer deviatoric fluid stress", ()),
        "predicted_stiffening": score_value(
            s.predicted_stiffening, "1", "mechano-adaptation, not fed back into the cell", (survival.CHIVUKULA,)
        ),
    }


def _alive_entry(chances: list[float]) -> dict[str, Any]:
    """P(at least one viable) and expected viable cells of one object, cells independent."""
    none_left = float(np.prod([1.0 - s for s in chances]))
    basis = ("cells die independently", ())
    return {
        "any_viable": score_value(1.0 - none_left, "1", *basis, not_included=SURVIVAL_MISSING),
        "expected_viable": score_value(float(sum(chances)), "cells", *basis, not_included=SURVIVAL_MISSING),
    }


def transit_section(
    tracks: Any, record: RunRecord, things: tuple[list[CellObject], list[tuple[Orifice | None, str]]]
) -> dict[str, Any]:
    """Per cell: entry and exit times, path, deformation, the modelled time of entry; over the run: cluster integrity.

    ``things`` holds the objects and, for each, its throat: (opening, where that came from).
    """
    entries = []
    found = things[0]
    for thing, (opening, _) in zip(*things, strict=True):
        for c in thing.cells:
            columns = {k: np.asarray(getattr(tracks, k), float)[thing.span, c] for k in _TRANSIT_COLUMNS}
            who = (cell_name(tracks, c), str(int(tracks.id[c])))
            s = transit.score_cell(np.asarray(tracks.time, float)[thing.span], columns, record.events_of(who))
            radius = float(np.cbrt(3 * columns["volume"][0] / (4 * np.pi)))
            modelled = {"entry_time": entering(record, who[0], radius, opening, available_pressure(tracks, thing))}
            entries.append({"cell": who[0], "id": int(tracks.id[c]), **_transit_entry(s), **modelled})
    out: dict[str, Any] = {"cells": entries}
    groups = [thing for thing in found if len(thing.cells) > 1]
    labels = np.asarray(tracks.cluster_id)
    out["cluster_integrity"] = [_integrity_entry(thing, labels[thing.span][:, list(thing.cells)]) for thing in groups]
    return out


_TRANSIT_COLUMNS = ("position", "path", "extent", "volume", "wall_gap", "confinement")


def _integrity_entry(thing: CellObject, labels: Any) -> dict[str, Any]:
    """Largest connected part of one cluster at the end of the run."""
    final = float(transit.cluster_integrity(labels)[-1])
    return {"object": thing.label, **score_value(final, "1", "largest connected part / cells, last sample", ())}


def _transit_entry(s: transit.TransitScore) -> dict[str, Any]:
    """One cell's part of the transit section."""
    missing: dict[str, Any] = {"not_included": TRANSIT_MISSING}
    duration = None if s.entry is None or s.exit is None else s.exit - s.entry
    return {
        "entry": score_value(s.entry, "s", s.basis, (), **missing),
        "exit": score_value(s.exit, "s", s.basis, (), **missing),
        "passed": score_value(s.passed, "s", "the front is about to touch the vessel's end", (), **missing),
        "duration": score_value(duration, "s", s.basis, (), **missing),
        "path": score_value(s.path, "m", "progress of the centroid", (), **missing),
        "mean_speed": score_value(s.mean_speed, "m/s", "path / simulated time", (), **missing),
        "max_deformation": score_value(
            s.largest_deformation, "1", "Taylor (L - B)/(L + B)", (), final=s.final_deformation, **missing
        ),
        "volume_change": score_value(
            s.volume_change, "1", "largest relative change of the cell's volume", (), **missing
        ),
        "smallest_gap": score_value(
            s.smallest_gap, "m", "smallest distance of the membrane to the wall", (), **missing
        ),
    }
