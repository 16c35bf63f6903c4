"""The arrest part of score.json: an object's history put together from tracks, case and wall, then classified."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.orifice import Orifice
from hemoflow.fate import arrest
from hemoflow.fate.parameters import interval, score_value, table
from hemoflow.fate.runfolder import RunRecord
from hemoflow.fate.sections import CellObject, available_pressure, cell_name, mean_over

Array = NDArray[np.float64]
Band = tuple[float, float] | None
Throat = tuple[Orifice | None, str]
"""The narrowest lumen of an object, and where that came from."""

ARREST_MISSING = (
    "the nucleus as a second threshold",
    "wall friction beyond the fluid's lubrication, and the film between membrane and wall (it narrows the neck)",
    "the available pressure is that between the run's openings; in a network this is an upper bound",
    "counterfactual re-runs (bonds off, pressure doubled)",
)


def arrest_section(
    tracks: Any,
    record: RunRecord,
    model: arrest.ArrestModel,
    things: tuple[list[CellObject], list[Throat]],
) -> tuple[dict[str, Any], list[arrest.ArrestScore]]:
    """Per object: class, time, place, mechanical and adhesive index.

    ``things`` holds the objects and, for each, its throat: (opening, where that came from).
    """
    entries, scores = [], []
    for thing, (opening, basis) in zip(*things, strict=True):
        radius = math.nan if opening is None else opening.cap_radius
        x, tension, band = _arrest_input(tracks, record, thing, radius)
        s = arrest.score_object(x, model)
        scale = None if band is None or tension <= 0 else (band[0] / tension, band[1] / tension)
        held = {"threshold": x.threshold, "tension": tension, "throat": radius, "basis": basis, "scale": scale}
        entries.append(_arrest_entry(tracks, thing, s, held))
        scores.append(s)
    longest = float(tracks.time[-1] - tracks.time[0]) if len(tracks.time) else 0.0
    window = score_value(longest, "s", "simulated time; every class beyond it is an extrapolation", ())
    return {"objects": entries, "longest_simulated_window": window, "parameters": table(model)}, scores


def _arrest_input(
    tracks: Any, record: RunRecord, thing: CellObject, throat: float
) -> tuple[arrest.ArrestInput, float, Band]:
    """Histories of one object averaged over its cells with its largest entry threshold, and the tension behind that
    with its range in the literature."""
    span, cells = thing.span, list(thing.cells)
    volume = np.asarray(tracks.volume, float)[span, cells]
    radii = np.cbrt(3 * volume[0] / (4 * np.pi))
    tensions = [_tension(tracks, record, c, thing.first) for c in cells]
    limits = [arrest.entry_threshold(t, throat, r) for (t, _), r in zip(tensions, radii, strict=True)]
    worst = int(np.argmax(np.nan_to_num(limits)))
    confinement = mean_over(tracks.confinement, thing, np.nanmax)
    lumen = 2 * radii.max() / np.where(confinement > 0, confinement, np.nan)
    drop = mean_over(tracks.pressure_drop_object, thing, np.nanmax)
    velocity = np.asarray(tracks.velocity, float)[span][:, cells].mean(axis=1)
    x = arrest.ArrestInput(
        time=np.asarray(tracks.time, float)[span],
        speed=np.linalg.norm(velocity, axis=1),
        undisturbed=mean_over(tracks.undisturbed_speed, thing, np.nanmean),
        lumen=np.where(np.isfinite(lumen), lumen, 2 * radii.max()),
        confinement=np.nan_to_num(confinement),
        bonds=np.asarray(tracks.bonds, float)[span][:, cells].sum(axis=1),
        pressure_drop=drop,
        available=available_pressure(tracks, thing),
        threshold=limits[worst],
        radius=float(radii.max()),
        viscosity=record.viscosity,
        passed=all(record.left(cell_name(tracks, c)) for c in cells),
        drive=record.drive_share(np.asarray(tracks.time, float)[span]),
    )
    return x, *tensions[worst]


def _tension(tracks: Any, record: RunRecord, cell: int, first: int) -> tuple[float, Band]:
    """Cortical tension (N/m) and its range: the case's value, else the mean in-plane tension at the first sample."""
    stated = record.cell_value(cell_name(tracks, cell), "cortical_tension", "N/m")
    return stated if stated is not None else (float(np.asarray(tracks.tension_mean)[first, cell]), None)


def _arrest_entry(tracks: Any, thing: CellObject, s: arrest.ArrestScore, held: dict[str, Any]) -> dict[str, Any]:
    """One object's part of the arrest section."""
    at = None if s.stalled_at is None else int(np.searchsorted(tracks.time, s.stalled_at))
    place = None if at is None else np.asarray(tracks.position)[at, list(thing.cells)].mean(axis=0).tolist()
    missing: dict[str, Any] = {"not_included": ARREST_MISSING}
    basis = ("stall duration with the mechanical and adhesive index", arrest.REFERENCES)
    drop = ("drop: dP_c = 2 T (1/R_c - 1/R)", (arrest.YEUNG,))
    over = "range of the cortical tension in the literature; none for a tension that the case states"
    return {
        "object": thing.label,
        "class": score_value(s.arrest_class, "1", *basis, window_reached=s.window_reached, **missing),
        "held_by": score_value(s.held_by, "1", *basis, **missing),
        "duration_class": score_value(
            s.duration_class, "1", "pause < 1 s <= slow < 10 s <= arrest < 60 s <= stable", (), **missing
        ),
        "stalled": score_value(
            s.stalled_seconds, "s", *basis, window_needed=s.window_needed, at_end=s.stalled_at_end, **missing
        ),
        "time": score_value(s.stalled_at, "s", *basis, **missing),
        "place": score_value(place, "m", *basis, **missing),
        "mechanical_index": score_value(
            s.mechanical,
            "1",
            *drop,
            uncertainty=_scaled(s.mechanical, held["scale"], over),
            available_pressure=s.available,
            **missing,
        ),
        "entry_threshold": score_value(
            held["threshold"],
            "Pa",
            *drop,
            uncertainty=_scaled(held["threshold"], held["scale"], over),
            tension=held["tension"],
            throat_radius=held["throat"],
            throat_basis=held["basis"],
            **missing,
        ),
        "adhesive_index": score_value(
            s.adhesive, "1", "bonds x bond force scale / force of the flow", (arrest.BELL, arrest.VLA4), **missing
        ),
        "flow_force": score_value(s.force, "N", "larger of drop x lumen area and Stokes drag", (), **missing),
        "extrapolation": {**s.extrapolation, "simulated": False},
    }


def _scaled(value: float, scale: Band, kind: str) -> dict[str, Any] | None:
    """Interval of a quantity that is proportional to the tension; None without a range."""
    return None if scale is None or not np.isfinite(value) else interval((value * scale[0], value * scale[1]), kind)
