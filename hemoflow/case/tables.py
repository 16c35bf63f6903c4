"""Records whose fields say what values they hold, read from TOML tables and written back to them.

Reading never stops at the first fault: it notes each with its path and goes on.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from hemoflow.case.faults import Faults
from hemoflow.case.kinds import FAULTY, Vector, quoted
from hemoflow.schema import shown


class Kind(Protocol):
    """What a key can hold."""

    @property
    def needs(self) -> str:
        """The kind of value in words."""

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The value, or FAULTY after noting what is wrong."""

    def write(self, value: Any) -> str:
        """The value as TOML text."""


class Record(BaseModel):
    """One table of a case, frozen; every field is `Annotated` with the kind of its value."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    spread: ClassVar[str | None] = None
    """Field that collects keys beyond the fields: those that `more` allows."""

    @classmethod
    def more(cls, raw: dict[str, Any]) -> dict[str, Kind]:
        """Keys allowed beyond the fields, given the table."""
        return {}

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """Note what contradicts or is missing; `raw` is the table, `values` what could be read of it."""


def kinds_of(model: type[Record]) -> dict[str, Kind]:
    """The kind of each field that a table may set."""
    return {
        name: field.metadata[0] for name, field in model.model_fields.items() if field.metadata and name != model.spread
    }


def read_table(model: type[Record], raw: Any, path: str, faults: Faults) -> Any:
    """The record of a table; FAULTY when anything in it is wrong."""
    if not isinstance(raw, dict):
        faults.add(path, f"{shown(raw)} is not a table; write its keys below a line [{path}]")
        return FAULTY
    before = len(faults.found)
    kinds, more = kinds_of(model), model.more(raw)
    values: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for key, item in raw.items():
        where = f"{path}.{key}" if path else key
        if key in kinds or key in more:
            value = (kinds.get(key) or more[key]).read(item, where, faults)
            (values if key in kinds else spread)[key] = value
        else:
            faults.unknown(path, key, [*kinds, *more])
    for key, kind in kinds.items():
        if key not in raw and model.model_fields[key].is_required():
            faults.add(f"{path}.{key}" if path else key, f"missing; give {kind.needs}")
    if model.spread:
        values[model.spread] = spread
    model.check(raw, {k: v for k, v in values.items() if v is not FAULTY}, path, faults)
    return model(**values) if len(faults.found) == before else FAULTY


@dataclass(frozen=True)
class Table:
    """A table inside a table."""

    model: type[Record]

    @property
    def needs(self) -> str:
        """Its keys."""
        return "a table with " + ", ".join(kinds_of(self.model))

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The record."""
        return read_table(self.model, raw, path, faults)

    def write(self, value: Record) -> str:
        """TOML inline table."""
        return "{ " + ", ".join(f"{key} = {text}" for key, text in written(value).items()) + " }"


@dataclass(frozen=True)
class Tables:
    """A list of tables."""

    model: type[Record]

    @property
    def needs(self) -> str:
        """Its keys."""
        return "a list of tables with " + ", ".join(kinds_of(self.model))

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The records as a tuple."""
        if not isinstance(raw, list):
            faults.add(path, f"{shown(raw)} is not a list of tables; begin each with a line [[{path}]]")
            return FAULTY
        read = [read_table(self.model, item, f"{path}[{i}]", faults) for i, item in enumerate(raw)]
        return FAULTY if any(item is FAULTY for item in read) else tuple(read)

    def write(self, value: tuple[Record, ...]) -> str:
        """TOML list of inline tables."""
        return "[" + ", ".join(Table(self.model).write(item) for item in value) + "]"


@dataclass(frozen=True)
class Named:
    """A table of three-component quantities by one of a few names."""

    names: tuple[str, ...]
    vector: Vector

    @property
    def needs(self) -> str:
        """Its form."""
        return f'a table such as {{ "{self.names[0]}" = {self.vector.needs} }}'

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The vectors by name."""
        if not isinstance(raw, dict):
            faults.add(path, f"{shown(raw)} is not a table; give {self.needs}")
            return FAULTY
        values = {}
        for name, item in raw.items():
            if name in self.names:
                values[name] = self.vector.read(item, f"{path}.{name}", faults)
            else:
                faults.unknown(path, name, self.names)
        return FAULTY if FAULTY in values.values() or len(values) < len(raw) else values

    def write(self, value: dict[str, Any]) -> str:
        """TOML inline table."""
        return "{ " + ", ".join(f"{quoted(name)} = {self.vector.write(v)}" for name, v in value.items()) + " }"


@dataclass(frozen=True)
class File:
    """A file that must exist; its path is relative to the folder of the case."""

    needs: str = 'the path of a file, e.g. "vessel.stl"'

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The absolute path."""
        if not isinstance(raw, str) or not raw.strip() or "\0" in raw or len(raw) > 4096:
            faults.add(path, f"{shown(raw)} is not a path; give {self.needs}")
            return FAULTY
        tried = faults.folder / raw
        try:
            tried = tried.parent.resolve() / tried.name
            what = "" if tried.is_file() else "is a folder, not a file" if tried.is_dir() else "does not exist"
        except (OSError, RuntimeError) as error:
            what = f"cannot be looked at ({getattr(error, 'strerror', None) or error})"
        if what:
            faults.add(path, f"{shown(raw)}: {tried} {what}; paths are relative to the folder of the case file")
            return FAULTY
        return tried

    def write(self, value: Path) -> str:
        """TOML text."""
        return quoted(str(value))


@dataclass(frozen=True)
class Raw:
    """Tables kept as they are; only the names on the first level are checked."""

    names: tuple[str, ...]

    @property
    def needs(self) -> str:
        """Its keys."""
        return "tables " + ", ".join(self.names)

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The tables."""
        before = len(faults.found)
        if not isinstance(raw, dict):
            faults.add(path, f"{shown(raw)} is not a table; write its keys below a line [{path}.{self.names[0]}]")
            return FAULTY
        for name, item in raw.items():
            if name not in self.names:
                faults.unknown(path, name, self.names)
            elif not isinstance(item, dict):
                faults.add(
                    f"{path}.{name}", f"{shown(item)} is not a table; write its keys below a line [{path}.{name}]"
                )
            else:
                _check_plain(item, f"{path}.{name}", faults)
        return raw if len(faults.found) == before else FAULTY

    def write(self, value: dict[str, Any]) -> str:
        """TOML inline table."""
        return plain(value)


def _check_plain(value: Any, path: str, faults: Faults) -> None:
    """Notes values that are neither text, finite numbers, true or false, nor lists and tables of these."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_plain(item, f"{path}.{key}", faults)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _check_plain(item, f"{path}[{i}]", faults)
    elif not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        faults.add(path, f"{shown(value)} is neither a finite number nor text; give a quantity such as '1 s'")


def plain(value: Any) -> str:
    """Any TOML value as text on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{bare(k)} = {plain(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def bare(key: str) -> str:
    """A key as TOML writes it: in quotes only where it must be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else quoted(key)


def written(record: Record) -> dict[str, str]:
    """TOML text of every key of a record that has a value, the spread ones included."""
    texts = {}
    for name, kind in kinds_of(type(record)).items():
        value = getattr(record, name)
        if value is not None and value != () and value != {}:
            texts[name] = kind.write(value)
    if record.spread:
        values = getattr(record, record.spread)
        more = type(record).more(record.model_dump(exclude={record.spread}))
        texts |= {key: more[key].write(value) for key, value in values.items()}
    return texts
