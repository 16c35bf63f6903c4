"""What contradicts what in a case, and what is missing.

Each rule looks at the tables as they were given, so that a fault elsewhere does not hide it.
"""

from __future__ import annotations

from typing import Any

from hemoflow.case.faults import Faults
from hemoflow.schema import shown

DRIVES = ("mean_velocity", "pressure_drop", "wall_shear_stress", "flow_rate", "body_force")
NETWORK_SUFFIXES = {".swc", ".graphml", ".dgf", ".csv", ".txt", ".dat", ".vtp", ".xml"}


def exactly_one(raw: dict[str, Any], keys: tuple[str, ...], path: str, faults: Faults, example: str = "") -> None:
    """Exactly one of the keys is in the table."""
    given = [key for key in keys if key in raw]
    if not given:
        faults.add(path, f"missing; give exactly one of {', '.join(keys)}{example}")
    elif len(given) > 1:
        faults.add(path, _contradiction(given))


def drives(raw: dict[str, Any], path: str, faults: Faults) -> None:
    """At most one drive, and none beside openings with conditions of their own."""
    given = [key for key in (*DRIVES, "openings") if key in raw and raw[key] != []]
    if len(given) > 1:
        faults.add(path, _contradiction(given))


def one_viscosity(raw: dict[str, Any], path: str, faults: Faults) -> None:
    """The viscosity is a number, or depends on the shear rate; red cells are accounted for once."""
    if "rheology" not in raw:
        return
    if "viscosity" in raw:
        faults.add(path, _contradiction(["viscosity", "rheology"]))
    if raw.get("hematocrit"):
        faults.add(f"{path}.hematocrit", "contradicts rheology: both stand for the red cells; keep one of them")


def viscosity_falls(values: dict[str, Any], path: str, faults: Faults) -> None:
    """The viscosity at rest is the larger one."""
    low, high = (values.get(f"{end}_shear_viscosity") for end in ("infinite", "zero"))
    if isinstance(low, float) and isinstance(high, float) and low > high:
        faults.add(
            f"{path}.infinite_shear_viscosity",
            f"{low:g} Pa s is above zero_shear_viscosity, {high:g} Pa s; the viscosity falls with the shear rate",
        )


def collision_fits(raw: dict[str, Any], faults: Faults) -> None:
    """A viscosity that varies needs two relaxation times: with one, walls would sit elsewhere at every viscosity."""
    flow, resolution = _table(raw, "flow"), _table(raw, "resolution")
    if flow and resolution and "rheology" in flow and resolution.get("collision") == "bgk":
        faults.add("resolution.collision", 'contradicts flow.rheology: "bgk" places walls by the viscosity; use "trt"')


def distal_pressure(raw: dict[str, Any], path: str, faults: Faults) -> None:
    """The pressure beyond a resistance; a Windkessel holds its own."""
    if "distal_pressure" in raw and "resistance" not in raw:
        faults.add(f"{path}.distal_pressure", "belongs to a resistance; remove it, or write it into windkessel")


def initial_velocity(raw: dict[str, Any], path: str, faults: Faults) -> None:
    """A Taylor-Green vortex has a speed, and only it has."""
    vortex = raw.get("initial_velocity") == "taylor-green"
    if vortex and "initial_speed" not in raw:
        faults.add(
            f"{path}.initial_speed", 'missing; a taylor-green vortex needs its largest velocity, such as "1 mm/s"'
        )
    if "initial_speed" in raw and not vortex:
        faults.add(f"{path}.initial_speed", 'belongs to initial_velocity = "taylor-green"; remove it or set that')


