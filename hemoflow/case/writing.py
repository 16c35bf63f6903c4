"""A case as a TOML file with every default written out, in SI with units."""

from __future__ import annotations

from typing import Any

from hemoflow.case.cells import OVERRIDABLE, CellSection
from hemoflow.case.record import Case
from hemoflow.case.tables import Record, bare, kinds_of, plain, written


def case_text(case: Case) -> str:
    """TOML that reads back to an equal case, the vessel file by its absolute path.

    Cells list every value of their type, so that the file says what was run even when the catalogue changes later.
    """
    parts = []
    for name in kinds_of(Case):
        value = getattr(case, name)
        if isinstance(value, Record):
            parts.append(_table(f"[{name}]", written(value)))
        elif name == "cells":
            parts += [_table("[[cells]]", _cell(section)) for section in value]
        else:
            parts += [_table(f"[{name}.{key}]", _plain(table)) for key, table in value.items()]
    return "\n".join(parts)


def _cell(section: CellSection) -> dict[str, str]:
    values = section.every_value()
    return written(section) | {name: OVERRIDABLE[name].write(value) for name, value in values.items()}


def _plain(table: dict[str, Any]) -> dict[str, str]:
    return {bare(key): plain(value) for key, value in table.items()}


def _table(head: str, texts: dict[str, str]) -> str:
    return "\n".join([head, *(f"{key} = {text}" for key, text in texts.items())]) + "\n"
