"""What was run, how it ended, what a reader must know first, and what it rests on, for a report."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from pathlib import PurePath
from typing import Any

import numpy as np

from hemoflow.errors import InputError
from hemoflow.fate.runfolder import RunRecord
from hemoflow.fate.words import number, quantity

_DOI = re.compile(r"doi:\s*(10\.\S+?)(?=[;,]?(?:\s|$))")
_DRIVES = ("mean_velocity", "pressure_drop", "wall_shear_stress", "flow_rate", "body_force")
_LARGEST_IMBALANCE = 1e-4
_LARGEST_VOLUME_CHANGE = 0.01
Facts = list[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: a word, its kind ("good", "bad", "plain"), and a sentence where it did not end by itself."""

    word: str
    kind: str
    warning: str = ""


def outcome_of(record: RunRecord) -> Outcome:
    """Read from provenance.json."""
    said = str(record.provenance.get("outcome", ""))
    if said.startswith("stopped"):
        return Outcome("stopped early", "bad", f"the run was {said}: all numbers hold up to the last row only")
    if said in ("failed", "running"):
        word = "failed" if said == "failed" else "unfinished"
        return Outcome(word, "bad", "the run did not end properly: all numbers hold up to the last row only")
    if not said:
        return Outcome("end unknown", "plain", "provenance.json does not say how the run ended")
    return Outcome({"time is up": "time is up", "passed": "passed", "stalled": "stalled"}.get(said, said), "plain")


def warnings_of(record: RunRecord, tracks: Any, score: dict[str, Any] | None, missing: list[str]) -> list[str]:
    """Everything that limits the numbers, the most serious first."""
    found = [outcome_of(record).warning, *missing]
    if record.log and any(r.get("healthy") is False for r in record.log):
        found.append("the health check failed during the run; see log.jsonl")
    lost = [r["imbalance_of_throughput"] for r in record.log if r.get("imbalance_of_throughput") is not None]
    if lost and lost[-1] > _LARGEST_IMBALANCE:
        found.append(f"mass balance: {number(lost[-1], 2)} of the throughput is unexplained (accepted: 10⁻⁴)")
    found += [str(w) for w in (score or {}).get("run", {}).get("warnings", [])]
    found += [str(w) for w in _plan(record).get("warnings", [])]
    if tracks is not None and len(tracks.time) == 1:
        found.append("only one row was written, so nothing is known over time")
    return list(dict.fromkeys(filter(None, found)))


def _plan(record: RunRecord) -> dict[str, Any]:
    plan = record.provenance.get("plan")
    return plan if isinstance(plan, dict) else {}


def setting_of(record: RunRecord, tracks: Any) -> list[tuple[str, Facts]]:
    """Groups of facts: vessel and flow, cells, resolution and numbers, the run itself."""
    groups = [
        ("Vessel and flow", _vessel(record)),
        *_cells(record),
        ("Resolution", _resolution(record)),
        ("Dimensionless numbers", _numbers(record)),
        ("The run", _run(record, tracks)),
    ]
    return [(title, facts) for title, facts in groups if facts]


def _vessel(record: RunRecord) -> Facts:
    vessel, flow, plan = record.case.get("vessel", {}), record.case.get("flow", {}), _plan(record)
    known = plan.get("vessel", {}) if isinstance(plan.get("vessel"), dict) else {}
    facts: Facts = []
    if vessel.get("geometry"):
        facts.append(("file", PurePath(str(vessel["geometry"])).name))
    elif vessel.get("formula"):
        facts.append(("formula", str(vessel["formula"])))
    facts += _known(
        ("length", known.get("length_m"), "m"),
        ("narrowest lumen", known.get("bottleneck_diameter_m"), "m"),
    )
    if known.get("lumen_volume_m3"):
        facts.append(("lumen volume", f"{number(known['lumen_volume_m3'] * 1e18)} µm³"))
    facts += [(name.replace("_", " "), _stated(flow[name])) for name in _DRIVES if name in flow]
    facts += [
        (str(o.get("name")), ", ".join(f"{k} {_stated(v)}" for k, v in o.items() if k != "name"))
        for o in flow.get("openings", [])[:8]
    ]
    if "rheology" in flow:
        facts += _known(("viscosity at the wall, Carreau-Yasuda", plan.get("viscosity_pa_s"), "Pa s"))
    else:
        facts += _known(("viscosity", _si(record, flow.get("viscosity"), "Pa s"), "Pa s"))
    facts += _known(("undisturbed speed", plan.get("speed_estimate_m_s"), "m/s"))
    return facts


_CELL_FIELDS = (
    ("diameter", "m"), ("cortical_tension", "N/m"), ("shear_modulus", "N/m"), ("bending_modulus", "J"),
)  # fmt: skip


def _cells(record: RunRecord) -> list[tuple[str, Facts]]:
    groups = []
    for cell in [c for c in record.case.get("cells", []) if isinstance(c, dict)][:4]:
        name = str(cell.get("name") or cell.get("type"))
        count = f" × {cell['count']}" if cell.get("count", 1) not in (1, None) else ""
        facts: Facts = [("type", str(cell.get("type", "")))]
        for field, unit in _CELL_FIELDS:
            facts += _known((field.replace("_", " "), _si(record, cell.get(field), unit), unit))
        facts += [(f.replace("_", " "), str(cell[f])) for f in ("law", "vertices") if f in cell]
        planned = [c for c in _plan(record).get("cells", []) if c.get("type") == cell.get("type")]
        if planned:
            facts += _known(("cell / narrowest lumen", planned[0].get("over_bottleneck"), "1"))
        groups.append((f"Cell {name}{count}", facts))
    return groups


