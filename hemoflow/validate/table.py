"""Reads tables of reference values: rows of (case, quantity, parameters) with a value, or a curve in columns."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from hemoflow.errors import InputError

_REQUIRED = ("case_id", "quantity", "params", "value", "tol", "tol_type")
TOLERANCE_TYPES = ("rel", "abs", "bound", "info", "band")
_ABSCISSA = re.compile(r"^(x|y|z|r|s|t|time|radius)($|[_/])")
_NOT_A_CURVE = {"source", "confidence", "note", "units"}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# "0.05 at 1280", "(0.025 at a=16)", "tol 0.15 when quick": the tolerance a table states for another resolution
_OTHER_TOLERANCE = re.compile(rf"({_NUMBER})\s*(%?)\s*(?:at\s|when quick)")


@dataclass(frozen=True)
class Reference:
    """One reference value, or one curve, and how closely it must be met.

    `value` is a number or the curve's ordinates; `abscissa` holds (name, points) for a curve. `tolerance` is relative
    ("rel"), absolute ("abs"), the slack of a one-sided bound ("bound") or of an interval `value` .. `value_high`
    ("band"), a share of the curve's largest ("of-max") or last ("of-final") magnitude, or nothing that is judged
    ("info"). `rounding` is half a unit of the value's last printed digit: nothing can meet a printed value more closely.
    `quick_tolerance` is the widest one that the table states for another resolution (never narrower than
    `tolerance`).
    """

    family: str
    case_id: str
    quantity: str
    params: dict[str, str]
    value: float | tuple[float, ...]
    units: str
    tolerance: float
    tolerance_type: str
    quick_tolerance: float
    value_high: float | None = None
    side: str = "upper"
    abscissa: tuple[str, tuple[float, ...]] | None = None
    source: str = ""
    rounding: float = 0.0


@dataclass(frozen=True)
class Table:
    """A reference table: the family is the file's stem, or what its `# params:` line says."""

    path: Path
    family: str
    rows: tuple[Reference, ...] = field(repr=False)


def normalise(text: str) -> str:
    """The text with runs of white space as one space and none at the ends."""
    return " ".join(text.split())


def parse_params(text: str) -> dict[str, str]:
    """`name=value` pairs joined by `;` as a dict of text; a bare word (`;steady;`) gets an empty value.

    Only the first `=` of a pair parts name and value, and a value may hold `:` or blanks, as in `a:b:c=1:1:0.5` or
    `F=38.3 pN`.
    """
    pairs = (normalise(part).partition("=") for part in text.split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def read_table(path: str | Path) -> Table:
    """Reads a table of values, or a `profile_*` table of curves.

    Raises InputError naming the file and line for a missing column, a value that is no number, or an unknown
    `tol_type`.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a reference table ({error})") from error
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    body = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if len(body) < 2:
        raise InputError(f"{path}: holds no rows; expected a header line and at least one row")
    numbers = [number for number, _ in body[1:]]
    records = list(csv.DictReader(line for _, line in body))
    given = next((c.partition(":")[2] for c in comments if c.startswith("params:")), None)
    if given is not None:
        return _curves(path, parse_params(given), records, " ".join(comments))
    columns = set(records[0])
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise InputError(f"{path}: line {body[0][0]}: column(s) missing: {', '.join(missing)}")
    rows = tuple(_row(path, number, record) for number, record in zip(numbers, records, strict=True))
    return Table(path, path.stem, rows)


def _row(path: Path, line: int, record: dict[str, str]) -> Reference:
    text = {name: normalise(value or "") for name, value in record.items() if isinstance(name, str)}
    kind = text["tol_type"] or "rel"
    where = f"{path}: line {line}"
    if kind not in TOLERANCE_TYPES:
        raise InputError(f"{where}: tol_type {kind!r} is unknown; one of {', '.join(TOLERANCE_TYPES)}")
    low, high = _interval(text["value"], kind, where)
    # A bound may say its side in place of a tolerance ("lower bound"); info rows are never judged.
    tolerance = _number(text["tol"], where) if _is_number(text["tol"]) else math.nan
    if math.isnan(tolerance):
        if kind in ("rel", "abs"):
            raise InputError(f"{where}: tol {text['tol']!r} is not a number")
        tolerance = 0.0
    return Reference(
        family=path.stem,
        case_id=text["case_id"],
        quantity=text["quantity"],
        params=parse_params(text["params"]),
        value=low,
        value_high=high,
        units=text.get("units", ""),
        tolerance=tolerance,
        tolerance_type=kind,
        quick_tolerance=_widest(tolerance, text.get("tol_resolution", "")),
        side=_side(text["quantity"], text["tol"]),
        source=text.get("source", ""),
        rounding=_rounding(text["value"]),
    )


def _curves(path: Path, params: dict[str, str], records: list[dict[str, str]], comments: str) -> Table:
    family = params.pop("family", path.stem)
    tolerance = _number(params.pop("tol", "nan"), f"{path}: # params")
    kind = params.pop("tol_type", "abs")
    own = {name.removeprefix("tol_"): params.pop(name) for name in list(params) if name.startswith("tol_")}
    rows: list[Reference] = []
    abscissa: tuple[str, tuple[float, ...]] | None = None
    for column in [name for name in records[0] if name and name.lower() not in _NOT_A_CURVE]:
        points = tuple(_number(record[column], f"{path}: column {column}") for record in records)
        if abscissa is None or _ABSCISSA.match(column):
            abscissa = (column, points)
            continue
        limit, limit_type = (
            (_number(own[column], f"{path}: tol_{column}"), "abs") if column in own else (tolerance, kind)
        )
        rows.append(
            Reference(
                family=family,
                case_id=path.stem,
                quantity=column,
                params=dict(params),
                value=points,
                units="deg" if column.endswith("_deg") else "",
                tolerance=limit,
                tolerance_type=limit_type,
                quick_tolerance=limit if column in own else _widest(limit, comments),
                abscissa=abscissa,
                source=records[0].get("source", "") or "",
            )
        )
    return Table(path, family, tuple(rows))


def _interval(text: str, kind: str, where: str) -> tuple[float, float | None]:
    low, dots, high = text.partition("..")
    if kind == "band" and dots:
        return _number(low, where), _number(high, where)
    return _number(text, where), None


def _side(quantity: str, tolerance: str) -> str:
    """Which side a bound limits: "lower" where the quantity or the tolerance says lo, lower, min; else "upper"."""
    words = set(re.findall(r"[a-z]+", f"{quantity} {tolerance}".lower()))
    return "lower" if words & {"lo", "low", "lower", "minimum"} else "upper"


def _widest(tolerance: float, text: str) -> float:
    stated = [float(value) / (100 if percent else 1) for value, percent in _OTHER_TOLERANCE.findall(text)]
    return max([tolerance, *(value for value in stated if value < 1)])


def _rounding(text: str) -> float:
    """Half a unit of the last digit that a value is printed with, where it is printed with a fraction or an exponent."""
    mantissa, _, exponent = text.lower().partition("e")
    if not _is_number(text) or not (exponent or "." in mantissa):
        return 0.0
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def _is_number(text: str) -> bool:
    return re.fullmatch(_NUMBER, text.strip()) is not None


def _number(text: str, where: str) -> float:
    if not _is_number(text or ""):
        raise InputError(f"{where}: {text!r} is not a number")
    return float(text)
