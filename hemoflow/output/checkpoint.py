"""Exact states of a run: written whole, checked by a digest of their content, the newest two kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError, RunError
from hemoflow.output.disk import replace_file, take_room
from hemoflow.output.folder import checkpoints_in
from hemoflow.output.hdf5 import VERSIONS, content_digest, note, reading
from hemoflow.output.layout import CHECKPOINT, checkpoint_name
from hemoflow.output.lines import plain

FORMAT = 1
_OVERHEAD = 1 << 16  # bytes of HDF5's own records, more than enough
Arrays = dict[str, NDArray[Any]]


def save_checkpoint(folder: str | Path, arrays: Mapping[str, Any], meta: Mapping[str, Any], keep: int = 2) -> Path:
    """Write checkpoint_<step>.h5 into a run folder and remove what is older than the newest `keep`; returns its path.

    arrays: by name (a "/" makes a group), any shape, kept bit by bit. meta: JSON-like, with "step" (time steps done,
    int); give it what a resumed run must compare (`require_same`) and the counts of the writers to truncate to.
    Checkpoints of later steps are of a future that was given up and are removed too.
    Raises RunError, leaving the older ones as they are, when an array is not finite, has a type HDF5 does not hold,
    or the disk fails.
    """
    step = int(meta["step"])
    stored = {name: np.asarray(value) for name, value in arrays.items()}
    _refuse_unfit(stored)
    path = Path(folder) / checkpoint_name(step)
    text = json.dumps(plain(meta), sort_keys=True)
    size = sum(array.nbytes for array in stored.values())
    replace_file(path, lambda temporary: _write(temporary, stored, text), size)
    older = [p for p in checkpoints_in(folder) if p != path and _step_of(p) < step]
    later = [p for p in checkpoints_in(folder) if _step_of(p) > step]
    for spare in later + older[: max(0, len(older) - keep + 1)]:
        with contextlib.suppress(OSError):
            spare.unlink()
    return path


def load_checkpoint(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and meta of one checkpoint file, or of the newest sound one of a run folder.

    In a folder a damaged checkpoint is named in a warning and the one before it taken. Raises InputError when none is
    sound.
    """
    path = Path(path)
    if not path.is_dir():
        return _read(path)
    found = checkpoints_in(path)
    if not found:
        raise InputError(f"{path} holds no checkpoint, so there is nothing to continue from; start the run again")
    for candidate in reversed(found):
        try:
            return _read(candidate)
        except InputError as error:
            note(f"{error}; trying the checkpoint before it")
    raise InputError(
        f"none of the {len(found)} checkpoints of {path} is sound ({', '.join(p.name for p in found)}); "
        "restore one from a copy, or start the run again in another folder"
    )


def require_same(meta: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare what a checkpoint was made with to what goes on now, key by key. Raises InputError listing every
    difference."""
    now = plain(wanted)
    differing = [f"{key}: {meta.get(key)!r} then, {now[key]!r} now" for key in sorted(now) if meta.get(key) != now[key]]
    if differing:
        raise InputError("the checkpoint belongs to another run:\n  " + "\n  ".join(differing))


def _step_of(path: Path) -> int:
    match = CHECKPOINT.fullmatch(path.name)
    return int(match.group(1)) if match else -1


def _refuse_unfit(arrays: Arrays) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise RunError(f"a checkpoint cannot hold {name} of type {array.dtype}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            where = np.argwhere(~np.isfinite(array))[0].tolist()
            raise RunError(f"no checkpoint is written, because {name} is not finite (first at {where})")


def _write(temporary: Path, arrays: Arrays, text: str) -> None:
    """Write and read back, since a full disk may show only when HDF5 closes the file, or not at all."""
    import h5py

    digest = content_digest(arrays, text)
    # HDF5 may crash when the disk fills up while it closes a file, so whether there is room is asked before.
    with open(temporary, "wb") as file:
        take_room(file.fileno(), sum(array.nbytes for array in arrays.values()) + len(text) + _OVERHEAD)
    with h5py.File(temporary, "w", libver=VERSIONS) as file:
        file.attrs["hemoflow_checkpoint"] = np.int64(FORMAT)
        file.attrs["sha256"] = digest
        file.create_dataset("meta", data=np.frombuffer(text.encode("utf-8"), np.uint8))
        held = file.create_group("arrays")
        for name, array in arrays.items():
            held.create_dataset(name, data=array)
    try:
        _read(temporary)
    except InputError as error:
        raise RuntimeError(f"what was written does not read back ({error})") from error


def _read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    with reading(path) as file:
        version = file.attrs.get("hemoflow_checkpoint")
        if version != FORMAT:
            raise InputError(f"{path} is no checkpoint that this version reads (format {version}, known: {FORMAT})")
        text = bytes(file["meta"][:]).decode("utf-8")
        arrays: Arrays = {}
        file["arrays"].visititems(lambda name, item: _collect(arrays, name, item))
        if content_digest(arrays, text) != file.attrs["sha256"]:
            raise InputError(f"{path} is damaged: its content does not match its checksum")
        meta = json.loads(text)
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{path}: {name} is not finite")
    return arrays, meta


def _collect(arrays: Arrays, name: str, item: Any) -> None:
    if hasattr(item, "shape"):
        arrays[name] = np.asarray(item[()])
