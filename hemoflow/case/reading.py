"""From a case file to a `Case`: text, overrides, then every fault at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemoflow.case.faults import OVERRIDDEN, Faults
from hemoflow.case.overrides import apply_overrides
from hemoflow.case.record import Case
from hemoflow.case.tables import read_table
from hemoflow.errors import InputError

LARGEST_FILE = 2**20
LONGEST_NAME = 64


def read_case(path: str | Path, overrides: Sequence[str] = ()) -> Case:
    """The case in a TOML file, with ``"key.path=value"`` overrides put in first.

    Paths of vessel files are relative to the folder of the case file.
    Raises one InputError that lists everything wrong: path, line, value and remedy.
    """
    path = Path(path)
    name = path.absolute().parent.name if path.stem == "case" else path.stem
    return _read(_text(path), path.absolute().parent, overrides, str(path), name)


def read_case_text(text: str, folder: str | Path, overrides: Sequence[str] = ()) -> Case:
    """As `read_case`, from the text of a case file that stands in `folder`."""
    folder = Path(folder).absolute()
    return _read(text, folder, overrides, "case", folder.name)


def _read(text: str, folder: Path, overrides: Sequence[str], source: str, name: str) -> Case:
    content = _parsed(text, source)
    faults = Faults(folder)
    lines = line_numbers(text)
    for touched in apply_overrides(content, overrides, faults):
        lines[touched] = OVERRIDDEN
    general = content.setdefault("case", {})
    if isinstance(general, dict):
        general.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:LONGEST_NAME] or "case")
    case = read_table(Case, content, "", faults)
    faults.refuse(source, lines)
    return case.model_copy(update={"folder": folder})


def _text(path: Path) -> str:
    """A case file's text. Raises InputError for one that is missing, unreadable, too large or not text."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: {'is a folder, give the case file in it' if path.is_dir() else 'no such file'}")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(
                f"{path}: {path.stat().st_size} bytes; a case file has at most {LARGEST_FILE}. Is this a case file?"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8 (byte {error.start}); save the case file as UTF-8 text") from None
    if "\0" in text:
        raise InputError(f"{path}: a binary file; a case file is TOML text")
    return text


def _parsed(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem, at, place = str(error).rpartition(" (at ")
        place = place.rstrip(")") if at else ""
        raise InputError(f"{source}: not valid TOML{', ' if place else ''}{place}: {problem or error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: not valid TOML: {str(error) or 'nested too deeply'}") from None


def line_numbers(text: str) -> dict[str, int]:
    """Line of each dotted path (``cells[0].diameter``) and table, as far as each stands on a line of its own."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[(\[?)\s*([\w.\s\"-]+?)\s*\]", line):
            names = [part.strip(' "') for part in header.group(2).split(".")]
            table = ""
            for i, name in enumerate(names):
                table = f"{table}.{name}" if table else name
                if header.group(1) and i == len(names) - 1:
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = f"{table}[{counts[table]}]"
            found.setdefault(table, number)
        elif key := re.match(r"\s*([\w\"-]+(?:\s*\.\s*[\w\"-]+)*)\s*=", line):
            name = ".".join(part.strip(' "') for part in key.group(1).split("."))
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found