def _resolution(record: RunRecord) -> Facts:
    plan = _plan(record)
    facts = _known(
        ("node spacing", plan.get("node_spacing_m"), "m"),
        ("time step", plan.get("time_step_s"), "s"),
        ("fluid nodes", plan.get("fluid_nodes"), "count"),
        ("membrane vertices", plan.get("membrane_vertices"), "count"),
        ("nodes across the narrowest lumen", plan.get("nodes_across_bottleneck"), "1"),
    )
    across = [c.get("nodes_across") for c in plan.get("cells", []) if c.get("nodes_across")]
    facts += _known(("nodes across the cell", min(across) if across else None, "1"))
    if plan.get("time_step_bound_by"):
        facts.append(("time step bound by", str(plan["time_step_bound_by"])))
    kernel = record.case.get("coupling", {}).get("kernel")
    return facts + ([("coupling kernel", f"{kernel} points")] if kernel and record.case.get("cells") else [])


def _numbers(record: RunRecord) -> Facts:
    plan = _plan(record)
    return _known(
        ("Reynolds, physical", plan.get("reynolds_physical"), "1"),
        ("Reynolds, as simulated", plan.get("reynolds"), "1"),
        ("capillary", plan.get("capillary"), "1"),
        ("Laplace", plan.get("laplace"), "1"),
        ("Mach", plan.get("mach"), "1"),
        ("relaxation time", plan.get("relaxation_time"), "1"),
        ("density scale", plan.get("density_scale"), "1"),
        ("density change", plan.get("density_change"), "1"),
    )


def _run(record: RunRecord, tracks: Any) -> Facts:
    p = record.provenance
    facts: Facts = []
    if tracks is not None and len(tracks.time):
        facts.append(("simulated", quantity(float(tracks.time[-1]), "s")))
    if record.log:
        facts += _known(("steps", record.log[-1].get("step"), "count"))
        speeds = [float(r["mlups"]) for r in record.log if r.get("mlups")]
        facts += [("speed", f"{number(float(np.median(speeds)))} million node updates per second")] if speeds else []
    facts += _known(("wall time", _seconds_between(p.get("started"), p.get("ended")), "s"))
    facts += [(key, str(p[key])) for key in ("device", "precision", "seed") if p.get(key) is not None]
    if p.get("started"):
        facts.append(("started", str(p["started"])[:16].replace("T", " ") + " UTC"))
    versions: Any = p.get("versions")
    versions = versions if isinstance(versions, dict) else {}
    facts += [(n, str(versions[n])) for n in ("hemoflow", "jax", "python") if n in versions]
    commit = str(p.get("commit") or "")
    return facts + ([("commit", commit[:12] + (" and changes" if commit.endswith("-dirty") else ""))] if commit else [])


def _seconds_between(start: Any, end: Any) -> float | None:
    try:
        return (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds()
    except ValueError:
        return None


def _known(*facts: tuple[str, Any, str]) -> Facts:
    """Facts that have a number, in words."""
    said: Facts = []
    for label, value, unit in facts:
        if isinstance(value, int | float) and np.isfinite(value):
            said.append((label, f"{value:,.0f}".replace(",", " ") if unit == "count" else quantity(value, unit)))
    return said


def _si(record: RunRecord, raw: Any, unit: str) -> float | None:
    try:
        return None if raw is None else record.quantity(raw, unit, "case.toml")
    except InputError:
        return None


def _stated(raw: Any) -> str:
    """A value of case.toml in a readable unit where its unit is known."""
    if isinstance(raw, list | tuple):
        return ", ".join(_stated(v) for v in raw)
    value, _, unit = str(raw).partition(" ")
    try:
        return quantity(float(value), unit.strip()) if unit else str(raw)
    except ValueError:
        return str(raw)


def references_of(score: dict[str, Any] | None) -> list[dict[str, str]]:
    """Sources that the score's models and parameters name, each once, with a link where a DOI is given."""
    found: dict[str, dict[str, str]] = {}
    for source in _sources(score or {}):
        for part in filter(None, map(str.strip, source.split(";"))):
            doi = _DOI.search(part)
            found.setdefault(part, {"text": part, "link": f"https://doi.org/{doi.group(1)}" if doi else ""})
    return sorted(found.values(), key=lambda entry: entry["text"])


def _sources(value: Any) -> list[str]:
    """Every reference below a part of the score: of values, and of parameters that rest on the literature."""
    if isinstance(value, list):
        return [s for inner in value for s in _sources(inner)]
    if not isinstance(value, dict):
        return []
    own = [str(r) for r in value.get("references", [])] if isinstance(value.get("references"), list) else []
    if value.get("confidence") in ("verified", "recalled", "derived"):
        own.append(str(value["source"]))
    return own + [s for key, inner in value.items() if key != "references" for s in _sources(inner)]
