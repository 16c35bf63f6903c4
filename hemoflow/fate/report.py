"""report.html and figures/ of a run: one file that a person reads, made from the run's files alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np

from hemoflow.errors import InputError
from hemoflow.fate.drawing import png, styled
from hemoflow.fate.frames import Frames
from hemoflow.fate.parameters import table
from hemoflow.fate.pictures import draw_vessel
from hemoflow.fate.plots import draw_fates, draw_flow, draw_tracks
from hemoflow.fate.runfolder import RunRecord, read_record
from hemoflow.fate.setting import outcome_of, references_of, setting_of, warnings_of
from hemoflow.fate.wall import draw_wall, wall_facts
from hemoflow.fate.words import Told, table_rows, tell

COLUMNS = 4
"""Objects that the summary table shows side by side; more are summed up in words."""
_MARKS = ("entry", "exit", "arrest", "release", "passed", "left", "break-up")
_CAPTIONS = {
    "vessel": "Slices through the middle of the cell. Blue: the fluid, inside of the cell too. Red: the membrane. Grey: "
    "the wall.",
    "wall": "The wall from outside, at the last written time: the force per area by which the blood drags it along. Averages are over "
    "the last whole period.",
    "tracks": "What each cell went through. Dotted verticals: events.",
    "flow": "Flow through the openings, positive into the vessel, and what its balance leaves unexplained.",
    "fates": "Left: how much of the membrane met which traction, over the whole run. Right: the Markov chain of an "
    "arrested object; it starts at the arrest and is no result of the flow solver.",
}


def write_report(folder: str | Path) -> Path:
    """Write report.html, which needs no other file and no network, and figures/*.png; returns the report's path.

    Works for a run that stopped early, one without cells, and one without fluid fields; what is missing is named at
    the top. Raises InputError for a folder without a run, RunError when the disk fails.
    """
    from hemoflow.output.disk import replace_text
    from hemoflow.output.layout import REPORT
    from hemoflow.output.provenance import record_checksums

    folder = Path(folder)
    record = read_record(folder)
    missing: list[str] = []
    tracks, score = _scored(record, missing)
    pictures = _figures(record, tracks, score, missing)
    _store_figures(folder, pictures)
    page = _page(record, (tracks, score), pictures, missing)
    replace_text(folder / REPORT, page)
    record_checksums(folder, [REPORT, *(f"figures/{name}.png" for name in pictures)])
    return folder / REPORT


def _scored(record: RunRecord, missing: list[str]) -> tuple[Any, dict[str, Any] | None]:
    """Tracks and score, None where they cannot be had; why is added to ``missing``."""
    from hemoflow.fate.score import score_tracks
    from hemoflow.output.reader import read_tracks

    try:
        tracks = read_tracks(record.folder)
    except InputError as error:
        missing.append(f"no tracks: {error}")
        return None, None
    if not len(tracks.time):
        missing.append("the run stopped before its first row was written")
        return None, None
    return tracks, score_tracks(tracks, record)


def _figures(record: RunRecord, tracks: Any, score: Any, missing: list[str]) -> dict[str, bytes]:
    """PNG of each figure that can be drawn."""
    marks = [(float(r["time_s"]), r["kind"]) for r in record.events if r.get("kind") in _MARKS]
    made: dict[str, bytes] = {}
    with styled():
        figures = {"vessel": _vessel(record, tracks, marks, missing), "wall": _wall(record)}
        if tracks is not None:
            figures["tracks"] = draw_tracks(tracks, marks)
            figures["flow"] = draw_flow(tracks, record.log)
            figures["fates"] = draw_fates(tracks, score)
        for name, drawn in figures.items():
            if drawn is not None:
                made[name] = png(drawn)
    return made


def _vessel(record: RunRecord, tracks: Any, marks: list[tuple[float, str]], missing: list[str]) -> Any | None:
    from hemoflow.output.layout import RESULTS

    try:
        with Frames(record.folder / RESULTS) as frames:
            drawn = draw_vessel(frames, tracks, [t for t, kind in marks if kind in ("entry", "exit", "arrest")])
            if drawn is None:
                missing.append(f"{RESULTS} holds no step yet")
            elif "velocity" not in frames.fields:
                missing.append("the fluid's velocity was not written (output.fields), so no picture shows it")
            return drawn
    except InputError as error:
        missing.append(f"no pictures: {error}")
        return None


def _wall(record: RunRecord) -> Any | None:
    from hemoflow.output.layout import RESULTS

    try:
        with Frames(record.folder / RESULTS) as frames:
            return draw_wall(frames)
    except InputError:
        return None  # said where the vessel is drawn


def _store_figures(folder: Path, pictures: dict[str, bytes]) -> None:
    """figures/NAME.png; those of an earlier report that are no longer made are removed."""
    from hemoflow.output.disk import refuse_link, replace_file
    from hemoflow.output.layout import FIGURES

    target = refuse_link(folder / FIGURES)
    target.mkdir(exist_ok=True)
    for name in _CAPTIONS:
        path = refuse_link(target / f"{name}.png")
        if name in pictures:
            data = pictures[name]
            replace_file(path, lambda temporary, data=data: temporary.write_bytes(data), len(data))  # type: ignore[misc]
        else:
            path.unlink(missing_ok=True)


def _page(record: RunRecord, seen: tuple[Any, Any], pictures: dict[str, bytes], missing: list[str]) -> str:
    """The report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    tracks, score = seen
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    peaks = _peaks(tracks)
    told = tell(score, peaks) if score else []
    status = outcome_of(record)
    return templates.get_template("report.html.j2").render(
        name=record.name,
        status=status,
        told=told[:12],
        more=_tally(told) if len(told) > 12 else "",
        rows=table_rows(score, peaks, list(range(min(len(told), COLUMNS)))) if told else [],
        columns=[t.name for t in told[:COLUMNS]],
        warnings=warnings_of(record, tracks, score, missing),
        figures=[
            {"name": n, "caption": _CAPTIONS[n], "data": base64.b64encode(pictures[n]).decode("ascii")}
            for n in _CAPTIONS
            if n in pictures
        ],
        headings={
            "vessel": "In the vessel",
            "wall": "On the wall",
            "tracks": "Over time",
            "flow": "Flow",
            "fates": "Fates",
        },
        setting=setting_of(record, tracks)
        + ([("Wall shear", wall_facts(score["wall"]))] if score and "wall" in score else []),
        not_included=_not_included(score),
        parameters=_parameters(record),
        references=references_of(score),
        case_text=_case_text(record),
    )


def _peaks(tracks: Any) -> dict[str, dict[str, float]]:
    """Largest tension (N/m) and traction (Pa) of each cell by its name."""
    from hemoflow.fate.sections import cell_name

    found = {}
    for c in range(0 if tracks is None else len(tracks.id)):
        tension, traction = (np.asarray(v, float)[:, c] for v in (tracks.tension_max, tracks.traction_max))
        if np.isfinite(tension).any():
            found[cell_name(tracks, c)] = {"tension": float(np.nanmax(tension)), "traction": float(np.nanmax(traction))}
    return found


def _tally(told: list[Told]) -> str:
    """How many objects had which outcome."""
    counts: dict[str, int] = {}
    for one in told:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    return f"Of all {len(told)}: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items()) + "."


def _not_included(score: dict[str, Any] | None) -> dict[str, list[str]]:
    """Per part of the score, what its numbers do not yet hold."""
    found: dict[str, list[str]] = {}
    for part in ("survival", "arrest", "exit", "transit") if score else ():
        notes: list[str] = []
        for entry in score[part].get("cells", score[part].get("objects", [])) if score else ():
            for value in entry.values():
                if isinstance(value, dict):
                    notes += [n for n in value.get("not_included", []) if n not in notes]
        if notes:
            found[part] = notes
    return found


def _parameters(record: RunRecord) -> dict[str, list[dict[str, Any]]]:
    """The fate parameters in force, marked where the case sets them."""
    from hemoflow.fate.check import MODELS

    stated = record.case.get("fate", {})
    found = {}
    for part, make in MODELS.items():
        given = stated.get(part, {})
        found[part] = [{**row, "given": row["name"] in given} for row in table(make(given))]
    return found


def _case_text(record: RunRecord) -> str:
    """case.toml without the folders of whoever ran it."""
    from hemoflow.output.provenance import without_directories

    return str(without_directories((record.folder / "case.toml").read_text(encoding="utf-8")))
