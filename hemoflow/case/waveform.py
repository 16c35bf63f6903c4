"""How the drive changes in time: steady, a sine, or a curve from a file."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from hemoflow.case import rules
from hemoflow.case.faults import Faults
from hemoflow.case.kinds import FAULTY, NOT_NEGATIVE, Choice, Number, Quantity, Range
from hemoflow.case.tables import File, Record
from hemoflow.errors import InputError
from hemoflow.schema import quantity, shown

Array = NDArray[np.float64]
Points = tuple[tuple[float, float], ...]
MOST_POINTS = 5000
PER_INTERVAL = 16
"""Places between two points of a curve at which its largest size is looked for."""


@dataclass(frozen=True)
class Curve:
    """Points of a curve, (time in s, factor), or with `from_file` the path of a table that holds them."""

    from_file: bool = False

    @property
    def needs(self) -> str:
        """Its form."""
        return 'the path of a CSV file, e.g. "q.csv"' if self.from_file else "a list of [seconds, factor]"

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The points; FAULTY after noting what is wrong."""
        file = File(self.needs).read(raw, path, faults) if self.from_file else None
        if file is FAULTY:
            return FAULTY
        try:
            points = read_points(file) if isinstance(file, Path) else _given(raw)
            _check(points)
        except InputError as error:
            faults.add(path, str(error))
            return FAULTY
        return points

    def write(self, value: Points) -> str:
        """TOML list."""
        return "[" + ", ".join(f"[{time!r}, {factor!r}]" for time, factor in value) + "]"


def read_points(path: Path) -> Points:
    """The points of a CSV file: a header such as `time [ms], factor`, then a row of two numbers per point; `#` begins a comment.

    Raises InputError naming the line and the value for a header without a unit of time and for what is no number.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from None
    rows = [(n, row) for n, row in enumerate(csv.reader(lines), 1) if any(row) and not row[0].lstrip().startswith("#")]
    header = ",".join(rows[0][1]) if rows else ""
    unit = re.search(r"[\[(]\s*([^\])]+?)\s*[\])]", header.partition(",")[0])
    if unit is None:
        raise InputError(f"{path}: the header {shown(header)} names no unit of time; write e.g. 'time [ms], factor'")
    try:
        scale = quantity(f"1 {unit.group(1)}", "s")
    except InputError as error:
        raise InputError(f"{path}: the unit of time in the header: {error}") from None
    return tuple((scale * t, f) for t, f in (_numbers(path, line, row) for line, row in rows[1:]))


def _numbers(path: Path, line: int, row: list[str]) -> tuple[float, float]:
    try:
        time, factor = (float(text) for text in row)
    except ValueError:
        raise InputError(
            f"{path}: line {line}: {shown(','.join(row))} is not two numbers; write time and factor parted by a comma"
        ) from None
    return time, factor


def _given(raw: Any) -> Points:
    pairs = isinstance(raw, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in raw)
    if not pairs or any(isinstance(x, bool) or not isinstance(x, int | float) for pair in raw for x in pair):
        raise InputError(f"{shown(raw)} is not a list of [seconds, factor]; give e.g. [[0.0, 1.0], [0.5, 2.0]]")
    return tuple((float(t), float(f)) for t, f in raw)


def _check(points: Points) -> None:
    """Two points or more, finite, later and later."""
    if not 2 <= len(points) <= MOST_POINTS:
        raise InputError(f"{len(points)} rows of time and factor; give 2 to {MOST_POINTS}")
    for k, (time, factor) in enumerate(points):
        if not (math.isfinite(time) and math.isfinite(factor)):
            raise InputError(f"row {k + 1} ({time}, {factor}) is not finite; give numbers")
        if k and time <= points[k - 1][0]:
            raise InputError(
                f"row {k + 1} is at {time:.6g} s, not after {points[k - 1][0]:.6g} s; sort the rows by time"
            )


class Waveform(Record):
    """Factor on the driven quantity: mean + amplitude sin(2 pi t / period + phase); period in s, phase in rad; or a curve through
    `points` (s, factor), repeated with the period or, without one, held before its first and after its last point."""

    kind: Annotated[Literal["steady", "sine", "file"], Choice(("steady", "sine", "file"))] = "steady"
    mean: Annotated[float, Number(example="1.0")] = 1.0
    amplitude: Annotated[float, Number(NOT_NEGATIVE, example="0.5")] = 0.0
    period: Annotated[float | None, Quantity("s")] = None
    phase: Annotated[float, Quantity("rad", Range())] = 0.0
    path: Annotated[Points | None, Curve(from_file=True)] = None
    points: Annotated[Points | None, Curve()] = None
    interpolation: Annotated[Literal["spline", "linear"], Choice(("spline", "linear"))] = "spline"

    @model_validator(mode="before")
    @classmethod
    def _keep_points(cls, values: dict[str, Any]) -> dict[str, Any]:
        """What a file holds becomes part of the case, which so stays whole when the file changes."""
        return values | {"points": values["path"], "path": None} if values.get("path") is not None else values

    def factor(self, time: Array) -> Array:
        """The factor at times (T,) in s; the mean alone when steady."""
        if self.points is not None:
            return _curve(self.points, self.period, self.interpolation == "linear")(np.asarray(time, float))
        if self.kind == "steady" or self.period is None:
            return np.full(len(time), self.mean)
        return self.mean + self.amplitude * np.sin(2.0 * np.pi * time / self.period + self.phase)

    @property
    def largest(self) -> float:
        """Largest size of the factor."""
        if self.points is not None:
            times = np.array([time for time, _ in self.points])
            ends = times if self.period is None else np.append(times, times[0] + self.period)
            between = np.interp(
                np.arange((len(ends) - 1) * PER_INTERVAL + 1) / PER_INTERVAL, np.arange(len(ends)), ends
            )
            return float(np.max(np.abs(self.factor(between))))
        return abs(self.mean) + (0.0 if self.kind == "steady" else abs(self.amplitude))

    @property
    def timescale(self) -> float | None:
        """Time (s) after which the factor repeats, or over which it changes; None when steady."""
        if self.period is None and self.points is not None:
            return self.points[-1][0] - self.points[0][0]
        return None if self.kind == "steady" else self.period

    def share(self, time: Array) -> Array:
        """Size of the factor (T,) against its largest: how far the drive is on; always 1 when steady."""
        if self.kind == "steady" or not self.largest:
            return np.ones(len(time))
        return np.abs(self.factor(time)) / self.largest

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """A sine has a period; a steady flow has neither amplitude nor period; a curve has points and fits into its period."""
        rules.waveform(raw, values, path, faults)


@lru_cache(maxsize=8)
def _curve(points: Points, period: float | None, linear: bool) -> Any:
    """The function of time through the points. A periodic spline is smooth over the seam, one that is held begins and ends level."""
    from scipy.interpolate import CubicSpline

    times, factors = np.array(points).T
    if period is not None:
        if times[-1] - times[0] < period * (1.0 - 1e-9):
            times, factors = np.append(times, times[0] + period), np.append(factors, factors[0])
        factors[-1] = factors[0]
    spline = None if linear else CubicSpline(times, factors, bc_type="clamped" if period is None else "periodic")

    def at(time: Array) -> Array:
        inside = np.clip(time, times[0], times[-1]) if period is None else times[0] + (time - times[0]) % period
        return np.interp(inside, times, factors) if spline is None else np.asarray(spline(inside))

    return at
