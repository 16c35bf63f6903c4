"""Whether the files of a run are as they were written."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hemoflow.errors import InputError, RunError
from hemoflow.output import layout
from hemoflow.output.checkpoint import load_checkpoint
from hemoflow.output.disk import sha256_of
from hemoflow.output.folder import checkpoints_in
from hemoflow.output.hdf5 import reading
from hemoflow.output.provenance import digest_of, read_provenance

_BLOCK = 1 << 22  # numbers read at a time


@dataclass(frozen=True)
class Damage:
    """A file of a run folder that is not as it was written, and how that shows."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


def verify_folder(folder: str | Path) -> list[Damage]:
    """Check every file of a run: against the checksums of a finished run, and by reading all of it. The damaged ones
    are returned.

    An unfinished run has no checksums yet; then only what the files themselves tell is checked. Raises InputError for
    a folder without a run.
    """
    folder = Path(folder)
    if not (folder / layout.CASE).exists() and not (folder / layout.PROVENANCE).exists():
        raise InputError(f"{folder} holds no run: it has neither {layout.CASE} nor {layout.PROVENANCE}")
    found = _provenance(folder)
    listed = read_provenance(folder).get("files")
    for name, known in listed.items() if isinstance(listed, dict) else ():
        found += _against(folder, name, known)
    spoiled = {damage.file for damage in found}
    checks = {name: check for name, check in _CHECKS.items() if (folder / name).exists()}
    checks |= {path.name: load_checkpoint for path in checkpoints_in(folder)}
    for name, check in checks.items():
        if name not in spoiled:
            found += _by_reading(folder / name, check)
    return found


def _provenance(folder: Path) -> list[Damage]:
    if not (folder / layout.PROVENANCE).exists():
        return []
    record = read_provenance(folder)
    if record and record.get("digest") == digest_of(record):
        return []
    return [Damage(layout.PROVENANCE, "its content does not match its own checksum")]


def _against(folder: Path, name: str, known: Any) -> list[Damage]:
    path = folder / name
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts or not isinstance(known, dict):
        return [Damage(layout.PROVENANCE, f"lists {name!r}, which is no file of a run folder")]
    if path.is_symlink() or not path.is_file():
        return [Damage(name, "is missing" if not path.is_symlink() else "is a symbolic link; not followed")]
    if path.stat().st_size != known.get("bytes"):
        return [Damage(name, f"has {path.stat().st_size} bytes instead of {known.get('bytes')}")]
    return [] if sha256_of(path) == known.get("sha256") else [Damage(name, "its content has changed (SHA-256 differs)")]


def _by_reading(path: Path, check: Callable[[Path], Any]) -> list[Damage]:
    try:
        check(path)
    except (InputError, RunError, OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        return [Damage(path.name, reason.removeprefix(f"{path} ").removeprefix(f"{path}: "))]
    return []


def _read_everything(path: Path) -> None:
    """Read all numbers of an HDF5 file in pieces, so that a changed bit meets its checksum."""
    with reading(path) as file:
        file.visititems(lambda _, item: _read_dataset(item) if hasattr(item, "chunks") else None)


def _read_dataset(dataset: Any) -> None:
    if not dataset.shape or not dataset.chunks:
        dataset[()]
        return
    rows = max(1, _BLOCK // max(1, int(np.prod(dataset.shape[1:], dtype=np.int64))))
    for first in range(0, dataset.shape[0], rows):
        dataset[first : first + rows]


def _check_results(path: Path) -> None:
    _read_everything(path)
    with reading(path) as file:
        root = file["VTKHDF"]
        times = root["Steps/Values"][:]
        for name in ("", *root["Assembly"]):
            steps = (root[name] if name else root)["Steps"]
            if int(steps.attrs["NSteps"]) != len(times) or not np.array_equal(steps["Values"][:], times):
                raise InputError(f"a step is missing in {name or 'the root'}")
    if not (np.diff(times) > 0).all():
        raise InputError("its times do not ascend")


def _check_tracks(path: Path) -> None:
    from hemoflow.output.reader import read_tracks

    if not (np.diff(read_tracks(path.parent).time) > 0).all():
        raise InputError("its times do not ascend")


def _check_events(path: Path) -> None:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != layout.EVENT_COLUMNS:
        raise InputError("its first line is not the names of the columns")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(layout.EVENT_COLUMNS):
            raise InputError(f"line {number} has {len(row)} columns instead of {len(layout.EVENT_COLUMNS)}")
        float(row[0])


def _check_log(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} is not JSON: {error}") from error


def _check_index(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.rstrip().endswith("</Xdmf>"):
        raise InputError("it does not end as it should")
    with reading(path.with_name(layout.RESULTS)) as file:
        steps = int(file["VTKHDF/Steps"].attrs["NSteps"])
    if text.count("<Time ") > steps:
        raise InputError(f"it lists {text.count('<Time ')} steps, but {layout.RESULTS} holds {steps}")


_CHECKS: dict[str, Callable[[Path], Any]] = {
    layout.CASE: lambda path: tomllib.loads(path.read_text(encoding="utf-8")),
    layout.RESULTS: _check_results,
    layout.RESULTS_INDEX: _check_index,
    layout.TRACKS: _check_tracks,
    layout.EVENTS: _check_events,
    layout.LOG: _check_log,
    layout.SCORE: lambda path: json.loads(path.read_text(encoding="utf-8")),
}
