"""Looking at the [fate] section of a case before a run starts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from hemoflow.errors import InputError
from hemoflow.fate.arrest import ArrestModel
from hemoflow.fate.exit import ExitModel
from hemoflow.fate.survival import SurvivalModel

MODELS: dict[str, Callable[[Mapping[str, Any] | None], Any]] = {
    "survival": SurvivalModel.from_dict,
    "arrest": ArrestModel.from_dict,
    "exit": ExitModel.from_dict,
}


def check_fate(section: Mapping[str, Any] | None) -> None:
    """Raises one InputError that lists every fault of a [fate] section, each with its path and a remedy."""
    faults = []
    for name, table in dict(section or {}).items():
        if name not in MODELS:
            near = difflib.get_close_matches(name, MODELS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(MODELS)}"
            faults.append(f"fate.{name}: unknown table; {hint}")
        elif not isinstance(table, Mapping):
            faults.append(f"fate.{name}: {table!r} is not a table; write its keys below a line [fate.{name}]")
        else:
            try:
                MODELS[name](table)
            except InputError as error:
                faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))
