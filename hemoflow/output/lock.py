"""One writer per run folder, also when machines share the disk; what a killed writer left is recognised and taken
over."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hemoflow.errors import InputError, RunError
from hemoflow.output.hdf5 import note


def take_lock(path: Path, force: bool = False) -> int:
    """Become the only writer of the folder of the lock file `path`; returns the descriptor that holds the lock.

    A lock whose owner is dead is taken over with a note; one of another machine only with `force` or from the same
    batch job. Raises InputError naming the holder, RunError when the lock file cannot be written.
    """
    descriptor, held = _exclusive(path)
    try:
        holder = _holder(descriptor)
        in_use = bool(holder) and (_elsewhere(holder) or (not held and _alive(holder)))
        if in_use and not force:
            raise InputError(_refusal(path.parent, holder))
        if holder:
            note(f"{path.parent}: took over the lock of {_who(holder)}")
        _sign(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def give_back_lock(path: Path, descriptor: int) -> None:
    """End being the writer: remove the lock file and close its descriptor."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(descriptor)


def _exclusive(path: Path) -> tuple[int, bool]:
    """Descriptor of the lock file and whether the operating system lets this process alone have it."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise InputError(f"cannot lock the run folder {path.parent}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise InputError(_refusal(path.parent, holder)) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                os.close(descriptor)
                raise InputError(f"cannot lock the run folder {path.parent}: {error.strerror}") from error
            note(f"{path.parent}: this file system has no locks; see to it that only one process writes here")
            return descriptor, False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor, True
        os.close(descriptor)  # its former holder removed the file meanwhile: take the new one


def _holder(descriptor: int) -> dict[str, Any]:
    """What the last writer left in the lock file; empty when it said goodbye or nothing sensible is there."""
    with contextlib.suppress(ValueError, OSError):
        record = json.loads(os.pread(descriptor, 4096, 0).decode("utf-8"))
        if isinstance(record, dict):
            return record
    return {}


def _sign(descriptor: int, path: Path) -> None:
    record = {"pid": os.getpid(), "host": socket.gethostname(), "job": _job(), "since": datetime.now(UTC).isoformat()}
    data = json.dumps(record).encode("utf-8")
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, data, 0)
        os.fsync(descriptor)
    except OSError as error:
        raise RunError(f"cannot write {path} ({len(data)} bytes): {error.strerror}") from error


def _job() -> str:
    """The batch job this process belongs to: a job that was requeued to another machine may take over its own lock."""
    return os.environ.get("SLURM_JOB_ID", "")


def _elsewhere(holder: dict[str, Any]) -> bool:
    same_job = bool(_job()) and holder.get("job") == _job()
    return holder.get("host") != socket.gethostname() and not same_job


def _alive(holder: dict[str, Any]) -> bool:
    pid = holder.get("pid")
    if not isinstance(pid, int) or pid <= 0 or holder.get("host") != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives and belongs to somebody else
    return True


def _who(holder: dict[str, Any]) -> str:
    return f"process {holder.get('pid', '?')} on {holder.get('host', '?')} (since {holder.get('since', '?')})"


def _refusal(folder: Path, holder: dict[str, Any]) -> str:
    elsewhere = " If it no longer runs, remove the file .lock there." if holder and _elsewhere(holder) else ""
    return f"{folder} is being written by {_who(holder)}; wait for it to end or choose another folder.{elsewhere}"