def waveform(raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
    """A sine has amplitude and period; a steady flow has neither; a curve has its points, which span a period at most."""
    curve = [key for key in ("path", "points") if key in raw]
    if values.get("kind", "steady") == "file":
        exactly_one(raw, ("path", "points"), path, faults, ', such as path = "q.csv"')
        for key, without in (("mean", 1.0), ("amplitude", 0.0), ("phase", 0.0)):
            if values.get(key, without) != without:
                faults.add(f"{path}.{key}", 'contradicts kind = "file"; scale the factors in the file and remove it')
        _period(values, path, faults)
        return
    for key in curve + ["interpolation"] * (values.get("interpolation", "spline") != "spline"):
        faults.add(f"{path}.{key}", 'belongs to kind = "file"; set that or remove it')
    if values.get("kind", "steady" if "kind" not in raw else None) == "steady":
        if values.get("amplitude"):
            faults.add(f"{path}.amplitude", 'contradicts kind = "steady"; set kind = "sine" or remove it')
        if "period" in raw:
            faults.add(f"{path}.period", 'contradicts kind = "steady"; set kind = "sine" or remove it')
    elif values.get("kind") == "sine":
        if "period" not in raw:
            faults.add(f"{path}.period", 'missing; a sine needs a time such as "50 ms"')
        if "amplitude" not in raw:
            faults.add(f"{path}.amplitude", "missing; a sine needs a number such as 0.5")


def _period(values: dict[str, Any], path: str, faults: Faults) -> None:
    """A curve that repeats ends where its next period begins, with the value it began with, or before."""
    points, period = values.get("path") or values.get("points"), values.get("period")
    if not points or period is None:
        return
    span, (first, last) = points[-1][0] - points[0][0], (points[0][1], points[-1][1])
    size = max(abs(factor) for _, factor in points)
    if span > period * (1.0 + 1e-9):
        faults.add(f"{path}.period", f"{period:.6g} s is shorter than the {span:.6g} s that the rows span; lengthen it")
    elif span >= period * (1.0 - 1e-9) and abs(last - first) > 1e-6 * size:
        faults.add(
            f"{path}.period",
            f"the rows span the whole period but begin at {first:.6g} and end at {last:.6g}; make both the same",
        )


def time_step(raw: dict[str, Any], path: str, faults: Faults) -> None:
    """At most one way to choose the time step."""
    given: list[str] = [key for key in ("relaxation_time", "time_step", "max_reynolds") if key in raw]
    if len(given) > 1:
        faults.add(path, _contradiction(given))
    if "max_reynolds" in raw and raw.get("density_scale", "auto") != "auto":
        faults.add(
            f"{path}.density_scale", 'contradicts max_reynolds, which chooses it; set it to "auto" or remove one'
        )


def named_once(tables: Any, path: str, faults: Faults) -> None:
    """No name twice in a list of tables."""
    first: dict[str, int] = {}
    for i, table in enumerate(tables if isinstance(tables, list) else []):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str) and first.setdefault(name, i) != i:
            faults.add(f"{path}[{i}].name", f"{shown(name)} is also the name of {path}[{first[name]}]; choose another")


def something_moves(raw: dict[str, Any], faults: Faults) -> None:
    """A drive, moving walls, an initial velocity, or a network file with conditions of its own."""
    flow, vessel = _table(raw, "flow"), _table(raw, "vessel")
    if flow is None or vessel is None or any(flow.get(key) not in (None, []) for key in (*DRIVES, "openings")):
        return
    suffix = str(vessel.get("geometry", "")).lower()
    network = vessel.get("kind") == "network" or ("geometry" in vessel and suffix.endswith(tuple(NETWORK_SUFFIXES)))
    if not network and not vessel.get("wall_velocity") and flow.get("initial_velocity", "rest") == "rest":
        choices = ", ".join((*DRIVES, "openings"))
        faults.add(
            "flow",
            f'missing: nothing drives the flow; give one of {choices} (pressure_drop = "0 Pa" for a fluid at rest)',
        )


def something_ends(raw: dict[str, Any], faults: Faults) -> None:
    """A time or an event that a cell can bring about."""
    run = _table(raw, "run")
    if run is None or "until" in run:
        return
    events = run.get("stop_when")
    both = 'stop_when = ["passed", "stalled"] with at least one cell'
    if not raw.get("cells") or not isinstance(events, list) or len(events) < 2:
        faults.add("run.until", f'missing: nothing is sure to end the run; give until = "50 ms", or {both}')


def _table(raw: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A table of the case, empty when absent; None when it is something else, which is reported elsewhere."""
    table = raw.get(name, {})
    return table if isinstance(table, dict) else None


def _contradiction(given: list[str]) -> str:
    return f"{' and '.join(given)} contradict each other; keep one of them"
