"""Fates of a run from its files alone: ``score_folder`` computes, ``write_score`` also writes score.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from hemoflow.cells.orifice import circle
from hemoflow.fate.arrest import ArrestModel, ArrestScore, bond_lifetime
from hemoflow.fate.arrest_section import Throat, arrest_section
from hemoflow.fate.exit import Circumstances, ExitModel
from hemoflow.fate.exit_section import exit_section
from hemoflow.fate.frames import Frames
from hemoflow.fate.runfolder import RunRecord, read_record
from hemoflow.fate.sections import CellObject, objects, survival_section, transit_section
from hemoflow.fate.survival import SurvivalModel
from hemoflow.fate.throat import narrowest
from hemoflow.fate.wall import wall_section

SCORE_VERSION = 1


def write_score(folder: str | Path) -> dict[str, Any]:
    """Score a run folder, write its score.json, return what was written."""
    from hemoflow.output.disk import replace_text
    from hemoflow.output.layout import SCORE
    from hemoflow.output.provenance import record_checksums

    score = score_folder(folder)
    replace_text(Path(folder) / SCORE, json.dumps(score, indent=1, allow_nan=False) + "\n")
    record_checksums(folder, [SCORE])
    return score


def score_folder(folder: str | Path) -> dict[str, Any]:
    """Fates of every cell and object of a run folder: keys survival, arrest, exit, transit, run (what was scored),
    and wall where the wall shear stress was written.

    Reads tracks.h5, case.toml, events.csv and the wall of results.vtkhdf; no solver. InputError when a file is missing
    or a [fate] value is wrong.
    """
    from hemoflow.output.reader import read_tracks

    record = read_record(Path(folder))
    return score_tracks(read_tracks(Path(folder)), record)


def score_tracks(tracks: Any, record: RunRecord) -> dict[str, Any]:
    """Same, from tracks already read (attributes named as the datasets of tracks.h5, SI)."""
    fate = record.case.get("fate", {})
    survival = SurvivalModel.from_dict(fate.get("survival"))
    holding = ArrestModel.from_dict(fate.get("arrest"))
    leaving = ExitModel.from_dict(fate.get("exit"))
    found = objects(tracks)
    throats = [_throat(tracks, record, thing, holding) for thing in found]
    arrested, scores = arrest_section(tracks, record, holding, (found, throats))
    where = [_circumstances(tracks, t, s, (survival, holding)) for t, s in zip(found, scores, strict=True)]
    score = {
        "survival": survival_section(tracks, survival, found),
        "arrest": arrested,
        "exit": exit_section(found, list(zip(scores, where, strict=True)), leaving, record.seed),
        "transit": transit_section(tracks, record, (found, throats)),
        "run": {
            "name": record.name,
            "score_version": SCORE_VERSION,
            "simulated_seconds": float(tracks.time[-1] - tracks.time[0]) if len(tracks.time) else 0.0,
            "cells": len(tracks.id),
            "warnings": _warnings(tracks, found, throats),
        },
    }
    on_wall = wall_section(record.folder)
    return dict(strict(score if on_wall is None else {**score, "wall": on_wall}))


def strict(value: Any) -> Any:
    """The same structure in plain JSON types; numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    if isinstance(value, np.ndarray):
        return strict(value.tolist())
    if isinstance(value, np.generic):
        return strict(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _throat(tracks: Any, record: RunRecord, thing: CellObject, model: ArrestModel) -> Throat:
    """(opening, basis): stated in the case, else cut from the wall, else the tightest confinement met."""
    if model.throat_diameter > 0:
        return circle(model.throat_diameter / 2), "fate.arrest.throat_diameter"
    position = np.asarray(tracks.position, float)[thing.span][:, list(thing.cells)]
    volume = np.asarray(tracks.volume, float)[thing.first, list(thing.cells)]
    diameter = 2 * float(np.cbrt(3 * volume.max() / (4 * np.pi)))
    path = record.folder / "results.vtkhdf"
    if path.is_file():
        with Frames(path) as frames:
            wall = frames.wall()
        measured = narrowest(*wall, position.mean(axis=1), diameter) if wall is not None else None
        if measured is not None:
            return measured, "narrowest lumen on the way and one diameter ahead, cut from the wall"
    confinement = np.asarray(tracks.confinement, float)[thing.span][:, list(thing.cells)]
    if np.isfinite(confinement).any() and np.nanmax(confinement) > 0:
        widest = circle(diameter / (2 * float(np.nanmax(confinement))))
        return widest, "tightest confinement met by the centroid (an upper bound on R_c)"
    return None, "unknown"


def _circumstances(
    tracks: Any, thing: CellObject, score: ArrestScore, models: tuple[SurvivalModel, ArrestModel]
) -> Circumstances:
    """What the exit chain needs of this run: cells, undisturbed speed where the object is, death and release rates."""
    survival, holding = models
    at = thing.stop - 1 if score.stalled_at is None else int(np.searchsorted(tracks.time, score.stalled_at))
    speeds = np.asarray(tracks.undisturbed_speed, float)[thing.first : at + 1][:, list(thing.cells)]
    immune = survival.immune_cells * survival.immune_rate * survival.immune_killing
    release = 0.0
    if score.held_by in ("adhesive", "mixed") and score.stalled_at_end:
        bonds = int(np.asarray(tracks.bonds)[at, list(thing.cells)].sum())
        life = bond_lifetime(bonds, score.force, holding)
        release = 1.0 / life if life > 0 else 0.0
    known = np.abs(speeds[np.isfinite(speeds).any(axis=1)])
    speed = float(np.nanmean(known[-1])) if len(known) else 0.0
    return Circumstances(len(thing.cells), speed, survival.base_rate + immune, release)


def _warnings(tracks: Any, found: list[CellObject], throats: list[Throat]) -> list[str]:
    """What a reader must know before using the numbers."""
    notes = []
    if not found:
        notes.append("no cell was tracked: there is nothing to score")
    for thing, (opening, basis) in zip(found, throats, strict=True):
        if opening is None:
            notes.append(f"{thing.label}: the narrowest lumen is not known, so the mechanical index has no value")
        elif basis.startswith("tightest"):
            notes.append(f"{thing.label}: the neck is taken from the centroid's confinement and may be narrower ahead")
        area = np.asarray(tracks.area, float)[thing.span][:, list(thing.cells)]
        if np.nanmax(area / area[0]) > 2.0:
            notes.append(f"{thing.label}: membrane area more than doubled; the rupture term rests on recalled numbers")
        volume = np.asarray(tracks.volume, float)[thing.span][:, list(thing.cells)]
        if np.nanmax(np.abs(volume / volume[0] - 1)) > 0.01:
            notes.append(f"{thing.label}: cell volume drifted by more than 1 %")
    return notes
