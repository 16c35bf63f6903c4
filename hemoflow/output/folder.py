"""The folder of one run: one case, one writer at a time, and the path of every file."""

from __future__ import annotations

import contextlib
import os
import tomllib
from pathlib import Path
from types import TracebackType
from typing import Any

from hemoflow.errors import InputError
from hemoflow.output import layout
from hemoflow.output.disk import refuse_link, replace_text
from hemoflow.output.lock import give_back_lock, take_lock

# Keys that say how long to run and how often to save; a run may be continued with other ones.
CHANGEABLE = ("run.until", "run.stop_when", "run.max_wall", "run.checkpoint_every", "case.name", "fate.")
_LONGEST_PATH = 4096
_SHOWN_KEYS = 12


class RunFolder:
    """Paths of a run's files and, while it is locked, the right to write them.

    Made by `create` or `open`; use it as a context manager or call `close` so that the lock is given back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._made = False
        self._claimed = False

    @classmethod
    def create(cls, path: str | Path, case_toml: str, force: bool = False) -> RunFolder:
        """Make the folder of a case, or take the one that already holds this case; locked for writing.

        case_toml: the case as run, every default written out. A folder of the same case is taken as it is, also with
        another end time or checkpoint interval (then its case.toml is renewed). force: clear a folder that holds
        another case, and take over a lock of another machine.
        Raises InputError when the path cannot be used, holds a different case, or another process writes there.
        """
        folder = cls(Path(path))
        folder._made = not os.path.lexists(path)
        try:
            _usable(folder.path)
            folder.lock(force)
            folder._claim(case_toml, force)
        except BaseException:
            folder.abandon()
            raise
        return folder

    @classmethod
    def open(cls, path: str | Path, write: bool = False, force: bool = False) -> RunFolder:
        """The folder of an existing run; `write` locks it, `force` takes over a lock of another machine. Raises
        InputError."""
        folder = cls(Path(path))
        if not os.path.isfile(folder.case):
            raise InputError(f"{path} holds no run: it has no {layout.CASE}")
        if write:
            _usable(folder.path)
            folder.lock(force)
        return folder

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abandon()
        self.close()

    def __fspath__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> Path:
        """Path of one file of the run. Raises InputError where a symbolic link stands in its place."""
        return refuse_link(self.path / name)

    @property
    def case(self) -> Path:
        """The case as run."""
        return self.file(layout.CASE)

    @property
    def provenance(self) -> Path:
        """Versions, seeds, times and checksums."""
        return self.file(layout.PROVENANCE)

    @property
    def results(self) -> Path:
        """Fluid and surfaces in time."""
        return self.file(layout.RESULTS)

    @property
    def xdmf(self) -> Path:
        """The same for ParaView 5.11 and 5.12."""
        return self.file(layout.RESULTS_INDEX)

    @property
    def tracks(self) -> Path:
        """What each cell went through."""
        return self.file(layout.TRACKS)

    @property
    def events(self) -> Path:
        """What happened, one row each."""
        return self.file(layout.EVENTS)

    @property
    def log(self) -> Path:
        """One record per chunk of steps."""
        return self.file(layout.LOG)

    @property
    def score(self) -> Path:
        """The fates."""
        return self.file(layout.SCORE)

    @property
    def report(self) -> Path:
        """What a person looks at."""
        return self.file(layout.REPORT)

    @property
    def figures(self) -> Path:
        """Folder of the report's pictures."""
        return self.file(layout.FIGURES)

    def checkpoints(self) -> list[Path]:
        """Checkpoint files, oldest step first."""
        return checkpoints_in(self.path)

    @property
    def unfinished(self) -> bool:
        """Whether there is a checkpoint to continue from."""
        return bool(self.checkpoints())

    def lock(self, force: bool = False) -> None:
        """Become the only writer. Raises InputError naming the holder; a dead holder's lock is taken over with a
        note."""
        self._lock = take_lock(self.file(layout.LOCK), force)

    def close(self) -> None:
        """Give the lock back; harmless when there is none."""
        if self._lock is not None:
            give_back_lock(self.path / layout.LOCK, self._lock)
            self._lock = None

    def abandon(self) -> None:
        """Undo `create` where nothing has been written since, so that a case that cannot run does not stand in the way
        of the one that can."""
        others = [name for name in layout.FILES if name != layout.CASE and os.path.lexists(self.path / name)]
        if self._claimed and not others and not self.checkpoints():
            (self.path / layout.CASE).unlink(missing_ok=True)
        self.close()
        if self._made:
            with contextlib.suppress(OSError):  # something else lies in it
                self.path.rmdir()

    def _claim(self, case_toml: str, force: bool) -> None:
        """Put case.toml there, or see that the one there is the same case."""
        for left_over in self.path.glob(f"*{layout.TEMPORARY_SUFFIX}"):
            left_over.unlink(missing_ok=True)
        present = [name for name in layout.FILES if self.file(name).exists()]
        if layout.CASE in present:
            old = self.case.read_text(encoding="utf-8", errors="replace")
            if old == case_toml:
                return
            differing = _differing_keys(old, case_toml)
            if not all(key.startswith(CHANGEABLE) for key in differing):
                self._clear_or_refuse(f"another case (differing: {_listed(differing)})", force)
        elif present:
            self._clear_or_refuse(f"{', '.join(present)} without a {layout.CASE}", force)
        self._claimed = layout.CASE not in present
        replace_text(self.case, case_toml)

    def _clear_or_refuse(self, what: str, force: bool) -> None:
        if not force:
            raise InputError(f"{self.path} already holds {what}; choose another folder, or clear this one")
        pending = [name + layout.JOURNAL_SUFFIX for name in layout.FILES]
        for path in [self.path / name for name in (*layout.FILES, *pending)] + self.checkpoints():
            path.unlink(missing_ok=True)


def checkpoints_in(folder: str | os.PathLike[str]) -> list[Path]:
    """Checkpoint files of a folder, oldest step first; links and other files are left out."""
    found = []
    for path in Path(folder).glob("checkpoint_*.h5"):
        match = layout.CHECKPOINT.fullmatch(path.name)
        if match and path.is_file() and not path.is_symlink():
            found.append((int(match.group(1)), path))
    return [path for _, path in sorted(found)]


def _usable(path: Path) -> Path:
    """The path as a folder one can write to, made when missing. Raises InputError."""
    if len(os.fspath(path.absolute())) > _LONGEST_PATH or any(ord(c) < 32 for c in str(path)):
        raise InputError(f"the run folder {str(path)[:80]!r}... is too long a path or has control characters in it")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"cannot make the run folder {path}: a file is in its way") from error
    except OSError as error:
        raise InputError(f"cannot make the run folder {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"the run folder {path} is not writable; choose another one or change its permissions")
    return path


def _differing_keys(old: str, new: str) -> list[str]:
    """Dotted keys in which two case files differ; the whole file when one cannot be read."""
    try:
        before, after = _flat(tomllib.loads(old)), _flat(tomllib.loads(new))
    except tomllib.TOMLDecodeError:
        return ["the whole file"]
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        items: Any = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {prefix.rstrip("."): value}
    flat: dict[str, Any] = {}
    for key, inner in items:
        flat.update(_flat(inner, f"{prefix}{key}."))
    return flat


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
    return ", ".join(keys[:_SHOWN_KEYS]) + more
