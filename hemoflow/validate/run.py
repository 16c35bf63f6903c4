"""Runs reference cases with the public solver and compares what comes out with the reference values."""

from __future__ import annotations

import fnmatch
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemoflow import native, resources
from hemoflow.errors import InputError
from hemoflow.validate.find import find_runner, load_runners
from hemoflow.validate.table import Reference, read_table

if TYPE_CHECKING:
    from hemoflow.validate.find import Runner, Runners
    from hemoflow.validate.record import Measurement, Settings

Result = dict[str, Any]

PRECISIONS = ("float64", "float32")


@dataclass(frozen=True)
class Judgement:
    """Error and tolerance of a measured value in the sense of `kind`; `passed` is None where nothing is judged."""

    error: float
    tolerance: float
    kind: str
    passed: bool | None


def validate(
    ids: Sequence[str] = (),
    table: str | Path | None = None,
    quick: bool = False,
    precision: str = "float64",
    progress: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Runs the rows chosen by `ids` from one table, or from every shipped table, and returns one result per row.

    `ids` are case ids (O-F02 also means O-F02a), table names, or patterns with `*`; none means all. A result holds
    case_id, quantity, params, value, reference, units, error, tolerance, tol_type, passed, status, seconds, resolution,
    node_updates, message, precision and backend (the tier in use). `status` is "passed", "failed", "info" (printed, never
    judged), "unsupported" (no runner) or "error" (the runner could not go on). `progress` is called with each result as it
    comes. Raises InputError for a table that cannot be read, an id that matches nothing, or an unknown precision.
    """
    from hemoflow.validate.record import Settings as SettingsRecord

    if precision not in PRECISIONS:
        raise InputError(f"validate: precision '{precision}' must be {' or '.join(PRECISIONS)}")

    rows = select(references(table), ids)
    runners = load_runners()
    settings = SettingsRecord(quick, precision)
    measured: dict[tuple[Any, ...], tuple[Measurement, float]] = {}
    results = []
    for row in rows:
        results.append(_result(row, find_runner(row, runners), settings, measured))
        if progress is not None:
            progress(results[-1])
    return results


def references(table: str | Path | None = None) -> list[Reference]:
    """The rows of one table, or of every shipped table."""
    paths: Iterable[str | Path] = resources.reference_tables() if table is None else [table]
    return [row for path in paths for row in read_table(path).rows]


def select(rows: Sequence[Reference], ids: Sequence[str]) -> list[Reference]:
    """The rows that an id names, in their own order; all rows where no id is given."""
    for wanted in ids:
        if not any(_named(row, wanted) for row in rows):
            known = sorted({row.case_id for row in rows} | {row.family for row in rows})
            near = get_close_matches(wanted, known, n=3)
            raise InputError(f"no reference case is called {wanted!r}" + (f"; near: {', '.join(near)}" if near else ""))
    return [row for row in rows if not ids or any(_named(row, wanted) for wanted in ids)]


def catalogue(table: str | Path | None = None, ids: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What could be run: table, case id, quantity, params, and whether a runner exists."""
    runners: Runners = load_runners()
    return [
        {
            "family": row.family,
            "case_id": row.case_id,
            "quantity": row.quantity,
            "params": _params_text(row),
            "supported": find_runner(row, runners) is not None,
        }
        for row in select(references(table), ids)
    ]


def exit_code(results: Sequence[Result]) -> int:
    """0 when every judged row passed and none is unsupported, else 1; no rows at all is 1 too."""
    return 0 if results and all(result["status"] in ("passed", "info") for result in results) else 1


def judge(reference: Reference, value: Any, tolerance: float) -> Judgement:
    """Compares a measured number or curve with its reference.

    rel: |v - r| / |r|; abs: |v - r|; bound: how far v lies beyond the bound; band: how far v lies outside the interval;
    a curve: the largest difference (angles modulo 360 degrees), of-max and of-final as a share of the curve's largest
    and last magnitude. A value that is not finite never passes.
    """
    kind = reference.tolerance_type
    if isinstance(reference.value, tuple):
        error = _curve_error(reference, value, kind)
    else:
        error = _number_error(reference, float(value), kind)
    slack = 0.0 if isinstance(reference.value, tuple) else _slack(reference)
    passed = None if kind == "info" else bool(math.isfinite(error) and error <= tolerance + slack)
    return Judgement(error, tolerance, kind, passed)


def _slack(reference: Reference) -> float:
    """What the rounding of a printed reference value adds to a tolerance: it decides only where that is of the same size."""
    assert isinstance(reference.value, float)
    relative = reference.tolerance_type == "rel" and reference.value != 0
    return reference.rounding / abs(reference.value) if relative else reference.rounding


def _number_error(reference: Reference, value: float, kind: str) -> float:
    target = reference.value
    assert isinstance(target, float)
    if kind == "bound":
        beyond = target - value if reference.side == "lower" else value - target
        return max(beyond, 0.0) if math.isfinite(value) else math.nan
    if kind == "band" and reference.value_high is not None:
        return max(target - value, value - reference.value_high, 0.0) if math.isfinite(value) else math.nan
    difference = abs(value - target)
    return difference / abs(target) if kind in ("rel", "info") and target != 0 else difference


def _curve_error(reference: Reference, value: Any, kind: str) -> float:
    curve = [float(point) for point in value]
    target = reference.value
    assert isinstance(target, tuple)
    if len(curve) != len(target):
        raise InputError(
            f"the runner of {reference.quantity!r} gave {len(curve)} points where the table has {len(target)}"
        )
    differences = [abs(a - b) for a, b in zip(curve, target, strict=True)]
    if reference.units == "deg":
        differences = [abs((d + 180.0) % 360.0 - 180.0) for d in differences]
    scale = {"of-max": max(abs(point) for point in target), "of-final": abs(target[-1])}.get(kind, 1.0)
    if kind == "rel":
        differences = [d / abs(b) if b else d for d, b in zip(differences, target, strict=True)]
    return math.nan if any(math.isnan(d) for d in differences) else max(differences) / scale


def _result(row: Reference, runner: Runner | None, settings: Settings, measured: dict[Any, Any]) -> Result:
    reference = row.value if row.value_high is None else [row.value, row.value_high]
    result: Result = {
        "case_id": row.case_id,
        "quantity": row.quantity,
        "params": _params_text(row),
        "value": None,
        "reference": list(reference) if isinstance(reference, tuple) else reference,
        "units": row.units,
        "error": None,
        "tolerance": row.tolerance,
        "tol_type": row.tolerance_type,
        "passed": None if row.tolerance_type == "info" else False,
        "status": "unsupported",
        "seconds": 0.0,
        "resolution": None,
        "node_updates": 0,
        "message": "",
        "precision": settings.precision,
        "backend": native.status().backend,
    }
    if runner is None:
        return result | {"message": "no runner produces this quantity"}
    try:
        measurement, seconds = _measure(row, runner, settings, measured)
        tolerance = (
            max(row.quick_tolerance, getattr(measurement, "tolerance", None) or 0.0)
            if settings.quick
            else row.tolerance
        )
        verdict = judge(row, measurement.value, tolerance)
    except Exception as error:  # whatever one case does, the other rows are still run and reported
        return result | {"status": "error", "message": f"{type(error).__name__}: {error}"}
    value: Any = measurement.value
    return result | {
        "value": [float(point) for point in value] if isinstance(row.value, tuple) else float(value),
        "error": verdict.error,
        "tolerance": verdict.tolerance,
        "passed": verdict.passed,
        "status": {None: "info", True: "passed", False: "failed"}[verdict.passed],
        "seconds": seconds,
        "resolution": measurement.resolution,
        "node_updates": int(measurement.node_updates),
    }


def _measure(row: Reference, runner: Runner, settings: Settings, measured: dict[Any, Any]) -> tuple[Measurement, float]:
    """Runs a case once; rows that ask the same of the same runner share the measurement and its time."""
    import jax

    params = dict(row.params)
    if row.abscissa is not None:
        name, points = row.abscissa
        params[name] = ",".join(repr(point) for point in points)
    key = (runner, tuple(params.items()), settings)
    if key not in measured:
        start = time.perf_counter()
        with jax.enable_x64(True):
            measurement = runner(params, settings)
        measured[key] = (measurement, time.perf_counter() - start)
    return measured[key]


def _named(row: Reference, wanted: str) -> bool:
    part_of_case = row.case_id.startswith(wanted) and row.case_id[len(wanted) :].isalpha()
    return part_of_case or any(fnmatch.fnmatchcase(name, wanted) for name in (row.case_id, row.family))


def _params_text(row: Reference) -> str:
    return ";".join(f"{name}={value}" if value else name for name, value in row.params.items())
