"""Finds the runner that can produce a reference value, by family and quantity, also in a renamed table."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from hemoflow import resources, validate
from hemoflow.validate.record import ByNames
from hemoflow.validate.table import Reference, normalise, read_table

if TYPE_CHECKING:
    from hemoflow.validate.record import Measurement, Settings

    Runner = Callable[[dict[str, str], Settings], Measurement]
    Runners = Mapping[tuple[str, str], Runner | ByNames]

_MACHINERY = {"table", "run", "find", "record", "slit_picture"}
_CASE_ROOT = re.compile(r"^[A-Za-z]+-[A-Za-z]+\d+")
_BAND_EDGE = re.compile(r" acceptance band (lo|hi)$")


def load_runners() -> Runners:
    """All runners, keyed by (family, quantity), from every module of `hemoflow.validate` that has `RUNNERS`.

    A quantity with `*` in it, such as `p(*)`, stands for any name there; its runner is made from the names (`ByNames`).
    """
    found: dict[tuple[str, str], Runner] = {}
    for module in pkgutil.iter_modules(validate.__path__):
        if module.name not in _MACHINERY:
            runners = getattr(importlib.import_module(f"{validate.__name__}.{module.name}"), "RUNNERS", {})
            found |= {(family, normalise(quantity)): runner for (family, quantity), runner in runners.items()}
    return found


def find_runner(reference: Reference, runners: Runners) -> Runner | None:
    """The runner for a reference value, or None where no runner produces this quantity.

    A family that hemoflow knows (a shipped table's or a runner's) is taken at its word. Any other table name, such as a
    table that somebody renamed, is matched by quantity, then by the case id's root (O-F02 of O-F02a), then by the
    likeness of the parameters' names and values.
    """
    for quantity in (reference.quantity, _BAND_EDGE.sub("", reference.quantity)):
        producing = ((family, _named(name, runner, quantity)) for (family, name), runner in runners.items())
        candidates = {family: runner for family, runner in producing if runner is not None}
        family = _family(reference, quantity, set(candidates), {family for family, _ in runners})
        if family is not None:
            return candidates[family]
    return None


def _named(name: str, runner: Runner | ByNames, quantity: str) -> Runner | None:
    """The runner if it is registered for this quantity, made from the quantity's words where its name has stars."""
    if not isinstance(runner, ByNames):
        return runner if name == quantity else None
    words = re.fullmatch(re.escape(name).replace(r"\*", r"(\S+?)"), quantity)
    return runner.make(*words.groups()) if words else None


def _family(reference: Reference, quantity: str, candidates: set[str], families: set[str]) -> str | None:
    shipped = _shipped()
    if reference.family in families | {row.family for row in shipped}:
        return reference.family if reference.family in candidates else None
    root = _case_root(reference.case_id)
    homes = {row.family for row in shipped if root and _case_root(row.case_id) == root}
    if homes:
        candidates = candidates & homes
    likeness = {
        family: max(
            (_likeness(reference, row) for row in shipped if row.family == family and row.quantity == quantity),
            default=0.0,
        )
        for family in candidates
    }
    best = sorted(likeness, key=lambda family: -likeness[family])
    if len(best) > 1 and likeness[best[0]] == likeness[best[1]]:
        return None
    return best[0] if best else None


def _likeness(one: Reference, other: Reference) -> float:
    """Share of parameter names in common, plus a tenth of the share of equal values (words such as `law=NH`)."""
    names = set(one.params) | set(other.params)
    if not names:
        return 1.0
    shared = set(one.params) & set(other.params)
    equal = sum(one.params[name] == other.params[name] for name in shared)
    return len(shared) / len(names) + 0.1 * equal / len(names)


def _case_root(case_id: str) -> str:
    found = _CASE_ROOT.match(case_id)
    return found.group() if found else ""


@cache
def _shipped() -> tuple[Reference, ...]:
    return tuple(row for path in resources.reference_tables() for row in read_table(path).rows)
