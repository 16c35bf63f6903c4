"""Writing files so that a crash, a full disk or a power cut leaves either the old content or the new, never a
mixture."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hemoflow.errors import InputError, RunError
from hemoflow.output.layout import TEMPORARY_SUFFIX

# What h5py and the operating system raise when writing fails; h5py reports a full disk at close as a RuntimeError.
_FAILURES = (OSError, RuntimeError, MemoryError)


@contextlib.contextmanager
def writing(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn every failure to write `path` into a RunError that names it and the bytes wanted and free.

    size: bytes about to be written, None where unknown.
    """
    try:
        yield
    except _FAILURES as error:
        wanted = "" if size is None else f" ({size} bytes)"
        raise RunError(
            f"cannot write {path}{wanted}: {_reason(error)}. {_free_space(path)}"
            "What was written before is intact; make room or repair the disk, then resume."
        ) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _free_space(path: Path) -> str:
    try:
        return f"The disk has {shutil.disk_usage(path.parent).free} bytes free. "
    except OSError:
        return f"The folder {path.parent} cannot be reached. "


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power cut; file systems that cannot are left as they are."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Force a closed file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_room(descriptor: int, size: int) -> None:
    """Have the disk reserve `size` bytes for an open file, where it can. Raises OSError when it has not so many."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):  # what file systems without it answer
            raise


def replace_file(path: Path, write: Callable[[Path], Any], size: int | None = None) -> None:
    """Let `write` make a file under a temporary name, force it to the disk, then give it its name in one step.

    Raises RunError when any of that fails; then a file that was there before is untouched and no partial one stays.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        with writing(path, size):
            write(temporary)
            sync_file(temporary)
            os.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all. Raises RunError."""
    data = text.encode("utf-8")
    replace_file(path, lambda temporary: temporary.write_bytes(data), len(data))


def append_line(path: Path, line: str) -> None:
    """Add one line to a text file that `end_at_whole_line` has put in order. Raises RunError; a line cut short is
    undone."""
    data = (line + "\n").encode("utf-8")
    with writing(path, len(data)), open(path, "ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            if file.write(data) != len(data):
                raise OSError(0, f"only a part of {len(data)} bytes was taken")
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(before)
            raise


def end_at_whole_line(path: Path) -> None:
    """Cut off what a killed writer left behind the last line break of a text file."""
    with writing(path), open(path, "rb+") as file:
        end = file.seek(0, os.SEEK_END)
        position = end
        while position:
            start = max(0, position - 65536)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        if position != end:
            file.truncate(position)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_link(path: Path) -> Path:
    """The path itself, unless it is a symbolic link: those could lead reading or writing out of the run folder.

    Raises InputError.
    """
    if path.is_symlink():
        raise InputError(f"{path} is a symbolic link; put the file itself there")
    return path
