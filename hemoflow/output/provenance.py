"""provenance.json: with what a run was made, and the checksums by which its files can be told from damaged ones."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from hemoflow.output import layout
from hemoflow.output.disk import replace_text, sha256_of
from hemoflow.output.folder import checkpoints_in
from hemoflow.output.journal import has_pending
from hemoflow.output.lines import plain

_PACKAGES = ("hemoflow", "jax", "jaxlib", "equinox", "numpy", "scipy", "h5py", "libigl", "meshio")
_DIRECTORY = re.compile(r"(?<![\w.:/])(?:~|/)[^\s/'\"]*/(?:[^\s/'\"]+/)*")


def write_provenance(folder: str | Path, record: Mapping[str, Any], finished: bool = True) -> None:
    """Write provenance.json: `record` (device, precision, seeds, started, ended, ...; JSON-like) with versions,
    commit and checksums.

    finished: list the SHA-256 of every file; with False (at the start of a run, whose files still change) list none.
    Keys of an earlier provenance.json that `record` lacks are kept, so a resumed run keeps its first start.
    Directories are cut out of every text: nobody's paths are published with a result. Raises RunError.
    """
    folder = Path(folder)
    kept = {k: v for k, v in read_provenance(folder).items() if k not in ("files", "digest", "written")}
    whole: dict[str, Any] = {**kept, **without_directories(plain(record))}
    whole["versions"], whole["commit"] = versions(), source_commit()
    whole["system"] = f"{platform.system()} {platform.machine()}"
    whole["files"] = _checksums(folder, _present(folder)) if finished else {}
    _store(folder, whole)


def record_checksums(folder: str | Path, names: Iterable[str]) -> None:
    """Renew the checksums of files written again later (score.json, report.html); nothing happens in a folder without
    any."""
    folder = Path(folder)
    record = read_provenance(folder)
    if record.get("files"):
        record["files"] = {**record["files"], **_checksums(folder, [n for n in names if (folder / n).is_file()])}
        _store(folder, record)


def read_provenance(folder: str | Path) -> dict[str, Any]:
    """The record as written, with "files" {name: {sha256, bytes}}; empty when it is missing or not JSON."""
    try:
        record = json.loads((Path(folder) / layout.PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record without its own digest."""
    rest = {key: value for key, value in record.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode("utf-8")).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages a result depends on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def source_commit() -> str | None:
    """Commit of the source tree that runs, with "-dirty" behind it when files differ; None for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def without_directories(value: Any) -> Any:
    """The same structure; of absolute paths in its texts only the last part stays."""
    if isinstance(value, dict):
        return {key: without_directories(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_directories(inner) for inner in value]
    return _DIRECTORY.sub("", value) if isinstance(value, str) else value


def _store(folder: Path, record: dict[str, Any]) -> None:
    record["written"] = datetime.now(UTC).isoformat(timespec="seconds")
    record["digest"] = digest_of(record)
    replace_text(folder / layout.PROVENANCE, json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n")


def _present(folder: Path) -> list[str]:
    """Files of the run that are there and complete, the provenance itself left out."""
    names = [n for n in layout.FILES if n != layout.PROVENANCE] + [p.name for p in checkpoints_in(folder)]
    figures = folder / layout.FIGURES
    if figures.is_dir() and not figures.is_symlink():
        names += [
            f"{layout.FIGURES}/{p.name}"
            for p in sorted(figures.iterdir())
            if not p.name.endswith(layout.TEMPORARY_SUFFIX)
        ]
    paths = {name: folder / name for name in names}
    return [n for n, p in paths.items() if p.is_file() and not p.is_symlink() and not has_pending(p)]


def _checksums(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    return {name: {"sha256": sha256_of(folder / name), "bytes": (folder / name).stat().st_size} for name in names}
